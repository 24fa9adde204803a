#include "app/cli.hpp"

int main(int argc, char** argv) {
  return stibee_sync::app::run_cli(argc, argv);
}

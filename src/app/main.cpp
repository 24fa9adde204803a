#include "app/cli.hpp"

#include <malloc.h>

int main(int argc, char** argv) {
  // What one thread frees another can use: rows and calls go from thread to thread, and with an arena for
  // each the memory of a large import is a tenth more.
  ::mallopt(M_ARENA_MAX, 2);
  return stibee_sync::app::run_cli(argc, argv);
}

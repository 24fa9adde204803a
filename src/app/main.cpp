#include "app/cli.hpp"

#include <malloc.h>
#include <sys/prctl.h>

int main(int argc, char** argv) {
  // Before anything is read: a core dump of any command would hold the key, and whoever it is about. Nor may
  // another process of the same user look into it.
  ::prctl(PR_SET_DUMPABLE, 0);
  // What one thread frees another can use: rows and calls go from thread to thread, and with an arena for
  // each the memory of a large import is a tenth more.
  ::mallopt(M_ARENA_MAX, 2);
  return stibee_sync::app::run_cli(argc, argv);
}

// Linked into the daemon of the coverage build alone, with -Wl,--wrap=_exit: the daemon ends by _exit(),
// which writes no counts.
#include <unistd.h>

extern "C" {
void __gcov_dump();                        // NOLINT(bugprone-reserved-identifier): libgcov's name
[[noreturn]] void __real__exit(int code);  // NOLINT(bugprone-reserved-identifier): the linker's name
[[noreturn]] void __wrap__exit(int code);  // NOLINT(bugprone-reserved-identifier): the linker's name

void __wrap__exit(int code) {
  __gcov_dump();
  __real__exit(code);
}
}

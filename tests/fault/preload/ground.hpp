#pragma once

#include "fault/preload/control.hpp"

#include <cstddef>
#include <string_view>
#include <sys/types.h>

namespace stibee_sync::fault {

/// The control file, or nullptr outside of a test.
Control* control();

/// A path below one of the watched folders? Names are absolute.
bool is_watched(std::string_view path);
/// The watched file that a descriptor stands for, written into `buffer`; empty if it is none.
std::string_view watched_file(int fd, char* buffer, std::size_t size, bool& nameless);

/// Counts a durable call and strikes it, if it is its turn: dies, or says which errno it has to fail with (0:
/// none). What the caller then has to do after the call: die as well.
struct Turn {
  int error = 0;
  bool half = false;
  bool dies_after = false;
};
Turn take_turn(Kind kind, const char* call, std::string_view file, std::size_t bytes = 0);
[[noreturn]] void die();

// What of the watched folders would survive a power failure; only if the test asked for it.
void keep_synced(int fd);
void forget_synced(const char* created);

template <class Function>
Function next(const char* name);
void* next_symbol(const char* name);
template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(next_symbol(name));
}

}  // namespace stibee_sync::fault

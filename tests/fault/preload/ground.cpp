#include "fault/preload/ground.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace stibee_sync::fault {
namespace {

Control* map_control() {
  const char* file = std::getenv(control_variable);
  if (file == nullptr) return nullptr;
  const auto fd = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC));
  if (fd < 0) return nullptr;
  void* memory = ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::syscall(SYS_close, fd);
  return memory == MAP_FAILED ? nullptr : static_cast<Control*>(memory);
}

const char* last_part(std::string_view path) {
  const auto slash = path.rfind('/');
  return path.data() + (slash == std::string_view::npos ? 0 : slash + 1);
}

}  // namespace

Control* control() {
  static Control* const mapped = map_control();
  return mapped;
}

void* next_symbol(const char* name) {
  return ::dlsym(RTLD_NEXT, name);
}

bool is_watched(std::string_view path) {
  static const char* const folders = std::getenv(watched_variable);
  if (folders == nullptr) return false;
  std::string_view rest(folders);
  while (!rest.empty()) {
    const auto end = rest.find(':');
    const auto folder = rest.substr(0, end);
    if (path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/')) return true;
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return false;
}

std::string_view watched_file(int fd, char* buffer, std::size_t size, bool& nameless) {
  char name[64];
  std::snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  const auto length = ::readlink(name, buffer, size - 1);
  if (length <= 0) return {};
  buffer[length] = '\0';
  std::string_view path(buffer, static_cast<std::size_t>(length));
  nameless = path.ends_with(" (deleted)");
  return is_watched(path) ? path : std::string_view();
}

Turn take_turn(Kind kind, const char* call, std::string_view file, std::size_t bytes) {
  Turn turn;
  Control* shared = control();
  if (shared == nullptr || (shared->kinds.load() & kind) == 0) return turn;
  const auto number = ++shared->calls;
  const auto strike = shared->strike.load();
  const auto at = shared->strike_at.load();
  if (strike == Strike::Nothing || at == 0) return turn;
  if (strike == Strike::FailFromThen ? number < at : number != at) return turn;
  if (++shared->struck == 1) {
    std::snprintf(shared->struck_call, sizeof shared->struck_call, "%s %s %zu", call, last_part(file), bytes);
  }
  switch (strike) {
    case Strike::DieHalfWay:
      if (kind != kind_write || bytes < 2) die();
      turn.half = true;
      turn.dies_after = true;
      break;
    case Strike::DieAfter:
      turn.dies_after = true;
      break;
    case Strike::FailOnce:
    case Strike::FailFromThen:
      turn.error = shared->error.load();
      break;
    case Strike::DieBefore:
    case Strike::Nothing:
      die();
  }
  return turn;
}

void die() {
  for (;;)
    ::syscall(SYS_kill, ::getpid(), SIGKILL);
}

}  // namespace stibee_sync::fault

#include "fault/preload/ground.hpp"

#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

// The clocks, moved by what the test says. Certificates are judged by the true time (a wrong clock ends TLS,
// which would hide what it does to everything else).
namespace {

using namespace stibee_sync::fault;

constexpr std::int64_t second = 1'000'000'000;

std::int64_t moved_by(clockid_t clock) {
  const Control* shared = control();
  if (shared == nullptr) return 0;
  switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
      return shared->realtime.load();
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
      return shared->monotonic.load();
    case CLOCK_BOOTTIME:
      return shared->boottime.load();
    default:
      return 0;
  }
}

bool asked_by_openssl(const void* caller) {
  Dl_info info{};
  return ::dladdr(caller, &info) != 0 && info.dli_fname != nullptr &&
         (std::strstr(info.dli_fname, "libcrypto") != nullptr ||
          std::strstr(info.dli_fname, "libssl") != nullptr);
}

int moved_time(clockid_t clock, timespec* time) {
  static const auto real = next<int (*)(clockid_t, timespec*)>("clock_gettime");
  const int result = real(clock, time);
  const auto by = moved_by(clock);
  if (result != 0 || by == 0) return result;
  const auto total = time->tv_sec * second + time->tv_nsec + by;
  time->tv_sec = total / second;
  time->tv_nsec = total % second;
  return 0;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  return moved_time(clock, time);
}

time_t time(time_t* out) noexcept {
  timespec now{};
  if (asked_by_openssl(__builtin_return_address(0))) {
    static const auto real = next<int (*)(clockid_t, timespec*)>("clock_gettime");
    real(CLOCK_REALTIME, &now);
  } else {
    moved_time(CLOCK_REALTIME, &now);
  }
  if (out != nullptr) *out = now.tv_sec;
  return now.tv_sec;
}

int gettimeofday(timeval* time, void*) noexcept {
  timespec now{};
  const int result = moved_time(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return result;
}

}  // extern "C"

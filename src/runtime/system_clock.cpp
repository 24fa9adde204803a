#include "stibee_sync/runtime/system_clock.hpp"

#include <algorithm>
#include <ctime>
#include <fstream>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace stibee_sync::runtime {
namespace {

namespace asio = boost::asio;

MonotonicTime boot_time() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return MonotonicTime(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

class SystemTimer final : public Timer {
 public:
  explicit SystemTimer(const asio::any_io_executor& executor) : timer_(executor) {}

  asio::awaitable<void> wait_until(MonotonicTime deadline) override {
    while (!woken_) {
      const auto now = boot_time();
      if (now >= deadline) break;
      // An hour at a time: a far deadline would overflow, and a machine that slept is noticed.
      timer_.expires_after(std::min<std::chrono::nanoseconds>(deadline - now, std::chrono::hours(1)));
      boost::system::error_code ignored;
      co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    woken_ = false;
  }

  void wake() override {
    woken_ = true;
    timer_.cancel();
  }

 private:
  asio::steady_timer timer_;
  bool woken_ = false;
};

class SystemClock final : public Clock {
 public:
  explicit SystemClock(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  MonotonicTime monotonic() const override { return boot_time(); }
  UtcTime utc() const override {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
  std::unique_ptr<Timer> make_timer() override { return std::make_unique<SystemTimer>(executor_); }

 private:
  asio::any_io_executor executor_;
};

}  // namespace

std::unique_ptr<Clock> make_system_clock(asio::any_io_executor executor) {
  return std::make_unique<SystemClock>(std::move(executor));
}

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

}  // namespace stibee_sync::runtime

#pragma once

#include "stibee_sync/runtime/clock.hpp"

#include <list>
#include <memory>

#include <boost/asio/awaitable.hpp>

namespace stibee_sync::runtime {

/// Any number of waiters, all woken by the next ring. On the loop thread; outlives who waits.
class Bell {
 public:
  explicit Bell(Clock& clock) : clock_(clock) {}

  boost::asio::awaitable<void> wait() {
    const auto place = waiting_.insert(waiting_.end(), clock_.make_timer());
    co_await (*place)->wait_until(forever);
    waiting_.erase(place);
  }
  void ring() {
    for (const auto& timer : waiting_)
      timer->wake();
  }

 private:
  Clock& clock_;
  std::list<std::unique_ptr<Timer>> waiting_;
};

}  // namespace stibee_sync::runtime

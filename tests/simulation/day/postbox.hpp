#pragma once

#include "app/notifier.hpp"
#include "stibee_sync/http/transport.hpp"
#include "stibee_sync/runtime/clock.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace stibee_sync::day {

/// What becomes of a letter.
struct Receipt {
  std::chrono::milliseconds takes{};
  int status = 0;  // of the answer; 0: there is none
};

/// What the world does for whoever posts letters: `body` is one that has arrived, unless nobody is reached.
struct PostHands {
  std::function<bool()> reach;
  std::function<Receipt(const std::string& body)> receive;
};

/// The way to the receiver of letters, on virtual time.
app::Post simulated_post(runtime::Clock& clock, PostHands hands);

}  // namespace stibee_sync::day

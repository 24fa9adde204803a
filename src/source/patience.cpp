#include "patience.hpp"

namespace stibee_sync::source {

using std::chrono::steady_clock;

Patience::Patience(Interrupt& interrupt, std::chrono::milliseconds longest)
    : interrupt_(interrupt), longest_(longest), thread_([this] { watch(); }) {}

Patience::~Patience() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

Patience::Call::Call(Patience& patience) : patience_(patience) {
  patience_.set(steady_clock::now() + patience_.longest_);
}

Patience::Call::~Call() {
  patience_.set(std::nullopt);
}

bool Patience::ran_out() const {
  const std::lock_guard lock(mutex_);
  return ran_out_;
}

void Patience::set(Deadline deadline) {
  const std::lock_guard lock(mutex_);
  // Who waits for a deadline finds out by himself that it was put off.
  if (!deadline_) changed_.notify_one();
  deadline_ = deadline;
}

void Patience::watch() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (!deadline_) {
      changed_.wait(lock);
    } else if (const auto until = *deadline_; steady_clock::now() < until) {
      changed_.wait_until(lock, until);
    } else {
      ran_out_ = true;
      deadline_.reset();
      interrupt_.hang_up();
    }
  }
}

}  // namespace stibee_sync::source

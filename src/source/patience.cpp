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
  deadline_ = deadline;
  // Who waits for an earlier one finds out by himself that it was put off: most calls wake nobody.
  if (deadline_ && (!awaited_ || *deadline_ < *awaited_)) changed_.notify_one();
}

void Patience::watch() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (deadline_ && *deadline_ <= steady_clock::now()) {
      ran_out_ = true;
      deadline_.reset();
      interrupt_.hang_up();
    }
    awaited_ = deadline_;
    if (const auto until = deadline_) {
      changed_.wait_until(lock, *until);
    } else {
      changed_.wait(lock);
    }
  }
}

}  // namespace stibee_sync::source

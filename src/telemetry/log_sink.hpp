#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>

namespace stibee_sync::telemetry {

/// Writes finished lines to a file descriptor, on the log's own thread. Never sits in a blocking write: it
/// waits for room with poll(), so that abandon() ends it although the reader has stalled.
class FdSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit FdSink(int fd);

  /// Waits until `handled` (of this sink) plus `given_up()` (lines that never reached it) is at least
  /// `lines`.
  template <class GivenUp>
  bool wait_for(std::uint64_t lines, std::chrono::milliseconds limit, GivenUp given_up) {
    std::unique_lock lock(mutex_);
    return handled_changed_.wait_for(lock, limit, [&] { return handled_ + given_up() >= lines; });
  }
  /// From now on lines are dropped instead of written, the one under way included.
  void abandon() { abandoned_ = true; }
  std::uint64_t lines_failed() const { return failed_; }

 protected:
  void sink_it_(const spdlog::details::log_msg& msg) override;
  void flush_() override {}

 private:
  bool write_all(std::string_view bytes);

  int fd_;
  bool is_socket_;
  std::string buffer_;
  std::mutex mutex_;
  std::condition_variable handled_changed_;
  std::uint64_t handled_ = 0;
  std::atomic<std::uint64_t> failed_ = 0;
  std::atomic<bool> abandoned_ = false;
};

}  // namespace stibee_sync::telemetry

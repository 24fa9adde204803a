#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>

namespace stibee_sync::telemetry {

/// systemd-journald's socket for native entries. Never blocks for longer than it looks whether to give up.
class JournalSocket {
 public:
  explicit JournalSocket(std::string path) : path_(std::move(path)) {}
  ~JournalSocket();
  JournalSocket(const JournalSocket&) = delete;
  JournalSocket& operator=(const JournalSocket&) = delete;

  /// False: it takes none (it is away, or this one is too large), or `give_up` was set first.
  bool send(std::string_view entry, const std::atomic<bool>& give_up);
  /// Of a process that is gone when its last entries are read, the journal cannot tell which service it was.
  bool all_read() const;

 private:
  bool connected();
  void disconnect();

  std::string path_;
  std::atomic<int> fd_ = -1;
};

/// Writes finished lines to a file descriptor, on the log's own thread. Never sits in a blocking write: it
/// waits for room with poll(), so that abandon() ends it although the reader has stalled.
class FdSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  /// `journal`: lines are entries, and go to this socket as long as it takes them; "": they are lines.
  explicit FdSink(int fd, const std::string& journal = {});

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
  /// Waits until the journal has read all entries that were handled.
  void wait_until_read(std::chrono::milliseconds limit) const;

 protected:
  void sink_it_(const spdlog::details::log_msg& msg) override;
  void flush_() override {}

 private:
  bool write(std::string_view payload);
  bool write_all(std::string_view bytes);

  int fd_;
  bool is_socket_;
  std::unique_ptr<JournalSocket> journal_;
  std::string buffer_;
  std::mutex mutex_;
  std::condition_variable handled_changed_;
  std::uint64_t handled_ = 0;
  std::atomic<std::uint64_t> failed_ = 0;
  std::atomic<bool> abandoned_ = false;
};

}  // namespace stibee_sync::telemetry

#pragma once

#include <atomic>
#include <mutex>

namespace stibee_sync::source {

/// Ends a blocking call of the reader's thread from any other thread, at once and without blocking there: the
/// connection's socket is shut down under libpq, which then fails. PQcancel alone would not do: it connects
/// anew and so blocks its caller, and a network that is gone never answers it.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// One call of the reader; a request is forgotten when the next call begins.
  class Call {
   public:
    explicit Call(Interrupt& interrupt);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    Interrupt& interrupt_;
  };

  /// Any thread. Does nothing while no call runs.
  void request();
  bool requested() const { return requested_.load(std::memory_order_relaxed); }

  /// Any thread. Ends the connection that is watched, without being a request.
  void hang_up();

  /// Becomes readable with a request; for poll.
  int wake_fd() const { return wake_; }

  /// The socket to shut down. It is duplicated, so that libpq may close its own at any time
  /// without a request ever hitting an unrelated file that was given the same number.
  void watch(int socket);
  void unwatch();

 private:
  std::mutex mutex_;
  std::atomic<bool> requested_{false};
  bool running_ = false;  // guarded by mutex_
  int socket_ = -1;       // guarded by mutex_
  int wake_ = -1;
};

}  // namespace stibee_sync::source

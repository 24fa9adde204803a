#pragma once

#include "interrupt.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace stibee_sync::source {

/// Bounds calls that would wait for PostgreSQL for ever, as all of libpqxx's do: when one takes longer than
/// allowed, the connection is shut down under it, and it fails. Calls are made by one thread, one at a time.
class Patience {
 public:
  /// `interrupt` outlives it, and watches the socket of the connection.
  Patience(Interrupt& interrupt, std::chrono::milliseconds longest);
  ~Patience();
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;

  class Call {
   public:
    explicit Call(Patience& patience);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    Patience& patience_;
  };

  /// A call took too long; the connection is of no more use.
  bool ran_out() const;

 private:
  using Deadline = std::optional<std::chrono::steady_clock::time_point>;
  void set(Deadline deadline);
  void watch();

  Interrupt& interrupt_;
  const std::chrono::milliseconds longest_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Deadline deadline_;     // of the call that runs; guarded by mutex_
  Deadline awaited_;      // until then the thread sleeps, whatever is put off; guarded by mutex_
  bool ran_out_ = false;  // guarded by mutex_
  bool ending_ = false;   // guarded by mutex_
  std::thread thread_;
};

}  // namespace stibee_sync::source

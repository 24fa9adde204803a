#pragma once

#include "stibee_sync/delivery/dialect.hpp"
#include "stibee_sync/runtime/clock.hpp"

#include <optional>
#include <string>
#include <utility>

#include <boost/asio/awaitable.hpp>

namespace stibee_sync::pipeline {

/// What a call was answered, or why it was not.
class Reply {
 public:
  Reply() = default;
  Reply(int status, std::string body, std::optional<domain::Duration> retry_after)
      : status_(status), body_(std::move(body)), retry_after_(retry_after) {}
  explicit Reply(delivery::NoAnswer no_answer) : no_answer_(std::move(no_answer)) {}

  /// Set if there was no answer.
  const std::optional<delivery::NoAnswer>& no_answer() const { return no_answer_; }
  int status() const { return status_; }  ///< 0 if there was no answer
  /// Looks into this reply.
  delivery::ApiAnswer answer() const { return {status_, body_, retry_after_}; }

 private:
  int status_ = 0;
  std::string body_;
  std::optional<domain::Duration> retry_after_;
  std::optional<delivery::NoAnswer> no_answer_;
};

/// Makes calls that concern nobody in the queue (reading a list, groups): under the limits that all calls
/// share, one attempt each. On the loop thread.
class Asker {
 public:
  virtual ~Asker() = default;
  /// Waits for a slot of the request's limiter class, and while the circuit is open. Nothing is repeated: the
  /// caller decides. NoAnswer (Stopping) once the daemon stops, or while another one works.
  boost::asio::awaitable<Reply> ask(delivery::ApiRequest request) {
    return ask_until(std::move(request), runtime::forever);
  }
  /// The same, but NoAnswer (NotInTime), at once, where the call cannot go out before `until`. A call that is
  /// out is waited for.
  virtual boost::asio::awaitable<Reply> ask_until(delivery::ApiRequest request,
                                                  runtime::MonotonicTime until) = 0;
};

}  // namespace stibee_sync::pipeline

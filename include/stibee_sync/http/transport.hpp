#pragma once

#include "stibee_sync/http/result.hpp"

#include <memory>
#include <utility>
#include <variant>

#include <boost/asio/awaitable.hpp>

namespace stibee_sync::http {

/// One connected connection, its peer verified. Destroying it gives it back to where it came from: to be used
/// again if its last exchange ended cleanly, else closed. It never blocks, and it may outlive the transport.
/// Used by one coroutine at a time, on the transport's executor.
class Channel {
 public:
  virtual ~Channel() = default;

  /// Sends the request and awaits the whole answer. Redirects are answers like any other; nothing is retried.
  /// A cancelled coroutine gets FailureKind::Cancelled.
  virtual boost::asio::awaitable<ExchangeResult> exchange(Request request) = 0;

  /// True when the connection was made for this lease, false when it carried exchanges before: a
  /// ConnectionClosed without a byte of an answer is then most likely the peer's idle time-out.
  virtual bool fresh() const = 0;
};

/// A connected, verified Channel, or a Failure.
class OpenResult {
 public:
  OpenResult(std::unique_ptr<Channel> channel)  // NOLINT(google-explicit-constructor)
      : value_(std::move(channel)) {}
  OpenResult(Failure failure) : value_(std::move(failure)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return std::holds_alternative<std::unique_ptr<Channel>>(value_); }
  std::unique_ptr<Channel> take_channel() && { return std::get<std::unique_ptr<Channel>>(std::move(value_)); }
  const Failure& failure() const { return std::get<Failure>(value_); }

 private:
  std::variant<std::unique_ptr<Channel>, Failure> value_;
};

/// Where channels come from. Opening is separate from sending, so that a caller can connect first and take
/// its rate-limit slot in the very moment the request goes out.
class Transport {
 public:
  virtual ~Transport() = default;

  virtual boost::asio::awaitable<OpenResult> open() = 0;
};

}  // namespace stibee_sync::http

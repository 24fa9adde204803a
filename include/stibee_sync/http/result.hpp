#pragma once

#include "stibee_sync/http/message.hpp"

#include <iosfwd>
#include <string>
#include <string_view>
#include <variant>

namespace stibee_sync::http {

/// Why no complete answer came.
enum class FailureKind {
  Resolve,             ///< the host name has no address
  Connect,             ///< no address accepts connections
  Tls,                 ///< no common TLS version or cipher, or broken TLS
  CertificateInvalid,  ///< the peer did not prove to be the host of the base URL
  Timeout,             ///< connect_timeout or request_timeout is over
  ConnectionClosed,    ///< the peer, or the network, ended the connection early
  Protocol,            ///< the answer is not HTTP/1.x
  TooLarge,            ///< the answer is larger than max_response_bytes, or its header than 64 KiB
  Cancelled,           ///< by us
};

/// A name in snake_case, for logs and metrics.
std::string_view to_string(FailureKind kind);
std::ostream& operator<<(std::ostream& out, FailureKind kind);

/// A failed exchange, or a failed attempt to connect.
class Failure {
 public:
  Failure(FailureKind failure_kind, bool sent, bool started, std::string text);

  FailureKind kind;
  bool request_sent;      ///< a byte of the request may have reached the peer: it may have been applied
  bool response_started;  ///< at least one byte of an answer arrived
  std::string detail;     ///< our own words and the system's; no secret, no target, nothing the peer sent
};

std::ostream& operator<<(std::ostream& out, const Failure& failure);

/// A complete Response, or a Failure.
class ExchangeResult {
 public:
  ExchangeResult(
      Response response);  // NOLINT(google-explicit-constructor): `co_return Response(...)` reads well
  ExchangeResult(Failure failure);  // NOLINT(google-explicit-constructor)

  bool ok() const { return std::holds_alternative<Response>(value_); }
  const Response& response() const { return std::get<Response>(value_); }
  Response take_response() && { return std::get<Response>(std::move(value_)); }
  const Failure& failure() const { return std::get<Failure>(value_); }

 private:
  std::variant<Response, Failure> value_;
};

}  // namespace stibee_sync::http

#include "stibee_sync/http/result.hpp"

#include <ostream>

namespace stibee_sync::http {

std::string_view to_string(FailureKind kind) {
  switch (kind) {
    case FailureKind::Resolve:
      return "resolve";
    case FailureKind::Connect:
      return "connect";
    case FailureKind::Tls:
      return "tls";
    case FailureKind::CertificateInvalid:
      return "certificate_invalid";
    case FailureKind::Timeout:
      return "timeout";
    case FailureKind::ConnectionClosed:
      return "connection_closed";
    case FailureKind::Protocol:
      return "protocol";
    case FailureKind::TooLarge:
      return "too_large";
    case FailureKind::Cancelled:
      return "cancelled";
  }
  return "unknown";
}

std::ostream& operator<<(std::ostream& out, FailureKind kind) {
  return out << to_string(kind);
}

Failure::Failure(FailureKind failure_kind, bool sent, bool started, std::string text)
    : kind(failure_kind), request_sent(sent), response_started(started), detail(std::move(text)) {}

std::ostream& operator<<(std::ostream& out, const Failure& failure) {
  return out << failure.kind << ": " << failure.detail;
}

ExchangeResult::ExchangeResult(Response response) : value_(std::move(response)) {}
ExchangeResult::ExchangeResult(Failure failure) : value_(std::move(failure)) {}

}  // namespace stibee_sync::http

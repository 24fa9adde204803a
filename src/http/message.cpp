#include "stibee_sync/http/message.hpp"

#include "http/http_date.hpp"
#include "http/message_text.hpp"

#include <algorithm>
#include <charconv>
#include <ostream>
#include <stdexcept>

namespace stibee_sync::http {
namespace {

void require_sendable(const std::string& name, std::string_view value) {
  if (!is_token(name))
    throw std::invalid_argument("a header name contains a character that HTTP does not allow");
  if (!is_header_value(value)) {
    throw std::invalid_argument("the value of the header '" + name + "' contains a control character");
  }
  for (const std::string_view own : {"host", "content-length", "transfer-encoding", "connection", "expect"}) {
    if (equal_ignoring_case(name, own))
      throw std::invalid_argument("the header '" + name + "' is set by the client");
  }
}

}  // namespace

bool is_token(std::string_view text) {
  constexpr std::string_view punctuation = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return text::is_letter_or_digit(c) || punctuation.find(c) != std::string_view::npos;
  });
}

bool is_header_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '\t' || !text::is_control(c); });
}

Header::Header(std::string header_name, std::string header_value)
    : name(std::move(header_name)), value(std::move(header_value)) {}

SecretHeader::SecretHeader(std::string name, privacy::Secret value)
    : name_(std::move(name)), value_(std::move(value)) {}

std::ostream& operator<<(std::ostream& out, const SecretHeader& header) {
  return out << header.name() << ": [secret]";
}

Request::Request(std::string method, std::string_view target, std::vector<Header> headers, std::string body)
    : method_(std::move(method)), target_(target), headers_(std::move(headers)), body_(std::move(body)) {
  if (!is_token(method_)) throw std::invalid_argument("the request method is not an HTTP token");
  const auto printable = [](char c) { return c > 0x20 && c < 0x7f; };
  if (!target.starts_with('/') || !std::all_of(target.begin(), target.end(), printable)) {
    throw std::invalid_argument("a request target must begin with '/' and be printable ASCII without spaces");
  }
  for (const auto& header : headers_)
    require_sendable(header.name, header.value);
}

void Request::add_header(std::string name, std::string value) {
  require_sendable(name, value);
  headers_.emplace_back(std::move(name), std::move(value));
}

void Request::add_secret_header(std::string name, privacy::Secret value) {
  require_sendable(name, value.reveal());
  secret_headers_.emplace_back(std::move(name), std::move(value));
}

std::ostream& operator<<(std::ostream& out, const Request& request) {
  return out << request.method() << " request, " << request.headers().size() << " headers, "
             << request.secret_headers().size() << " secret headers, " << request.body().size() << " bytes";
}

Response::Response(int status, std::vector<Header> headers, std::string body)
    : status_(status), headers_(std::move(headers)), body_(std::move(body)) {
  for (auto& header : headers_)
    header.name = lower_case(header.name);
}

std::optional<std::string_view> Response::header(std::string_view lower_case_name) const {
  for (const auto& header : headers_) {
    if (header.name == lower_case_name) return header.value;
  }
  return std::nullopt;
}

std::optional<std::chrono::seconds> Response::retry_after(std::chrono::system_clock::time_point now) const {
  constexpr std::chrono::seconds longest = std::chrono::hours(24);
  const auto value = header("retry-after");
  if (!value || value->empty()) return std::nullopt;
  if (std::all_of(value->begin(), value->end(), text::is_digit)) {
    long seconds = 0;
    const auto parsed = std::from_chars(value->data(), value->data() + value->size(), seconds);
    if (parsed.ec != std::errc{}) return longest;  // more digits than a long holds
    return std::min(std::chrono::seconds(seconds), longest);
  }
  const auto date = parse_http_date(*value, now);
  if (!date) return std::nullopt;
  const auto wait = std::chrono::ceil<std::chrono::seconds>(*date - now);
  return std::clamp(wait, std::chrono::seconds::zero(), longest);
}

std::ostream& operator<<(std::ostream& out, const Response& response) {
  return out << "status " << response.status() << ", " << response.headers().size() << " headers, "
             << response.body().size() << " bytes";
}

}  // namespace stibee_sync::http

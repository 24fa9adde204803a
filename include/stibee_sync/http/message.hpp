#pragma once

#include "stibee_sync/privacy/secret.hpp"

#include <chrono>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::http {

/// One header line.
struct Header {
  Header(std::string header_name, std::string header_value);

  std::string name;
  std::string value;

  friend bool operator==(const Header&, const Header&) = default;
};

/// A header whose value (an API key) must reach the wire and nothing else: streaming it prints the name only.
class SecretHeader {
 public:
  SecretHeader(std::string name, privacy::Secret value);

  const std::string& name() const { return name_; }
  std::string_view reveal() const { return value_.reveal(); }

 private:
  std::string name_;
  privacy::Secret value_;
};

std::ostream& operator<<(std::ostream& out, const SecretHeader& header);

/// What is sent. Host, User-Agent, Content-Length and the framing are added by the client.
/// Throws std::invalid_argument (naming the header, never its value) for anything that could break the
/// framing: a method that is no token, a target that does not start with '/', control characters, a header of
/// the client's own. Streaming a request prints neither target (it may hold an address) nor values nor body.
class Request {
 public:
  Request(std::string method, std::string_view target, std::vector<Header> headers = {},
          std::string body = {});

  void add_header(std::string name, std::string value);
  void add_secret_header(std::string name, privacy::Secret value);

  const std::string& method() const { return method_; }
  std::string_view target() const { return target_.reveal(); }
  const std::vector<Header>& headers() const { return headers_; }
  const std::vector<SecretHeader>& secret_headers() const { return secret_headers_; }
  const std::string& body() const { return body_; }
  std::string take_body() && { return std::move(body_); }

 private:
  std::string method_;
  privacy::Secret target_;  // that of a notice is one, and others hold addresses
  std::vector<Header> headers_;
  std::vector<SecretHeader> secret_headers_;
  std::string body_;
};

std::ostream& operator<<(std::ostream& out, const Request& request);

/// A complete answer, whatever its status. Header names are in lower case.
class Response {
 public:
  Response(int status, std::vector<Header> headers, std::string body);

  int status() const { return status_; }
  const std::vector<Header>& headers() const { return headers_; }
  const std::string& body() const { return body_; }
  std::string take_body() && { return std::move(body_); }

  /// The first value of that header; the name is given in lower case.
  std::optional<std::string_view> header(std::string_view lower_case_name) const;

  /// Retry-After as a wait from `now`: a number of seconds, or an HTTP date (a past one is zero). At most a
  /// day, so that a broken clock at the other end does not silence us for years. Nothing when absent or
  /// unreadable.
  std::optional<std::chrono::seconds> retry_after(std::chrono::system_clock::time_point now) const;

 private:
  int status_;
  std::vector<Header> headers_;
  std::string body_;
};

/// Prints the status and sizes, no content.
std::ostream& operator<<(std::ostream& out, const Response& response);

}  // namespace stibee_sync::http

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace stibee_sync::text {

/// The parts of a URL `scheme://[user@]host[:port][/path][?query][#fragment]`.
struct Url {
  std::string scheme;  ///< lower case
  bool has_user = false;
  std::string host;                 ///< lower case, as written otherwise; an IPv6 literal without brackets
  bool host_is_bracketed = false;   ///< an IPv6 literal
  std::optional<std::string> port;  ///< digits, or "" after a bare colon
  std::string path;                 ///< not percent-decoded
  bool has_query = false;
  bool has_fragment = false;
};

/// The first part that keeps a text from being a URL.
enum class UrlProblem { Scheme, Host, Port, Rest };

/// RFC 3986, with an authority ("//"). Any thread.
std::variant<Url, UrlProblem> parse_url(std::string_view text);

}  // namespace stibee_sync::text

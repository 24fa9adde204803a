#include "stibee_sync/text/url.hpp"

#include "stibee_sync/text/ascii.hpp"
#include "stibee_sync/text/hex.hpp"
#include "stibee_sync/text/ip.hpp"

#include <algorithm>

// Not Boost.URL: that of Boost 1.81 ends an authority where it no longer understands it and calls the rest a
// path. It reads "http://127.0.0.1.example" as the host 127.0.0.1 with the path ".example", and
// "https://a:8o" as port 18.

namespace stibee_sync::text {
namespace {

/// Besides letters and digits; "unreserved" and "sub-delims" of RFC 3986.
constexpr std::string_view everywhere = "-._~!$&'()*+,;=";

bool is_scheme(std::string_view text) {
  return !text.empty() && is_letter(text.front()) && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter_or_digit(c) || c == '+' || c == '-' || c == '.';
  });
}

/// Whether a part consists of what stands for itself in every part, of `also`, and of %XX.
bool is_part(std::string_view text, std::string_view also) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (text.size() - i < 3 || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0) return false;
    } else if (!is_letter_or_digit(text[i]) && everywhere.find(text[i]) == std::string_view::npos &&
               also.find(text[i]) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

/// Takes what stands before the first of `ends` off the front of `text`.
std::string_view take_until(std::string_view& text, std::string_view ends) {
  const auto part = text.substr(0, text.find_first_of(ends));
  text.remove_prefix(part.size());
  return part;
}

/// Reads `host[:port]`.
std::optional<UrlProblem> read_host(std::string_view text, Url& url) {
  url.host_is_bracketed = text.starts_with('[');
  if (url.host_is_bracketed) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return UrlProblem::Host;
    url.host = lower_case(text.substr(1, close - 1));
    text.remove_prefix(close + 1);
    const auto address = IpAddress::parse(url.host);
    if (!address || address->is_v4() || (!text.empty() && text.front() != ':')) return UrlProblem::Host;
  } else {
    url.host = lower_case(take_until(text, ":"));
    if (!is_part(url.host, "")) return UrlProblem::Host;
  }
  if (text.empty()) return std::nullopt;
  url.port = text.substr(1);
  return std::all_of(url.port->begin(), url.port->end(), is_digit) ? std::nullopt
                                                                   : std::optional(UrlProblem::Port);
}

}  // namespace

std::variant<Url, UrlProblem> parse_url(std::string_view text) {
  constexpr std::string_view before_authority = "://";
  Url url;
  url.scheme = lower_case(take_until(text, ":"));
  if (!is_scheme(url.scheme) || !text.starts_with(before_authority)) return UrlProblem::Scheme;
  text.remove_prefix(before_authority.size());

  auto authority = take_until(text, "/?#");
  if (const auto at = authority.find('@'); at != std::string_view::npos) {
    url.has_user = true;
    if (!is_part(authority.substr(0, at), ":")) return UrlProblem::Host;
    authority.remove_prefix(at + 1);
  }
  if (const auto problem = read_host(authority, url)) return *problem;

  url.path = take_until(text, "?#");
  const auto query = take_until(text, "#");
  url.has_query = !query.empty();
  url.has_fragment = !text.empty();
  const bool sound =
      is_part(url.path, ":@/") && is_part(query, ":@/?") && (text.empty() || is_part(text.substr(1), ":@/?"));
  if (!sound) return UrlProblem::Rest;
  return url;
}

}  // namespace stibee_sync::text

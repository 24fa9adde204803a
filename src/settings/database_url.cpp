#include "stibee_sync/text/ascii.hpp"
#include "stibee_sync/text/hex.hpp"
#include "values.hpp"

#include <algorithm>

namespace stibee_sync::settings {
namespace {

const Unreadable holds_password{"holds a password",
                                "take it out, put it in a file and name that in `password_file`"};
const Unreadable no_connection_string{
    "is no PostgreSQL connection string",
    "write postgresql://USER@HOST/DATABASE?sslmode=verify-full, or host=… dbname=…"};

std::string_view without_leading_space(std::string_view text) {
  return text.substr(
      static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), text::is_space) - text.begin()));
}

bool names_a_password(std::string_view keyword) {
  const std::string name = text::lower_case(keyword);
  return name == "password" || name == "sslpassword";
}

/// Wider than libpq's own reading: a password with a bare `@`, `/` or `?` in it ends up in the wrong part of
/// the URL for libpq, which would then quote it in its error.
bool url_holds_password(std::string_view rest) {
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  const auto ats = std::count(authority.begin(), authority.end(), '@');
  const auto colon = authority.find(':');
  if (ats > 1) return true;
  if (ats == 1 && colon < authority.find('@')) return true;
  if (ats == 0 && colon != std::string_view::npos && rest.find('@') != std::string_view::npos) return true;

  auto query = rest.find('?');
  while (query != std::string_view::npos) {
    const std::string_view parameter = rest.substr(query + 1);
    // libpq decodes the names too, so `pass%77ord` is a password.
    if (names_a_password(text::percent_decoded(parameter.substr(0, parameter.find_first_of("=&")))))
      return true;
    query = rest.find('&', query + 1);
  }
  return false;
}

std::optional<std::string_view> without_scheme(std::string_view text) {
  for (const std::string_view scheme : {std::string_view("postgresql://"), std::string_view("postgres://")}) {
    if (text.starts_with(scheme)) return text.substr(scheme.size());
  }
  return std::nullopt;
}

struct Keyword {
  std::string name;
  std::string value;
};

/// One `name = 'value'`, read as libpq reads it; `text` is shortened by it.
std::optional<Keyword> take_keyword(std::string_view& text) {
  Keyword keyword;
  while (!text.empty() && text.front() != '=' && !text::is_space(text.front())) {
    keyword.name += text.front();
    text.remove_prefix(1);
  }
  text = without_leading_space(text);
  if (keyword.name.empty() || text.empty() || text.front() != '=') return std::nullopt;
  text.remove_prefix(1);
  text = without_leading_space(text);

  const bool in_quotes = !text.empty() && text.front() == '\'';
  if (in_quotes) text.remove_prefix(1);
  while (!text.empty() && (in_quotes ? text.front() != '\'' : !text::is_space(text.front()))) {
    if (text.front() == '\\' && text.size() > 1) text.remove_prefix(1);
    keyword.value += text.front();
    text.remove_prefix(1);
  }
  if (in_quotes) {
    if (text.empty()) return std::nullopt;
    text.remove_prefix(1);
  }
  text = without_leading_space(text);
  return keyword;
}

}  // namespace

std::optional<Unreadable> refuse_database_url(std::string_view text) {
  text = without_leading_space(text);
  if (const auto rest = without_scheme(text)) {
    return url_holds_password(*rest) ? std::optional(holds_password) : std::nullopt;
  }
  if (text.find('=') == std::string_view::npos) return no_connection_string;
  bool malformed = false;
  while (!text.empty()) {
    const auto keyword = take_keyword(text);
    if (!keyword) {
      malformed = true;
      break;
    }
    if (names_a_password(keyword->name)) return holds_password;
    const auto nested = without_scheme(keyword->value);
    if (nested && url_holds_password(*nested)) return holds_password;
  }
  return malformed ? std::optional(no_connection_string) : std::nullopt;
}

}  // namespace stibee_sync::settings

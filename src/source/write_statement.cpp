#include "write_statement.hpp"

#include "failure.hpp"
#include "sql_text.hpp"
#include "stibee_sync/text/ascii.hpp"
#include "stibee_sync/text/utf8.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace stibee_sync::source {
namespace {

using Kind = SourceError::Kind;

constexpr std::array<std::string_view, 6> plain_names{"email",       "old_email", "key",
                                                      "occurred_by", "reason",    "occurred_at"};
constexpr std::string_view field_prefix = "field_";

using text::is_digit;

bool begins_name(char c) {
  return text::is_letter(c) || c == '_' || !text::is_ascii(c);
}

std::size_t name_length(std::string_view text) {
  if (text.empty() || !begins_name(text.front())) return 0;
  std::size_t length = 1;
  while (length < text.size() && (begins_name(text[length]) || is_digit(text[length])))
    ++length;
  return length;
}

/// Where the SQL word (a name, a keyword, a number) at `at` ends; a `$` in it begins neither a quotation nor
/// a parameter.
std::size_t after_word(std::string_view sql, std::size_t at) {
  while (at < sql.size() && (begins_name(sql[at]) || is_digit(sql[at]) || sql[at] == '$'))
    ++at;
  return at;
}

std::vector<std::string> spelled_names(const WriteStatement& statement) {
  std::vector<std::string> names;
  for (const auto name : plain_names)
    names.push_back(":" + std::string(name));
  if (!statement.fields_known) return names;
  for (const auto& tag : statement.fields)
    names.push_back(":" + std::string(field_prefix) + tag);
  return names;
}

void check_name(const WriteStatement& statement, const std::string& name) {
  if (std::find(plain_names.begin(), plain_names.end(), name) != plain_names.end()) return;
  if (name.starts_with(field_prefix)) {
    const auto tag = name.substr(field_prefix.size());
    const bool mapped =
        std::find(statement.fields.begin(), statement.fields.end(), tag) != statement.fields.end();
    if (mapped && statement.fields_known) return;
    if (mapped) {
      throw Failure(Kind::NotAsMapped,
                    ":" + name + " has a value only in the statement of `updated`; take it out");
    }
  }
  const auto candidates = spelled_names(statement);
  const auto near = nearest(":" + name, candidates);
  throw Failure(Kind::NotAsMapped,
                ":" + name + " is no parameter of a write-back" +
                    (near.empty() ? "; there are " + list_of(candidates) +
                                        " (write a space after a colon that begins no parameter)"
                                  : "; did you mean " + list_of(near) + "?"));
}

}  // namespace

NumberedStatement number_parameters(const WriteStatement& statement) {
  const auto sql = without_trailing_semicolon(statement.sql);
  NumberedStatement numbered;
  numbered.origins.emplace_back(0, 0);
  std::size_t copied = 0;
  const auto copy_to = [&](std::size_t end) {
    numbered.sql.append(sql.substr(copied, end - copied));
    copied = end;
  };
  for (std::size_t i = 0; i < sql.size();) {
    if (const auto end = after_opaque(sql, i); end > i) {
      i = end;
    } else if (begins_name(sql[i]) || is_digit(sql[i])) {
      i = after_word(sql, i);
    } else if (sql[i] == '$' && i + 1 < sql.size() && is_digit(sql[i + 1])) {
      throw Failure(Kind::NotAsMapped, "it holds a parameter such as $1; name the value instead: " +
                                           list_of(spelled_names(statement)));
    } else if (sql[i] != ':') {
      ++i;
    } else if (i + 1 < sql.size() && (sql[i + 1] == ':' || sql[i + 1] == '=')) {
      i += 2;
    } else if (const auto length = name_length(sql.substr(i + 1)); length > 0) {
      std::string name(sql.substr(i + 1, length));
      check_name(statement, name);
      copy_to(i);
      numbered.origins.emplace_back(numbered.sql.size(), i);
      const auto number = "$" + std::to_string(numbered.names.size() + 1);
      // In the place of a timestamp without time zone PostgreSQL would ignore the text's offset.
      numbered.sql += name == "occurred_at" ? "(" + number + "::timestamptz)" : number;
      numbered.names.push_back(std::move(name));
      i += 1 + length;
      copied = i;
      numbered.origins.emplace_back(numbered.sql.size(), i);
    } else {
      ++i;
    }
  }
  copy_to(sql.size());
  if (numbered.names.empty()) {
    throw Failure(Kind::NotAsMapped,
                  "it names no parameter, so that it would change the same rows for everybody; use :email or "
                  ":key in its WHERE");
  }
  return numbered;
}

std::vector<std::string> parameters_of(const WriteStatement& statement) {
  try {
    return number_parameters(statement).names;
  } catch (const Failure&) {
    return {};
  }
}

std::optional<SourceError> parameter_problem(const WriteStatement& statement) {
  try {
    number_parameters(statement);
    return std::nullopt;
  } catch (const Failure& failure) {
    return failure.error();
  }
}

std::string original_place(const NumberedStatement& numbered, std::string_view original,
                           std::size_t position) {
  // PostgreSQL counts characters from 1.
  std::size_t byte = 0;
  for (std::size_t seen = 0; byte < numbered.sql.size(); ++byte) {
    if (!text::is_continuation(numbered.sql[byte]) && ++seen == position) break;
  }
  std::size_t place = 0;
  for (std::size_t i = 0; i < numbered.origins.size() && numbered.origins[i].first <= byte; ++i) {
    const auto next =
        i + 1 < numbered.origins.size() ? numbered.origins[i + 1].second : std::string_view::npos;
    place = std::min(numbered.origins[i].second + (byte - numbered.origins[i].first), next);
  }
  std::size_t character = 1;
  for (std::size_t i = 0; i < std::min(place, original.size()); ++i) {
    if (!text::is_continuation(original[i])) ++character;
  }
  return line_and_column(original, character);
}

std::string with_names(const NumberedStatement& numbered, std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto dollar = std::min(text.find('$'), text.size());
    out += text.substr(0, dollar);
    text.remove_prefix(dollar);
    if (text.empty()) break;
    std::size_t number = 0;
    const auto digits = text.substr(1);
    const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    if (number == 0 || number > numbered.names.size()) {
      out += '$';
      text.remove_prefix(1);
      continue;
    }
    out += ":" + numbered.names[number - 1];
    text.remove_prefix(1 + static_cast<std::size_t>(end - digits.data()));
  }
  return out;
}

}  // namespace stibee_sync::source

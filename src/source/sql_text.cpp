#include "sql_text.hpp"

#include "stibee_sync/text/ascii.hpp"
#include "stibee_sync/text/nearest.hpp"
#include "stibee_sync/text/utf8.hpp"

#include <algorithm>
#include <utility>

namespace stibee_sync::source {
namespace {

/// Takes one name off the front of `text`.
std::optional<SqlName> take_name(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  SqlName name;
  if (text.front() != '"') {
    const auto end = std::min(text.find_first_of(".\""), text.size());
    if (end == 0) return std::nullopt;
    name.exact = text::trimmed(text.substr(0, end));
    name.folded = text::lower_case(name.exact);  // only ASCII, as PostgreSQL does in a multi-byte encoding
    text.remove_prefix(end);
    return name;
  }
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] != '"') {
      name.exact += text[i];
    } else if (i + 1 < text.size() && text[i + 1] == '"') {
      name.exact += '"';
      ++i;
    } else {
      if (name.exact.empty()) return std::nullopt;
      name.folded = name.exact;
      text.remove_prefix(i + 1);
      return name;
    }
  }
  return std::nullopt;
}

/// Length of the `$tag$` at the start of `text`, 0 if there is none.
std::size_t dollar_tag(std::string_view text) {
  std::size_t i = 1;
  while (i < text.size() &&
         (text::is_letter_or_digit(text[i]) || text[i] == '_' || !text::is_ascii(text[i]))) {
    if (i == 1 && text::is_digit(text[i])) return 0;
    ++i;
  }
  return i < text.size() && text[i] == '$' ? i + 1 : 0;
}

std::size_t after(std::string_view text, std::string_view end, std::size_t from) {
  const auto found = text.find(end, from);
  return found == std::string_view::npos ? text.size() : found + end.size();
}

std::size_t after_comment(std::string_view text, std::size_t from) {
  std::size_t depth = 0;
  for (std::size_t i = from; i + 1 < text.size(); ++i) {
    if (text[i] == '/' && text[i + 1] == '*') {
      ++depth;
      ++i;
    } else if (text[i] == '*' && text[i + 1] == '/') {
      ++i;
      if (--depth == 0) return i + 1;
    }
  }
  return text.size();
}

std::size_t after_literal(std::string_view text, std::size_t from, bool backslashes) {
  for (std::size_t i = from + 1; i < text.size(); ++i) {
    if (backslashes && text[i] == '\\') {
      ++i;
    } else if (text[i] == text[from]) {
      return i + 1;  // a doubled quote starts the next literal, which comes to the same
    }
  }
  return text.size();
}

std::string quote(std::string_view text, char mark) {
  std::string out(1, mark);
  for (const char c : text) {
    if (c == mark) out += mark;
    out += c;
  }
  return out + mark;
}

}  // namespace

std::optional<TableName> parse_table_name(std::string_view text) {
  text = text::trimmed(text);
  auto first = take_name(text);
  if (!first) return std::nullopt;
  TableName table;
  if (text.empty()) {
    table.name = std::move(*first);
    return table;
  }
  if (text.front() != '.') return std::nullopt;
  text.remove_prefix(1);
  auto second = take_name(text);
  if (!second || !text.empty()) return std::nullopt;
  table.schema = std::move(first);
  table.name = std::move(*second);
  return table;
}

SqlName parse_column_name(std::string_view text) {
  if (text.size() > 2 && text.front() == '"') {
    auto rest = text;
    if (auto name = take_name(rest); name && rest.empty()) return *name;
  }
  return {std::string(text), text::lower_case(text)};
}

std::string quote_name(std::string_view name) {
  return quote(name, '"');
}

std::string quote_literal(std::string_view text) {
  return quote(text, '\'');
}

std::string dollar_quoted(std::string_view text) {
  std::string tag = "$stibee";
  while (text.find(tag) != std::string_view::npos)
    tag += "_";
  return tag + "$" + std::string(text) + tag + "$";
}

std::size_t after_opaque(std::string_view sql, std::size_t at) {
  const auto rest = sql.substr(at);
  if (rest.starts_with("--")) return after(sql, "\n", at);
  if (rest.starts_with("/*")) return after_comment(sql, at);
  if (rest.starts_with("'") || rest.starts_with("\"")) {
    const bool escapes = at > 0 && (sql[at - 1] == 'E' || sql[at - 1] == 'e') &&
                         (at == 1 || (!text::is_letter_or_digit(sql[at - 2]) && sql[at - 2] != '_'));
    return after_literal(sql, at, rest.front() == '\'' && escapes);
  }
  if (const auto tag = rest.starts_with("$") ? dollar_tag(rest) : 0; tag > 0)
    return after(sql, rest.substr(0, tag), at + tag);
  return at;
}

std::string_view without_trailing_semicolon(std::string_view query) {
  std::size_t end = 0;  // of what counts
  for (std::size_t i = 0; i < query.size();) {
    if (text::is_space(query[i]) || query[i] == ';') {
      ++i;
      continue;
    }
    const bool comment = query.substr(i).starts_with("--") || query.substr(i).starts_with("/*");
    i = std::max(after_opaque(query, i), i + 1);
    if (!comment) end = i;
  }
  return query.substr(0, end);
}

std::string line_and_column(std::string_view text, std::size_t position) {
  std::size_t line = 1;
  std::size_t column = 0;
  std::size_t seen = 0;
  for (const char c : text) {
    if (text::is_continuation(c)) continue;
    if (++seen == position) break;
    ++column;
    if (c == '\n') {
      ++line;
      column = 0;
    }
  }
  return "line " + std::to_string(line) + ", column " + std::to_string(column + 1);
}

std::vector<std::string> nearest(std::string_view wanted, const std::vector<std::string>& candidates) {
  constexpr std::size_t most = 3;
  constexpr std::size_t slips = 2;
  return text::nearest(wanted, candidates, most, slips);
}

std::string list_of(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " or " : ", ";
    out += names[i];
  }
  return out;
}

}  // namespace stibee_sync::source

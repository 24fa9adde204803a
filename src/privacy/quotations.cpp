#include "privacy/quotations.hpp"

#include "stibee_sync/text/ascii.hpp"

#include <algorithm>
#include <array>

namespace stibee_sync::privacy {
namespace {

constexpr auto npos = std::string_view::npos;

// After these words PostgreSQL and libpq quote a name, not a value.
constexpr std::array<std::string_view, 26> name_words{
    "column",     "relation",  "table",       "schema",    "role",     "user",      "database",
    "constraint", "function",  "type",        "extension", "operator", "procedure", "index",
    "view",       "sequence",  "publication", "slot",      "at",       "encoding",  "trigger",
    "parameter",  "statement", "cursor",      "host",      "option"};
constexpr std::size_t longest_name = 63;

constexpr std::array<std::string_view, 10> sections{
    "ERROR:", "FATAL:", "PANIC:", "WARNING:", "NOTICE:", "DETAIL:", "HINT:", "CONTEXT:", "QUERY:", "LINE "};

std::string_view without_trailing_spaces(std::string_view text) {
  const auto last = text.find_last_not_of(" \n");
  return last == npos ? std::string_view{} : text.substr(0, last + 1);
}

bool is_plain_name(std::string_view quoted) {
  return std::ranges::all_of(quoted, [](char c) {
    return !text::is_ascii(c) || text::is_letter_or_digit(c) || std::string_view("_$./-").find(c) != npos;
  });
}

bool announces_a_name(std::string_view before) {
  before = without_trailing_spaces(before);
  const auto word = before.substr(before.find_last_of(" \n(") + 1);
  return std::ranges::find(name_words, word) != name_words.end();
}

bool may_stay(std::string_view before, std::string_view quoted, const Wording& wording) {
  if (quoted.empty() || quoted.size() > longest_name || holds_at_sign(quoted) || quoted.find('\n') != npos)
    return false;
  if (wording.quotations == Wording::Quotations::IfNames) return announces_a_name(before);
  return is_plain_name(quoted) &&
         std::ranges::any_of(wording.known, [&](std::string_view text) { return text.find(quoted) != npos; });
}

struct QuotePair {
  std::string_view opening;
  std::string_view closing;
};
constexpr std::array<QuotePair, 6> quote_pairs{{{"\"", "\""},
                                                {"`", "`"},
                                                {"'", "'"},
                                                {"\xE2\x80\x9C", "\xE2\x80\x9D"},    // “ ”
                                                {"\xE2\x80\x98", "\xE2\x80\x99"},    // ‘ ’
                                                {"\xE3\x80\x8C", "\xE3\x80\x8D"}}};  // 「 」

std::size_t closing_quote(std::string_view text, std::size_t from, std::string_view closing) {
  for (auto at = text.find(closing, from); at != npos; at = text.find(closing, at + closing.size())) {
    if (text[at - 1] == '\\') continue;  // Go and JSON
    if (closing == "'" && at + 1 < text.size()) {
      if (text[at + 1] == '\'') {
        ++at;  // SQL writes it twice
        continue;
      }
      if (text::is_letter_or_digit(text[at + 1]) || !text::is_ascii(text[at + 1]))
        continue;  // an apostrophe in the value
    }
    return at;
  }
  return npos;
}

/// Redacts one section of a message into `out`. False: a value does not end in this section, so that whatever
/// follows may belong to it and must not be shown.
bool redact_values(std::string_view text, const Wording& wording, std::string& out) {
  constexpr std::string_view key_value = ")=(";
  constexpr std::string_view row_values = "row contains (";
  std::size_t i = 0;
  while (i < text.size()) {
    const auto rest = text.substr(i);
    const auto opener = rest.starts_with(key_value)    ? key_value
                        : rest.starts_with(row_values) ? row_values
                                                       : "";
    if (!opener.empty()) {
      out += opener;
      out.append(wording.value).append(")");
      const auto last = text.rfind(')');  // the value may hold parentheses of its own
      if (last == npos || last < i + opener.size()) return false;
      i = last + 1;
      continue;
    }
    const auto quote =
        std::ranges::find_if(quote_pairs, [&](const QuotePair& p) { return rest.starts_with(p.opening); });
    const bool apostrophe = quote != quote_pairs.end() && quote->opening == "'" && i > 0 &&
                            (text::is_letter_or_digit(text[i - 1]) || !text::is_ascii(text[i - 1]));
    if (quote == quote_pairs.end() || apostrophe) {
      out += text[i++];
      continue;
    }
    const auto start = i + quote->opening.size();
    auto end = closing_quote(text, start, quote->closing);
    const auto before = text.substr(0, i);
    if (end != npos && may_stay(before, text.substr(start, end - start), wording)) {
      out += text.substr(i, end + quote->closing.size() - i);
      i = end + quote->closing.size();
      continue;
    }
    if (wording.quotes_around_value) out += quote->opening;
    out += wording.value;
    if (wording.quotes_around_value) out += quote->closing;
    // After a colon the value is the rest: PostgreSQL does not mark quotes within it.
    if (without_trailing_spaces(before).ends_with(':')) end = text.rfind(quote->closing);
    if (end == npos || end < start) return false;
    i = end + quote->closing.size();
  }
  return true;
}

std::size_t next_section(std::string_view text, std::size_t from) {
  for (auto at = text.find('\n', from); at != npos; at = text.find('\n', at + 1)) {
    const auto line = text.substr(at + 1);
    if (std::ranges::any_of(sections, [&](std::string_view s) { return line.starts_with(s); })) return at;
  }
  return text.size();
}

}  // namespace

std::string without_values(std::string_view text, const Wording& wording) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = next_section(text, at + 1);
    if (!redact_values(text.substr(at, end - at), wording, out)) break;
    at = end;
  }
  return out;
}

}  // namespace stibee_sync::privacy

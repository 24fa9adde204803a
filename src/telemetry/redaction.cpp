#include "stibee_sync/telemetry/redaction.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <optional>

namespace stibee_sync::telemetry {
namespace {

constexpr std::string_view replacement_character = "\xEF\xBF\xBD";
constexpr std::size_t longest_input = 8192;
constexpr std::size_t fewest_phone_digits = 7;
constexpr auto npos = std::string_view::npos;

bool is_ascii_digit(char byte) {
  return byte >= '0' && byte <= '9';
}
bool is_ascii_alnum(char byte) {
  return std::isalnum(static_cast<unsigned char>(byte)) != 0;
}
bool is_beyond_ascii(char byte) {
  return (static_cast<unsigned char>(byte) & 0x80) != 0;
}

struct Character {
  char32_t value;
  std::size_t length;
};

/// The character at the start of `text`; nothing where the bytes are no UTF-8.
std::optional<Character> decode(std::string_view text) {
  const auto byte = [&](std::size_t i) -> std::uint32_t { return static_cast<unsigned char>(text[i]); };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return Character{lead, 1};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return std::nullopt;
  std::uint32_t value = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return std::nullopt;
    value = (value << 6) | (byte(i) & 0x3F);
  }
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  if (overlong || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return std::nullopt;
  return Character{value, length};
}

// ---- addresses ----

// The ways in which an @ is written; JSON, HTML and URLs have their own.
constexpr std::array<std::string_view, 6> at_signs{"@",     "%40",    "\xEF\xBC\xA0", "\xEF\xB9\xAB",
                                                   "&#64;", "\\u0040"};

struct AtSign {
  std::size_t at = npos;
  std::size_t length = 0;
};

AtSign first_at_sign(std::string_view text, std::size_t from) {
  AtSign first;
  for (const std::string_view form : at_signs) {
    const auto at = text.find(form, from);
    if (at < first.at) first = {at, form.size()};
  }
  return first;
}

// All that may stand before the @ without quotes, `'`, `=` and `/` included: rather one word too many is
// removed.
bool is_local(char byte) {
  return is_beyond_ascii(byte) || is_ascii_alnum(byte) ||
         std::string_view("!#$%&'*+-/=?^_`{|}~.").find(byte) != npos;
}

bool is_domain(char byte) {
  return is_beyond_ascii(byte) || is_ascii_alnum(byte) || std::string_view("-._@%").find(byte) != npos;
}

// Takes what stands before the @ off the end of `out`; false when nothing does.
bool take_local_part(std::string& out) {
  if (out.ends_with('"') && out.size() > 1) {  // "anything at all"@domain
    const auto opening = out.rfind('"', out.size() - 2);
    out.resize(opening == npos ? 0 : opening);
    return true;
  }
  const std::size_t before = out.size();
  while (!out.empty() && is_local(out.back()))
    out.pop_back();
  return out.size() != before;
}

std::size_t end_of_domain(std::string_view text, std::size_t from) {
  if (from < text.size() && text[from] == '[') {
    const auto closing = text.find(']', from);
    return closing == npos ? text.size() : closing + 1;
  }
  std::size_t end = from;
  while (end < text.size() && is_domain(text[end]))
    ++end;
  while (end > from && text[end - 1] == '.')
    --end;  // the full stop of a sentence
  return end;
}

// ---- quoted values ----

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

bool announces_a_name(std::string_view before) {
  before = without_trailing_spaces(before);
  const auto word = before.substr(before.find_last_of(" \n(") + 1);
  return std::ranges::find(name_words, word) != name_words.end();
}

bool is_name(std::string_view quoted) {
  return !quoted.empty() && quoted.size() <= longest_name && first_at_sign(quoted, 0).at == npos &&
         quoted.find('\n') == npos;
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
      if (is_ascii_alnum(text[at + 1]) || is_beyond_ascii(text[at + 1]))
        continue;  // an apostrophe in the value
    }
    return at;
  }
  return npos;
}

/// Redacts one section of a message into `out`. False: a value does not end in this section, so that whatever
/// follows may belong to it and must not be shown.
bool redact_values(std::string_view text, std::string& out) {
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
      out += "<value>)";
      const auto last = text.rfind(')');  // the value may hold parentheses of its own
      if (last == npos || last < i + opener.size()) return false;
      i = last + 1;
      continue;
    }
    const auto quote =
        std::ranges::find_if(quote_pairs, [&](const QuotePair& p) { return rest.starts_with(p.opening); });
    const bool apostrophe = quote != quote_pairs.end() && quote->opening == "'" && i > 0 &&
                            (is_ascii_alnum(text[i - 1]) || is_beyond_ascii(text[i - 1]));
    if (quote == quote_pairs.end() || apostrophe) {
      out += text[i++];
      continue;
    }
    const auto start = i + quote->opening.size();
    auto end = closing_quote(text, start, quote->closing);
    const auto before = text.substr(0, i);
    if (end != npos && announces_a_name(before) && is_name(text.substr(start, end - start))) {
      out += text.substr(i, end + quote->closing.size() - i);
      i = end + quote->closing.size();
      continue;
    }
    out += quote->opening;
    out += "<value>";
    out += quote->closing;
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

std::string without_values(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = next_section(text, at + 1);
    if (!redact_values(text.substr(at, end - at), out)) break;
    at = end;
  }
  return out;
}

// ---- numbers ----

std::size_t digit_at(std::string_view text, std::size_t at) {
  if (at >= text.size()) return 0;
  if (is_ascii_digit(text[at])) return 1;
  const auto wide = text.substr(at, 3);
  return wide.size() == 3 && wide >= "\xEF\xBC\x90" && wide <= "\xEF\xBC\x99" ? 3 : 0;
}

std::size_t separator_at(std::string_view text, std::size_t at) {
  if (at >= text.size()) return 0;
  if (std::string_view(" -.()/\n").find(text[at]) != npos) return 1;
  const auto dash = text.substr(at, 3);  // U+2010 to U+2015, U+2212, U+FF0D
  const bool is_dash =
      (dash >= "\xE2\x80\x90" && dash <= "\xE2\x80\x95") || dash == "\xE2\x88\x92" || dash == "\xEF\xBC\x8D";
  return dash.size() == 3 && is_dash ? 3 : 0;
}

bool is_ipv4(std::string_view text) {
  std::size_t dots = 0;
  std::size_t run = 0;
  for (const char byte : text) {
    if (byte == '.') {
      if (run == 0) return false;
      ++dots;
      run = 0;
    } else if (!is_ascii_digit(byte) || ++run > 3) {
      return false;
    }
  }
  return dots == 3 && run > 0;
}

std::string without_long_numbers(std::string_view text) {
  std::string out;
  std::size_t i = 0;
  while (i < text.size()) {
    if (digit_at(text, i) == 0) {
      out += text[i++];
      continue;
    }
    std::size_t end = i;  // after the last digit of the run
    std::size_t digits = 0;
    for (std::size_t at = i; digit_at(text, at) != 0;) {
      while (const auto length = digit_at(text, at)) {
        at += length;
        ++digits;
      }
      end = at;
      for (int separators = 0; separators < 2 && digit_at(text, at) == 0; ++separators)
        at += separator_at(text, at);
    }
    const auto run = text.substr(i, end - i);
    if (digits >= fewest_phone_digits && !is_ipv4(run)) {
      out += "<number>";
    } else {
      out += run;
    }
    i = end;
  }
  return out;
}

// ---- characters ----

bool is_invisible(char32_t c) {
  return (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) ||
         c == 0xFEFF || c == 0xAD;
}

bool is_control_or_space(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0xA0) || c == 0x2028 || c == 0x2029 || c == 0x3000;
}

// Line breaks stay, for the sections; invisible characters would hide a number or an address from the
// searches.
std::string visible(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto character = decode(text.substr(i));
    if (!character) {
      out += replacement_character;
      ++i;
      continue;
    }
    if (character->value == '\n') {
      out += '\n';
    } else if (is_control_or_space(character->value)) {
      out += ' ';
    } else if (!is_invisible(character->value)) {
      out += text.substr(i, character->length);
    }
    i += character->length;
  }
  return out;
}

std::string one_line(std::string_view text) {
  std::string out;
  for (const char byte : text) {
    const bool space = byte == ' ' || byte == '\n';
    if (!space) {
      out += byte;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

std::string cut(std::string text, std::size_t bytes) {
  constexpr std::string_view ellipsis = "…";
  if (text.size() <= bytes) return text;
  std::size_t end = bytes - ellipsis.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;
  text.resize(end);
  text += ellipsis;
  return text;
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto character = decode(text.substr(i));
    const std::size_t length = character ? character->length : 1;
    out += character ? text.substr(i, length) : replacement_character;
    i += length;
  }
  return out;
}

std::string redact_addresses(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t done = 0;
  for (auto sign = first_at_sign(text, 0); sign.at != npos; sign = first_at_sign(text, done)) {
    out += text.substr(done, sign.at - done);
    const auto after = sign.at + sign.length;
    if (take_local_part(out)) {
      out += "<address>";
      done = end_of_domain(text, after);
    } else {
      out += text.substr(sign.at, sign.length);
      done = after;
    }
  }
  out += text.substr(done);
  return out;
}

std::string sanitise(std::string_view text) {
  if (text.size() > longest_input) {
    text = text.substr(0, longest_input);
    text =
        text.substr(0, text.find_last_of(" \n"));  // half an address would not look like one; npos keeps all
    if (text.size() == longest_input) text = {};
  }
  return cut(one_line(without_long_numbers(redact_addresses(without_values(visible(text))))),
             sanitised_bytes);
}

}  // namespace stibee_sync::telemetry

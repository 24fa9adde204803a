#include "diff/copy_row.hpp"

#include "stibee_sync/diff/mapping.hpp"
#include "stibee_sync/text/hex.hpp"
#include "stibee_sync/text/utf8.hpp"

#include <charconv>
#include <cstdint>
#include <utility>

// PostgreSQL escapes every tab and line feed of the data, and never writes a backslash before a bare one: a
// tab always separates.

namespace stibee_sync::diff {
namespace {

constexpr std::string_view null_mark = "\\N";

int octal_digit(char c) {
  return c >= '0' && c <= '7' ? c - '0' : -1;
}

// Reads up to `most` digits at `i`, advancing it.
template <typename Digit>
int take_number(std::string_view field, std::size_t& i, int most, int base, Digit digit) {
  int value = 0;
  for (; most > 0 && i < field.size() && digit(field[i]) >= 0; --most)
    value = value * base + digit(field[i++]);
  return value;
}

}  // namespace

void append_unescaped(std::string& out, std::string_view field) {
  std::size_t i = 0;
  while (i < field.size()) {
    const std::size_t backslash = field.find('\\', i);
    out.append(field, i, backslash - i);  // npos - i: all the rest
    if (backslash == std::string_view::npos) return;
    i = backslash + 1;
    if (i == field.size()) {
      out += '\\';
      return;
    }
    const char c = field[i];
    if (octal_digit(c) >= 0) {
      out += static_cast<char>(take_number(field, i, 3, 8, octal_digit) & 0xff);
      continue;
    }
    ++i;
    if (c == 'x' && i < field.size() && text::hex_digit(field[i]) >= 0) {
      out += static_cast<char>(take_number(field, i, 2, 16, text::hex_digit));
      continue;
    }
    switch (c) {
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'v':
        out += '\v';
        break;
      default:
        out += c;
    }
  }
}

bool RowFields::split(std::string_view line, std::size_t expected) {
  values_.clear();
  unescaped_.clear();
  const bool has_escapes = line.find('\\') != std::string_view::npos;
  // The views must not move while further columns are unescaped.
  if (has_escapes) unescaped_.reserve(line.size());
  std::size_t start = 0;
  while (true) {
    const std::size_t tab = line.find('\t', start);
    const std::string_view field = line.substr(start, tab - start);
    if (!has_escapes || field.find('\\') == std::string_view::npos) {
      values_.emplace_back(field);
    } else if (field == null_mark) {
      values_.emplace_back(std::nullopt);
    } else {
      const std::size_t before = unescaped_.size();
      append_unescaped(unescaped_, field);
      values_.emplace_back(std::string_view(unescaped_).substr(before));
    }
    if (tab == std::string_view::npos) break;
    start = tab + 1;
  }
  return values_.size() == expected;
}

std::variant<domain::MemberKey, Rejection> key_of(std::string_view line, bool integer_key) {
  const std::string_view field = line.substr(0, line.find('\t'));
  if (field == null_mark) return Rejection(domain::Reason::NullKey);
  if (integer_key) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), number);
    if (error != std::errc{} || end != field.data() + field.size()) return Rejection(domain::Reason::BadKey);
    return domain::MemberKey(number);
  }
  std::string text;
  append_unescaped(text, field);
  if (text.find('\0') != std::string::npos) return Rejection(domain::Reason::NulByte);
  if (!text::is_valid_utf8(text)) return Rejection(domain::Reason::InvalidUtf8);
  return domain::MemberKey(std::move(text));
}

void NullWatch::see(std::string_view line) {
  if (open_ == 0) return;
  // A column that is NULL in every row keeps the watch open to the end: look no further than the last open
  // one.
  std::size_t open_left = open_;
  std::size_t start = 0;
  for (std::size_t column = 0; column < non_null_.size() && open_left > 0; ++column) {
    const std::size_t tab = line.find('\t', start);
    if (non_null_[column] < enough) {
      --open_left;
      if (line.substr(start, tab - start) != null_mark && ++non_null_[column] == enough) --open_;
    }
    if (tab == std::string_view::npos) return;
    start = tab + 1;
  }
}

}  // namespace stibee_sync::diff

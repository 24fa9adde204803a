#include "stibee_sync/privacy/redaction.hpp"

#include "privacy/quotations.hpp"
#include "stibee_sync/text/ascii.hpp"
#include "stibee_sync/text/utf8.hpp"

#include <algorithm>
#include <array>

namespace stibee_sync::privacy {
namespace {

constexpr std::size_t longest_input = 8192;
constexpr std::size_t fewest_phone_digits = 7;
constexpr auto npos = std::string_view::npos;

// ---- addresses ----

// The ways in which an @ is written; JSON, HTML and URLs have their own.
constexpr std::array<std::string_view, 8> at_signs{"@",     "%40",    "\xEF\xBC\xA0", "\xEF\xB9\xAB",
                                                   "&#64;", "&#x40;", "&#X40;",       "\\u0040"};

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
  return !text::is_ascii(byte) || text::is_letter_or_digit(byte) ||
         std::string_view("!#$%&'*+-/=?^_`{|}~.").find(byte) != npos;
}

bool is_domain(char byte) {
  return !text::is_ascii(byte) || text::is_letter_or_digit(byte) ||
         std::string_view("-._@%").find(byte) != npos;
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

// All of a word that holds an address goes: what stands beside it is about the same person.
std::string without_address_words(std::string_view text, std::string_view instead) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of(" \n"), text.size());
    const auto word = text.substr(0, end);
    out += holds_at_sign(word) ? instead : word;
    if (end < text.size()) out += text[end];
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// ---- numbers ----

std::size_t digit_at(std::string_view text, std::size_t at) {
  if (at >= text.size()) return 0;
  if (text::is_digit(text[at])) return 1;
  const auto wide = text.substr(at, 3);
  return wide.size() == 3 && wide >= "\xEF\xBC\x90" && wide <= "\xEF\xBC\x99" ? 3 : 0;
}

std::size_t separator_at(std::string_view text, std::size_t at) {
  if (at >= text.size()) return 0;
  if (std::string_view(" -.()/+\n").find(text[at]) != npos) return 1;
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
    } else if (!text::is_digit(byte) || ++run > 3) {
      return false;
    }
  }
  return dots == 3 && run > 0;
}

std::string without_long_numbers(std::string_view text, const Wording& wording) {
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
      while (const auto length = separator_at(text, at))
        at += length;
    }
    const auto run = text.substr(i, end - i);
    if (digits >= fewest_phone_digits && !(wording.ipv4_stays && is_ipv4(run))) {
      out += wording.number;
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
    const auto character = text::first_character(text.substr(i));
    if (!character) {
      out += text::replacement_character;
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

}  // namespace

Wording words_about_statement(std::span<const std::string_view> known, std::size_t most_bytes) {
  return {.address = text::ellipsis,
          .number = text::ellipsis,
          .value = text::ellipsis,
          .quotes_around_value = false,
          .quotations = Wording::Quotations::IfKnown,
          .known = known,
          .most_bytes = most_bytes};
}

bool holds_at_sign(std::string_view text) {
  return first_at_sign(text, 0).at != npos;
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

std::string sanitise(std::string_view text, const Wording& wording) {
  if (text.size() > longest_input) {
    // Half an address would not look like one.
    text = text.substr(0, longest_input);
    const auto last_space = text.find_last_of(" \n");
    text = text.substr(0, last_space == npos ? 0 : last_space);
  }
  std::string shown = visible(text);
  if (wording.quotations != Wording::Quotations::Stay) shown = without_values(shown, wording);
  shown = without_long_numbers(without_address_words(shown, wording.address), wording);
  shown = text::single_spaced(shown);
  return wording.ellipsis ? text::cut_with_ellipsis(shown, wording.most_bytes)
                          : std::string(text::cut(shown, wording.most_bytes));
}

}  // namespace stibee_sync::privacy

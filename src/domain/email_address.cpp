#include "stibee_sync/domain/email_address.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <unictype.h>

#include <idn2.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

namespace stibee_sync::domain {
namespace {

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

constexpr bool is_ascii(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}
constexpr bool is_ascii_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
constexpr bool is_ascii_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}
constexpr char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

const std::uint8_t* units(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

// What cannot be seen or typed: white space, controls, and whatever renders as nothing (zero-width, bidi and
// soft-hyphen marks, Hangul fillers). Two addresses that look alike would otherwise be two people.
bool is_invisible(ucs4_t c) {
  return uc_is_property_white_space(c) || uc_is_property_default_ignorable_code_point(c) ||
         uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Cc | UC_CATEGORY_MASK_Cf | UC_CATEGORY_MASK_Z);
}

std::string_view trim_ascii(std::string_view text) {
  while (!text.empty() && is_ascii_space(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_ascii_space(text.back()))
    text.remove_suffix(1);
  return text;
}

// `text` is valid UTF-8.
std::string_view trim_unicode(std::string_view text) {
  ucs4_t c = 0;
  while (!text.empty()) {
    const int length = u8_mbtouc(&c, units(text), text.size());
    if (!uc_is_property_white_space(c)) break;
    text.remove_prefix(static_cast<std::size_t>(length));
  }
  while (!text.empty()) {
    const std::uint8_t* last = u8_prev(&c, units(text) + text.size(), units(text));
    if (last == nullptr || !uc_is_property_white_space(c)) break;
    text = text.substr(0, static_cast<std::size_t>(last - units(text)));
  }
  return text;
}

bool has_invisible(std::string_view text) {
  const std::uint8_t* at = units(text);
  const std::uint8_t* const end = at + text.size();
  while (at < end) {
    ucs4_t c = 0;
    at += u8_mbtouc(&c, at, static_cast<std::size_t>(end - at));
    if (is_invisible(c)) return true;
  }
  return false;
}

// NFC and lower case, by no locale's rules.
std::string folded(std::string_view text) {
  std::size_t length = 0;
  const std::unique_ptr<std::uint8_t, Free> lower(
      u8_tolower(units(text), text.size(), nullptr, UNINORM_NFC, nullptr, &length));
  if (!lower) throw std::bad_alloc();
  return std::string(reinterpret_cast<const char*>(lower.get()), length);
}

// The A-label form, or "" if `domain` cannot have one. The result is checked here: the mapping of UTS 46
// turns a full-width `@` or a spacing accent into ASCII that must not be in a domain, and libidn2's STD3 flag
// silently drops such characters, which would make it somebody else's domain.
std::string idna(const std::string& domain) {
  char* out = nullptr;
  const int rc = idn2_to_ascii_8z(domain.c_str(), &out, IDN2_NONTRANSITIONAL);
  if (rc == IDN2_MALLOC) throw std::bad_alloc();
  if (rc != IDN2_OK) return {};
  std::string text(out);
  idn2_free(out);
  std::transform(text.begin(), text.end(), text.begin(), ascii_lower);
  const bool sound =
      !text.starts_with('.') && !text.ends_with('.') && text.find("..") == std::string::npos &&
      std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
      });
  return sound ? text : std::string();
}

// Where the local part ends: at the first `@`, or, after a quoted local part, at the one behind the quotes.
std::size_t at_sign(std::string_view text) {
  if (text.starts_with('"')) {
    for (std::size_t i = 1; i + 1 < text.size(); ++i) {
      if (text[i] == '\\') {
        ++i;
      } else if (text[i] == '"') {
        if (text[i + 1] == '@') return i + 1;
        break;
      }
    }
  }
  return text.find('@');
}

}  // namespace

Reason reason_of(AddressProblem problem) {
  switch (problem) {
    case AddressProblem::Empty:
      return Reason::EmptyAddress;
    case AddressProblem::NoAt:
      return Reason::NoAtSign;
    case AddressProblem::WhiteSpaceOrControl:
      return Reason::WhiteSpaceOrControl;
    case AddressProblem::TooLong:
      return Reason::AddressTooLong;
    case AddressProblem::InvalidUtf8:
      return Reason::InvalidUtf8;
    case AddressProblem::BadDomain:
      return Reason::BadDomain;
  }
  std::abort();
}

std::variant<EmailAddress, AddressProblem> EmailAddress::parse(std::string_view raw, std::size_t max_length) {
  const bool ascii = std::all_of(raw.begin(), raw.end(), is_ascii);
  if (!ascii && u8_check(units(raw), raw.size()) != nullptr) return AddressProblem::InvalidUtf8;

  const std::string_view trimmed = ascii ? trim_ascii(raw) : trim_unicode(raw);
  if (trimmed.empty()) return AddressProblem::Empty;
  const bool invisible = ascii ? std::any_of(trimmed.begin(), trimmed.end(),
                                             [](char c) { return is_ascii_control(c) || c == ' '; })
                               : has_invisible(trimmed);
  if (invisible) return AddressProblem::WhiteSpaceOrControl;

  std::string text;
  if (ascii) {
    text.resize(trimmed.size());
    std::transform(trimmed.begin(), trimmed.end(), text.begin(), ascii_lower);
  } else {
    text = folded(trimmed);
  }
  const std::size_t at = at_sign(text);
  if (at == std::string::npos || at == 0) return AddressProblem::NoAt;
  if (at + 1 == text.size() || text.find('@', at + 1) != std::string::npos) return AddressProblem::BadDomain;
  if (!ascii && !std::all_of(text.begin() + static_cast<std::ptrdiff_t>(at) + 1, text.end(), is_ascii)) {
    const std::string domain = idna(text.substr(at + 1));
    if (domain.empty()) return AddressProblem::BadDomain;
    text.replace(at + 1, std::string::npos, domain);
  }
  if (text.size() > max_length) return AddressProblem::TooLong;
  return EmailAddress(std::move(text));
}

}  // namespace stibee_sync::domain

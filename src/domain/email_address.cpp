#include "stibee_sync/domain/email_address.hpp"

#include "stibee_sync/text/ascii.hpp"
#include "stibee_sync/text/hex.hpp"
#include "stibee_sync/text/utf8.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <unictype.h>

#include <idn2.h>
#include <unicase.h>
#include <uninorm.h>

namespace stibee_sync::domain {
namespace {

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

// What cannot be seen or typed: white space, controls, and whatever renders as nothing (zero-width, bidi and
// soft-hyphen marks, Hangul fillers). Two addresses that look alike would otherwise be two people.
bool is_invisible(ucs4_t c) {
  return uc_is_property_white_space(c) || uc_is_property_default_ignorable_code_point(c) ||
         uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Cc | UC_CATEGORY_MASK_Cf | UC_CATEGORY_MASK_Z);
}

// What copying and pasting leaves around an address without a trace. A control character is no such thing: a
// NUL or an escape at its end says that the text is something else.
bool is_padding(ucs4_t c) {
  return uc_is_property_white_space(c) ||
         (is_invisible(c) && !uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Cc));
}

// `text` is valid UTF-8.
std::string_view trim_unicode(std::string_view text) {
  std::size_t begin = text.size();
  std::size_t end = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto [value, length] = *text::first_character(text.substr(at));
    if (!is_padding(value)) begin = std::min(begin, at);
    at += length;
    if (!is_padding(value)) end = at;
  }
  return begin < end ? text.substr(begin, end - begin) : std::string_view();
}

std::string_view trim_padding(std::string_view text) {
  const bool ascii = std::all_of(text.begin(), text.end(), text::is_ascii);
  return ascii ? text::trimmed(text) : trim_unicode(text);
}

// `text` without its parts in double quotes, the quotes included.
std::string outside_quotes(std::string_view text) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (!quoted) {
      out += text[i];
    }
  }
  return out;
}

// What `mailto:address?subject=…` links to; nothing if that is not what it is.
std::optional<std::string> linked(std::string_view text) {
  constexpr std::string_view mailto = "mailto:";
  if (!text::equal_ignoring_case(text.substr(0, mailto.size()), mailto)) return std::nullopt;
  text.remove_prefix(mailto.size());
  return text::percent_decoded(text.substr(0, text.find('?')));
}

// The address of `Name <address>`, or nothing if that is not what it is. A name that holds another address
// than the one in brackets is none: nobody can tell who was meant.
std::optional<std::string_view> in_brackets(std::string_view text) {
  if (!text.ends_with('>')) return std::nullopt;
  const auto open = text.rfind('<');
  if (open == std::string_view::npos) return std::nullopt;
  const auto address = text.substr(open + 1, text.size() - open - 2);
  const auto name = outside_quotes(text.substr(0, open));
  const auto target = linked(trim_padding(address)).value_or(std::string(address));
  const bool repeats = text::equal_ignoring_case(trim_padding(name), trim_padding(target));
  if (!repeats && name.find_first_of("<>@") != std::string::npos) return std::nullopt;
  return address;
}

// The address without what people and programs wrap around it. Each round leaves less of the text.
std::string unwrapped(std::string_view text) {
  std::string out(trim_padding(text));
  for (;;) {
    std::string inner;
    if (auto target = linked(out)) {
      inner = std::move(*target);
    } else if (const auto address = in_brackets(out)) {
      inner = *address;
    } else {
      return out;
    }
    // Percent-encoding may hide anything.
    if (!text::is_valid_utf8(inner)) return inner;
    out = trim_padding(inner);
  }
}

bool has_invisible(std::string_view text) {
  while (!text.empty()) {
    const auto [value, length] = *text::first_character(text);
    if (is_invisible(value)) return true;
    text.remove_prefix(length);
  }
  return false;
}

// NFC and lower case, by no locale's rules.
std::string folded(std::string_view text) {
  std::size_t length = 0;
  const std::unique_ptr<std::uint8_t, Free> lower(
      u8_tolower(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), nullptr, UNINORM_NFC,
                 nullptr, &length));
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
  const std::string text = text::lower_case(out);
  idn2_free(out);
  const bool sound = !text.starts_with('.') && !text.ends_with('.') && text.find("..") == std::string::npos &&
                     std::all_of(text.begin(), text.end(), [](char c) {
                       return text::is_lower(c) || text::is_digit(c) || c == '-' || c == '.' || c == '_';
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
  if (!text::is_valid_utf8(raw)) return AddressProblem::InvalidUtf8;
  const std::string given = unwrapped(raw);
  const bool ascii = std::all_of(given.begin(), given.end(), text::is_ascii);
  if (!ascii && !text::is_valid_utf8(given)) return AddressProblem::InvalidUtf8;
  if (given.empty()) return AddressProblem::Empty;
  const bool invisible =
      ascii ? std::any_of(given.begin(), given.end(), [](char c) { return text::is_control(c) || c == ' '; })
            : has_invisible(given);
  if (invisible) return AddressProblem::WhiteSpaceOrControl;

  std::string text = ascii ? text::lower_case(given) : folded(given);
  const std::size_t at = at_sign(text);
  if (at == std::string::npos || at == 0) return AddressProblem::NoAt;
  if (at + 1 == text.size() || text.find('@', at + 1) != std::string::npos) return AddressProblem::BadDomain;
  if (!ascii &&
      !std::all_of(text.begin() + static_cast<std::ptrdiff_t>(at) + 1, text.end(), text::is_ascii)) {
    const std::string domain = idna(text.substr(at + 1));
    if (domain.empty()) return AddressProblem::BadDomain;
    text.replace(at + 1, std::string::npos, domain);
  }
  if (text.size() > max_length) return AddressProblem::TooLong;
  return EmailAddress(std::move(text));
}

}  // namespace stibee_sync::domain

#include "telemetry/scrubber.hpp"

#include "stibee_sync/telemetry/redaction.hpp"

#include <algorithm>
#include <cctype>
#include <mutex>

namespace stibee_sync::telemetry {
namespace {

constexpr std::size_t shortest_secret = 4;
constexpr std::string_view white_space = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(white_space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(white_space) - first + 1);
}

// As it would stand in a URL.
std::string percent_encoded(std::string_view text, std::string_view hex_digits) {
  std::string encoded;
  for (const char byte : text) {
    const auto value = static_cast<unsigned char>(byte);
    if (std::isalnum(value) != 0 || byte == '-' || byte == '.' || byte == '_' || byte == '~') {
      encoded += byte;
    } else {
      encoded += '%';
      encoded += hex_digits[value >> 4];
      encoded += hex_digits[value & 15];
    }
  }
  return encoded;
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

}  // namespace

void Scrubber::never_print(std::string_view secret) {
  secret = trimmed(secret);
  if (secret.size() < shortest_secret) return;
  const std::lock_guard lock(mutex_);
  for (std::string form : {std::string(secret), percent_encoded(secret, "0123456789ABCDEF"),
                           percent_encoded(secret, "0123456789abcdef")}) {
    if (std::ranges::find(secrets_, form) == secrets_.end()) secrets_.push_back(std::move(form));
  }
  std::ranges::sort(secrets_, std::ranges::greater{}, &std::string::size);
}

std::string Scrubber::scrub(std::string_view text) const {
  std::string clean(text);
  {
    const std::shared_lock lock(mutex_);
    for (const std::string& secret : secrets_)
      replace_all(clean, secret, "<secret>");
  }
  return redact_addresses(clean);
}

}  // namespace stibee_sync::telemetry

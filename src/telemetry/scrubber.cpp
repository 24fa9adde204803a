#include "telemetry/scrubber.hpp"

#include "stibee_sync/privacy/redaction.hpp"
#include "stibee_sync/text/ascii.hpp"
#include "stibee_sync/text/hex.hpp"

#include <algorithm>
#include <mutex>

namespace stibee_sync::telemetry {
namespace {

constexpr std::size_t shortest_secret = 4;
void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

}  // namespace

void Scrubber::never_print(std::string_view secret) {
  secret = text::trimmed(secret);
  if (secret.size() < shortest_secret) return;
  const std::lock_guard lock(mutex_);
  for (std::string form : {std::string(secret), text::percent_encoded(secret),
                           text::percent_encoded(secret, text::HexCase::Lower)}) {
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
  return privacy::redact_addresses(clean);
}

}  // namespace stibee_sync::telemetry

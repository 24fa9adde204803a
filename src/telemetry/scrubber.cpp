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
  remember(privacy::Secret(secret));
  for (const auto hex_case : {text::HexCase::Upper, text::HexCase::Lower}) {
    std::string in_url = text::percent_encoded(secret, hex_case);
    remember(privacy::Secret(in_url));
    privacy::wipe(in_url);
  }
}

void Scrubber::remember(privacy::Secret form) {
  const std::lock_guard lock(mutex_);
  if (std::ranges::find(secrets_, form) != secrets_.end()) return;
  secrets_.push_back(std::move(form));
  const auto size = [](const privacy::Secret& each) { return each.reveal().size(); };
  std::ranges::sort(secrets_, std::ranges::greater{}, size);
}

std::string Scrubber::scrub(std::string_view text) const {
  std::string clean(text);
  {
    const std::shared_lock lock(mutex_);
    for (const auto& secret : secrets_)
      replace_all(clean, secret.reveal(), "<secret>");
  }
  return privacy::redact_addresses(clean);
}

}  // namespace stibee_sync::telemetry

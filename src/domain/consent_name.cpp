#include "stibee_sync/domain/consent_name.hpp"

#include "stibee_sync/text/ascii.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace stibee_sync::domain {
namespace {

// Looked for in the name without case and without what separates its words.
constexpr std::array<std::string_view, 30> refusals{
    "optout",      "optedout", "unsub",    "nomail",   "noemail", "donotmail", "donotemail", "dnd",
    "nomarketing", "refuse",   "rejectad", "disagree", "declin",  "denied",    "deny",       "withdraw",
    "거부",        "해지",     "철회",     "미동의",   "비동의",  "부동의",    "동의안함",   "동의하지",
    "거절",        "취소",     "중단",     "차단",     "미수신",  "수신안함"};
constexpr std::array<std::string_view, 27> consents{
    "optin",      "optedin",     "subscri", "newsletter", "marketing", "consent",    "agree",
    "permission", "mailing",     "emailok", "mailok",     "adok",      "okmail",     "okemail",
    "acceptsad",  "acceptsmail", "promo",   "receive",    "allowmail", "allowemail", "emailallow",
    "mailallow",  "sendmail",    "수신",    "동의",       "마케팅",    "구독"};

std::string squeezed(std::string_view column) {
  auto name = text::lower_case(column);
  name.erase(
      std::remove_if(name.begin(), name.end(), [](char c) { return c == '_' || c == '-' || c == ' '; }),
      name.end());
  return name;
}

}  // namespace

ConsentName consent_named(std::string_view column) {
  const auto name = squeezed(column);
  const auto is_in_it = [&](std::string_view word) { return name.find(word) != std::string::npos; };
  if (std::any_of(refusals.begin(), refusals.end(), is_in_it)) return ConsentName::No;
  return std::any_of(consents.begin(), consents.end(), is_in_it) ? ConsentName::Yes : ConsentName::Other;
}

}  // namespace stibee_sync::domain

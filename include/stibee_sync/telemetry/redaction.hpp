#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace stibee_sync::telemetry {

/// Pure functions that take personal data out of text written by others. Any thread.

inline constexpr std::size_t sanitised_bytes = 200;  // upper bound of what sanitise() returns

/// What may be shown of a message by PostgreSQL, libpqxx or Stibee, all of which quote the data they complain
/// about. Removed: addresses (`<address>`), quoted values (`<value>`; PostgreSQL's identifiers, as in `column
/// "email"`, stay), `Key (…)=(…)`, `Failing row contains (…)`, `COPY …, line 3: "…"`, runs of seven or more
/// digits with or without the separators of phone numbers (`<number>`; IPv4 addresses stay), control and
/// invisible characters. The result is one line of valid UTF-8 of at most `sanitised_bytes` bytes. Unquoted
/// names in free text cannot be told from other words: do not pass on a message's free text for a page.
std::string sanitise(std::string_view text);

/// Replaces whatever looks like an e-mail address, also percent-encoded or with a full-width @, by
/// `<address>`.
std::string redact_addresses(std::string_view text);

/// Replaces bytes that are no UTF-8 (overlong forms, surrogates and cut sequences too) by U+FFFD.
std::string valid_utf8(std::string_view text);

}  // namespace stibee_sync::telemetry

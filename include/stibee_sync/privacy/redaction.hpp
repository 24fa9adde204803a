#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace stibee_sync::privacy {

/// Pure functions that take personal data out of text written by others. Any thread.

inline constexpr std::size_t sanitised_bytes = 200;  // the usual bound of what sanitise() returns

/// How the words of one stranger are shown: what stands for what is removed, and what may stay.
struct Wording {
  std::string_view address = "<address>";
  std::string_view number = "<number>";
  std::string_view value = "<value>";  // for what is quoted
  bool quotes_around_value = true;

  enum class Quotations {
    Stay,     // nothing quoted is about a person but addresses and numbers
    IfNames,  // PostgreSQL's identifiers stay, as in `column "email"`
    IfKnown,  // names stay that stand in one of `known`
  };
  Quotations quotations = Quotations::IfNames;
  std::span<const std::string_view> known{};

  bool ipv4_stays = true;
  std::size_t most_bytes = sanitised_bytes;
  bool ellipsis = true;  // at the end of what was cut
};

/// Stibee's messages: they quote their own words more often than people's.
inline constexpr Wording words_of_stibee{.address = "[address]",
                                         .number = "[number]",
                                         .quotations = Wording::Quotations::Stay,
                                         .ipv4_stays = false,
                                         .ellipsis = false};
/// What PostgreSQL says of a statement; quoted names stay that stand in `known`, text of the configuration.
Wording words_about_statement(std::span<const std::string_view> known, std::size_t most_bytes);

/// What may be shown of a message by PostgreSQL, libpqxx or Stibee, all of which quote the data they complain
/// about. Removed: words that hold an address, quoted values, `Key (…)=(…)`, `Failing row contains (…)`,
/// `COPY …, line 3: "…"`, runs of seven or more digits with or without the separators of phone numbers,
/// control and invisible characters. The result is one line of valid UTF-8. Unquoted names in free text
/// cannot be told from other words: do not pass on a message's free text for a page.
std::string sanitise(std::string_view text, const Wording& wording = {});

/// Replaces whatever looks like an e-mail address, also percent-encoded or with a full-width @, by
/// `<address>`, and nothing around it: for lines of our own.
std::string redact_addresses(std::string_view text);

/// Whether there is an @ in any of the ways in which it is written.
bool holds_at_sign(std::string_view text);

}  // namespace stibee_sync::privacy

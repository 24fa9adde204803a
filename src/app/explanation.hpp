#pragma once

#include "stibee_sync/delivery/dialect.hpp"
#include "stibee_sync/delivery/v2_reading.hpp"
#include "stibee_sync/json/value.hpp"
#include "stibee_sync/pipeline/call_memory.hpp"
#include "stibee_sync/pipeline/person_look.hpp"

#include <optional>
#include <string>
#include <vector>

namespace stibee_sync::app {

/// What Stibee says of one person now.
struct ThereNow {
  ThereNow() = default;
  std::string why_not;                               // it could not be asked; "": it was
  std::optional<delivery::v2::ListedPerson> listed;  // nullopt: nobody of the address is in the list
};

/// All that is known of one person in one mirror.
struct PersonFacts {
  pipeline::MirrorPlan plan;
  std::optional<domain::EmailAddress> email;  // nullopt: no row of the key that was asked for has one
  store::PersonRecord record;
  std::optional<store::KnownRow> row_of_key;  // as the last read left it, where a key was asked for
  pipeline::PersonSeen seen;
  std::optional<std::vector<pipeline::RememberedCall>> calls;  // nullopt: no daemon runs that would know
  ThereNow there;
  std::vector<std::string> waits;  // why what is to be sent is not sent at once
};

/// Anything at all is known of the person: by the table, the state, or the opt-outs on record.
bool is_known(const PersonFacts& facts);
/// What would make them known, in words.
std::string how_to_be_known(const PersonFacts& facts);

/// Who is shown how, and when.
struct Showing {
  bool reveal = false;  // addresses and values in full
  domain::UtcTime now{};
};
/// Row, rule, record, calls and the next call of one person in one mirror. Pure.
json::Value explain_report(const PersonFacts& facts, const delivery::Dialect& dialect,
                           const Showing& showing);

/// Of reports of all mirrors: what ops read.
std::string render_explanation(const json::Value& report);

}  // namespace stibee_sync::app

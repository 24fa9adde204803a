#pragma once

#include "stibee_sync/diff/resolve.hpp"
#include "stibee_sync/pipeline/mirror_plan.hpp"
#include "stibee_sync/source/source.hpp"
#include "stibee_sync/store/store.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace stibee_sync::pipeline {

/// Whom one asks for: an address, the key of a row (as text), or both.
struct PersonAsked {
  PersonAsked() = default;
  PersonAsked(std::optional<domain::EmailAddress> address, std::string row_key)
      : email(std::move(address)), key(std::move(row_key)) {}
  std::optional<domain::EmailAddress> email;
  std::string key;
};

/// A row of the table, now.
struct PresentRow {
  domain::MemberKey key;
  std::optional<domain::EmailAddress> email;  // nullopt: it has no usable one
  std::optional<domain::Member> member;       // nullopt: it is no member as it stands
  std::optional<domain::Reason> rejection;
  std::string rejected_column;
  bool subscribed = true;
  bool differs = false;  // from what the last read left, so that the next one finds it
};

/// What a read that came now would decide for the address.
struct PersonDecision {
  domain::Wanted wanted;
  domain::Confirmed confirmed;
  std::optional<domain::FieldValues> values;  // nullopt: those there are
  diff::ChangeClass change_class = diff::ChangeClass::None;
};

/// What the table has of somebody.
struct PersonSeen {
  std::vector<PresentRow> rows;  // asked for, in key order, or such as the state knows to bear the address
  std::vector<PresentRow> excluded;           // by `where`; looked for only where there are no rows
  std::optional<domain::EmailAddress> email;  // asked for, or borne by the row of the key
  std::optional<PersonDecision> decision;     // nullopt: neither the table nor the state has the person
  std::string problem;                        // why the table cannot be read, or is not believed
};

/// Reads the table for one person, as a read of all would find them: maps, stages and decides, and applies
/// nothing. The whole table goes by, since only we know which spellings mean the address. `known`: rows that
/// the state has under the address. Blocking, on the source's thread.
PersonSeen look_at_person(source::Reader& reader, const MirrorPlan& plan, store::Scan& scan,
                          const store::SourceFacts& before, const domain::StateKey& key, domain::UtcTime now,
                          const PersonAsked& asked, const std::vector<domain::MemberKey>& known);

/// Rows of the table, now.
struct RowsSeen {
  std::vector<PresentRow> rows;  // those that there are, in key order
  std::string problem;           // why the table cannot be read, or is not believed
};
RowsSeen look_at_rows(source::Reader& reader, const MirrorPlan& plan, store::Scan& scan,
                      const store::SourceFacts& before, const domain::StateKey& key, domain::UtcTime now,
                      const std::vector<domain::MemberKey>& keys);

}  // namespace stibee_sync::pipeline

#pragma once

#include "stibee_sync/diff/mapping.hpp"
#include "stibee_sync/pipeline/table_read.hpp"

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::pipeline {

/// Ends a read from inside its sinks.
struct ReadRefused {
  std::string message;
  source::SourceError::Kind kind = source::SourceError::Kind::NotAsMapped;
};

/// What a read of the whole table and a drain of its change feed have in common: rows are mapped and staged,
/// and each address that they touch is decided. On the source's thread.
class Staging {
 public:
  /// All but `watcher` outlive it.
  Staging(const MirrorPlan& plan, store::Scan& scan, const store::SourceFacts& before,
          const domain::StateKey& key, domain::UtcTime now, DecisionWatcher watcher);

  /// As earlier reads left it: the guard holds resubscribes since then.
  void resubscribes_wait_since(std::optional<domain::UtcTime> since) { resubscribes_wait_since_ = since; }
  /// Before the first row. Throws ReadRefused for a server that has not seen what was read before.
  void learn(const source::ReadShape& shape);
  /// Of a row's line, or its beginning. Throws ReadRefused.
  domain::MemberKey key_of(std::string_view line) const;
  domain::Fingerprint fingerprint_of(std::string_view line) const { return key_.fingerprint(line); }
  /// A row that is not as the snapshot has it (`differs`), or whose values may be needed all the same.
  void stage(domain::MemberKey key, const domain::Fingerprint& fingerprint, std::string_view line,
             bool differs);
  /// A row that the snapshot has is not there any more.
  void stage_gone(const domain::MemberKey& key);
  /// Decides for every address that was touched.
  void decide();

  const diff::Mapping& mapping() const { return mapping_; }
  ReadFinding& finding() { return finding_; }
  /// Of all addresses, one is borne by a row whose values nobody has looked at.
  bool lacks_rows() const { return lacks_rows_; }

 private:
  void note_difference(const domain::MemberKey& key);
  diff::Resolution resolve(const store::TouchedAddress& address);

  const MirrorPlan& plan_;
  diff::Mapping mapping_;
  store::Scan& scan_;
  const store::SourceFacts& before_;
  const domain::StateKey& key_;
  domain::UtcTime now_;  // by which what the rows say is judged
  domain::UtcTime our_time_;
  std::optional<domain::UtcTime> resubscribes_wait_since_;
  DecisionWatcher watcher_;
  diff::RowFields fields_;
  std::vector<std::string> unknown_here_;
  std::set<std::string> unknown_groups_;
  domain::GroupSet groups_there_;                // that the mapping knows
  bool recovers_groups_ = false;                 // values that were ignored are looked at again
  std::vector<domain::Member> with_old_groups_;  // of the address that is resolved
  bool lacks_rows_ = false;
  ReadFinding finding_;
};

}  // namespace stibee_sync::pipeline

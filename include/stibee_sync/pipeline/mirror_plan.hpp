#pragma once

#include "stibee_sync/delivery/dialect.hpp"
#include "stibee_sync/diff/guard.hpp"
#include "stibee_sync/diff/mapping.hpp"
#include "stibee_sync/ledger/policy.hpp"
#include "stibee_sync/settings/settings.hpp"
#include "stibee_sync/source/source.hpp"
#include "stibee_sync/store/store.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace stibee_sync::pipeline {

/// Everything the loops need to know of one mirror. A value; free to copy to the blocking threads.
struct MirrorPlan {
  std::string name;
  std::int64_t list_id = 0;
  store::MirrorId id;  // set once the store has been asked
  source::ReadPlan read;
  diff::Mapping mapping;     // types and key kind are known only when a read begins
  std::string mapping_text;  // changes when a row could map to something else
  diff::GuardLimits guard;
  ledger::Policy policy;
  std::string placing;  // changes when the policy, or the program, could place somebody elsewhere
  domain::Duration poll_interval{};
  bool changefeed = false;                // changes are told by a feed, and the table is read as a whole
  domain::Duration full_scan_interval{};  // once in this time
  bool condition_moves = false;           // which rows meet `where` may change though none of them does
  bool create_missing_groups = false;     // `mapping.group_ids` grows as groups are found and made
  bool groups_known = true;  // false: which groups the list has is not known (yet): nobody's groups change
  std::map<std::string, std::string> writeback;  // event → statement
  settings::Reconcile reconcile;
};

/// What the state knew of a mirror when it was opened.
struct MirrorState {
  bool paused = false;
  std::optional<domain::UtcTime> adopted;
  std::optional<domain::UtcTime> reconciled;
  bool table_read = false;  // and committed, in whichever life
  bool has_past = false;    // … or a part of it was
};
/// Blocking, on the store's thread. Throws store::StoreError.
MirrorState state_of(const store::Store& store, store::MirrorId mirror);

/// Pure. `dialect` decides the longest address and whether a resubscribe can be sent.
MirrorPlan make_mirror_plan(const settings::Mirror& mirror, const delivery::Dialect& dialect);

}  // namespace stibee_sync::pipeline

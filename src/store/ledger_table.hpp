#pragma once

#include "store/ledger_row.hpp"
#include "store/row_codec.hpp"
#include "store/sqlite.hpp"
#include "store/suppression_table.hpp"

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace stibee_sync::store {

/// How many people of a mirror are in which state. Signed, since it also serves as a difference.
struct Tally {
  std::array<std::int64_t, 7> status{};   // by to_number(RemoteStatus)
  std::array<std::int64_t, 3> pending{};  // by to_number(Lane); with those that are postponed
  std::int64_t wanted_subscribed = 0;
  std::map<std::string, std::int64_t> parked;
  std::map<std::int64_t, std::int64_t> consents;  // `consent_day` → people

  /// Of the days up to `last_day`.
  std::int64_t consents_until(std::int64_t last_day) const;
  void add(const LedgerRow& row, std::int64_t people);
  void add(const Tally& other);
};

/// The tables `subscriber` and `trace`. Keeps count, so that a summary of a million people costs nothing.
/// Everything that changes rows happens in a transaction of the caller's, who then says `committed` or
/// `rolled_back`.
class LedgerTable {
 public:
  /// `queued` is told of every row that stands in the queue after a change.
  using Queued = std::function<void(MirrorId, const std::string& email, const LedgerRow&)>;
  LedgerTable(Connection& connection, const domain::StateKey& key, Queued queued);

  std::optional<LedgerRow> find(MirrorId mirror, std::string_view email);
  bool has_rows(MirrorId mirror);
  /// `before`: the row as it is stored; null: there is none.
  void write(MirrorId mirror, const std::string& email, const LedgerRow* before, const LedgerRow& row);
  /// Erases the row, leaving a trace if Stibee knows the person.
  void erase(MirrorId mirror, const std::string& email, const LedgerRow& before, const LedgerRow& row);
  void apply(MirrorId mirror, const std::string& email, const LedgerRow* before, const LedgerRow& row,
             Fate fate);

  bool has_traces(MirrorId mirror);
  std::optional<domain::Confirmed> find_trace(MirrorId mirror, std::string_view email);
  void erase_trace(MirrorId mirror, std::string_view email);
  /// Makes it say what is confirmed now; of somebody whom Stibee does not know, there is none.
  void update_trace(MirrorId mirror, std::string_view email, const domain::Confirmed& confirmed);

  /// Calls `change` for every row of the mirror, in address order, and stores what it made of it.
  void change_all(MirrorId mirror, const std::function<Fate(const std::string& email, LedgerRow&)>& change);

  struct OptedOut {
    PersonHash person{};
    std::optional<domain::UtcTime> since;
  };
  /// Of rows and traces.
  std::vector<OptedOut> opted_out(MirrorId mirror);

  /// Counted once, then kept up to date with every change of this object's.
  const Tally& tally(MirrorId mirror);
  Tally fresh_tally(MirrorId mirror);
  /// Of `pending` and `parked` only, which have indexes of their own.
  Tally backlog_tally(MirrorId mirror);
  void committed();
  void rolled_back() { differences_.clear(); }

 private:
  void write_trace(MirrorId mirror, std::string_view email, const domain::Confirmed& trace);

  Connection& connection_;
  const domain::StateKey& key_;
  Queued queued_;
  RowBinder binder_;
  Statement find_, any_row_, insert_, update_, delete_, page_;
  Statement any_trace_, find_trace_, insert_trace_, delete_trace_;
  Statement need_values_;
  std::map<MirrorId, Tally> tallies_;
  std::map<MirrorId, Tally> differences_;
};

}  // namespace stibee_sync::store

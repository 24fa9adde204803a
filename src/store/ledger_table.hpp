#pragma once

#include "stibee_sync/ledger/person.hpp"
#include "stibee_sync/store/mirror_state.hpp"
#include "store/ledger_row.hpp"
#include "store/row_codec.hpp"
#include "store/sqlite.hpp"
#include "store/suppression_table.hpp"

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stibee_sync::store {

/// How many people of a mirror are in which state. Signed, since it also serves as a difference.
struct Tally {
  std::array<std::int64_t, std::size(all_statuses)> status{};  // by to_number(RemoteStatus)
  std::array<std::int64_t, 3> pending{};  // by to_number(Lane); with those that are postponed
  std::int64_t wanted_subscribed = 0;
  std::map<std::string, std::int64_t> parked;
  std::map<std::int64_t, std::int64_t> consents;  // `consent_day` → people

  /// Of the days up to `last_day`.
  std::int64_t consents_until(std::int64_t last_day) const;
  void add(const ledger::LedgerRow& row, std::int64_t people);
  void add(const Tally& other);
  friend bool operator==(const Tally&, const Tally&) = default;
};

/// The tables `subscriber`, `subscriber_more` and `trace`. Keeps count, so that a summary of a million people
/// costs nothing. Everything that changes rows happens in a transaction of the caller's, who then says
/// `committed` or `rolled_back`.
class LedgerTable {
 public:
  LedgerTable(Connection& connection, const domain::StateKey& key);

  std::optional<ledger::LedgerRow> find(MirrorId mirror, std::string_view email);
  /// Looks for them all at once: `find` will be asked for them soon, in this order.
  void read_ahead(MirrorId mirror, const std::vector<std::string_view>& emails);
  /// The last one that has a row, in address order; "" if none has.
  std::string last_address(MirrorId mirror);
  /// The rows of people who have one. Else: damage.
  void find_all(MirrorId mirror, std::vector<std::pair<domain::EmailAddress, ledger::LedgerRow>>& people);
  /// `before`: the row as it is stored; null: there is none. Some rows are written at once: whoever looks at
  /// the table by other ways, or commits, says `write_out` first.
  void write(MirrorId mirror, const std::string& email, const ledger::LedgerRow* before,
             const ledger::LedgerRow& row);
  void erase(MirrorId mirror, const std::string& email, const ledger::LedgerRow& before);
  void write_out();
  /// Some rows after that address, in address order.
  std::vector<std::pair<domain::EmailAddress, ledger::LedgerRow>> rows_after(MirrorId mirror,
                                                                             std::string_view email,
                                                                             std::size_t most);

  /// Whose row Stibee has under that address since; nullopt: nobody's.
  std::optional<std::string> moved_from(MirrorId mirror, std::string_view email);

  bool has_traces(MirrorId mirror);
  std::optional<domain::Confirmed> find_trace(MirrorId mirror, std::string_view email);
  void write_trace(MirrorId mirror, std::string_view email, const domain::Confirmed& trace);
  /// Whose row bore the address of a trace, and bears another one now.
  void set_trace_member(MirrorId mirror, std::string_view email, const domain::MemberKey& key);
  std::optional<domain::MemberKey> trace_member(MirrorId mirror, std::string_view email);
  void erase_trace(MirrorId mirror, std::string_view email);

  /// Traces of people whom Stibee does not know, once no echo of a call before `then` can still come.
  void erase_echo_traces(MirrorId mirror, domain::UtcTime then);

  struct OptedOut {
    PersonHash person{};
    std::optional<domain::UtcTime> since;
  };
  /// Of rows and traces.
  std::vector<OptedOut> opted_out(MirrorId mirror);

  /// Counted once, then kept up to date with every change of this object's.
  const Tally& tally(MirrorId mirror);
  /// Those that were counted, and counts that an earlier life left.
  const std::map<MirrorId, Tally>& tallies() const { return tallies_; }
  void go_on_with(std::map<MirrorId, Tally> tallies) { tallies_ = std::move(tallies); }
  Tally fresh_tally(MirrorId mirror);
  /// Of `pending` and `parked` only, which have indexes of their own.
  Tally backlog_tally(MirrorId mirror);
  void committed();
  void rolled_back();

 private:
  template <typename Emails>
  void ask(MirrorId mirror, const Emails& emails);
  bool is_ahead(MirrorId mirror, std::string_view email) const;
  /// Only whoever was taken last may be written without that.
  void forget_ahead_unless_taken(MirrorId mirror, std::string_view email);
  void forget_ahead();
  /// If the row is not in the table yet.
  void write_out(MirrorId mirror, std::string_view email);
  void forget_written();
  void write_more(MirrorId mirror, const std::string& email, const ledger::LedgerRow* before,
                  const ledger::LedgerRow& row);
  void count_parked(MirrorId mirror, Tally& tally);

  Connection& connection_;
  const domain::StateKey& key_;
  struct Ahead {
    std::string email;
    std::optional<ledger::LedgerRow> row;
  };
  std::vector<Ahead> ahead_;
  std::size_t taken_ = 0;  // of them
  MirrorId ahead_of_;
  GivenRows asked_, written_;
  std::string highest_written_;  // address; people mostly come in their order
  RowReader reader_;
  MoreBinder binder_;
  Statement find_, find_all_, last_row_, put_, delete_, put_more_, delete_more_, page_, moved_from_;
  Statement any_trace_, find_trace_, insert_trace_, delete_trace_, set_trace_member_, trace_member_;
  Statement need_values_;
  std::map<MirrorId, Tally> tallies_;
  std::map<MirrorId, Tally> differences_;
};

}  // namespace stibee_sync::store

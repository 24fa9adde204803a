#pragma once

#include "stibee_sync/ledger/person.hpp"
#include "stibee_sync/store/mirror_state.hpp"
#include "store/given_rows.hpp"
#include "store/sqlite.hpp"

#include <string>
#include <string_view>

// How a row of the ledger stands in the state file. `subscriber` has what everybody has; what few people have
// lies in `subscriber_more`, so that nobody else pays for it.
namespace stibee_sync::store {

/// The columns of `subscriber` after (mirror, email), in the order in which they are bound and read.
inline constexpr std::string_view row_columns =
    "intent, status, since, wanted_fields, wanted_ad_agreed, wanted_groups, consented_at, arrived, "
    "upsert_called, member_key, lane, shape, due, pending_since, retried, batch_limit, field_values, more";
inline constexpr int row_column_count = 18;

/// The same of `subscriber_more`.
inline constexpr std::string_view more_columns =
    "opted_in_at, left_at, silenced, renewed, confirmed_fields, confirmed_ad_agreed, confirmed_groups, "
    "maybe_groups, maybe_subscribed, owes_no, repeat_at, consent_then, moved_to, optout_called, "
    "delete_called, resubscribe_called, no_is_ours, attempts, not_before, in_doubt, error, message, parked, "
    "parked_since, parked_by_rule, lacks_values";
inline constexpr int more_column_count = 26;

/// Whether the row has anything that has its place in `subscriber_more`.
bool has_more(const ledger::LedgerRow& row);

/// Binds the columns of a row that is given, from `first` on.
void bind_row(GivenRows& given, int first, const ledger::LedgerRow& row);

/// Binds the columns of `subscriber_more` from `first` on. Keeps the texts it makes until it is used again.
class MoreBinder {
 public:
  void bind(Statement& statement, int first, const ledger::LedgerRow& row);

 private:
  // Each begins at the column `i` and moves it on.
  void bind_confirmed(Statement& statement, int& i, const ledger::LedgerRow& row);
  void bind_trouble(Statement& statement, int& i, const ledger::LedgerRow& row);

  std::string confirmed_groups_, maybe_groups_, error_, parked_;
};

/// Reads rows, and of those people who have more what they have.
class RowReader {
 public:
  explicit RowReader(Connection& connection);
  /// Where `row` stands: its columns from `first` on are `row_columns`, of the person with that address.
  ledger::LedgerRow read(const Statement& row, int first, MirrorId mirror, std::string_view email);

 private:
  void read_more(ledger::LedgerRow& row, bool with_values_there, MirrorId mirror, std::string_view email);
  Statement more_;
};

/// Reads every row that has to make sense, of all tables. Throws StoreFailure(Damaged) if one does not.
void read_everything(Connection& connection);

}  // namespace stibee_sync::store

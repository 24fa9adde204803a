#include "store/ledger_row.hpp"

#include "store/row_codec.hpp"

#include <stdexcept>

namespace stibee_sync::store {
namespace {

// What of a person's values is at Stibee. Nearly everybody needs no columns for it.
enum class Arrived { Nothing, AsWanted, OtherFields, Other };
constexpr std::int64_t as_wanted = 1;
constexpr std::int64_t other = 0;

Arrived arrived(const ledger::LedgerRow& row) {
  const auto& confirmed = row.confirmed;
  if (!confirmed.fields)
    return !confirmed.ad_agreed && confirmed.groups.empty() ? Arrived::Nothing : Arrived::Other;
  if (confirmed.ad_agreed != row.wanted.ad_agreed || confirmed.groups != row.wanted.groups)
    return Arrived::Other;
  return *confirmed.fields == row.wanted.fields ? Arrived::AsWanted : Arrived::OtherFields;
}

void bind_arrived(GivenRows& s, int index, const ledger::LedgerRow& row) {
  switch (arrived(row)) {
    case Arrived::Nothing:
      s.bind_null(index);
      return;
    case Arrived::AsWanted:
      s.bind(index, as_wanted);
      return;
    case Arrived::OtherFields:
      s.bind(index, std::span<const std::uint8_t>(row.confirmed.fields->bytes));
      return;
    case Arrived::Other:
      s.bind(index, other);
      return;
  }
}

// True: the values that are there are told by `subscriber_more`.
bool read_arrived(const Statement& s, int column, ledger::LedgerRow& row) {
  if (s.is_null(column)) return false;
  auto& confirmed = row.confirmed;
  if (s.is_integer(column)) {
    if (s.integer(column) == other) return true;
    confirmed.fields = row.wanted.fields;
  } else {
    confirmed.fields = fingerprint_at(s, column);
  }
  confirmed.ad_agreed = row.wanted.ad_agreed;
  confirmed.groups = row.wanted.groups;
  return false;
}

bool has_failed(const ledger::LedgerRow& row) {
  return row.attempts > 0 || row.not_before != domain::UtcTime{} || row.in_doubt || row.error ||
         !row.message.empty() || row.parked || row.parked_by_rule || row.lacks_values;
}

// Fresh ones wait since they were due.
bool waits_since_due(const ledger::LedgerRow& row) {
  return row.attempts == 0 && row.pending_since == row.due;
}

void bind_wanted(GivenRows& s, int& i, const domain::Wanted& wanted) {
  s.bind(i++, std::span<const std::uint8_t>(wanted.fields.bytes));
  bind_flag(s, i++, wanted.ad_agreed);
  if (!wanted.groups.empty()) s.bind(i, std::string_view(list_to_text(wanted.groups)));
  ++i;
  bind_time(s, i++, wanted.consented_at);
}

void bind_queue(GivenRows& s, int& i, const ledger::LedgerRow& row) {
  if (row.lane) {
    s.bind(i, std::int64_t{to_number(*row.lane)});
    s.bind(i + 1, std::string_view(row.shape));
    s.bind(i + 2, to_number(row.due));
    if (!waits_since_due(row)) s.bind(i + 3, to_number(row.pending_since));
  }
  i += 4;
  s.bind(i++, std::int64_t{row.attempts > 0});
  s.bind(i++, std::int64_t{row.batch_limit});
}

}  // namespace

bool has_more(const ledger::LedgerRow& row) {
  const auto& wanted = row.wanted;
  const auto& confirmed = row.confirmed;
  const auto& called = confirmed.called;
  return arrived(row) == Arrived::Other || has_failed(row) || wanted.opted_in_at || wanted.left_at ||
         wanted.silenced || wanted.renewed || !confirmed.maybe_groups.empty() || confirmed.maybe_subscribed ||
         confirmed.owes_no || confirmed.repeat_at || confirmed.consent_then || !confirmed.moved_to.empty() ||
         called.optout || called.deletion || called.resubscribe || row.no_is_ours;
}

// ---- writing ---------------------------------------------------------------------------------------------

void bind_row(GivenRows& s, int first, const ledger::LedgerRow& row) {
  int i = first;
  s.bind(i++, std::int64_t{to_number(row.wanted.intent)});
  s.bind(i++, std::int64_t{to_number(row.confirmed.status)});
  bind_time(s, i++, row.confirmed.since);
  bind_wanted(s, i, row.wanted);
  bind_arrived(s, i++, row);
  bind_time(s, i++, row.confirmed.called.upsert);
  if (row.key) bind_key(s, i, *row.key);
  ++i;
  bind_queue(s, i, row);
  if (row.values) s.bind(i, std::string_view(domain::to_text(*row.values)));
  ++i;
  s.bind(i++, std::int64_t{has_more(row)});
}

void MoreBinder::bind(Statement& s, int first, const ledger::LedgerRow& row) {
  int i = first;
  bind_time(s, i++, row.wanted.opted_in_at);
  bind_time(s, i++, row.wanted.left_at);
  s.bind(i++, std::int64_t{row.wanted.silenced});
  bind_time(s, i++, row.wanted.renewed);
  bind_confirmed(s, i, row);
  bind_trouble(s, i, row);
}

void MoreBinder::bind_confirmed(Statement& s, int& i, const ledger::LedgerRow& row) {
  const auto& confirmed = row.confirmed;
  const bool here = arrived(row) == Arrived::Other;
  if (here && confirmed.fields) {
    s.bind(i++, std::span<const std::uint8_t>(confirmed.fields->bytes));
  } else {
    s.bind_null(i++);
  }
  bind_flag(s, i++, here ? confirmed.ad_agreed : std::nullopt);
  confirmed_groups_ = here ? list_to_text(confirmed.groups) : std::string();
  bind_text(s, i++, confirmed_groups_);
  maybe_groups_ = list_to_text(confirmed.maybe_groups);
  bind_text(s, i++, maybe_groups_);
  s.bind(i++, std::int64_t{confirmed.maybe_subscribed});
  s.bind(i++, std::int64_t{confirmed.owes_no});
  bind_time(s, i++, confirmed.repeat_at);
  bind_time(s, i++, confirmed.consent_then);
  bind_text(s, i++, confirmed.moved_to);
  bind_time(s, i++, confirmed.called.optout);
  bind_time(s, i++, confirmed.called.deletion);
  bind_time(s, i++, confirmed.called.resubscribe);
  s.bind(i++, std::int64_t{row.no_is_ours});
}

void MoreBinder::bind_trouble(Statement& s, int& i, const ledger::LedgerRow& row) {
  s.bind(i++, std::int64_t{row.attempts});
  if (row.not_before == domain::UtcTime{}) {
    s.bind_null(i++);
  } else {
    s.bind(i++, to_number(row.not_before));
  }
  s.bind(i++, std::int64_t{row.in_doubt});
  error_ = name(row.error);
  bind_text(s, i++, error_);
  bind_text(s, i++, row.message);
  parked_ = name(row.parked);
  bind_text(s, i++, parked_);
  if (!row.parked) {
    s.bind_null(i++);
  } else {
    s.bind(i++, to_number(row.parked_since));
  }
  s.bind(i++, std::int64_t{row.parked_by_rule});
  s.bind(i++, std::int64_t{row.lacks_values});
}

// ---- reading ---------------------------------------------------------------------------------------------

RowReader::RowReader(Connection& connection)
    : more_(connection,
            "SELECT " + std::string(more_columns) + " FROM subscriber_more WHERE mirror = ? AND email = ?") {}

ledger::LedgerRow RowReader::read(const Statement& s, int first, MirrorId mirror, std::string_view email) {
  int i = first;
  ledger::LedgerRow row;
  row.wanted.intent = intent_at(s, i++);
  row.confirmed.status = status_at(s, i++);
  row.confirmed.since = time_at(s, i++);
  row.wanted.fields = fingerprint_at(s, i++);
  row.wanted.ad_agreed = flag_at(s, i++);
  row.wanted.groups = list_at(s, i++);
  row.wanted.consented_at = time_at(s, i++);
  const bool other_values_there = read_arrived(s, i++, row);
  row.confirmed.called.upsert = time_at(s, i++);
  if (!s.is_null(i)) row.key = key_at(s, i);
  ++i;
  if (!s.is_null(i)) {
    row.lane = lane_at(s, i);
    row.shape = s.text(i + 1);
    row.due = time_from(s.integer(i + 2));
    row.pending_since = s.is_null(i + 3) ? row.due : time_from(s.integer(i + 3));
  }
  i += 5;  // `retried` follows from the attempts
  row.batch_limit = static_cast<std::uint32_t>(s.integer(i++));
  if (!s.is_null(i)) {
    try {
      row.values = domain::fields_from_text(s.text(i));
    } catch (const std::invalid_argument&) {
      s.damaged();
    }
  }
  ++i;
  if (s.integer(i) != 0) {
    read_more(row, other_values_there, mirror, email);
  } else if (other_values_there) {
    s.damaged();
  }
  return row;
}

void RowReader::read_more(ledger::LedgerRow& row, bool with_values_there, MirrorId mirror,
                          std::string_view email) {
  auto& s = more_;
  s.bind(1, mirror.number).bind(2, email);
  const StatementUse use(s);
  if (!s.step()) s.damaged();
  int i = 0;
  row.wanted.opted_in_at = time_at(s, i++);
  row.wanted.left_at = time_at(s, i++);
  row.wanted.silenced = s.integer(i++) != 0;
  row.wanted.renewed = time_at(s, i++);
  auto& confirmed = row.confirmed;
  if (with_values_there) {
    if (!s.is_null(i)) confirmed.fields = fingerprint_at(s, i);
    confirmed.ad_agreed = flag_at(s, i + 1);
    confirmed.groups = list_at(s, i + 2);
  }
  i += 3;
  confirmed.maybe_groups = list_at(s, i++);
  confirmed.maybe_subscribed = s.integer(i++) != 0;
  confirmed.owes_no = s.integer(i++) != 0;
  confirmed.repeat_at = time_at(s, i++);
  confirmed.consent_then = time_at(s, i++);
  confirmed.moved_to = s.text(i++);
  confirmed.called.optout = time_at(s, i++);
  confirmed.called.deletion = time_at(s, i++);
  confirmed.called.resubscribe = time_at(s, i++);
  row.no_is_ours = s.integer(i++) != 0;
  row.attempts = static_cast<int>(s.integer(i++));
  row.not_before = time_from(s.integer(i++));
  row.in_doubt = s.integer(i++) != 0;
  row.error = reason_at(s, i++);
  row.message = s.text(i++);
  row.parked = reason_at(s, i++);
  row.parked_since = time_from(s.integer(i++));
  row.parked_by_rule = s.integer(i++) != 0;
  row.lacks_values = s.integer(i++) != 0;
}

void read_everything(Connection& connection) {
  RowReader reader(connection);
  Statement rows(connection, "SELECT mirror, email, " + std::string(row_columns) + " FROM subscriber");
  while (rows.step())
    reader.read(rows, 2, MirrorId{rows.integer(0)}, rows.text(1));
  Statement members(connection, "SELECT fingerprint, key FROM member");
  while (members.step()) {
    fingerprint_at(members, 0);
    key_at(members, 1);
  }
  Statement traces(connection, "SELECT status FROM trace");
  while (traces.step())
    status_at(traces, 0);
}

}  // namespace stibee_sync::store

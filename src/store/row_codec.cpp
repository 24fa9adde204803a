#include "store/row_codec.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <stdexcept>

namespace stibee_sync::store {
namespace {

using domain::Intent;
using domain::Lane;
using domain::RemoteStatus;

std::optional<bool> flag_at(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return row.integer(column) != 0;
}

void bind_flag(Statement& statement, int index, const std::optional<bool>& flag) {
  if (flag) {
    statement.bind(index, std::int64_t{*flag});
  } else {
    statement.bind_null(index);
  }
}

void bind_text(Statement& statement, int index, std::string_view text) {
  if (text.empty()) {
    statement.bind_null(index);
  } else {
    statement.bind(index, text);
  }
}

}  // namespace

int to_number(Intent intent) {
  switch (intent) {
    case Intent::Subscribed:
      return 0;
    case Intent::Unsubscribed:
      return 1;
    case Intent::Absent:
      return 2;
  }
  std::abort();
}

int to_number(RemoteStatus status) {
  switch (status) {
    case RemoteStatus::Unknown:
      return 0;
    case RemoteStatus::Subscribed:
      return 1;
    case RemoteStatus::Unsubscribed:
      return 2;
    case RemoteStatus::OptedOut:
      return 3;
    case RemoteStatus::AutoDeleted:
      return 4;
    case RemoteStatus::Purged:
      return 5;
    case RemoteStatus::Ready:
      return 6;
    case RemoteStatus::Moved:
      return 7;
  }
  std::abort();
}

int to_number(Lane lane) {
  switch (lane) {
    case Lane::Optout:
      return 0;
    case Lane::Delete:
      return 1;
    case Lane::Upsert:
      return 2;
  }
  std::abort();
}

Intent intent_at(const Statement& row, int column) {
  const auto number = row.integer(column);
  for (const auto intent : {Intent::Subscribed, Intent::Unsubscribed, Intent::Absent}) {
    if (to_number(intent) == number) return intent;
  }
  row.damaged();
}

RemoteStatus status_at(const Statement& row, int column) {
  const auto number = row.integer(column);
  for (const auto status : all_statuses) {
    if (to_number(status) == number) return status;
  }
  row.damaged();
}

Lane lane_at(const Statement& row, int column) {
  const auto number = row.integer(column);
  for (const auto lane : domain::all_lanes) {
    if (to_number(lane) == number) return lane;
  }
  row.damaged();
}

std::int64_t to_number(domain::UtcTime time) {
  return time.time_since_epoch().count();
}

domain::UtcTime time_from(std::int64_t milliseconds) {
  return domain::UtcTime(std::chrono::milliseconds(milliseconds));
}

std::optional<domain::UtcTime> time_at(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return time_from(row.integer(column));
}

domain::Fingerprint fingerprint_at(const Statement& row, int column) {
  domain::Fingerprint fingerprint;
  const auto bytes = row.blob(column);
  if (bytes.size() != fingerprint.bytes.size()) row.damaged();
  std::copy(bytes.begin(), bytes.end(), fingerprint.bytes.begin());
  return fingerprint;
}

domain::MemberKey key_at(const Statement& row, int column) {
  if (row.is_integer(column)) return domain::MemberKey(row.integer(column));
  return domain::MemberKey(std::string(row.text(column)));
}

void bind_key(Statement& statement, int index, const domain::MemberKey& key) {
  if (key.is_integer()) {
    statement.bind(index, key.integer());
  } else {
    statement.bind(index, std::string_view(key.text()));
  }
}

void bind_time(Statement& statement, int index, const std::optional<domain::UtcTime>& time) {
  if (time) {
    statement.bind(index, to_number(*time));
  } else {
    statement.bind_null(index);
  }
}

std::optional<domain::Reason> reason_at(const Statement& row, int column) {
  const auto text = row.text(column);
  if (text.empty()) return std::nullopt;
  return domain::reason_from(text).value_or(domain::Reason::Refused);
}

std::string list_to_text(const std::vector<std::int64_t>& numbers) {
  std::string text;
  for (const auto number : numbers) {
    if (!text.empty()) text += ',';
    text += std::to_string(number);
  }
  return text;
}

std::vector<std::int64_t> list_at(const Statement& row, int column) {
  const auto text = row.text(column);
  std::vector<std::int64_t> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    std::int64_t number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc() || (next < end && *next != ',')) row.damaged();
    numbers.push_back(number);
    at = next + 1;
  }
  return numbers;
}

void bind_calls(Statement& statement, int& i, const domain::CallTimes& called) {
  for (const auto& time : {called.optout, called.deletion, called.upsert, called.resubscribe})
    bind_time(statement, i++, time);
}

domain::CallTimes calls_at(const Statement& row, int& i) {
  domain::CallTimes called;
  for (auto* time : {&called.optout, &called.deletion, &called.upsert, &called.resubscribe})
    *time = time_at(row, i++);
  return called;
}

const std::string_view row_columns =
    "intent, wanted_fields, wanted_ad_agreed, wanted_groups, consented_at, opted_in_at, left_at, "
    "status, since, confirmed_fields, confirmed_ad_agreed, confirmed_groups, maybe_groups, maybe_subscribed, "
    "field_values, member_key, lane, shape, due, pending_since, retried, attempts, not_before, batch_limit, "
    "in_doubt, error, message, parked, parked_since, parked_by_rule, lacks_values, "
    "silenced, renewed, owes_no, repeat_at, consent_then, moved_to, optout_called, delete_called, "
    "upsert_called, resubscribe_called, no_is_ours";

void RowBinder::bind(Statement& s, int first, const ledger::LedgerRow& row) {
  int i = first;
  bind_wanted(s, i, row.wanted);
  bind_confirmed(s, i, row.confirmed);
  if (row.values) {
    values_ = domain::to_text(*row.values);
    s.bind(i++, std::string_view(values_));
  } else {
    s.bind_null(i++);
  }
  if (row.key) {
    bind_key(s, i++, *row.key);
  } else {
    s.bind_null(i++);
  }
  bind_queue(s, i, row);
  bind_consent(s, i, row);
}

void RowBinder::bind_consent(Statement& s, int& i, const ledger::LedgerRow& row) {
  const auto& confirmed = row.confirmed;
  s.bind(i++, std::int64_t{row.wanted.silenced});
  bind_time(s, i++, row.wanted.renewed);
  s.bind(i++, std::int64_t{confirmed.owes_no});
  bind_time(s, i++, confirmed.repeat_at);
  bind_time(s, i++, confirmed.consent_then);
  bind_text(s, i++, confirmed.moved_to);
  bind_calls(s, i, confirmed.called);
  s.bind(i++, std::int64_t{row.no_is_ours});
}

void RowBinder::bind_wanted(Statement& s, int& i, const domain::Wanted& wanted) {
  s.bind(i++, std::int64_t{to_number(wanted.intent)});
  s.bind(i++, std::span<const std::uint8_t>(wanted.fields.bytes));
  bind_flag(s, i++, wanted.ad_agreed);
  wanted_groups_ = list_to_text(wanted.groups);
  bind_text(s, i++, wanted_groups_);
  bind_time(s, i++, wanted.consented_at);
  bind_time(s, i++, wanted.opted_in_at);
  bind_time(s, i++, wanted.left_at);
}

void RowBinder::bind_confirmed(Statement& s, int& i, const domain::Confirmed& confirmed) {
  s.bind(i++, std::int64_t{to_number(confirmed.status)});
  bind_time(s, i++, confirmed.since);
  if (confirmed.fields) {
    s.bind(i++, std::span<const std::uint8_t>(confirmed.fields->bytes));
  } else {
    s.bind_null(i++);
  }
  bind_flag(s, i++, confirmed.ad_agreed);
  confirmed_groups_ = list_to_text(confirmed.groups);
  bind_text(s, i++, confirmed_groups_);
  maybe_groups_ = list_to_text(confirmed.maybe_groups);
  bind_text(s, i++, maybe_groups_);
  s.bind(i++, std::int64_t{confirmed.maybe_subscribed});
}

void RowBinder::bind_queue(Statement& s, int& i, const ledger::LedgerRow& row) {
  if (row.lane) {
    s.bind(i++, to_number(*row.lane));
    s.bind(i++, std::string_view(row.shape));
    s.bind(i++, to_number(row.due));
    s.bind(i++, to_number(row.pending_since));
  } else {
    for (int n = 0; n < 4; ++n)
      s.bind_null(i++);
  }
  s.bind(i++, std::int64_t{row.attempts > 0});
  s.bind(i++, std::int64_t{row.attempts});
  if (row.not_before == domain::UtcTime{}) {
    s.bind_null(i++);
  } else {
    s.bind(i++, to_number(row.not_before));
  }
  s.bind(i++, std::int64_t{row.batch_limit});
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

ledger::LedgerRow read_row(const Statement& s, int first) {
  int i = first;
  ledger::LedgerRow row;
  auto& wanted = row.wanted;
  wanted.intent = intent_at(s, i++);
  wanted.fields = fingerprint_at(s, i++);
  wanted.ad_agreed = flag_at(s, i++);
  wanted.groups = list_at(s, i++);
  wanted.consented_at = time_at(s, i++);
  wanted.opted_in_at = time_at(s, i++);
  wanted.left_at = time_at(s, i++);

  auto& confirmed = row.confirmed;
  confirmed.status = status_at(s, i++);
  confirmed.since = time_at(s, i++);
  if (!s.is_null(i)) confirmed.fields = fingerprint_at(s, i);
  ++i;
  confirmed.ad_agreed = flag_at(s, i++);
  confirmed.groups = list_at(s, i++);
  confirmed.maybe_groups = list_at(s, i++);
  confirmed.maybe_subscribed = s.integer(i++) != 0;

  if (!s.is_null(i)) {
    try {
      row.values = domain::fields_from_text(s.text(i));
    } catch (const std::invalid_argument&) {
      s.damaged();
    }
  }
  ++i;
  if (!s.is_null(i)) row.key = key_at(s, i);
  ++i;

  if (!s.is_null(i)) {
    row.lane = lane_at(s, i);
    row.shape = s.text(i + 1);
    row.due = time_from(s.integer(i + 2));
    row.pending_since = time_from(s.integer(i + 3));
  }
  i += 5;  // `retried` follows from the attempts
  row.attempts = static_cast<int>(s.integer(i++));
  row.not_before = time_from(s.integer(i++));
  row.batch_limit = static_cast<std::uint32_t>(s.integer(i++));
  row.in_doubt = s.integer(i++) != 0;
  row.error = reason_at(s, i++);
  row.message = s.text(i++);
  row.parked = reason_at(s, i++);
  row.parked_since = time_from(s.integer(i++));
  row.parked_by_rule = s.integer(i++) != 0;
  row.lacks_values = s.integer(i++) != 0;
  wanted.silenced = s.integer(i++) != 0;
  wanted.renewed = time_at(s, i++);
  confirmed.owes_no = s.integer(i++) != 0;
  confirmed.repeat_at = time_at(s, i++);
  confirmed.consent_then = time_at(s, i++);
  confirmed.moved_to = s.text(i++);
  confirmed.called = calls_at(s, i);
  row.no_is_ours = s.integer(i++) != 0;
  return row;
}

domain::Confirmed trace_at(const Statement& row, int first) {
  domain::Confirmed confirmed;
  confirmed.status = status_at(row, first);
  confirmed.since = time_at(row, first + 1);
  confirmed.maybe_groups = list_at(row, first + 2);
  confirmed.maybe_subscribed = row.integer(first + 3) != 0;
  int column = first + 4;
  confirmed.called = calls_at(row, column);
  return confirmed;
}

void read_everything(Connection& connection) {
  Statement rows(connection, "SELECT " + std::string(row_columns) + " FROM subscriber");
  while (rows.step())
    read_row(rows, 0);
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

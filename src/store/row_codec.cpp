#include "store/row_codec.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace stibee_sync::store {
namespace {

using domain::Intent;
using domain::Lane;
using domain::RemoteStatus;

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

std::optional<bool> flag_at(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return row.integer(column) != 0;
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

}  // namespace stibee_sync::store

#pragma once

#include "stibee_sync/domain/ledger.hpp"
#include "store/sqlite.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// How values of the domain stand in the state file. Numbers of enumerations are part of the file's format:
// they do not follow the order in the source.
namespace stibee_sync::store {

inline constexpr domain::RemoteStatus all_statuses[] = {
    domain::RemoteStatus::Unknown,  domain::RemoteStatus::Subscribed,  domain::RemoteStatus::Unsubscribed,
    domain::RemoteStatus::OptedOut, domain::RemoteStatus::AutoDeleted, domain::RemoteStatus::Purged,
    domain::RemoteStatus::Ready,    domain::RemoteStatus::Moved};

int to_number(domain::Intent intent);
int to_number(domain::RemoteStatus status);
int to_number(domain::Lane lane);

// Values of a row that cannot be are damage: the connection says so.
domain::Intent intent_at(const Statement& row, int column);
domain::RemoteStatus status_at(const Statement& row, int column);
domain::Lane lane_at(const Statement& row, int column);

std::int64_t to_number(domain::UtcTime time);
domain::UtcTime time_from(std::int64_t milliseconds);
std::optional<domain::UtcTime> time_at(const Statement& row, int column);
domain::Fingerprint fingerprint_at(const Statement& row, int column);
domain::MemberKey key_at(const Statement& row, int column);
std::optional<bool> flag_at(const Statement& row, int column);
/// "" or NULL: none. States of the first version may have words of Stibee's that are no reason here: Refused.
std::optional<domain::Reason> reason_at(const Statement& row, int column);

/// To a statement, or to a row that is given to one.
template <typename Target>
void bind_key(Target& target, int index, const domain::MemberKey& key) {
  if (key.is_integer()) {
    target.bind(index, key.integer());
  } else {
    target.bind(index, std::string_view(key.text()));
  }
}
template <typename Target>
void bind_time(Target& target, int index, const std::optional<domain::UtcTime>& time) {
  if (time) {
    target.bind(index, to_number(*time));
  } else {
    target.bind_null(index);
  }
}
template <typename Target>
void bind_flag(Target& target, int index, const std::optional<bool>& flag) {
  if (flag) {
    target.bind(index, std::int64_t{*flag});
  } else {
    target.bind_null(index);
  }
}
/// "": NULL.
template <typename Target>
void bind_text(Target& target, int index, std::string_view text) {
  if (text.empty()) {
    target.bind_null(index);
  } else {
    target.bind(index, text);
  }
}

std::string list_to_text(const std::vector<std::int64_t>& numbers);  // "12,34"
std::vector<std::int64_t> list_at(const Statement& row, int column);

/// The columns optout_called to resubscribe_called. Each begins at the column `i` and moves it on.
void bind_calls(Statement& statement, int& i, const domain::CallTimes& called);
domain::CallTimes calls_at(const Statement& row, int& i);

/// Columns of `trace` that `trace_at` reads.
inline constexpr std::string_view trace_columns =
    "status, since, groups, maybe_subscribed, optout_called, delete_called, upsert_called, "
    "resubscribe_called";
domain::Confirmed trace_at(const Statement& row, int first);

}  // namespace stibee_sync::store

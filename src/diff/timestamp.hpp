#pragma once

#include "stibee_sync/domain/time.hpp"

#include <optional>
#include <string_view>

namespace stibee_sync::diff {

/// `timestamptz` as PostgreSQL prints it with DateStyle ISO (`2026-01-02 03:04:05.678+09`, `-03:30`,
/// `+08:27:52`) → UTC, cut to milliseconds. nullopt: infinity, BC, years beyond 9999, or anything without an
/// offset.
std::optional<domain::UtcTime> parse_timestamptz(std::string_view text);

/// The part of an ISO date, timestamp or timestamptz that Stibee takes, a view of `text`: `yyyy-MM-dd`, and
/// `yyyy-MM-dd HH:mm:ss` if `with_time`. nullopt: infinity, BC, years beyond 9999.
std::optional<std::string_view> stibee_date(std::string_view text, bool with_time);

}  // namespace stibee_sync::diff

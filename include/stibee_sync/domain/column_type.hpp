#pragma once

namespace stibee_sync::domain {

/// PostgreSQL's type families that the mapping of a column tells apart; the source finds them out.
enum class ColumnType { Boolean, Integer, Text, Uuid, Date, Timestamp, TimestampTz, TextArray, Other };

}  // namespace stibee_sync::domain

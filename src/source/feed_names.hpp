#pragma once

#include "sql_text.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// What the feed of a mirror consists of in the database, by name. (Mirrors' names are of at most 40 ASCII
/// characters, so that all of these fit into PostgreSQL's 63 bytes.)
namespace stibee_sync::source {

inline constexpr std::string_view feed_schema = "stibee_syncd";

/// `stibee_syncd."members"`
inline std::string feed_table(const std::string& mirror) {
  return std::string(feed_schema) + "." + quote_name(mirror);
}
inline std::string feed_function_name(const std::string& mirror) {
  return mirror + "_changed";
}
/// `stibee_syncd."members_changed"()`
inline std::string feed_function(const std::string& mirror) {
  return std::string(feed_schema) + "." + quote_name(feed_function_name(mirror)) + "()";
}
inline std::string feed_channel(const std::string& mirror) {
  return std::string(feed_schema) + "." + mirror;
}

/// Which an advisory lock says that a mirror's drainer is awake: this, and the oid of the feed's table.
inline constexpr std::int32_t feed_lock_class = 0x57165EED;

/// So large a feed is written to no more: about 1.2 million keys.
inline constexpr std::int64_t largest_feed = std::int64_t{64} * 1024 * 1024;

}  // namespace stibee_sync::source

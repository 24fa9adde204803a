#include "feed_rows.hpp"

#include "feed_health.hpp"
#include "feed_names.hpp"

#include <algorithm>
#include <charconv>

namespace stibee_sync::source {
namespace {

/// So that the keys of a feed which nobody has drained for long do not fill the memory of a scan.
constexpr std::size_t most_keys_of_scan = 100'000;

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// Takes the field up to the next tab off the front of a line.
std::string_view take_field(std::string_view& line) {
  const auto end = std::min(line.find('\t'), line.size());
  const auto field = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return field;
}

/// The collation of the key's column, whose index can then be used whatever collation the feed has.
std::string key_collation(Session& session, const Resolved& resolved) {
  const auto row = session.planned_rows(
      "stibee_feed_collation",
      "SELECT n.nspname, l.collname FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_collation l ON l.oid = "
      "a.attcollation JOIN pg_catalog.pg_namespace n ON n.oid = l.collnamespace WHERE a.attrelid = "
      "$1::regclass AND a.attname = $2",
      {resolved.table, resolved.key});
  return quote_name(row.at(0)[0].as<std::string>()) + "." + quote_name(row.at(0)[1].as<std::string>());
}

/// The rows are selected as a read selects them, `where` included, and joined to the keys: a key without one
/// that matches is absent. The key's column stands alone on its side, so that its index serves.
std::string changes_statement(Session& session, const Resolved& resolved, const std::string& mirror) {
  std::string source;
  std::string rows;
  for (std::size_t i = 0; i < resolved.columns.size(); ++i) {
    const auto name = "c" + std::to_string(i);
    source += (i == 0 ? "" : ", ") + resolved.columns[i] + " AS " + name;
    rows += ", s." + name;
  }
  std::string match = "s.c0 = f.key";
  if (resolved.key_order != Resolved::KeyOrder::Own) {
    // A collation may call texts equal that are not; then neither is the other's row.
    match += " COLLATE " + key_collation(session, resolved) + " AND s.c0 COLLATE \"C\" = f.key COLLATE \"C\"";
  }
  return "SELECT f.key, s.c0 IS NOT NULL" + rows + " FROM (SELECT DISTINCT key FROM " + feed_table(mirror) +
         " WHERE key IS NOT NULL) f LEFT JOIN (SELECT " + source + resolved.rows + ") s ON " + match +
         " ORDER BY " + in_key_order("f.key", resolved.key_order);
}

}  // namespace

void read_waiting(ReadTransaction& reading, const std::string& mirror, const WaitingSink& waiting) {
  reading.stream("SELECT id, key FROM " + feed_table(mirror) + " ORDER BY id", [&](std::string_view line) {
    const auto id = number(take_field(line));
    waiting(id, line == "\\N" ? std::nullopt : std::optional(line));
  });
}

FeedSeenByScan feed_seen_by_scan(ReadTransaction& reading, Session& session, const ReadPlan& plan) {
  auto health = feed_health(session, plan, plan.feed);
  FeedSeenByScan seen;
  static_cast<FeedSnapshot&>(seen) = std::move(health.snapshot);
  if (!health.readable) return seen;
  read_waiting(reading, plan.feed, [&](std::int64_t id, std::optional<std::string_view> key) {
    seen.ids.push_back(id);
    if (!key || seen.ids.size() > most_keys_of_scan) seen.everything = true;
    if (seen.everything) {
      seen.keys.clear();
    } else {
      seen.keys.emplace_back(*key);
    }
  });
  std::sort(seen.keys.begin(), seen.keys.end());
  seen.keys.erase(std::unique(seen.keys.begin(), seen.keys.end()), seen.keys.end());
  return seen;
}

bool more_keys_than(Session& session, const std::string& mirror, std::size_t most) {
  const auto found = session.rows("SELECT count(*) FROM (SELECT DISTINCT key FROM " + feed_table(mirror) +
                                  " LIMIT " + std::to_string(most + 1) + ") AS keys");
  return found.at(0)[0].as<std::size_t>() > most;
}

std::size_t read_changes(ReadTransaction& reading, Session& session, const std::string& mirror,
                         const ChangeSink& change) {
  return reading.stream(changes_statement(session, reading.resolved(), mirror), [&](std::string_view line) {
    const auto key = take_field(line);
    const bool there = take_field(line) == "t";
    deliver(change, key, there ? std::optional(line) : std::nullopt);
  });
}

std::string feed_key_type(const Resolved& resolved) {
  if (resolved.integer_key) return "bigint";
  return resolved.types[0] == domain::ColumnType::Uuid ? "uuid" : "text";
}

std::optional<std::chrono::seconds> oldest_transaction(Session& session) {
  const auto found = session.rows(
      "SELECT extract(epoch FROM clock_timestamp() - min(xact_start))::bigint FROM "
      "pg_catalog.pg_stat_activity WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()");
  if (found.at(0)[0].is_null()) return std::nullopt;
  return std::chrono::seconds(found.at(0)[0].as<long>());
}

}  // namespace stibee_sync::source

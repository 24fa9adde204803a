#include "feed_names.hpp"
#include "sql_text.hpp"
#include "stibee_sync/source/change_feed.hpp"

#include <array>

namespace stibee_sync::source {
namespace {

struct Event {
  std::string_view name;
  std::string_view happens;      // INSERT
  std::string_view transitions;  // the clause that names them
};
constexpr std::array<Event, 4> events{
    Event{"insert", "INSERT", " REFERENCING NEW TABLE AS new_rows"},
    Event{"update", "UPDATE", " REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows"},
    Event{"delete", "DELETE", " REFERENCING OLD TABLE AS old_rows"}, Event{"truncate", "TRUNCATE", ""}};

std::string trigger_name(const std::string& mirror, const Event& event) {
  return quote_name(std::string(feed_schema) + "_" + mirror + "_" + std::string(event.name));
}

/// A text that stands in a comment: one line.
std::string in_comment(std::string text) {
  for (auto& c : text) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  return text;
}

/// Writers lock parents before partitions; whoever did it the other way round would meet them in a deadlock.
std::string without_triggers(const std::string& mirror) {
  return "DO " +
         dollar_quoted(
             "\nDECLARE\n"
             "  its_table pg_catalog.regclass;\n"
             "BEGIN\n"
             "  FOR its_table IN\n"
             "    SELECT t.tgrelid FROM pg_catalog.pg_trigger t\n"
             "    WHERE t.tgfoid = pg_catalog.to_regprocedure(" +
             quote_literal(feed_function(mirror)) +
             ")\n"
             "    GROUP BY t.tgrelid\n"
             "    ORDER BY (WITH RECURSIVE up(relation) AS (\n"
             "        SELECT t.tgrelid\n"
             "        UNION ALL\n"
             "        SELECT i.inhparent FROM pg_catalog.pg_inherits i JOIN up ON i.inhrelid = up.relation)\n"
             "      SELECT pg_catalog.count(*) FROM up)\n"
             "  LOOP\n"
             "    EXECUTE pg_catalog.format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', its_table);\n"
             "  END LOOP;\n"
             "END\n") +
         ";\n"
         "-- CASCADE: takes the triggers along, on whatever tables they are.\n"
         "DROP FUNCTION IF EXISTS " +
         feed_function(mirror) +
         " CASCADE;\n"
         "DROP TABLE IF EXISTS " +
         feed_table(mirror) + ";\n";
}

std::string begin(const std::string& title) {
  return "-- stibee-syncd: " + title +
         "\n"
         "-- One transaction: all of it is done, or nothing.\n"
         "BEGIN;\n"
         "-- Names mean what they say here, whatever the runner's session is set to.\n"
         "SET LOCAL client_encoding = 'UTF8';\n"
         "SET LOCAL standard_conforming_strings = on;\n"
         "-- A lock that is not to be had at once would make the application's statements queue up behind\n"
         "-- this one, so it gives up early: run it again then.\n"
         "SET LOCAL lock_timeout = '5s';\n\n";
}

std::string schema(const FeedSite& site) {
  const auto may_not = [](const std::string& role, const std::string& privilege) {
    return "  IF NOT pg_catalog.has_schema_privilege(" + quote_literal(role) + ", '" +
           std::string(feed_schema) + "', '" + privilege + "') THEN\n    GRANT " + privilege + " ON SCHEMA " +
           std::string(feed_schema) + " TO " + quote_name(role) + ";\n  END IF;\n";
  };
  return "-- 1. A schema for all feeds. (Needs CREATE on the database where there is none yet.)\n"
         "DO " +
         dollar_quoted(
             "\nBEGIN\n"
             "  IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = '" +
             std::string(feed_schema) +
             "') THEN\n"
             "    CREATE SCHEMA " +
             std::string(feed_schema) +
             ";\n"
             "  END IF;\n" +
             may_not(site.owner, "USAGE") + may_not(site.owner, "CREATE") + may_not(site.role, "USAGE") +
             "END\n") +
         ";\n\n";
}

std::string feed(const FeedSite& site) {
  const auto table = feed_table(site.mirror);
  return "-- What follows belongs to the table's owner, whoever runs this.\n"
         "SET LOCAL ROLE " +
         quote_name(site.owner) +
         ";\n\n"
         "-- 3. The feed: the keys of changed rows until the daemon has seen them, no values. NULL: a "
         "TRUNCATE.\n"
         "-- Rows come and go all the time, so it is vacuumed by their number, not by its size.\n"
         "CREATE TABLE " +
         table +
         " (\n"
         "  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n"
         "  key " +
         site.key_type +
         "\n"
         ") WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);\n"
         "COMMENT ON TABLE " +
         table + " IS " + quote_literal("stibee-syncd: keys of changed rows of " + in_comment(site.table)) +
         ";\n"
         "-- The daemon reads it and takes out what it has read; nobody else needs anything, writers "
         "included.\n"
         "REVOKE ALL ON TABLE " +
         table +
         " FROM PUBLIC;\n"
         "GRANT SELECT, DELETE ON TABLE " +
         table + " TO " + quote_name(site.role) + ";\n\n";
}

std::string notification(const FeedSite& site) {
  if (!site.notifies) {
    return "  -- No NOTIFY: max_prepared_transactions is not 0 here, and a transaction that has notified "
           "cannot\n"
           "  -- be prepared (PREPARE TRANSACTION). The daemon looks once a second instead.\n";
  }
  const auto lock = "(" + std::to_string(feed_lock_class) + ", feed_table::oid::int4)";
  return "  -- While the daemon is at it, it holds this lock, and need not be woken: a NOTIFY makes commits "
         "queue\n"
         "  -- up one behind the other. Nobody waits here, and nothing stays locked.\n"
         "  IF FOUND AND (CASE WHEN pg_try_advisory_lock_shared" +
         lock + " THEN pg_advisory_unlock_shared" + lock +
         " ELSE false END)\n"
         "  THEN\n"
         "    PERFORM pg_notify(" +
         quote_literal(feed_channel(site.mirror)) +
         ", '');\n"
         "  END IF;\n";
}

std::string function(const FeedSite& site) {
  const auto table = feed_table(site.mirror);
  const bool text = site.key_type.starts_with("text");
  const auto key = "r." + site.key + (text ? "::text COLLATE \"C\"" : "");
  const auto keys = [&](const std::string& rows) {
    return key + " FROM " + rows + " r WHERE r." + site.key + " IS NOT NULL";
  };
  const auto insert = "    INSERT INTO " + table + " (key) ";
  return "-- 4. The function of all triggers. SECURITY DEFINER, with a pinned search_path, so that whoever "
         "writes "
         "to\n"
         "-- the table needs no right here; it adds keys to this feed and does nothing else.\n"
         "CREATE FUNCTION " +
         feed_function(site.mirror) +
         " RETURNS trigger\n"
         "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp\n"
         "AS " +
         dollar_quoted(
             "\nDECLARE\n"
             "  feed_table CONSTANT regclass := to_regclass(" +
             quote_literal(table) +
             ");\n"
             "BEGIN\n"
             "  -- Dropped, or so large that nobody seems to drain it: writers go on all the same. The "
             "daemon "
             "sees\n"
             "  -- both, and reads the whole table instead.\n"
             "  IF feed_table IS NULL OR pg_relation_size(feed_table) > " +
             std::to_string(largest_feed) +
             " THEN\n"
             "    RETURN NULL;\n"
             "  END IF;\n"
             "  IF TG_OP = 'INSERT' THEN\n" +
             insert + "SELECT DISTINCT " + keys("new_rows") +
             ";\n"
             "  ELSIF TG_OP = 'UPDATE' THEN\n" +
             insert + "SELECT " + keys("old_rows") + " UNION SELECT " + keys("new_rows") +
             ";\n"
             "  ELSIF TG_OP = 'DELETE' THEN\n" +
             insert + "SELECT DISTINCT " + keys("old_rows") +
             ";\n"
             "  ELSE\n" +
             insert +
             "VALUES (NULL);\n"
             "  END IF;\n" +
             notification(site) +
             "  RETURN NULL;\n"
             "END\n") +
         ";\n"
         "REVOKE ALL ON FUNCTION " +
         feed_function(site.mirror) + " FROM PUBLIC;\n\n";
}

std::string triggers(const FeedSite& site) {
  std::string sql =
      "-- 5. One trigger for each kind of statement. Writes that name a partition or a child do not fire "
      "those "
      "of\n"
      "-- the table, so each has its own: after adding a partition, run all of this again. ALWAYS: also in\n"
      "-- sessions with session_replication_role = replica.\n";
  for (const auto& relation : site.relations) {
    std::string always;
    for (const auto& event : events) {
      const auto name = trigger_name(site.mirror, event);
      sql += "CREATE TRIGGER " + name + " AFTER " + std::string(event.happens) + " ON " + relation +
             std::string(event.transitions) + "\n  FOR EACH STATEMENT EXECUTE PROCEDURE " +
             feed_function(site.mirror) + ";\n";
      always += (always.empty() ? "\n  " : ",\n  ") + std::string("ENABLE ALWAYS TRIGGER ") + name;
    }
    sql += "ALTER TABLE ONLY " + relation + always + ";\n";
  }
  return sql;
}

}  // namespace

std::optional<std::string> why_no_feed(const ReadPlan& plan) {
  if (plan.query.empty()) return std::nullopt;
  return "a `query` can have no change feed, for nothing tells which of its rows a write to some table "
         "changes; "
         "use `table` with `where`, or leave `detect: scan`";
}

std::string feed_sql(const FeedSite& site) {
  return begin("the change feed of the mirror " + site.mirror + " on " + in_comment(site.table)) +
         schema(site) + "-- 2. Whatever an earlier run has made: this one begins anew.\n" +
         without_triggers(site.mirror) + "\n" + feed(site) + function(site) + triggers(site) + "COMMIT;\n";
}

std::string feed_removal_sql(const std::string& mirror) {
  return begin("removes the change feed of the mirror " + mirror) + without_triggers(mirror) +
         "\n"
         "-- The schema goes with the last feed, if it is the runner's own.\n"
         "DO " +
         dollar_quoted(
             "\nBEGIN\n"
             "  DROP SCHEMA IF EXISTS " +
             std::string(feed_schema) +
             ";\n"
             "EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN\n"
             "  NULL;\n"
             "END\n") +
         ";\n"
         "COMMIT;\n";
}

}  // namespace stibee_sync::source

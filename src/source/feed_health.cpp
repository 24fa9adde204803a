#include "feed_health.hpp"

#include "failure.hpp"
#include "feed_names.hpp"
#include "relation.hpp"
#include "stibee_sync/source/change_feed.hpp"

#include <optional>
#include <utility>

namespace stibee_sync::source {
namespace {

using Kind = FeedLoss::Kind;

/// A trigger counts if it is ours, for each statement, after it (tgtype has no bit but that of its event),
/// and fires in every session. Its row in the catalog is another one (xmin) once it has been off, however
/// short.
constexpr std::string_view health_statement = R"(),
tree(oid) AS (
  SELECT oid FROM source UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent = tree.oid
),
feed AS (
  SELECT c.oid, c.relfilenode, n.oid AS schema FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $6 AND c.relname = $7 AND c.relkind = 'r'
),
its_function AS (
  SELECT p.oid, p.xmin FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname = $6 AND p.proname = $8 AND p.pronargs = 0
),
its_trigger AS (
  SELECT t.oid, t.xmin, t.tgrelid, t.tgtype, t.tgenabled FROM pg_catalog.pg_trigger t
  JOIN its_function f ON t.tgfoid = f.oid JOIN tree ON t.tgrelid = tree.oid
),
lacking AS (
  SELECT tree.oid FROM tree WHERE 4 > (
    SELECT count(DISTINCT t.tgtype) FROM its_trigger t
    WHERE t.tgrelid = tree.oid AND t.tgenabled = 'A' AND t.tgtype IN (4, 8, 16, 32))
),
part AS (
  SELECT 'r' || c.oid || ' ' || c.relfilenode FROM tree JOIN pg_catalog.pg_class c USING (oid)
  UNION ALL
  SELECT 'a' || a.attnum || ' ' || a.attname || ' ' || a.atttypid || ' ' || a.atttypmod
  FROM source JOIN pg_catalog.pg_attribute a ON a.attrelid = source.oid AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL SELECT 't' || tgrelid || ' ' || oid || ' ' || xmin FROM its_trigger
  UNION ALL SELECT 'p' || oid || ' ' || xmin FROM its_function
  UNION ALL SELECT 'f' || oid || ' ' || relfilenode FROM feed
)
SELECT pg_catalog.pg_is_in_recovery(),
  (SELECT c.relkind FROM source JOIN pg_catalog.pg_class c USING (oid)),
  (SELECT oid FROM feed),
  (SELECT has_schema_privilege(schema, 'USAGE') AND has_table_privilege(oid, 'SELECT') FROM feed),
  (SELECT has_table_privilege(oid, 'DELETE') FROM feed),
  (SELECT row_security_active(oid) FROM feed),
  (SELECT count(*) FROM its_trigger),
  (SELECT count(*) FROM lacking),
  (SELECT oid::regclass::text FROM lacking ORDER BY oid LIMIT 1),
  (SELECT pg_relation_size(oid) FROM feed),
  EXISTS (SELECT FROM pg_catalog.pg_subscription_rel s JOIN tree ON s.srrelid = tree.oid),
  EXISTS (SELECT FROM tree JOIN pg_catalog.pg_class c USING (oid) WHERE c.relkind = 'f'),
  (SELECT count(*) || ':' || sum(hashtext(p)::bigint) FROM part AS t(p)),
  txid_snapshot_xmin(txid_current_snapshot()), txid_snapshot_xmax(txid_current_snapshot()),
  (SELECT format_type(a.atttypid, NULL) FROM feed JOIN pg_catalog.pg_attribute a ON a.attrelid = feed.oid AND a.attname = 'key'),
  quote_ident(current_user))";

FeedLoss loss(Kind kind, const std::string& message) {
  return {kind, fit(message)};
}

std::string installation(const std::string& mirror) {
  return "run what `stibee-syncd changefeed sql " + mirror + "` prints as the table's owner";
}

std::optional<FeedLoss> loss_of(const pqxx::row& row, const std::string& mirror) {
  const auto feed = feed_table(mirror);
  if (row[0].as<bool>()) {
    return loss(
        Kind::Standby,
        "the server is a standby, which neither notifies nor lets anything be taken out of the change "
        "feed; name the primary in `database.url`");
  }
  if (auto why = unfit(row[1].as<std::string>().front(), row[10].as<bool>(), row[11].as<bool>());
      !why.empty())
    return loss(Kind::Unfit, why);
  if (row[2].is_null() || row[6].as<long>() == 0)
    return loss(Kind::NotInstalled,
                "there is no change feed " + feed + " with its triggers; " + installation(mirror));
  const auto role = row[16].as<std::string>();
  if (!row[3].as<bool>() || !row[4].as<bool>()) {
    return loss(Kind::Refused,
                "the role may not read the change feed, or take out what it has read; as its owner "
                "run: GRANT USAGE ON SCHEMA " +
                    std::string(feed_schema) + " TO " + role + "; GRANT SELECT, DELETE ON " + feed + " TO " +
                    role + ";");
  }
  if (row[5].as<bool>()) {
    return loss(Kind::Refused,
                "row level security hides the change feed's rows from the role; as its owner run: "
                "ALTER TABLE " +
                    feed + " DISABLE ROW LEVEL SECURITY;");
  }
  if (row[7].as<long>() > 0) {
    const auto others = row[7].as<long>() - 1;
    return loss(Kind::Incomplete, "triggers of the change feed are missing or disabled on " +
                                      row[8].as<std::string>() +
                                      (others > 0 ? " and " + std::to_string(others) + " more" : "") + "; " +
                                      installation(mirror));
  }
  if (row[9].as<std::int64_t>() > largest_feed) {
    return loss(
        Kind::Overgrown,
        "the change feed has outgrown 64 MB, and its triggers write no more; a full scan empties it, and "
        "VACUUM " +
            feed + " makes it small again if autovacuum does not");
  }
  return std::nullopt;
}

}  // namespace

std::string unfit(char relation_kind, bool replicated, bool foreign_partition) {
  if (relation_kind == 'v' || relation_kind == 'm') {
    return "a view can have no change feed, for nothing tells which of its rows a write to a table below "
           "changes; "
           "name the table itself in `table`, or leave `detect: scan`";
  }
  if (relation_kind == 'f' || foreign_partition) {
    return "a foreign table can have no change feed, for what is written at the other server fires no "
           "trigger "
           "here; read from there, or leave `detect: scan`";
  }
  if (replicated) {
    return "a table that a subscription of logical replication writes to can have no change feed, for that "
           "fires "
           "no statement's trigger; name the publishing server in `database.url`, or leave `detect: scan`";
  }
  return "";
}

void tell_server(FeedSnapshot& seen, const std::string& identity) {
  seen.fingerprint += ' ' + identity;
}

FeedHealth feed_health(Session& session, const ReadPlan& plan, const std::string& mirror) {
  FeedHealth health;
  if (auto why = why_no_feed(plan)) {
    health.snapshot.loss = loss(Kind::Unfit, *why);
    return health;
  }
  auto parameters = table_parameters(plan);
  for (const auto& more : {std::string(feed_schema), mirror, feed_function_name(mirror)})
    parameters.emplace_back(more);
  // To plan this takes ten times as long as to run it, and it is run once a second.
  const auto row = session
                       .planned_rows("stibee_feed_health",
                                     "WITH RECURSIVE source(oid, c2, c3, c4, c5, c6, c7, c8, c9) AS (" +
                                         std::string(find_table_statement) + std::string(health_statement),
                                     parameters)
                       .at(0);
  if (row[1].is_null()) resolve(session, plan);  // says why
  if (row[1].is_null())
    throw Failure(SourceError::Kind::Failed, "the table came and went while it was looked at");
  auto& snapshot = health.snapshot;
  snapshot.loss = loss_of(row, mirror);
  snapshot.fingerprint = row[12].as<std::string>();
  snapshot.oldest_running = row[13].as<std::uint64_t>();
  snapshot.next_transaction = row[14].as<std::uint64_t>();
  health.readable = !row[3].is_null() && row[3].as<bool>();
  health.key_type = row[15].is_null() ? "" : row[15].as<std::string>();
  return health;
}

}  // namespace stibee_sync::source

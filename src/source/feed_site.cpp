#include "feed_site.hpp"

#include "feed_health.hpp"
#include "feed_rows.hpp"
#include "sql_text.hpp"

namespace stibee_sync::source {
namespace {

constexpr std::string_view relations_statement = R"(
WITH RECURSIVE tree(oid, depth) AS (
  SELECT $1::regclass::oid, 0
  UNION SELECT i.inhrelid, tree.depth + 1 FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent = tree.oid
)
SELECT n.nspname, c.relname, c.relkind, pg_get_userbyid(c.relowner),
  EXISTS (SELECT FROM pg_catalog.pg_subscription_rel s WHERE s.srrelid = c.oid)
FROM (SELECT oid, max(depth) AS depth FROM tree GROUP BY oid) t
JOIN pg_catalog.pg_class c USING (oid) JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
ORDER BY t.depth, c.oid)";

}  // namespace

FeedSite feed_site(Session& session, const FeedPlan& plan, const Resolved& resolved) {
  FeedSite site;
  site.mirror = plan.mirror;
  site.table = resolved.table;
  char kind = 'r';
  bool replicated = false;
  bool foreign_partition = false;
  for (const auto& row : session.rows(std::string(relations_statement), {resolved.table})) {
    const auto its_kind = row[2].as<std::string>().front();
    if (site.relations.empty()) {
      kind = its_kind;
      site.owner = row[3].as<std::string>();
    }
    replicated = replicated || row[4].as<bool>();
    foreign_partition = foreign_partition || its_kind == 'f';
    site.relations.push_back(quote_name(row[0].as<std::string>()) + "." +
                             quote_name(row[1].as<std::string>()));
  }
  site.refusal = unfit(kind, replicated, foreign_partition);
  site.key = quote_name(resolved.key);
  site.key_type = feed_key_type(resolved);
  if (site.key_type == "text") site.key_type += " COLLATE \"C\"";
  const auto row =
      session.rows("SELECT current_user, current_setting('max_prepared_transactions')::int = 0").at(0);
  site.role = row[0].as<std::string>();
  site.notifies = row[1].as<bool>();
  return site;
}

}  // namespace stibee_sync::source

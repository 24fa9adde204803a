#include "findings.hpp"

#include "failure.hpp"
#include "sql_text.hpp"

namespace stibee_sync::source {
namespace {

// What the plan reads, and, below each view, what the view reads for its owner. `security_invoker` (from 15
// on) makes a view read for whoever asks.
constexpr std::string_view secured_statement = R"(
WITH RECURSIVE read(relation, reader) AS (
  SELECT c.oid, (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = current_user)
  FROM pg_catalog.pg_class c
  WHERE CASE WHEN $1 <> '' THEN c.oid = $1::regclass
        ELSE c.relkind IN ('r', 'p', 'v', 'm') AND $2 ~* ('\m' || regexp_replace(c.relname, '(\W)', '\\\1', 'g') || '\M')
        END
UNION
  SELECT d.refobjid, CASE WHEN 'security_invoker=true' = ANY (v.reloptions) THEN read.reader ELSE v.relowner END
  FROM read
  JOIN pg_catalog.pg_class v ON v.oid = read.relation AND v.relkind IN ('v', 'm')
  JOIN pg_catalog.pg_rewrite w ON w.ev_class = v.oid
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid
    AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> v.oid
)
SELECT DISTINCT quote_ident(n.nspname) || '.' || quote_ident(t.relname)
FROM read
JOIN pg_catalog.pg_class t ON t.oid = read.relation AND t.relrowsecurity
JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
JOIN pg_catalog.pg_roles r ON r.oid = read.reader
WHERE NOT r.rolsuper AND NOT r.rolbypassrls
  AND (t.relforcerowsecurity OR NOT pg_has_role(read.reader, t.relowner, 'USAGE'))
ORDER BY 1 LIMIT 5)";

// Whatever the transaction has read is locked until its end: below a view, in a subquery, in a partition. Who
// waited for a lock has their snapshot already, to which what was rewritten meanwhile looks empty; one that
// it does not know at all was made since. (Relations of the system have no file of their own in the
// catalogue.)
constexpr std::string_view rewritten_statement = R"(
SELECT FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation
WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.relation >= 16384
  AND (c.oid IS NULL OR c.relkind IN ('r', 'm') AND c.relfilenode IS DISTINCT FROM pg_catalog.pg_relation_filenode(c.oid))
LIMIT 1)";

constexpr std::string_view unique_statement =
    "SELECT 1 FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND "
    "a.attnum = i.indkey[0] WHERE i.indrelid = $1::regclass AND i.indisunique AND i.indisvalid AND i.indpred "
    "IS NULL AND i.indnatts = 1 AND a.attname = $2 AND a.attnotnull LIMIT 1";

constexpr std::string_view indexable_statement =
    "SELECT 1 FROM pg_catalog.pg_class WHERE oid = $1::regclass AND relkind IN ('r', 'p', 'm')";

/// An index of the table vouches for it.
bool has_unique_key(Session& session, const Resolved& resolved) {
  return !session.rows(std::string(unique_statement), {resolved.table, resolved.key}).empty();
}

}  // namespace

std::vector<std::string> row_secured(Session& session, const ReadPlan& plan, const Resolved& resolved) {
  std::vector<std::string> relations;
  for (const auto& row : session.rows(std::string(secured_statement), {resolved.table, plan.query}))
    relations.push_back(row[0].as<std::string>());
  return relations;
}

bool lacks_unique_index(Session& session, const Resolved& resolved) {
  if (resolved.table.empty() || has_unique_key(session, resolved)) return false;
  return !session.rows(std::string(indexable_statement), {resolved.table}).empty();
}

std::optional<std::string> unusable_key(Session& session, const Resolved& resolved) {
  if (!resolved.table.empty() && has_unique_key(session, resolved)) return std::nullopt;
  const auto found = session.rows("SELECT k IS NULL FROM (" + resolved.keys +
                                  ") AS keys GROUP BY k HAVING count(*) > 1 OR k IS NULL LIMIT 1");
  if (found.empty()) return std::nullopt;
  const auto column = "column " + quote_name(resolved.key);
  if (found[0][0].as<bool>()) {
    return column +
           " is NULL in some row, so it cannot be the key; map a column that is never NULL (a primary key), "
           "or leave such rows out in `where`";
  }
  return column + " has the same value in more than one row, so it cannot be the key; map a unique column";
}

void refuse_rewritten(Session& session) {
  if (session.planned_rows("stibee_rewritten", std::string(rewritten_statement)).empty()) return;
  throw Failure(
      SourceError::Kind::Unreachable,
      "a table was emptied or rewritten (TRUNCATE, ALTER TABLE) while it was read; it is read again");
}

}  // namespace stibee_sync::source

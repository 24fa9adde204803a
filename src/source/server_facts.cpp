#include "server_facts.hpp"

#include "failure.hpp"

namespace stibee_sync::source {
namespace {

constexpr long longest_lag_seconds = 300;

/// Hosted servers may withhold these functions; asking first keeps errors out of their logs.
std::string identity(Session& session, bool in_recovery) {
  // The checkpoint's timeline lags behind a promotion; the file being written does not, but only a primary
  // has one.
  const std::string timeline =
      in_recovery ? "(SELECT timeline_id::text FROM pg_catalog.pg_control_checkpoint())"
                  : "(('x' || substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, "
                    "8))::bit(32)::int)::text";
  session.run("SAVEPOINT identity");
  auto answer = session.execute("SELECT system_identifier::text || '/' || " + timeline +
                                " FROM pg_catalog.pg_control_system()");
  if (!answer.succeeded && answer.sqlstate.empty()) throw StatementFailed{std::move(answer)};
  session.run(answer.succeeded ? "RELEASE identity" : "ROLLBACK TO identity");
  return answer.succeeded ? answer.table.at(0).at(0).as(std::string()) : "";
}

}  // namespace

ServerFacts server_facts(Session& session) {
  const auto row =
      session
          .rows(
              "SELECT r.in_recovery, "
              "CASE WHEN r.in_recovery THEN "
              "coalesce(extract(epoch FROM clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp()), "
              "0)::bigint ELSE 0 END, "
              "CASE WHEN r.in_recovery THEN EXISTS (SELECT FROM pg_catalog.pg_stat_wal_receiver) AND "
              "pg_catalog.pg_last_wal_receive_lsn() = pg_catalog.pg_last_wal_replay_lsn() ELSE true END, "
              "to_regprocedure('pg_catalog.pg_control_system()') IS NOT NULL AND "
              "has_function_privilege(to_regprocedure('pg_catalog.pg_control_system()'), 'EXECUTE') AND "
              "has_function_privilege(CASE WHEN r.in_recovery THEN "
              "to_regprocedure('pg_catalog.pg_control_checkpoint()') "
              "ELSE to_regprocedure('pg_catalog.pg_walfile_name(pg_lsn)') END, 'EXECUTE') "
              "FROM (SELECT pg_catalog.pg_is_in_recovery() AS in_recovery) r")
          .at(0);
  ServerFacts facts;
  facts.in_recovery = row[0].as<bool>();
  const auto lag = row[1].as<long>();
  const bool caught_up = row[2].as<bool>();
  if (lag > longest_lag_seconds && !caught_up) {
    throw Failure(SourceError::Kind::Untrusted,
                  "the server is a standby that is " + std::to_string(lag / 60) +
                      " minutes behind; mend its replication, or name the primary in `database.url`");
  }
  if (row[3].as<bool>()) facts.identity = identity(session, facts.in_recovery);
  return facts;
}

}  // namespace stibee_sync::source

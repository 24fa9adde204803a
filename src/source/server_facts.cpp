#include "server_facts.hpp"

#include "failure.hpp"

namespace stibee_sync::source {
namespace {

constexpr long longest_lag_seconds = 300;

/// Hosted servers may withhold these functions; asking first keeps errors out of their logs.
std::string identity(Session& session, bool in_recovery, bool told_before) {
  // The checkpoint's timeline lags behind a promotion; the file being written does not, but only a primary
  // has one.
  const std::string timeline =
      in_recovery ? "(SELECT timeline_id::text FROM pg_catalog.pg_control_checkpoint())"
                  : "(('x' || substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, "
                    "8))::bit(32)::int)::text";
  const auto name = in_recovery ? "stibee_identity_of_standby" : "stibee_identity_of_primary";
  const auto statement =
      "SELECT system_identifier::text || '/' || " + timeline + " FROM pg_catalog.pg_control_system()";
  if (told_before && !session.pooled())
    return session.planned_rows(name, statement).at(0)[0].as(std::string());
  const bool within = session.in_transaction();
  if (within) session.run("SAVEPOINT identity");
  auto answer = session.planned(name, statement);
  if (!answer.succeeded && answer.sqlstate.empty()) throw StatementFailed{std::move(answer)};
  if (within) session.run(answer.succeeded ? "RELEASE identity" : "ROLLBACK TO identity");
  return answer.succeeded ? answer.table.at(0).at(0).as(std::string()) : "";
}

template <class Number>
std::optional<Number> number_at(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return field.as<Number>();
}

}  // namespace

std::int64_t without_page_header(std::int64_t position) {
  constexpr std::int64_t page = 8192;
  constexpr std::int64_t longest_header = 40;
  const auto within = position % page;
  // A record that ends so early in a page began in the one before: nobody has replayed up to in between.
  return within <= longest_header ? position - within : position;
}

WalPosition wal_position(Session& session) {
  // In a transaction it is asked only of a server that has answered before it; behind a pooler, that may have
  // been another one.
  const bool within = session.in_transaction() && session.pooled();
  if (within) session.run("SAVEPOINT wal");
  auto answer = session.planned(
      "stibee_wal_position",
      "SELECT (CASE WHEN r.in_recovery THEN pg_catalog.pg_last_wal_replay_lsn() ELSE "
      "pg_catalog.pg_current_wal_insert_lsn() END - '0/0'::pg_lsn)::bigint, "
      // Without a receiver in this life, it is the server's own log that was replayed, after a crash.
      "CASE WHEN NOT r.in_recovery AND pg_catalog.pg_last_wal_receive_lsn() IS NOT NULL THEN "
      "(pg_catalog.pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint END, r.in_recovery "
      "FROM (SELECT pg_catalog.pg_is_in_recovery() AS in_recovery) r");
  if (!answer.succeeded && answer.sqlstate.empty()) throw StatementFailed{std::move(answer)};
  if (within) session.run(answer.succeeded ? "RELEASE wal" : "ROLLBACK TO wal");
  WalPosition position;
  if (!answer.succeeded) return position;
  position.reached = number_at<std::int64_t>(answer.table.at(0).at(0));
  position.in_recovery = answer.table.at(0).at(2).as<bool>();
  position.promoted = number_at<std::int64_t>(answer.table.at(0).at(1));
  return position;
}

ServerFacts server_facts(Session& session, bool told_identity) {
  const auto row =
      session
          .planned_rows(
              "stibee_server_facts",
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
              "ELSE to_regprocedure('pg_catalog.pg_walfile_name(pg_lsn)') END, 'EXECUTE'), "
              "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint "
              "FROM (SELECT pg_catalog.pg_is_in_recovery() AS in_recovery) r")
          .at(0);
  ServerFacts facts;
  facts.told_at = std::chrono::steady_clock::now();
  facts.in_recovery = row[0].as<bool>();
  facts.time = domain::UtcTime(std::chrono::milliseconds(row[4].as<std::int64_t>()));
  const auto lag = row[1].as<long>();
  const bool caught_up = row[2].as<bool>();
  if (lag > longest_lag_seconds && !caught_up) {
    throw Failure(SourceError::Kind::Untrusted,
                  "the server is a standby that is " + std::to_string(lag / 60) +
                      " minutes behind; mend its replication, or name the primary in `database.url`");
  }
  if (row[3].as<bool>()) facts.identity = identity(session, facts.in_recovery, told_identity);
  return facts;
}

}  // namespace stibee_sync::source

#include "read_transaction.hpp"

#include "stibee_sync/text/ascii.hpp"

#include <algorithm>

namespace stibee_sync::source {
namespace {

using Kind = SourceError::Kind;
using std::chrono::steady_clock;

/// PostgreSQL would take "KST9" or "UTC+9" as POSIX zones, which count westwards: nine hours the wrong way.
void check_time_zone(const std::string& zone) {
  const bool characters =
      !zone.empty() && zone.size() <= 64 && std::all_of(zone.begin(), zone.end(), [](char c) {
        return text::is_letter_or_digit(c) || c == '_' || c == '/' || c == '+' || c == '-';
      });
  const auto digit = zone.find_first_of("0123456789+-");
  const bool offset = characters && digit != std::string::npos && zone.find('/') == std::string::npos &&
                      !text::is_letter(zone.back());
  if (characters && !offset) return;
  throw Failure(Kind::NotAsMapped,
                offset
                    ? "`time_zone` \"" + zone +
                          "\" is an offset, not a zone (PostgreSQL counts such offsets westwards); write a "
                          "name such as Asia/Seoul"
                    : "`time_zone` is no time zone name; write one such as Asia/Seoul",
                "22023");
}

SourceError lost() {
  return Failure(Kind::Unreachable, "the connection to PostgreSQL was lost; it is made anew at the next read")
      .error();
}

}  // namespace

/// Of the exception that is being handled.
SourceError ReadTransaction::caught() {
  SourceError error;
  try {
    throw;
  } catch (const Failure& failure) {
    error = failure.error();
  } catch (const libpq::CopyFailed& failure) {
    error = of_sqlstate(failure.sqlstate);
  } catch (const StatementFailed& failed) {
    // PostgreSQL's words may quote what a query computes, so only the code is used, but for a pooler's.
    const auto& answer = failed.answer;
    error = of_pooler(answer.sqlstate, answer.text).value_or(of_sqlstate(answer.sqlstate));
  } catch (const std::exception&) {
    // A conversion error says nothing that ops could use, and it may quote.
    error = Failure(Kind::Failed, "the answer of PostgreSQL makes no sense to this program").error();
  }
  if (interrupt_.requested()) error = Failure(Kind::Cancelled, "the read was cancelled").error();
  session_.reset();
  return error;
}

SourceError ReadTransaction::of_sqlstate(const std::string& sqlstate) const {
  if (sqlstate.empty()) return lost();
  if (sqlstate != "57014") return classify(sqlstate, "");
  const bool timed_out = steady_clock::now() - statement_began_ >= connection_.statement_timeout;
  return Failure(timed_out ? Kind::Unreachable : Kind::Failed,
                 timed_out
                     ? "PostgreSQL did not finish within the statement time-out of " +
                           std::to_string(connection_.statement_timeout.count()) +
                           " s; add an index on the key, or read less"
                     : std::string("an administrator cancelled the read in PostgreSQL; it is tried again"),
                 sqlstate)
      .error();
}

Session& ReadTransaction::connection() {
  if (session_ && !session_->quiet()) session_.reset();
  if (!session_) {
    session_ = std::make_unique<Session>(connection_, interrupt_);
    ++connections_;
    tells_position_ = true;
    told_identity_ = false;
    time_zone_.clear();
    // For what is asked outside of a transaction: names of tables come in UTF-8.
    session_->run("SET client_encoding = 'UTF8'");
  }
  return *session_;
}

Session& ReadTransaction::begin(const ReadPlan& plan) {
  check_time_zone(plan.time_zone);
  const bool fresh = !session_ || !session_->quiet();
  connection();
  try {
    start(plan);
    return *session_;
  } catch (const StatementFailed& failed) {
    // What the server ended while nothing was read is replaced without a word.
    if (fresh || !failed.answer.sqlstate.empty() || interrupt_.requested()) throw;
    session_.reset();
  }
  connection();
  start(plan);
  return *session_;
}

void ReadTransaction::start(const ReadPlan& plan) {
  // Before the snapshot of the read: what the server has by now, that will show.
  if (tells_position_) {
    wal_before_ = wal_position(*session_);
    tells_position_ = wal_before_.reached.has_value();
  }
  // A database without an encoding promises nothing about its bytes: they come raw, and a bad row is
  // refused by itself later, instead of failing the whole read here.
  const std::string encoding = session_->parameter("server_encoding") == "SQL_ASCII" ? "SQL_ASCII" : "UTF8";
  const auto timeout = std::chrono::milliseconds(connection_.statement_timeout).count();
  // Whoever alters the table is not waited for: the read fails by name, and is tried again.
  const auto lock_timeout = std::chrono::milliseconds(connection_.lock_timeout).count();
  const std::string set_time_zone = "SET LOCAL TimeZone = '" + plan.time_zone + "'";
  const bool zone_is_known = plan.time_zone == time_zone_;
  session_->run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = " +
                std::to_string(timeout) + "; SET LOCAL lock_timeout = " + std::to_string(lock_timeout) +
                "; SET LOCAL client_encoding = '" + encoding +
                "'; SET LOCAL standard_conforming_strings = on; SET LOCAL DateStyle = 'ISO, YMD'; "
                "SET LOCAL IntervalStyle = 'postgres'; SET LOCAL bytea_output = 'hex'; "
                "SET LOCAL extra_float_digits = 1" +
                (zone_is_known ? "; " + set_time_zone : ""));
  if (zone_is_known) return;
  auto zone = session_->execute(set_time_zone);
  if (zone.succeeded) {
    time_zone_ = plan.time_zone;
    return;
  }
  if (zone.sqlstate != "22023") throw StatementFailed{std::move(zone)};
  throw Failure(Kind::NotAsMapped,
                "PostgreSQL knows no time zone \"" + plan.time_zone +
                    "\"; set `time_zone` to a name such as Asia/Seoul",
                zone.sqlstate);
}

ReadShape ReadTransaction::prepare(const ReadPlan& plan, const Resolved* known) {
  const auto facts = server_facts(*session_, told_identity_);
  told_identity_ = !facts.identity.empty();
  const auto wal = tells_position_ ? wal_position(*session_) : WalPosition{};
  resolved_ = known != nullptr ? *known : resolve(*session_, plan);
  ReadShape shape;
  shape.types = resolved_.types;
  shape.integer_key = resolved_.integer_key;
  shape.boolean_columns = resolved_.boolean_columns;
  shape.server_identity = facts.identity;
  shape.in_recovery = facts.in_recovery;
  shape.server_time = facts.time;
  told_at_ = facts.told_at;
  if (wal.reached && wal.in_recovery != facts.in_recovery) {
    // The position would be of the new timeline, the identity of the old one.
    throw Failure(Kind::Unreachable, "the server was promoted while it was asked; it is asked again");
  }
  if (wal.reached) {
    // Behind a pooler, the two may have been told by different servers: of the lesser, no more is known.
    shape.wal_before = std::min(*wal_before_.reached, *wal.reached);
    shape.wal_after = without_page_header(*wal.reached);
    shape.wal_promoted = wal.promoted;
  }
  shape.server_version = session_->parameter("server_version");
  return shape;
}

libpq::CopyStream ReadTransaction::copy(const std::string& select) {
  statement_began_ = steady_clock::now();
  // The SELECT is one complete statement: the extended protocol has confirmed it.
  return session_->copy("COPY (" + select + ") TO STDOUT");
}

void ReadTransaction::stop_if_cancelled() const {
  if (interrupt_.requested()) throw Failure(Kind::Cancelled, "the read was cancelled");
}

void ReadTransaction::finish(ReadShape& shape) {
  if (!session_->in_transaction()) throw libpq::CopyFailed{};
  session_->run("COMMIT");
  if (auto& time = shape.server_time)
    *time += std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - told_at_);
}

}  // namespace stibee_sync::source

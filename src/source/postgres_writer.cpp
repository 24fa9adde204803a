#include "failure.hpp"
#include "interrupt.hpp"
#include "session.hpp"
#include "sql_text.hpp"
#include "stibee_sync/source/writer.hpp"
#include "write_statement.hpp"

#include <algorithm>
#include <utility>

namespace stibee_sync::source {
namespace {

using Kind = SourceError::Kind;
using Scope = WriteFailure::Scope;

/// Ends a call with what the caller is told.
struct WriteFailed {
  WriteFailure failure;
};

/// PostgreSQL's text ends at a NUL, which libpq would take for the end of the value without a word.
std::string without_nul(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), '\0'), text.end());
  return text;
}

WriteFailure failure(Scope scope, Kind kind, const std::string& message, const std::string& sqlstate = {}) {
  return {scope, Failure(kind, message, sqlstate).error()};
}

class PostgresWriter final : public Writer {
 public:
  explicit PostgresWriter(Connection connection) : connection_(std::move(connection)) {}

  std::optional<SourceError> prepare(const WriteStatement& statement) override {
    auto failure = guarded([&] {
      prepare_only(statement);
      return std::size_t{0};
    });
    if (auto* failed = std::get_if<WriteFailure>(&failure)) return std::move(failed->error);
    return std::nullopt;
  }

  std::variant<std::size_t, WriteFailure> execute(const WriteStatement& statement,
                                                  const WriteValues& values) override {
    return guarded([&] { return run(statement, values); });
  }

  void cancel() override { interrupt_.request(); }

 private:
  template <class Work>
  std::variant<std::size_t, WriteFailure> guarded(const Work& work) {
    const Interrupt::Call call(interrupt_);
    try {
      return work();
    } catch (const WriteFailed& failed) {
      return fail(failed.failure);
    } catch (const Failure& failure) {
      return fail({Scope::Database, failure.error()});
    } catch (const StatementFailed& failed) {
      return fail({Scope::Database, meaning_of(failed.answer)});
    }
  }

  WriteFailure fail(WriteFailure failure) {
    session_.reset();
    if (!interrupt_.requested()) return failure;
    return {Scope::Cancelled, Failure(Kind::Cancelled, "the write-back was cancelled").error()};
  }

  NumberedStatement numbered(const WriteStatement& statement) const {
    try {
      return number_parameters(statement);
    } catch (const Failure& failure) {
      throw WriteFailed{{Scope::Statement, failure.error()}};
    }
  }

  void prepare_only(const WriteStatement& statement) {
    const auto parsed = numbered(statement);
    begin(statement, "READ ONLY");
    const auto prepared = session_->prepare(parsed.sql);
    if (!prepared.succeeded) throw WriteFailed{refusal(prepared, statement, parsed)};
    // PostgreSQL looks at the privileges on tables and functions when a plan is made ready to run, which
    // EXPLAIN does without running it. What cannot be explained (CALL) has been prepared all the same.
    const Parameters nulls(parsed.names.size());
    const auto explained = session_->execute("EXPLAIN " + parsed.sql, nulls);
    if (!explained.succeeded && (explained.sqlstate.empty() || explained.sqlstate == "42501"))
      throw WriteFailed{refusal(explained, statement, parsed)};
    end("ROLLBACK", statement, parsed);
  }

  std::size_t run(const WriteStatement& statement, const WriteValues& values) {
    const auto parsed = numbered(statement);
    Parameters parameters;
    for (const auto& name : parsed.names) {
      const auto found = values.find(name);
      auto& text = parameters.emplace_back();
      if (found != values.end() && found->second) text = without_nul(*found->second);
    }
    begin(statement, "READ WRITE");
    const auto answer = session_->execute(parsed.sql, parameters);
    if (!answer.succeeded) throw WriteFailed{refusal(answer, statement, parsed)};
    const std::size_t rows = answer.rows.value_or(1);
    if (rows > 1) {
      end("ROLLBACK", statement, parsed);
      throw WriteFailed{failure(Scope::ManyRows, Kind::Failed,
                                "the statement of `" + statement.event + "` matches " + std::to_string(rows) +
                                    " rows, and was undone; it must name one row, as by :key or "
                                    "a unique address")};
    }
    end("COMMIT", statement, parsed);
    return rows;
  }

  /// All settings are the transaction's, so that they hold behind a connection pooler too.
  void begin(const WriteStatement& statement, const std::string& mode) {
    // What the server ended while nothing was written is replaced without a word.
    if (session_ && !session_->quiet()) session_.reset();
    const bool fresh = session_ == nullptr;
    if (fresh) session_ = std::make_unique<Session>(connection_, interrupt_);
    const auto timeout = std::chrono::milliseconds(connection_.statement_timeout).count();
    // Else a network that went away before the COMMIT would leave the row locked, against ourselves too,
    // until the server's keep-alives notice: hours.
    const auto idle = connection_.longest_silence.count();
    const auto answer =
        session_->execute("BEGIN ISOLATION LEVEL READ COMMITTED " + mode +
                          "; SET LOCAL statement_timeout = " + std::to_string(timeout) +
                          "; SET LOCAL idle_in_transaction_session_timeout = " + std::to_string(idle) +
                          "; SET LOCAL client_encoding = 'UTF8'; SET LOCAL "
                          "standard_conforming_strings = on; SET LOCAL DateStyle = 'ISO, "
                          "YMD'; SET LOCAL TimeZone = " +
                          quote_literal(statement.time_zone) + "; SELECT pg_catalog.pg_is_in_recovery()");
    const auto& code = answer.sqlstate;
    if (!answer.succeeded && code.empty() && !fresh && !interrupt_.requested()) {
      session_.reset();
      begin(statement, mode);
      return;
    }
    // A standby does not even begin such a transaction.
    const bool in_recovery = answer.succeeded && answer.table.at(0).at(0).as<bool>();
    if (code == "0A000" || in_recovery) throw WriteFailed{standby()};
    if (!answer.succeeded) throw WriteFailed{{Scope::Database, meaning_of(answer)}};
  }

  void end(const std::string& command, const WriteStatement& statement, const NumberedStatement& parsed) {
    const auto answer = session_->execute(command);
    // A COMMIT of what has failed meanwhile is answered ROLLBACK.
    if (!answer.succeeded || answer.command != command) throw WriteFailed{refusal(answer, statement, parsed)};
  }

  static WriteFailure standby() {
    return failure(Scope::Database, Kind::Untrusted,
                   "the server is a standby, which cannot be written to; name the primary in `database.url`, "
                   "or wait until it is promoted");
  }

  /// What a refused statement means.
  WriteFailure refusal(const Answer& said, const WriteStatement& statement,
                       const NumberedStatement& parsed) const {
    const auto& code = said.sqlstate;
    const auto of_class = code.substr(0, 2);
    // PostgreSQL's own words quote values of a row in many errors, but not where the statement as such is
    // wrong; even there only what the configuration says is repeated.
    const auto words = with_names(parsed, sanitise(said.text, {statement.sql}));
    const auto who = "the statement of `" + statement.event + "`";
    const auto of_statement = [&](Kind kind, const std::string& message) {
      return failure(Scope::Statement, kind, who + message, code);
    };
    if (code == "42501") {
      return of_statement(
          Kind::Refused, " may not be run: " + words + "; GRANT what it needs to the role of `database.url`");
    }
    if (code == "25006") {
      return failure(
          Scope::Database, Kind::Unreachable,
          "the database only takes reads now (default_transaction_read_only, or a failover); it is "
          "tried again",
          code);
    }
    if (said.text.find("multiple commands") != std::string::npos)
      return of_statement(Kind::NotAsMapped, " holds several statements; it must be one");
    if (code == "42P18" || code == "42P08") {
      return of_statement(Kind::NotAsMapped, " does not work: " + words + "; say it, as in :reason::text");
    }
    if (of_class == "42" || of_class == "0A" || of_class == "3F") {
      std::string where;
      if (said.position > 0) where = " at " + original_place(parsed, statement.sql, said.position);
      return of_statement(Kind::NotAsMapped, " does not work" + where + ": " + words);
    }
    if (code == "57014") {
      return of_statement(Kind::Failed, " did not finish within " +
                                            std::to_string(connection_.statement_timeout.count()) +
                                            " s, or was cancelled in PostgreSQL; see whether it waits for a "
                                            "lock or lacks an index");
    }
    if (code.empty() || of_class == "08" || of_class == "53" || of_class == "57" || of_class == "58" ||
        of_class == "28" || code == "25P03") {
      return {Scope::Database, meaning_of(said)};
    }
    if (of_class == "40" || code == "55P03") {
      return of_statement(Kind::Failed,
                          " collided with another transaction (SQLSTATE " + code + "); it is tried again");
    }
    return of_statement(Kind::Failed, " failed on the values of a person (SQLSTATE " + code +
                                          "); make it hold for every row and every value");
  }

  const Connection connection_;
  Interrupt interrupt_;
  std::unique_ptr<Session> session_;
};

}  // namespace

std::unique_ptr<Writer> make_postgres_writer(Connection connection) {
  return std::make_unique<PostgresWriter>(std::move(connection));
}

}  // namespace stibee_sync::source

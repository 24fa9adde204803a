#include "failure.hpp"
#include "interrupt.hpp"
#include "session.hpp"
#include "sql_text.hpp"
#include "stibee_sync/source/writer.hpp"
#include "write_statement.hpp"

#include <algorithm>
#include <cstdlib>
#include <libpq-fe.h>
#include <utility>

namespace stibee_sync::source {
namespace {

using Kind = SourceError::Kind;
using Scope = WriteFailure::Scope;

struct FreeResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, FreeResult>;

/// What PostgreSQL answered instead of a result.
struct Objection {
  std::string sqlstate;  // "": the connection was lost
  std::string text;      // its primary message, not sanitised
  std::size_t position = 0;
};

Objection objection_of(const PGresult* result) {
  const auto field = [&](int code) {
    const char* text = PQresultErrorField(result, code);
    return std::string(text != nullptr ? text : "");
  };
  return {field(PG_DIAG_SQLSTATE), field(PG_DIAG_MESSAGE_PRIMARY),
          std::strtoul(field(PG_DIAG_STATEMENT_POSITION).c_str(), nullptr, 10)};
}

bool succeeded(const PGresult* result) {
  const auto status = PQresultStatus(result);
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/// Ends a call with what the caller is told.
struct WriteFailed {
  WriteFailure failure;
};

/// PostgreSQL's text ends at a NUL, which libpq would take for the end of the value without a word.
std::string without_nul(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), '\0'), text.end());
  return text;
}

SourceError lost() {
  return Failure(Kind::Unreachable, "the connection to PostgreSQL was lost; it is made anew").error();
}

class PostgresWriter final : public Writer {
 public:
  explicit PostgresWriter(Connection connection) : connection_(std::move(connection)) {}

  std::optional<SourceError> prepare(const WriteStatement& statement) override {
    const Interrupt::Call call(interrupt_);
    try {
      prepare_only(statement);
      return std::nullopt;
    } catch (const WriteFailed& failed) {
      return fail(failed.failure).error;
    } catch (const Failure& failure) {
      return fail({Scope::Database, failure.error()}).error;
    } catch (const pqxx::failure& failure) {
      return fail({Scope::Database, of_connection(failure)}).error;
    }
  }

  std::variant<std::size_t, WriteFailure> execute(const WriteStatement& statement,
                                                  const WriteValues& values) override {
    const Interrupt::Call call(interrupt_);
    try {
      return run(statement, values);
    } catch (const WriteFailed& failed) {
      return fail(failed.failure);
    } catch (const Failure& failure) {
      return fail({Scope::Database, failure.error()});
    } catch (const pqxx::failure& failure) {
      return fail({Scope::Database, of_connection(failure)});
    }
  }

  void cancel() override { interrupt_.request(); }

 private:
  WriteFailure fail(WriteFailure failure) {
    session_.reset();
    if (!interrupt_.requested()) return failure;
    return {Scope::Cancelled, Failure(Kind::Cancelled, "the write-back was cancelled").error()};
  }

  static SourceError of_connection(const pqxx::failure& failure) {
    const auto sqlstate = sqlstate_of(failure);
    return sqlstate.empty() ? lost() : classify(sqlstate, "");
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
    const Result prepared(PQprepare(session_->raw(), "", parsed.sql.c_str(), 0, nullptr));
    if (!succeeded(prepared.get())) throw WriteFailed{refusal(prepared.get(), statement, parsed)};
    // PostgreSQL looks at the privileges on tables and functions when a plan is made ready to run, which
    // EXPLAIN does without running it. What cannot be explained (CALL) has been prepared all the same.
    const std::vector<const char*> nulls(parsed.names.size(), nullptr);
    const Result explained(PQexecParams(session_->raw(), ("EXPLAIN " + parsed.sql).c_str(),
                                        static_cast<int>(nulls.size()), nullptr, nulls.data(), nullptr,
                                        nullptr, 0));
    if (!succeeded(explained.get())) {
      const auto said = objection_of(explained.get());
      if (said.sqlstate.empty()) throw WriteFailed{{Scope::Database, lost()}};
      if (said.sqlstate == "42501") throw WriteFailed{refusal(explained.get(), statement, parsed)};
    }
    end("ROLLBACK", statement, parsed);
  }

  std::size_t run(const WriteStatement& statement, const WriteValues& values) {
    const auto parsed = numbered(statement);
    std::vector<std::optional<std::string>> bound;
    for (const auto& name : parsed.names) {
      const auto found = values.find(name);
      bound.push_back(found == values.end() || !found->second ? std::nullopt
                                                              : std::optional(without_nul(*found->second)));
    }
    std::vector<const char*> texts;
    for (const auto& text : bound)
      texts.push_back(text ? text->c_str() : nullptr);

    begin(statement, "READ WRITE");
    const Result result(PQexecParams(session_->raw(), parsed.sql.c_str(), static_cast<int>(texts.size()),
                                     nullptr, texts.data(), nullptr, nullptr, 0));
    if (!succeeded(result.get())) throw WriteFailed{refusal(result.get(), statement, parsed)};
    const std::string count = PQcmdTuples(result.get());
    const std::size_t rows = count.empty() ? 1 : std::strtoul(count.c_str(), nullptr, 10);
    if (rows > 1) {
      end("ROLLBACK", statement, parsed);
      throw WriteFailed{
          {Scope::ManyRows,
           Failure(Kind::Failed, "the statement of `" + statement.event + "` matches " +
                                     std::to_string(rows) +
                                     " rows, and was undone; it must name one row, as by :key or "
                                     "a unique address")
               .error()}};
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
    const auto zone = quote_literal(statement.time_zone);
    const Result result(
        PQexec(session_->raw(), ("BEGIN ISOLATION LEVEL READ COMMITTED " + mode +
                                 "; SET LOCAL statement_timeout = " + std::to_string(timeout) +
                                 "; SET LOCAL client_encoding = 'UTF8'; SET LOCAL "
                                 "standard_conforming_strings = on; SET LOCAL DateStyle = 'ISO, YMD'; SET "
                                 "LOCAL TimeZone = " +
                                 zone + "; SELECT pg_catalog.pg_is_in_recovery()")
                                    .c_str()));
    if (!succeeded(result.get())) {
      const auto said = objection_of(result.get());
      if (said.sqlstate.empty() && !fresh && !interrupt_.requested()) {
        session_.reset();
        begin(statement, mode);
        return;
      }
      // A standby does not even begin such a transaction.
      if (said.sqlstate == "0A000") throw WriteFailed{{Scope::Database, standby()}};
      throw WriteFailed{{Scope::Database, said.sqlstate.empty() ? lost() : classify(said.sqlstate, "")}};
    }
    const bool in_recovery = PQntuples(result.get()) == 1 && *PQgetvalue(result.get(), 0, 0) == 't';
    if (in_recovery) throw WriteFailed{{Scope::Database, standby()}};
  }

  void end(const std::string& command, const WriteStatement& statement, const NumberedStatement& parsed) {
    const Result result(PQexec(session_->raw(), command.c_str()));
    // A COMMIT of what has failed meanwhile is answered ROLLBACK.
    if (succeeded(result.get()) && command == PQcmdStatus(result.get())) return;
    throw WriteFailed{refusal(result.get(), statement, parsed)};
  }

  static SourceError standby() {
    return Failure(Kind::Untrusted,
                   "the server is a standby, which cannot be written to; name the primary in `database.url`, "
                   "or wait until it is promoted")
        .error();
  }

  static std::string quote_literal(const std::string& text) {
    std::string out = "'";
    for (const char c : text) {
      if (c == '\'') out += '\'';
      out += c;
    }
    return out + "'";
  }

  /// What a result that is none means for the statement.
  WriteFailure refusal(const PGresult* result, const WriteStatement& statement,
                       const NumberedStatement& parsed) const {
    const auto said = objection_of(result);
    const auto& code = said.sqlstate;
    if (code.empty()) return {Scope::Database, lost()};
    const auto of_class = code.substr(0, 2);
    // PostgreSQL's own words quote values of a row in many errors, but not where the statement as such is
    // wrong; even there only what the configuration says is repeated.
    const auto words = with_names(parsed, sanitise(said.text, {statement.sql}));
    const auto who = "the statement of `" + statement.event + "`";
    if (code == "42501") {
      return {Scope::Statement, Failure(Kind::Refused,
                                        who + " may not be run: " + words +
                                            "; GRANT what it needs to the role of `database.url`",
                                        code)
                                    .error()};
    }
    if (code == "25006") return {Scope::Database, classify_read_only(code)};
    if (said.text.find("multiple commands") != std::string::npos) {
      return not_as_mapped(who + " holds several statements; it must be one", code);
    }
    if (code == "42P18" || code == "42P08") {
      return not_as_mapped(who + " does not work: " + words + "; say it, as in :reason::text", code);
    }
    if (of_class == "42" || of_class == "0A" || of_class == "3F") {
      std::string where;
      if (said.position > 0) where = " at " + original_place(parsed, statement.sql, said.position);
      return not_as_mapped(who + " does not work" + where + ": " + words, code);
    }
    if (code == "57014") {
      return {
          Scope::Statement,
          Failure(Kind::Failed,
                  who + " did not finish within " + std::to_string(connection_.statement_timeout.count()) +
                      " s, or was cancelled in PostgreSQL; see whether it waits for a lock or lacks an "
                      "index",
                  code)
              .error()};
    }
    if (of_class == "08" || of_class == "53" || of_class == "57" || of_class == "58" || of_class == "28" ||
        code == "25P03") {
      return {Scope::Database, classify(code, "")};
    }
    if (of_class == "40" || code == "55P03") {
      return {
          Scope::Statement,
          Failure(Kind::Failed,
                  who + " collided with another transaction (SQLSTATE " + code + "); it is tried again", code)
              .error()};
    }
    return {Scope::Statement, Failure(Kind::Failed,
                                      who + " failed on the values of a person (SQLSTATE " + code +
                                          "); make it hold for every row and every value",
                                      code)
                                  .error()};
  }

  static WriteFailure not_as_mapped(const std::string& message, const std::string& code) {
    return {Scope::Statement, Failure(Kind::NotAsMapped, message, code).error()};
  }

  static SourceError classify_read_only(const std::string& code) {
    return Failure(Kind::Unreachable,
                   "the database only takes reads now (default_transaction_read_only, or a failover); it is "
                   "tried again",
                   code)
        .error();
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

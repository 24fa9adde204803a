#include "failure.hpp"
#include "findings.hpp"
#include "interrupt.hpp"
#include "relation.hpp"
#include "server_facts.hpp"
#include "session.hpp"
#include "stibee_sync/source/source.hpp"
#include "stibee_sync/text/ascii.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace stibee_sync::source {
namespace {

using Kind = SourceError::Kind;
using std::chrono::steady_clock;

/// A sink's own exception on its way through the reader.
struct SinkThrew {
  std::exception_ptr cause;
};

std::chrono::milliseconds since(steady_clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - start);
}

template <class Sink, class Argument>
void deliver(const Sink& sink, const Argument& argument) {
  try {
    sink(argument);
  } catch (...) {
    throw SinkThrew{std::current_exception()};
  }
}

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

class PostgresReader final : public Reader {
 public:
  explicit PostgresReader(Connection connection) : connection_(std::move(connection)) {}

  std::variant<ReadShape, SourceError> describe(const ReadPlan& plan) override {
    const Interrupt::Call call(interrupt_);
    return guarded<ReadShape>([&] {
      begin(plan);
      auto shape = prepare(plan);
      shape.row_secured = row_secured(*session_, plan, resolved_);
      session_->run("COMMIT");
      return shape;
    });
  }

  std::optional<SourceError> check_key(const ReadPlan& plan) override {
    const Interrupt::Call call(interrupt_);
    auto checked = guarded<std::monostate>([&] {
      begin(plan);
      prepare(plan);
      if (const auto problem = unusable_key(*session_, resolved_)) throw Failure(Kind::NotAsMapped, *problem);
      session_->run("COMMIT");
      return std::monostate();
    });
    if (auto* error = std::get_if<SourceError>(&checked)) return std::move(*error);
    return std::nullopt;
  }

  std::variant<ReadReport, SourceError> read(const ReadPlan& plan, const ShapeSink& shape,
                                             const RowSink& row) override {
    const Interrupt::Call call(interrupt_);
    return guarded<ReadReport>([&] {
      const auto start = steady_clock::now();
      begin(plan);
      ReadReport report;
      report.shape = prepare(plan);
      deliver(shape, report.shape);
      stream(row, report);
      finish();
      if (auto& time = report.shape.server_time) *time += since(told_at_);
      report.elapsed = since(start);
      return report;
    });
  }

  void cancel() override { interrupt_.request(); }
  bool connected() const override { return session_ != nullptr && session_->usable(); }

 private:
  /// Runs `work`; whatever it throws becomes a value, apart from what a sink threw, and costs the connection.
  template <class Result, class Work>
  std::variant<Result, SourceError> guarded(const Work& work) {
    statement_began_ = steady_clock::now();
    try {
      return work();
    } catch (const SinkThrew& thrown) {
      discard();
      std::rethrow_exception(thrown.cause);
    } catch (const std::bad_alloc&) {
      discard();
      throw;
    } catch (const Failure& failure) {
      return fail(failure.error());
    } catch (const libpq::CopyFailed& failure) {
      return fail(of_sqlstate(failure.sqlstate));
    } catch (const StatementFailed& failed) {
      // PostgreSQL's words may quote what a query computes, so only the code is used, but for a pooler's.
      const auto& answer = failed.answer;
      return fail(of_pooler(answer.sqlstate, answer.text).value_or(of_sqlstate(answer.sqlstate)));
    } catch (const std::exception&) {
      // A conversion error says nothing that ops could use, and it may quote.
      return fail(Failure(Kind::Failed, "the answer of PostgreSQL makes no sense to this program").error());
    }
  }

  SourceError fail(SourceError error) {
    if (interrupt_.requested()) error = Failure(Kind::Cancelled, "the read was cancelled").error();
    discard();
    return error;
  }

  SourceError lost() const {
    return Failure(Kind::Unreachable,
                   "the connection to PostgreSQL was lost; it is made anew at the next read")
        .error();
  }

  SourceError of_sqlstate(const std::string& sqlstate) const {
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

  void discard() { session_.reset(); }

  /// A snapshot of its own for each read. The settings are the transaction's, so that they hold behind a
  /// connection pooler too, and no earlier read can have left others.
  void begin(const ReadPlan& plan) {
    check_time_zone(plan.time_zone);
    // What the server ended while nothing was read is replaced without a word.
    if (session_ && !session_->quiet()) discard();
    if (session_) {
      try {
        start_transaction(plan);
        return;
      } catch (const StatementFailed& failed) {
        if (!failed.answer.sqlstate.empty() || interrupt_.requested()) throw;
        discard();
      }
    }
    session_ = std::make_unique<Session>(connection_, interrupt_);
    tells_position_ = true;
    start_transaction(plan);
  }

  void start_transaction(const ReadPlan& plan) {
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
    session_->run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = " +
                  std::to_string(timeout) + "; SET LOCAL lock_timeout = " + std::to_string(lock_timeout) +
                  "; SET LOCAL client_encoding = '" + encoding +
                  "'; SET LOCAL standard_conforming_strings = on; SET LOCAL DateStyle = 'ISO, YMD'; "
                  "SET LOCAL IntervalStyle = 'postgres'; SET LOCAL bytea_output = 'hex'; "
                  "SET LOCAL extra_float_digits = 1");
    auto zone = session_->execute("SET LOCAL TimeZone = '" + plan.time_zone + "'");
    if (zone.succeeded) return;
    if (zone.sqlstate != "22023") throw StatementFailed{std::move(zone)};
    throw Failure(Kind::NotAsMapped,
                  "PostgreSQL knows no time zone \"" + plan.time_zone +
                      "\"; set `time_zone` to a name such as Asia/Seoul",
                  zone.sqlstate);
  }

  ReadShape prepare(const ReadPlan& plan) {
    const auto facts = server_facts(*session_);
    const auto wal = tells_position_ ? wal_position(*session_) : WalPosition{};
    resolved_ = resolve(*session_, plan);
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

  void stream(const RowSink& row, ReadReport& report) {
    statement_began_ = steady_clock::now();
    // The SELECT is one complete statement: the extended protocol has confirmed it.
    auto copy = session_->copy("COPY (" + resolved_.select + ") TO STDOUT");
    std::string_view line;
    while (copy.next(line)) {
      if (interrupt_.requested()) throw Failure(Kind::Cancelled, "the read was cancelled");
      deliver(row, line);
      ++report.rows;
    }
  }

  /// The last proof of a true end: PostgreSQL still holds the transaction open and unharmed, and ends it.
  void finish() const {
    if (!session_->in_transaction()) throw libpq::CopyFailed{};
    session_->run("COMMIT");
  }

  const Connection connection_;
  Interrupt interrupt_;
  std::unique_ptr<Session> session_;
  Resolved resolved_;
  bool tells_position_ = true;  // this session's server
  WalPosition wal_before_;      // the transaction
  steady_clock::time_point statement_began_;
  steady_clock::time_point told_at_;  // the server's time
};

}  // namespace

std::unique_ptr<Reader> make_postgres_reader(Connection connection) {
  return std::make_unique<PostgresReader>(std::move(connection));
}

}  // namespace stibee_sync::source

#pragma once

#include "stibee_sync/domain/column_type.hpp"
#include "stibee_sync/domain/time.hpp"
#include "stibee_sync/privacy/secret.hpp"
#include "stibee_sync/source/feed_snapshot.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace stibee_sync::source {

/// How to reach PostgreSQL (10 or newer). Parameters in the URL stay; those that are ours
/// by default (connect_timeout, application_name, keep-alives, tcp_user_timeout) give way to them.
struct Connection {
  std::string url;                                    // URI or key=value form, without a password
  privacy::Secret password;                           // empty if none
  std::string password_cure;                          // what takes over another one: said when it is refused
  std::chrono::seconds connect_timeout{10};           // for each host that the URL names
  std::chrono::seconds statement_timeout{600};        // for the whole of a read, the sink's own time included
  std::chrono::milliseconds lock_timeout{10'000};     // of a read, for a table that somebody alters
  std::chrono::milliseconds longest_silence{60'000};  // before rows or an answer: then it is given up
};

/// What to read: columns in the order in which rows are delivered; [0] is the key, [1] the address. Names are
/// taken as they are spelled and, if nothing is called that, folded to lower case; in double quotes only as
/// spelled.
struct ReadPlan {
  std::string table;  // "schema.table" or "table"; or
  std::string query;  // one SELECT, with or without a semicolon
  std::string where;  // with table only
  std::vector<std::string> columns;
  /// Columns that must be of a type: index → what the mapping needs.
  enum class Needs { Key, Text, Boolean, TimestampTz, Groups, Any };
  std::vector<Needs> needs;
  std::string time_zone = "Asia/Seoul";
  /// Of a read: the mirror whose change feed is looked at in the same snapshot (change_feed.hpp); "": none.
  std::string feed;
};

/// A failure in words for ops: where, what, cure. Sanitised: quotes no row, no password, no user of the URL;
/// one line of UTF-8, at most 300 bytes.
struct SourceError {
  enum class Kind {
    Unreachable,  // cannot connect, connection lost, time-out
    Refused,      // wrong password, no privilege
    NotAsMapped,  // a table, column or type is missing or wrong: the configuration or the schema is broken
    Untrusted,    // a standby more than five minutes behind
    Failed,       // the query failed in another way
    Cancelled,
  };
  Kind kind = Kind::Failed;
  std::string sqlstate;  // "" if none
  std::string message;
};

/// What a described or finished read knows of the columns and the server.
struct ReadShape {
  std::vector<domain::ColumnType> types;
  bool integer_key = true;
  std::string server_identity;  // "SYSTEM_IDENTIFIER/TIMELINE", "" if the role may not see them
  bool in_recovery = false;
  /// Positions in the server's write-ahead log, in bytes: what lies at or below the first is in the read's
  /// snapshot, and what is in the snapshot lies at or below the second. nullopt: the server does not tell.
  std::optional<std::int64_t> wal_before;
  std::optional<std::int64_t> wal_after;
  /// Up to where a primary that was a standby when it started had replayed another's log.
  std::optional<std::int64_t> wal_promoted;
  std::optional<domain::UtcTime> server_time;  // by the server's clock, now; of a report, when the read ended
  std::string server_version;
  std::vector<std::string> boolean_columns;  // of the table or query, read or not
  /// By `describe` only: the relations whose row level security applies, so that rows may be hidden.
  std::vector<std::string> row_secured;
  /// By `describe` only: no index of the table keeps its key unique.
  bool lacks_unique_index = false;
};

struct ReadReport {
  ReadShape shape;
  std::size_t rows = 0;
  std::chrono::milliseconds elapsed{0};
  /// With `ReadPlan::feed`. A feed with a loss fails no read.
  std::optional<FeedSeenByScan> feed;
};

/// Called for each row with the raw line in COPY text format (UTF-8, `\t` between columns, `\N` for NULL,
/// backslash escapes), without the line feed; valid during the call. A database without an encoding
/// (SQL_ASCII) delivers its bytes as they are, UTF-8 or not. A throw ends the read at once and passes
/// through.
using RowSink = std::function<void(std::string_view line)>;
/// Called once before the first row, or before the end of an empty table. A throw passes through.
using ShapeSink = std::function<void(const ReadShape&)>;

/// Reads a table or query consistently. Blocking; used by one thread at a time; `cancel` may be called from
/// any.
class Reader {
 public:
  virtual ~Reader() = default;
  /// Connects if need be and checks table, columns and types, reads nothing.
  virtual std::variant<ReadShape, SourceError> describe(const ReadPlan& plan) = 0;
  /// Whether the key is one: never NULL, never twice. Looks at the keys of all rows where no index of the
  /// table vouches for that.
  virtual std::optional<SourceError> check_key(const ReadPlan& plan) = 0;
  /// One REPEATABLE READ READ ONLY transaction; rows in key order: integers as numbers, text and uuid keys by
  /// the bytes of the text that is delivered. Rows with a NULL key come last and rows with equal keys side by
  /// side: they are the caller's to refuse. A report means that the stream reached its true end. After any
  /// failure the connection is thrown away; the next call makes a new one. A connection that the server ended
  /// between two calls is replaced without a word.
  virtual std::variant<ReadReport, SourceError> read(const ReadPlan& plan, const ShapeSink& shape,
                                                     const RowSink& row) = 0;
  /// Ends a running call at once (thread-safe, never blocks), which then reports Cancelled; without one it
  /// has no effect. A call that is just resolving a host name ends after that. The server stops within 2 s
  /// from version 14 on, and when it next sends a row before that.
  virtual void cancel() = 0;
  virtual bool connected() const = 0;
};

std::unique_ptr<Reader> make_postgres_reader(Connection connection);

/// A reader that plays a script, behind the same contract tests. Rows are raw COPY lines. Each call of
/// `describe` or `read` takes the `next` script; one without rows that fails does so before the shape is
/// known.
struct ScriptedRead {
  ReadShape shape;
  std::vector<std::string> rows;
  std::optional<SourceError> fails_after_rows;  // instead of a true end
  std::optional<FeedSeenByScan> feed;           // told when the plan names one
};
class ScriptedReader : public Reader {
 public:
  std::function<ScriptedRead()> next;
  std::variant<ReadShape, SourceError> describe(const ReadPlan& plan) override;
  std::optional<SourceError> check_key(const ReadPlan&) override { return std::nullopt; }
  std::variant<ReadReport, SourceError> read(const ReadPlan& plan, const ShapeSink& shape,
                                             const RowSink& row) override;
  void cancel() override { cancelled_ = true; }
  bool connected() const override { return true; }

 private:
  std::atomic<bool> cancelled_{false};
};

}  // namespace stibee_sync::source

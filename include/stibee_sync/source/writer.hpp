#pragma once

#include "stibee_sync/source/source.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace stibee_sync::source {

/// One SQL statement with named parameters `:email :key :occurred_by :reason :occurred_at` and, where
/// `fields` says so, `:field_TAG`. A name may stand anywhere a value may, and more than once; not in a
/// literal, a quoted name, a comment, and `::type` is a cast as ever. PostgreSQL gives each the type that its
/// place asks for (a column that it is compared with or assigned to), but `:occurred_at`, which is a
/// timestamptz.
struct WriteStatement {
  std::string event;                // for messages: what happened, as the settings name it
  std::string sql;                  // a semicolon at the end does no harm
  std::vector<std::string> fields;  // TAGs of the mapped fields
  bool fields_known = false;        // whether the event brings values of fields
  std::string time_zone = "Asia/Seoul";
};

/// Values by the parameter's name without its colon; one that is missing, or nullopt, is NULL. Bytes that
/// PostgreSQL's text cannot hold (NUL) are left out.
using WriteValues = std::map<std::string, std::optional<std::string>>;

/// The names of the parameters that a statement binds, in their order, each as often as it stands there; none
/// if it cannot be read. Pure.
std::vector<std::string> parameters_of(const WriteStatement& statement);
/// Why its parameters cannot be bound (an unknown one, or none at all); nullopt: they can. Pure.
std::optional<SourceError> parameter_problem(const WriteStatement& statement);

struct WriteFailure {
  enum class Scope {
    Database,   // it cannot be reached or written to: every statement would fail
    Statement,  // this statement cannot be run, or not for this person
    ManyRows,   // it would have changed more than one row: undone
    Cancelled,
  };
  Scope scope = Scope::Database;
  SourceError error;
};

/// Runs `writeback` statements, each in a read-write transaction of its own, on a connection of its own.
/// Blocking; used by one thread at a time; `cancel` may be called from any.
class Writer {
 public:
  virtual ~Writer() = default;
  /// Whether the statement could be run: names, types, and the privileges that PostgreSQL checks before it
  /// runs anything. Runs nothing, in a read-only transaction. Errors: NotAsMapped (the statement), Refused (a
  /// privilege, or the role), Untrusted (a standby), Unreachable.
  virtual std::optional<SourceError> prepare(const WriteStatement& statement) = 0;
  /// The number of rows it changed or returned: 0 or 1; 1 of a command that does not say (CALL). A number
  /// means that it is committed. After a failure it is not, but where the connection was lost during the
  /// commit itself: then nobody knows. After any failure the connection is thrown away.
  virtual std::variant<std::size_t, WriteFailure> execute(const WriteStatement& statement,
                                                          const WriteValues& values) = 0;
  /// Ends a running call at once (thread-safe, never blocks), which then reports Cancelled.
  virtual void cancel() = 0;
};

/// `connection.statement_timeout` bounds each statement, waiting for locks included.
std::unique_ptr<Writer> make_postgres_writer(Connection connection);

}  // namespace stibee_sync::source

#include "failure.hpp"

#include "stibee_sync/privacy/redaction.hpp"
#include "stibee_sync/text/ascii.hpp"
#include "stibee_sync/text/utf8.hpp"

#include <algorithm>
#include <iterator>

namespace stibee_sync::source {
namespace {

using Kind = SourceError::Kind;

std::string_view before_position(std::string_view text) {
  const auto at = text.rfind(" at character ");
  return at == std::string_view::npos ? text : text.substr(0, at);
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

SourceError make(Kind kind, std::string_view sqlstate, std::string_view message) {
  SourceError error;
  error.kind = kind;
  error.sqlstate = sqlstate;
  error.message = fit(message);
  return error;
}

/// The last "FATAL:  28P01" of a connection attempt, whatever language the severity is in.
std::string last_sqlstate(std::string_view text) {
  std::string found;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    if (line.size() >= 7 && line.substr(line.size() - 7, 2) == "  ") {
      const auto code = line.substr(line.size() - 5);
      const bool valid = std::all_of(code.begin(), code.end(),
                                     [](char c) { return text::is_digit(c) || text::is_upper(c); });
      if (valid) found = code;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return found;
}

constexpr char code_here = '%';
constexpr char words_here = '@';

/// What an SQLSTATE that begins so means; `%` stands for it, `@` for what PostgreSQL said.
struct Meaning {
  std::string_view prefix;
  Kind kind;
  std::string_view message;
};

constexpr std::string_view no_resource =
    "PostgreSQL lacks memory, disk or another resource (SQLSTATE %); see the server's log";
constexpr std::string_view ended =
    "PostgreSQL ended the connection (restart, failover or pg_terminate_backend); it is tried again";
constexpr std::string_view far_away =
    "the foreign server behind the table cannot be reached (SQLSTATE %); it is tried again";
constexpr std::string_view unconvertible =
    "a value in the table cannot be converted to UTF-8; mend the row, or leave it out with `where`";
constexpr std::string_view bad_value =
    "PostgreSQL failed on a value of a row (SQLSTATE %); make the `query` or `where` hold for every row";
constexpr std::string_view replayed =
    "the server gave the read up in favour of its own replay; on a standby set hot_standby_feedback or raise "
    "max_standby_streaming_delay";
constexpr std::string_view refuses = "PostgreSQL refuses the statement@";

/// The first that fits counts.
constexpr Meaning meanings[] = {
    {"57P03", Kind::Unreachable, "PostgreSQL is starting up or shutting down; it is tried again"},
    {"08P01", Kind::Unreachable,
     "a connection pooler in front of PostgreSQL refuses (SQLSTATE 08P01); see its log"},
    // Our own connection ends without a code: what is told here has happened further back.
    {"08", Kind::Unreachable, far_away},
    {"HV00N", Kind::Unreachable, far_away},
    {"HV", Kind::Failed,
     "the foreign server behind the table fails (SQLSTATE %); see the log of PostgreSQL and its own"},
    {"57P", Kind::Unreachable, ended},
    {"25P03", Kind::Unreachable, ended},
    {"53300", Kind::Unreachable,
     "PostgreSQL has no connection left for this role; raise max_connections or the role's CONNECTION LIMIT"},
    {"55P03", Kind::Unreachable, "the table stays locked by another session; it is tried again"},
    {"28", Kind::Refused,
     "PostgreSQL refused the role or its password; check `password_file`, the role in `database.url` and the "
     "server's pg_hba.conf"},
    {"42501", Kind::Refused, "the role lacks a privilege@; GRANT it to the role of `database.url`"},
    {"3D000", Kind::NotAsMapped, "the database that `database.url` names does not exist on this server"},
    {"25006", Kind::NotAsMapped,
     "the query writes to the database, and the source is only ever read; take the write out"},
    {"22021", Kind::Failed, unconvertible},
    {"22P05", Kind::Failed, unconvertible},
    {"22", Kind::Failed, bad_value},
    {"21", Kind::Failed, bad_value},
    {"40001", Kind::Failed, replayed},
    {"40P01", Kind::Failed, replayed},
    {"53", Kind::Failed, no_resource},
    {"54", Kind::Failed, no_resource},
    {"58", Kind::Failed, no_resource},
    {"42", Kind::NotAsMapped, refuses},
    {"0A", Kind::NotAsMapped, refuses},
    {"3F", Kind::NotAsMapped, refuses},
    {"XX", Kind::Failed,
     "PostgreSQL reports damaged data or an internal error (SQLSTATE %); see the server's log"},
    {"", Kind::Failed, "the read failed in PostgreSQL (SQLSTATE %); see the server's log"},
};

}  // namespace

Failure::Failure(Kind kind, std::string_view message, std::string sqlstate) {
  error_ = make(kind, sqlstate, message);
}

std::string fit(std::string_view message) {
  return text::cut_with_ellipsis(text::single_spaced(text::valid_utf8(message, "?")), max_message);
}

std::string sanitise(std::string_view text, const std::vector<std::string_view>& known) {
  // Terse messages are one line; what follows a line feed would be context.
  text = before_position(text.substr(0, text.find('\n')));
  if (const auto colon = text.find(":  "); colon != std::string_view::npos && colon < 24)
    text.remove_prefix(colon + 3);
  return privacy::sanitise(text::valid_utf8(text, "?"), privacy::words_about_statement(known, max_message));
}

std::optional<SourceError> of_pooler(std::string_view sqlstate, std::string_view text) {
  if (sqlstate != "08P01") return std::nullopt;
  if (contains(text, "statement pooling mode")) {
    return make(Kind::NotAsMapped, sqlstate,
                "PgBouncer is in statement mode, which forbids transactions, and a read is one; set "
                "pool_mode = transaction or session for this database, or name the server behind it in "
                "`database.url`");
  }
  if (contains(text, "query_wait_timeout")) {
    return make(
        Kind::Unreachable, sqlstate,
        "PgBouncer had no server connection to give in time (query_wait_timeout); raise its pool size");
  }
  return classify(sqlstate, "");
}

SourceError classify(std::string_view sqlstate, std::string_view primary) {
  const auto meant = std::find_if(std::begin(meanings), std::end(meanings), [sqlstate](const Meaning& each) {
    return sqlstate.starts_with(each.prefix);
  });
  std::string message;
  for (const char c : meant->message) {
    if (c == code_here) {
      message += sqlstate.empty() ? "unknown" : sqlstate;
    } else if (c == words_here) {
      if (!primary.empty()) message.append(": ").append(primary);
    } else {
      message += c;
    }
  }
  return make(meant->kind, sqlstate, message);
}

SourceError silence(std::chrono::milliseconds longest) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(longest).count();
  return make(
      Kind::Unreachable, "",
      "PostgreSQL sent nothing for " + std::to_string(seconds) +
          " s: it hangs, or a pooler has no session to give; the connection is given up and made anew");
}

namespace {

std::string renewal(const std::string& password_cure) {
  return password_cure.empty() ? std::string() : "; then " + password_cure;
}

}  // namespace

SourceError connect_error(std::string_view text, const std::string& place, const std::string& password_cure) {
  const std::string where = "cannot connect to PostgreSQL at " + place + ": ";
  if (const auto sqlstate = last_sqlstate(text); !sqlstate.empty()) {
    auto error = classify(sqlstate, "");
    if (error.kind == Kind::Failed) {
      // Whatever the server has against it, nobody gets in now: the database is not there for us.
      error = make(Kind::Unreachable, sqlstate,
                   "the server turns connections away (SQLSTATE " + std::string(sqlstate) + "); see its log");
    }
    error.message = where + error.message;
    if (sqlstate.starts_with("28")) error.message += renewal(password_cure);
    error.message = fit(error.message);
    return error;
  }
  if (contains(text, "no password supplied")) {
    return make(
        Kind::Refused, "",
        where + "the server asks for a password; set `database.password_file`" + renewal(password_cure));
  }
  if (contains(text, "could not translate host name")) {
    return make(Kind::Unreachable, "",
                where + "the host name cannot be resolved; check `database.url` and DNS");
  }
  if (contains(text, "Connection refused") || contains(text, "No such file or directory")) {
    return make(Kind::Unreachable, "",
                where + "nothing listens there; check host and port, and that the server runs");
  }
  if (contains(text, "does not support SSL")) {
    return make(Kind::Unreachable, "", where + "the server has TLS switched off but `sslmode` asks for it");
  }
  if (contains(text, "certificate") || contains(text, "SSL error")) {
    return make(Kind::Unreachable, "",
                where + "TLS failed (" +
                    sanitise(text.substr(std::min(text.rfind("failed: "), text.size())), {}) +
                    "); check `sslmode` and `sslrootcert` in `database.url`");
  }
  if (contains(text, "timeout") || contains(text, "timed out")) {
    return make(Kind::Unreachable, "", where + "no answer in time; check host, port and firewalls");
  }
  // What libpq itself says comes after "failed: "; what it quotes may be part of the URL.
  const auto failed = text.rfind("failed: ");
  if (failed != std::string_view::npos) text.remove_prefix(failed + 8);
  return make(Kind::Unreachable, "", where + sanitise(text, {}));
}

}  // namespace stibee_sync::source

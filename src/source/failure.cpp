#include "failure.hpp"

#include "stibee_sync/privacy/redaction.hpp"
#include "stibee_sync/text/ascii.hpp"
#include "stibee_sync/text/utf8.hpp"

#include <algorithm>
#include <charconv>
#include <initializer_list>

namespace stibee_sync::source {
namespace {

using Kind = SourceError::Kind;

std::string_view before_position(std::string_view text) {
  const auto at = text.rfind(" at character ");
  return at == std::string_view::npos ? text : text.substr(0, at);
}

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return text.starts_with(prefix); });
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

std::size_t error_position(std::string_view text) {
  constexpr std::string_view marker = " at character ";
  const auto at = text.rfind(marker);
  if (at == std::string_view::npos) return 0;
  std::size_t position = 0;
  const auto digits = text.substr(at + marker.size());
  std::from_chars(digits.data(), digits.data() + digits.size(), position);
  return position;
}

SourceError classify(std::string_view sqlstate, std::string_view primary) {
  const std::string said = primary.empty() ? "" : ": " + std::string(primary);
  if (sqlstate == "57P03") {
    return make(Kind::Unreachable, sqlstate, "PostgreSQL is starting up or shutting down; it is tried again");
  }
  if (starts_with_any(sqlstate, {"08", "57P", "25P03"})) {
    return make(
        Kind::Unreachable, sqlstate,
        "PostgreSQL ended the connection (restart, failover or pg_terminate_backend); it is tried again");
  }
  if (sqlstate == "53300") {
    return make(Kind::Unreachable, sqlstate,
                "PostgreSQL has no connection left for this role; raise max_connections or the role's "
                "CONNECTION LIMIT");
  }
  if (sqlstate == "55P03") {
    return make(Kind::Unreachable, sqlstate, "the table stays locked by another session; it is tried again");
  }
  if (sqlstate.starts_with("28")) {
    return make(
        Kind::Refused, sqlstate,
        "PostgreSQL refused the role or its password; check `password_file`, the role in `database.url` and "
        "the server's pg_hba.conf");
  }
  if (sqlstate == "42501") {
    return make(Kind::Refused, sqlstate,
                "the role lacks a privilege" + said + "; GRANT it to the role of `database.url`");
  }
  if (sqlstate == "3D000") {
    return make(Kind::NotAsMapped, sqlstate,
                "the database that `database.url` names does not exist on this server");
  }
  if (sqlstate == "25006") {
    return make(Kind::NotAsMapped, sqlstate,
                "the query writes to the database, and the source is only ever read; take the write out");
  }
  if (sqlstate == "22021" || sqlstate == "22P05") {
    return make(
        Kind::Failed, sqlstate,
        "a value in the table cannot be converted to UTF-8; mend the row, or leave it out with `where`");
  }
  if (sqlstate.starts_with("22") || sqlstate.starts_with("21")) {
    return make(Kind::Failed, sqlstate,
                "PostgreSQL failed on a value of a row (SQLSTATE " + std::string(sqlstate) +
                    "); make the `query` or `where` hold for every row");
  }
  if (sqlstate == "40001" || sqlstate == "40P01") {
    return make(
        Kind::Failed, sqlstate,
        "the server gave the read up in favour of its own replay; on a standby set hot_standby_feedback or "
        "raise max_standby_streaming_delay");
  }
  if (sqlstate.starts_with("53") || sqlstate.starts_with("54") || sqlstate.starts_with("58")) {
    return make(Kind::Failed, sqlstate,
                "PostgreSQL lacks memory, disk or another resource (SQLSTATE " + std::string(sqlstate) +
                    "); see the server's log");
  }
  if (sqlstate.starts_with("42") || sqlstate.starts_with("0A") || sqlstate.starts_with("3F")) {
    return make(Kind::NotAsMapped, sqlstate, "PostgreSQL refuses the statement" + said);
  }
  if (sqlstate.starts_with("XX")) {
    return make(Kind::Failed, sqlstate,
                "PostgreSQL reports damaged data or an internal error (SQLSTATE " + std::string(sqlstate) +
                    "); see the server's log");
  }
  return make(Kind::Failed, sqlstate,
              "the read failed in PostgreSQL (SQLSTATE " +
                  (sqlstate.empty() ? "unknown" : std::string(sqlstate)) + "); see the server's log");
}

SourceError connect_error(std::string_view text, const std::string& place) {
  const std::string where = "cannot connect to PostgreSQL at " + place + ": ";
  if (const auto sqlstate = last_sqlstate(text); !sqlstate.empty()) {
    auto error = classify(sqlstate, "");
    if (error.kind == Kind::Failed) {
      // Whatever the server has against it, nobody gets in now: the database is not there for us.
      error = make(Kind::Unreachable, sqlstate,
                   "the server turns connections away (SQLSTATE " + std::string(sqlstate) + "); see its log");
    }
    error.message = fit(where + error.message);
    return error;
  }
  if (contains(text, "no password supplied")) {
    return make(Kind::Refused, "", where + "the server asks for a password; set `database.password_file`");
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

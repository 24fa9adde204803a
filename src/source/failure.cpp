#include "failure.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <initializer_list>

namespace stibee_sync::source {
namespace {

using Kind = SourceError::Kind;

/// Length of the valid UTF-8 sequence at the start of `text`; 0 if there is none.
std::size_t sequence_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xC2 ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return 0;
  }
  if (length < 3) return length;
  const auto second = static_cast<unsigned char>(text[1]);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool beyond = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
  return overlong || beyond ? 0 : length;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 63 && std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || std::isalnum(byte) != 0 || c == '_' || c == '$' || c == '.' || c == '/' ||
           c == '-';
  });
}

bool stands_in(std::string_view name, const std::vector<std::string_view>& known) {
  return std::any_of(known.begin(), known.end(),
                     [&](std::string_view text) { return text.find(name) != std::string_view::npos; });
}

std::string without_quotations(std::string_view text, const std::vector<std::string_view>& known) {
  std::string out;
  while (!text.empty()) {
    const auto open = text.find_first_of("\"'");
    if (open == std::string_view::npos) break;
    const auto close = text.find(text[open], open + 1);
    // An apostrophe inside a word quotes nothing.
    const bool apostrophe =
        text[open] == '\'' && open > 0 && std::isalpha(static_cast<unsigned char>(text[open - 1])) != 0;
    if (apostrophe) {
      out += text.substr(0, open + 1);
      text.remove_prefix(open + 1);
      continue;
    }
    out += text.substr(0, open);
    if (close == std::string_view::npos) return out + "…";
    const auto quoted = text.substr(open + 1, close - open - 1);
    if (is_name(quoted) && stands_in(quoted, known)) {
      out.append("\"").append(quoted).append("\"");
    } else {
      out += "…";
    }
    text.remove_prefix(close + 1);
  }
  return out.append(text);
}

std::string without_addresses(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size() - 1) + 1;
    const auto word = text.substr(0, end);
    if (word.find('@') == std::string_view::npos) {
      out += word;
    } else {
      out += word.back() == ' ' ? "… " : "…";
    }
    text.remove_prefix(end);
  }
  return out;
}

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
                                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); });
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
  constexpr std::string_view ellipsis = "…";
  std::string out;
  std::size_t room = 0;  // the length of `out` that leaves place for the ellipsis
  while (!message.empty()) {
    const auto length = sequence_length(message);
    const auto byte = static_cast<unsigned char>(message[0]);
    if (length == 0) {
      out += '?';
    } else if (byte <= 0x20 || byte == 0x7F) {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else {
      out += message.substr(0, length);
    }
    message.remove_prefix(std::max<std::size_t>(length, 1));
    if (out.size() + ellipsis.size() <= max_message) room = out.size();
    if (out.size() > max_message) return out.substr(0, room).append(ellipsis);
  }
  while (!out.empty() && out.back() == ' ')
    out.pop_back();
  return out;
}

std::string sanitise(std::string_view text, const std::vector<std::string_view>& known) {
  // Terse messages are one line; what follows a line feed would be context.
  text = before_position(text.substr(0, text.find('\n')));
  if (const auto colon = text.find(":  "); colon != std::string_view::npos && colon < 24)
    text.remove_prefix(colon + 3);
  return fit(without_addresses(without_quotations(text, known)));
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

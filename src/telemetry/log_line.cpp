#include "telemetry/log_line.hpp"

#include "stibee_sync/json/value.hpp"
#include "stibee_sync/text/ascii.hpp"
#include "stibee_sync/text/time_format.hpp"
#include "stibee_sync/text/utf8.hpp"

#include <charconv>
#include <cmath>
#include <type_traits>

namespace stibee_sync::telemetry {
namespace {

// Bounds a line, and with it the memory of the queue, whatever a caller passes.
constexpr std::size_t longest_text = 1024;
constexpr std::size_t longest_line = 16 * 1024;
constexpr std::size_t longest_searched = 8 * longest_text;  // bounds the time that scrubbing takes

// JSON allows a DEL as it is; a terminal does not.
void append_escaped(std::string& out, std::string_view utf8) {
  const auto start = out.size();
  json::append_escaped(out, utf8);
  for (auto at = out.find('\x7f', start); at != std::string::npos; at = out.find('\x7f', at))
    out.replace(at, 1, "\\u007f");
}

void append_quoted(std::string& out, std::string_view utf8) {
  out += '"';
  append_escaped(out, utf8);
  out += '"';
}

std::string printable(std::string_view text, const Scrubber& scrubber) {
  std::string clean = text::valid_utf8(scrubber.scrub(text.substr(0, longest_searched)));
  if (clean.size() <= longest_text) return clean;
  return std::string(text::cut(clean, longest_text)).append(text::ellipsis);
}

std::string utc_text(std::chrono::system_clock::time_point time) {
  return text::iso_utc(std::chrono::floor<std::chrono::milliseconds>(time));
}

std::string number_text(double number) {
  char digits[32];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), number).ptr;
  return {digits, end};
}

std::string plain_value(const Field::Value& value, const Scrubber& scrubber) {
  return std::visit(
      [&](const auto& held) -> std::string {
        using Held = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<Held, std::string>) {
          return printable(held, scrubber);
        } else if constexpr (std::is_same_v<Held, bool>) {
          return held ? "true" : "false";
        } else if constexpr (std::is_same_v<Held, double>) {
          return std::isfinite(held) ? number_text(held) : "null";  // JSON has no infinity
        } else {
          return std::to_string(held);
        }
      },
      value);
}

bool is_text(const Field& field) {
  return std::holds_alternative<std::string>(field.value);
}

bool is_reserved(std::string_view key) {
  return key == "ts" || key == "level" || key == "event" || key == "msg" || key == "lines_lost";
}

// A key given twice would make the line ambiguous to a reader of JSON.
std::string key_of(const Field& field, const Scrubber& scrubber) {
  std::string key = printable(field.key, scrubber);
  return is_reserved(field.key) ? "field_" + key : key;
}

std::string_view padded_name(Level level, bool colour) {
  switch (level) {
    case Level::Trace:
      return colour ? "\033[2mTRACE\033[0m" : "TRACE";
    case Level::Debug:
      return colour ? "\033[36mDEBUG\033[0m" : "DEBUG";
    case Level::Info:
      return colour ? "\033[32mINFO\033[0m " : "INFO ";
    case Level::Warn:
      return colour ? "\033[33mWARN\033[0m " : "WARN ";
    case Level::Error:
      return colour ? "\033[1;31mERROR\033[0m" : "ERROR";
  }
  return "     ";
}

bool needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  for (const char byte : text) {
    if (static_cast<unsigned char>(byte) <= ' ' || byte == '"' || byte == '=' || byte == '\\' || byte == 0x7f)
      return true;
  }
  return false;
}

}  // namespace

std::string json_line(const LogLine& line, const Scrubber& scrubber) {
  std::string out;
  out.reserve(256);
  out += R"({"ts":")" + utc_text(line.time) + R"(","level":")";
  out += name(line.level);
  out += '"';
  if (line.event) {
    out += R"(,"event":")";
    out += name(*line.event);
    out += '"';
  }
  out += R"(,"msg":)";
  append_quoted(out, printable(line.msg, scrubber));
  for (const Field& field : line.fields) {
    if (out.size() > longest_line) break;
    out += ',';
    append_quoted(out, key_of(field, scrubber));
    out += ':';
    const std::string value = plain_value(field.value, scrubber);
    if (is_text(field)) {
      append_quoted(out, value);
    } else {
      out += value;
    }
  }
  if (line.lines_lost > 0) out += R"(,"lines_lost":)" + std::to_string(line.lines_lost);
  out += '}';
  return out;
}

std::string text_line(const LogLine& line, const Scrubber& scrubber, bool colour) {
  std::string out = utc_text(line.time);
  out += ' ';
  out += padded_name(line.level, colour);
  if (line.event) {
    out += ' ';
    out += name(*line.event);
    out += ':';
  }
  out += ' ';
  append_escaped(out, printable(line.msg, scrubber));
  for (const Field& field : line.fields) {
    if (out.size() > longest_line) break;
    out += colour ? "  \033[2m" : "  ";
    append_escaped(out, key_of(field, scrubber));
    out += colour ? "=\033[0m" : "=";
    const std::string value = plain_value(field.value, scrubber);
    if (is_text(field) && needs_quotes(value)) {
      append_quoted(out, value);
    } else {
      out += value;
    }
  }
  if (line.lines_lost > 0) out += "  lines_lost=" + std::to_string(line.lines_lost);
  return out;
}

char priority_of(Level level) {
  switch (level) {
    case Level::Trace:
    case Level::Debug:
      return '7';
    case Level::Info:
      return '6';
    case Level::Warn:
      return '4';
    case Level::Error:
      return '3';
  }
  return '6';
}

namespace {

constexpr std::string_view message_field = "MESSAGE=";
constexpr std::string_view priority_field = "PRIORITY=";

// No value has a line break in it, which would need the protocol's other form.
void add_journal_field(std::string& entry, std::string_view field, std::string_view value) {
  entry.append(field).append(text::without_controls(value)).append(1, '\n');
}

}  // namespace

std::string journal_entry(const LogLine& line, const Scrubber& scrubber) {
  std::string entry;
  add_journal_field(entry, message_field, json_line(line, scrubber));
  entry.append(priority_field)
      .append(1, priority_of(line.level))
      .append("\nSYSLOG_IDENTIFIER=stibee-syncd\n");
  if (line.event) add_journal_field(entry, "EVENT=", name(*line.event));
  for (const Field& field : line.fields) {
    if (field.key == "mirror") add_journal_field(entry, "MIRROR=", plain_value(field.value, scrubber));
    if (field.key == "ref") add_journal_field(entry, "REF=", plain_value(field.value, scrubber));
  }
  return entry;
}

std::string stream_form(std::string_view entry) {
  const auto end = entry.find('\n');
  const char priority = entry[end + 1 + priority_field.size()];
  std::string line{'<', priority, '>'};
  return line.append(entry.substr(message_field.size(), end - message_field.size()));
}

}  // namespace stibee_sync::telemetry

#pragma once

#include "stibee_sync/telemetry/log.hpp"
#include "telemetry/scrubber.hpp"

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace stibee_sync::telemetry {

/// What a line says, before it has a form.
struct LogLine {
  std::chrono::system_clock::time_point time;
  Level level;
  std::optional<Event> event;
  std::string_view msg;
  std::span<const Field> fields;
  std::uint64_t lines_lost = 0;  // shown when not 0
};

/// syslog's number for the level, as the journal wants it.
char priority_of(Level level);

/// Both forms: one line without its end, valid UTF-8, no control characters, scrubbed, long values cut.
std::string json_line(const LogLine& line, const Scrubber& scrubber);
std::string text_line(const LogLine& line, const Scrubber& scrubber, bool colour);

/// The line as systemd-journald takes it: a field a line, MESSAGE (the JSON), PRIORITY, EVENT, and MIRROR and
/// REF where the line has them.
std::string journal_entry(const LogLine& line, const Scrubber& scrubber);
/// The same for the stream that the service manager reads: `<6>{…}`.
std::string stream_form(std::string_view entry);

}  // namespace stibee_sync::telemetry

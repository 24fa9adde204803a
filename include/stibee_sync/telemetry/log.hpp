#pragma once

#include "stibee_sync/telemetry/event.hpp"

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace stibee_sync::telemetry {

enum class Level { Trace, Debug, Info, Warn, Error };
std::string_view name(Level level);  // "trace" … "error"

/// Auto: text on a terminal, JSON everywhere else. Where `fd` is the journal's stream, entries go to the
/// journal itself, with EVENT, MIRROR and REF as fields beside the JSON; while it takes none, and with Json
/// and Text, it gets lines with their priority.
enum class LineFormat { Auto, Json, Text };

/// One named value of a line. The key is a literal in the code (it is only borrowed); `ts`, `level`, `event`
/// and `msg` are taken.
class Field {
 public:
  using Value = std::variant<std::string, std::int64_t, std::uint64_t, double, bool>;

  Field(std::string_view field_key, std::string text) : key(field_key), value(std::move(text)) {}
  Field(std::string_view field_key, std::string_view text) : key(field_key), value(std::string(text)) {}
  Field(std::string_view field_key, const char* text) : key(field_key), value(std::string(text)) {}
  Field(std::string_view field_key, bool flag) : key(field_key), value(flag) {}
  Field(std::string_view field_key, double number) : key(field_key), value(number) {}
  template <std::signed_integral Number>
    requires(!std::same_as<Number, char>)
  Field(std::string_view field_key, Number number) : key(field_key), value(std::int64_t{number}) {}
  template <std::unsigned_integral Number>
    requires(!std::same_as<Number, bool> && !std::same_as<Number, char>)
  Field(std::string_view field_key, Number number) : key(field_key), value(std::uint64_t{number}) {}
  /// Durations are written as seconds.
  template <class Rep, class Period>
  Field(std::string_view field_key, std::chrono::duration<Rep, Period> time)
      : key(field_key), value(std::chrono::duration<double>(time).count()) {}

  std::string_view key;
  Value value;
};

struct LogOptions {
  Level level = Level::Info;
  LineFormat format = LineFormat::Auto;
  int fd = 2;                                                  // standard error; borrowed, never closed
  std::size_t queue_lines = 2048;                              // how many lines may wait for a slow reader
  std::string journal_socket = "/run/systemd/journal/socket";  // systemd-journald's, for native entries
};

/// Writes one line per event. From any thread; constructed and destroyed by one.
///
/// Never blocks its caller: lines are rendered at once and written by a thread of the log's own. When the
/// reader of standard error (the journal) stalls, the oldest waiting lines are given up, and the next line
/// carries `lines_lost`, the number lost so far: a daemon that stops syncing because nobody reads its log
/// would break its promises, one that loses a few old lines does not. A line of level error waits up to 5 ms
/// until it is written, so that it is out before a crash that may follow; the destructor waits up to 2 s.
///
/// The last line of defence for privacy: whatever looks like an address (x@y) in a message or a text field
/// becomes
/// `<address>`, and registered secrets become `<secret>`. Callers still must not put them there.
class Log {
 public:
  using Now = std::function<std::chrono::system_clock::time_point()>;
  using Sink = std::function<void(std::string_view line)>;  // one line, without its end
  using Watcher = std::function<void(Event event, std::chrono::system_clock::time_point time,
                                     std::span<const Field> fields)>;

  /// Throws std::system_error when the writing thread cannot be started.
  explicit Log(LogOptions options, Now now = std::chrono::system_clock::now);
  /// A log that hands each line to `sink` before the call returns (one at a time). For tests; Auto is JSON.
  static Log to(Sink sink, LogOptions options = {}, Now now = std::chrono::system_clock::now);
  ~Log();
  Log(Log&&) noexcept;
  Log& operator=(Log&&) noexcept;
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Never throws: a line that cannot be made (no memory) counts as lost.
  void event(Level level, Event event, std::string_view msg,
             std::initializer_list<Field> fields = {}) noexcept;
  void event(Level level, Event event, std::string_view msg, std::span<const Field> fields) noexcept;
  /// Lines without an event, for people who debug the daemon.
  void debug(std::string_view msg, std::initializer_list<Field> fields = {}) noexcept;
  void debug(std::string_view msg, std::span<const Field> fields) noexcept;
  void trace(std::string_view msg, std::initializer_list<Field> fields = {}) noexcept;

  /// From now on `watcher` is told of each event, whatever the level that is written, on the thread that logs
  /// it; the fields are borrowed. It must be quick and must not log. Not while another thread logs.
  void watch(Watcher watcher);

  bool enabled(Level level) const noexcept;
  void set_level(Level level) noexcept;  // takes effect at once: a reload needs no new log
  Level level() const noexcept;

  /// From now on `secret` is printed as `<secret>`, also when it stands percent-encoded. White space around
  /// it is ignored, and so is a secret of fewer than 4 bytes, which would garble every line and protects
  /// nothing.
  void never_print(std::string_view secret);

  /// Waits until everything logged so far is written or given up; false when `limit` passed first.
  bool flush(std::chrono::milliseconds limit) noexcept;
  std::uint64_t lines_lost() const noexcept;

 private:
  struct State;
  explicit Log(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace stibee_sync::telemetry

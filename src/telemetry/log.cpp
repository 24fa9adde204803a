#include "stibee_sync/telemetry/log.hpp"

#include "telemetry/log_line.hpp"
#include "telemetry/log_sink.hpp"
#include "telemetry/scrubber.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <sys/stat.h>
#include <unistd.h>

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>

namespace stibee_sync::telemetry {
namespace {

constexpr std::chrono::milliseconds error_wait{5};  // half of what the loop thread may be held up
constexpr std::chrono::milliseconds exit_wait{2000};
constexpr std::chrono::milliseconds journal_wait{100};

// systemd tells which stream is the journal's as "device:inode" of the socket.
bool is_journal(int fd) {
  const char* journal = std::getenv("JOURNAL_STREAM");
  struct stat about{};
  if (journal == nullptr || fstat(fd, &about) != 0) return false;
  return std::to_string(about.st_dev) + ":" + std::to_string(about.st_ino) == journal;
}

bool wants_colour(int fd) {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return isatty(fd) == 1 && (no_colour == nullptr || *no_colour == '\0') &&
         (terminal == nullptr || std::string_view(terminal) != "dumb");
}

// Signals are the main thread's business; a blocked SIGPIPE turns into EPIPE.
void block_all_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

std::string_view name(Level level) {
  switch (level) {
    case Level::Trace:
      return "trace";
    case Level::Debug:
      return "debug";
    case Level::Info:
      return "info";
    case Level::Warn:
      return "warn";
    case Level::Error:
      return "error";
  }
  return "info";
}

struct Log::State {
  State(const LogOptions& options, Now with_clock) : level(options.level), clock(std::move(with_clock)) {}

  State(const State&) = delete;
  State& operator=(const State&) = delete;

  ~State() {
    if (!pool) return;
    if (!flush(exit_wait)) fd_sink->abandon();
    fd_sink->wait_until_read(journal_wait);
    logger.reset();
    pool.reset();  // joins; cannot hang once abandoned
  }

  void write(Level at, std::optional<Event> event, std::string_view msg,
             std::span<const Field> fields) noexcept {
    if (event) tell(*event, fields);
    if (at < level.load(std::memory_order_relaxed)) return;
    try {
      LogLine line{.time = clock(), .level = at, .event = event, .msg = msg, .fields = fields};
      const std::uint64_t lost = lines_lost();
      if (lost != lost_reported.exchange(lost)) line.lines_lost = lost;
      put(form_of(line));
    } catch (...) {
      ++unmade;
      return;
    }
    // Once the reader has stalled, further errors must not wait one after the other.
    if (at == Level::Error) stalled = !flush(stalled ? std::chrono::milliseconds{0} : error_wait);
  }

  void tell(Event event, std::span<const Field> fields) noexcept {
    if (!watcher) return;
    try {
      watcher(event, clock(), fields);
    } catch (...) {
      // What it would have kept is lost; the line itself is not.
    }
  }

  std::string form_of(const LogLine& line) const {
    if (native) return journal_entry(line, scrubber);
    std::string text = json ? json_line(line, scrubber) : text_line(line, scrubber, colour);
    if (to_journal) text.insert(0, {'<', priority_of(line.level), '>'});  // the journal takes it off
    return text;
  }

  void put(std::string_view text) {
    if (sink) {
      const std::lock_guard lock(sink_mutex);
      sink(text);
      return;
    }
    ++posted;
    logger->log(spdlog::level::info, spdlog::string_view_t(text.data(), text.size()));
  }

  // The queue is first in first out, and every line counted in `posted` before now is handled or overrun in
  // the end.
  bool flush(std::chrono::milliseconds limit) noexcept {
    if (!pool) return true;
    return fd_sink->wait_for(posted.load(), limit,
                             [this] { return failed_in_spdlog + pool->overrun_counter(); });
  }

  std::uint64_t lines_lost() const {
    if (!pool) return unmade;
    return unmade + failed_in_spdlog + fd_sink->lines_failed() + pool->overrun_counter();
  }

  std::atomic<Level> level;
  Now clock;
  Scrubber scrubber;
  bool json = true;
  bool colour = false;
  bool to_journal = false;
  bool native = false;  // as entries
  std::atomic<std::uint64_t> posted = 0;
  std::atomic<std::uint64_t> unmade = 0;
  std::atomic<std::uint64_t> failed_in_spdlog = 0;
  std::atomic<std::uint64_t> lost_reported = 0;
  std::atomic<bool> stalled = false;

  Watcher watcher;
  Sink sink;  // set: lines go there, and the three below are empty
  std::mutex sink_mutex;
  std::shared_ptr<FdSink> fd_sink;  // spdlog holds its sinks and loggers by shared_ptr
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
};

Log::Log(LogOptions options, Now clock) : state_(std::make_unique<State>(options, std::move(clock))) {
  State& state = *state_;
  state.json =
      options.format == LineFormat::Json || (options.format == LineFormat::Auto && isatty(options.fd) != 1);
  state.colour = !state.json && wants_colour(options.fd);
  state.to_journal = is_journal(options.fd);
  state.native = state.to_journal && options.format == LineFormat::Auto;
  state.fd_sink = std::make_shared<FdSink>(options.fd, state.native ? options.journal_socket : std::string());
  state.fd_sink->set_level(spdlog::level::trace);
  state.pool = std::make_shared<spdlog::details::thread_pool>(options.queue_lines, 1, block_all_signals);
  state.logger = std::make_shared<spdlog::async_logger>("stibee", state.fd_sink, state.pool,
                                                        spdlog::async_overflow_policy::overrun_oldest);
  state.logger->set_level(spdlog::level::trace);  // the level is decided in State
  // spdlog would print the error, and with it perhaps the line, to standard error itself.
  state.logger->set_error_handler([&state](const std::string&) { ++state.failed_in_spdlog; });
}

Log::Log(std::unique_ptr<State> state) : state_(std::move(state)) {}

Log Log::to(Sink sink, LogOptions options, Now clock) {
  auto state = std::make_unique<State>(options, std::move(clock));
  state->json = options.format != LineFormat::Text;
  state->sink = std::move(sink);
  return Log(std::move(state));
}

Log::~Log() = default;
Log::Log(Log&&) noexcept = default;
Log& Log::operator=(Log&&) noexcept = default;

void Log::event(Level level, Event event, std::string_view msg,
                std::initializer_list<Field> fields) noexcept {
  state_->write(level, event, msg, {fields.begin(), fields.size()});
}

void Log::event(Level level, Event event, std::string_view msg, std::span<const Field> fields) noexcept {
  state_->write(level, event, msg, fields);
}

void Log::debug(std::string_view msg, std::initializer_list<Field> fields) noexcept {
  state_->write(Level::Debug, std::nullopt, msg, {fields.begin(), fields.size()});
}

void Log::debug(std::string_view msg, std::span<const Field> fields) noexcept {
  state_->write(Level::Debug, std::nullopt, msg, fields);
}

void Log::trace(std::string_view msg, std::initializer_list<Field> fields) noexcept {
  state_->write(Level::Trace, std::nullopt, msg, {fields.begin(), fields.size()});
}

void Log::watch(Watcher watcher) {
  state_->watcher = std::move(watcher);
}

bool Log::enabled(Level level) const noexcept {
  return level >= state_->level.load(std::memory_order_relaxed);
}
void Log::set_level(Level level) noexcept {
  state_->level = level;
}
Level Log::level() const noexcept {
  return state_->level;
}
void Log::never_print(std::string_view secret) {
  state_->scrubber.never_print(secret);
}
bool Log::flush(std::chrono::milliseconds limit) noexcept {
  const bool flushed = state_->flush(limit);
  if (flushed && state_->fd_sink) state_->fd_sink->wait_until_read(std::min(limit, journal_wait));
  return flushed;
}
std::uint64_t Log::lines_lost() const noexcept {
  return state_->lines_lost();
}

}  // namespace stibee_sync::telemetry

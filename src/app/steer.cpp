#include "app/ask.hpp"
#include "app/exit_code.hpp"
#include "app/human_word.hpp"
#include "app/local_time.hpp"
#include "app/progress.hpp"
#include "app/render.hpp"
#include "app/reveals.hpp"
#include "app/setup.hpp"
#include "stibee_sync/text/number_format.hpp"
#include "stibee_sync/text/time_format.hpp"

#include <algorithm>
#include <iostream>
#include <thread>
#include <unistd.h>

// `pause`, `resume`, `sync-now` and `reload`: what a daemon is told to do.

namespace stibee_sync::app {
namespace {

constexpr std::string_view none_runs = "no daemon is running here";
/// How long a read that is asked for may take to show that what failed before does so no more.
constexpr std::chrono::seconds time_to_recover{10};
constexpr std::chrono::milliseconds between_looks{200};

std::string paused_words(const json::Value& answer) {
  const auto until = text_of(answer, "until");
  if (until.empty()) return "paused: nothing is read or sent until `stibee-syncd resume`";
  return "paused until " + local_time(until) +
         ": nothing is read or sent until then, or until `stibee-syncd resume`";
}

std::string started_words(const json::Value& answer) {
  std::string text = integer_of(answer, "started") > 0 ? "started" : "";
  const auto* paused = answer.find("paused");
  if (paused == nullptr || paused->if_array() == nullptr) return text;
  for (const auto& name : *paused->if_array())
    text += (text.empty() ? "" : "\n") + *name.if_string() +
            " is paused: nothing is read or sent until `stibee-syncd resume`";
  return text;
}

/// Looks at `status` until all that the tables had when it was asked is at Stibee, or cannot get there.
class Wait {
 public:
  Wait(const Options& options, Whereabouts& where, std::string asked)
      : options_(options), where_(where), asked_(std::move(asked)) {}

  int run() {
    for (;;) {
      const auto answer = ask_daemon(where_, "GET", "/status");
      if (!answer || answer->status != 200) {
        progress_.end();
        std::cerr << (answer ? error_of(*answer) : std::string("the daemon has stopped")) << "\n";
        return ExitCode::unavailable;
      }
      if (look(answer->body)) break;
      if (std::chrono::steady_clock::now() - moved_ > options_.timeout) {
        code_ = ExitCode::try_later;
        problems_ += "gave up: nothing moved for " +
                     duration_text(std::chrono::duration<double>(options_.timeout).count()) + "\n";
        break;
      }
      std::this_thread::sleep_for(between_looks);
    }
    progress_.end();
    std::cerr << problems_;
    return code_;
  }

 private:
  /// Whether there is nothing more to wait for.
  bool look(const json::Value& status) {
    code_ = ExitCode::ok;
    problems_.clear();
    bool done = true;
    std::int64_t waiting = 0;
    const auto* mirrors = status.find("mirrors");
    if (mirrors == nullptr || mirrors->if_array() == nullptr) return true;
    for (const auto& mirror : *mirrors->if_array()) {
      if (!options_.mirror.empty() && text_of(mirror, "name") != options_.mirror) continue;
      waiting += waiting_of(mirror);
      done = is_through(mirror) && done;
    }
    if (waiting != waiting_) moved_ = std::chrono::steady_clock::now();
    waiting_ = waiting;
    progress_.show(waiting == 0 ? "reading" : text::with_thousands(waiting) + " people wait");
    return done;
  }

  static std::int64_t waiting_of(const json::Value& mirror) {
    const auto* pending = mirror.find("pending");
    if (pending == nullptr) return 0;
    return integer_of(*pending, "optout") + integer_of(*pending, "delete") + integer_of(*pending, "upsert");
  }

  bool is_through(const json::Value& mirror) {
    const auto state = text_of(mirror, "state");
    if (state == "paused") {
      worse(mirror, ExitCode::try_later);
      return true;
    }
    if (state == "standby") {
      problems_ += text_of(mirror, "name") + ": another daemon leads, and sends: ask on its host\n";
      code_ = std::max(code_, static_cast<int>(ExitCode::try_later));
      return true;
    }
    const bool read = text_of(mirror, "last_success") >= asked_;
    const bool recovering = std::chrono::steady_clock::now() - began_ < time_to_recover;
    if ((state == "failing" || state == "untrusted") && !recovering) {
      worse(mirror, ExitCode::try_later);
      return true;
    }
    if (!read || waiting_of(mirror) > 0) return false;
    if (is_held(mirror)) worse(mirror, ExitCode::held);
    return true;
  }

  // Also where something worse hides it.
  static bool is_held(const json::Value& mirror) {
    const auto* held = mirror.find("held");
    return held != nullptr && held->if_array() != nullptr && !held->if_array()->empty();
  }

  void worse(const json::Value& mirror, int code) {
    problems_ += text_of(mirror, "name") + ": " + text_of(mirror, "problem") + "\n";
    code_ = std::max(code_, code);
  }

  const Options& options_;
  Whereabouts& where_;
  std::string asked_;
  std::string problems_;
  Progress progress_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point moved_ = began_;
  std::int64_t waiting_ = 0;
  int code_ = ExitCode::ok;
};

}  // namespace

int pause(const Options& options) {
  json::Value body = json::Value::object();
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(options.pause_for);
  if (seconds.count() > 0) body.set("seconds", seconds.count());
  return change(
      options, "/pause", body,
      [&](OpenedState& state) {
        const auto now = utc_now();
        std::optional<domain::UtcTime> until;
        if (seconds.count() > 0) until = now + seconds;
        for (const auto& change : pause_mirrors(*state.store, state.mirrors, now, until))
          tell_of_pause(*state.log, state.mirrors[change.mirror], change, user_in_words(::geteuid()));
        auto answer = found("paused", state.mirrors.size());
        answer.body.set("until", until ? json::Value(text::iso_utc(*until)) : json::Value());
        return answer;
      },
      paused_words);
}

int resume(const Options& options) {
  return change(
      options, "/resume", json::Value::object(),
      [](OpenedState& state) {
        for (const auto& change : resume_mirrors(*state.store, state.mirrors, utc_now()))
          tell_of_pause(*state.log, state.mirrors[change.mirror], change, user_in_words(::geteuid()));
        return found("resumed", state.mirrors.size());
      },
      [](const json::Value&) { return std::string("resumed"); });
}

int sync_now(const Options& options) {
  auto where = whereabouts(options, Intent::Change);
  json::Value body = json::Value::object();
  if (!options.mirror.empty()) body.set("mirror", options.mirror);
  const auto answer = ask_daemon(where, "POST", "/sync-now", body);
  if (!answer) {
    need_usable(where);
    std::cerr << none_runs << "; `stibee-syncd sync` makes one full pass without it\n";
    return ExitCode::unavailable;
  }
  if (const int code = exit_code_of(*answer); code != ExitCode::ok) return code;
  if (!options.wait) {
    print_done(options, *answer, started_words);
    return ExitCode::ok;
  }
  const int code = Wait(options, where, text_of(answer->body, "asked")).run();
  if (code == ExitCode::ok)
    print_done(options, *answer, [](const json::Value&) { return std::string("read, and delivered"); });
  return code;
}

int reload(const Options& options) {
  auto where = whereabouts(options, Intent::Change);
  // What is wrong with the file is for the daemon to say: it may be another file than this one.
  const auto answer = ask_daemon_quietly(where, "POST", "/reload", json::Value::object());
  if (!answer) {
    std::cerr << none_runs << "; it reads its file when it starts\n";
    return ExitCode::unavailable;
  }
  if (answer->status != 422) {
    const int code = exit_code_of(*answer);
    if (code == ExitCode::ok)
      print_done(options, *answer, [](const json::Value& done) { return text_of(done, "message"); });
    return code;
  }
  if (const auto* problems = answer->body.find("problems");
      problems != nullptr && problems->if_array() != nullptr) {
    for (const auto& problem : *problems->if_array())
      std::cerr << *problem.if_string() << "\n";
  }
  std::cerr << text_of(answer->body, "error") << "\n";
  return ExitCode::bad_config;
}

}  // namespace stibee_sync::app

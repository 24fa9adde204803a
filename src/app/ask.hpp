#pragma once

#include "app/commands.hpp"
#include "stibee_sync/domain/time.hpp"
#include "stibee_sync/json/value.hpp"
#include "stibee_sync/pipeline/mirror_plan.hpp"
#include "stibee_sync/settings/loader.hpp"
#include "stibee_sync/store/store.hpp"
#include "stibee_sync/telemetry/log.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::app {

struct Answer {
  int status = 0;
  json::Value body;
};
/// What is wrong, of an answer that is no 200.
std::string error_of(const Answer& answer);
/// Says the daemon's complaint, if it is one.
int exit_code_of(const Answer& answer);

inline constexpr std::chrono::seconds usual_patience{30};

/// Asks the daemon of this configuration through its control socket. nullopt: none is running. Prints and
/// throws Exit if one is there but does not answer, or may not be asked.
std::optional<Answer> ask_daemon(const settings::Settings& settings, const std::string& method,
                                 const std::string& target, const json::Value& body = {});

/// Whether a command changes anything, where it is heard.
enum class Intent { Read, Change };
/// What a command that asks the daemon needs of the file.
struct Whereabouts {
  std::filesystem::path file;
  bool usual_file = false;  // the one that is meant where none is named
  Intent intent = Intent::Read;
  settings::Settings settings;
  /// Why the file is bad: then the settings are only what could be read of it, enough to look for the daemon,
  /// which may run well with what the file was before.
  std::vector<settings::Problem> problems;
  /// Where the daemon was found.
  std::optional<std::filesystem::path> door = {};
  /// It may be another instance's, and why; "": it is the one of this file.
  std::string stranger = {};
  bool usable() const { return problems.empty(); }
};
Whereabouts whereabouts(const Options& options, Intent intent);
/// The same through them. A bad file is a warning where the daemon answers; where none does, its problems are
/// printed. They are printed, and Exit{78} is thrown, where a daemon answers that runs with another file than
/// this one, which was named, and is to change something.
std::optional<Answer> ask_daemon(Whereabouts& whereabouts, const std::string& method,
                                 const std::string& target, const json::Value& body = {},
                                 std::chrono::seconds patience = usual_patience);
/// The same, and nothing is said of a bad file.
std::optional<Answer> ask_daemon_quietly(Whereabouts& whereabouts, const std::string& method,
                                         const std::string& target, const json::Value& body,
                                         std::chrono::seconds patience = usual_patience);
/// What has been done, as JSON or in the words that `done` finds for the answer.
void print_done(const Options& options, const Answer& answer,
                const std::function<std::string(const json::Value&)>& done);
/// The state without a daemon, and the mirrors that the command is about.
struct OpenedState {
  store::Store* store;
  telemetry::Log* log;
  std::vector<pipeline::MirrorPlan> mirrors;
  const settings::Settings* settings;
};
/// What to do with it when no daemon runs; its result is the answer to print.
using OnState = std::function<Answer(OpenedState&)>;
Answer not_found(std::string_view error);
Answer found(std::string key, json::Value value);
/// Changes something: the daemon does it that is asked with `body`, or `on_state` where none runs. The exit
/// code; what has been done or is wrong is printed.
int change(const Options& options, const std::string& target, json::Value body, const OnState& on_state,
           const std::function<std::string(const json::Value&)>& done);
domain::UtcTime utc_now();
/// Throws Exit where the file is bad: nobody was there to ask, and it has been said why.
void need_usable(const Whereabouts& whereabouts);

}  // namespace stibee_sync::app

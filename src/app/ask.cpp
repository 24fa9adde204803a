#include "app/ask.hpp"

#include "app/control_service.hpp"
#include "app/door.hpp"
#include "app/exit_code.hpp"
#include "app/explainer.hpp"
#include "app/failures_report.hpp"
#include "app/forgetting.hpp"
#include "app/held_report.hpp"
#include "app/human_word.hpp"
#include "app/mirror_choice.hpp"
#include "app/render.hpp"
#include "app/reveals.hpp"
#include "app/setup.hpp"
#include "stibee_sync/text/number_format.hpp"

#include <functional>
#include <iostream>
#include <utility>

// Commands that ask a running daemon through its control socket, or else work on the stored state themselves.

namespace stibee_sync::app {
std::optional<Answer> ask_daemon(const settings::Settings& settings, const std::string& method,
                                 const std::string& target, const json::Value& body) {
  for (const auto& door : doors_of(settings)) {
    if (auto answer = ask_through(door.socket, method, target, body)) return answer;
  }
  return std::nullopt;
}

Whereabouts whereabouts(const Options& options, Intent intent) {
  Whereabouts where;
  where.file = options.config;
  where.intent = intent;
  where.usual_file = whole_name(options.config) == whole_name(Options().config);
  auto loaded = load_settings_quietly(options.config, settings::SecretFiles::Skip);
  if (loaded) {
    where.settings = std::move(loaded).settings();
    return where;
  }
  where.problems = loaded.problems();
  where.settings = settings::load_loosely(options.config, system_environment);
  return where;
}

namespace {

void print_problems(const Whereabouts& whereabouts, std::string_view before = {}) {
  for (const auto& problem : whereabouts.problems)
    std::cerr << before << settings::to_string(problem) << "\n";
}

/// A daemon that runs with another file than this bad one is told nothing that changes anything; whoever
/// names no file means the usual daemon.
void mind_stranger(Whereabouts& whereabouts, std::string why) {
  if (why.empty()) return;
  whereabouts.stranger = std::move(why);
  if (whereabouts.usual_file || whereabouts.intent == Intent::Read) return;
  print_problems(whereabouts);
  std::cerr << whereabouts.stranger << ": mend this one, or name that one with --config\n";
  throw Exit{ExitCode::bad_config};
}

/// False: nobody is there.
bool may_enter(Whereabouts& whereabouts, const Door& door) {
  if (!door.guessed) return true;
  auto why = why_stranger(whereabouts, door.socket);
  if (why) mind_stranger(whereabouts, std::move(*why));
  return why.has_value();
}

}  // namespace

std::optional<Answer> ask_daemon_quietly(Whereabouts& whereabouts, const std::string& method,
                                         const std::string& target, const json::Value& body,
                                         std::chrono::seconds patience) {
  if (whereabouts.door) return ask_through(*whereabouts.door, method, target, body, patience);
  for (const auto& door : doors_of(whereabouts)) {
    if (!may_enter(whereabouts, door)) continue;
    auto answer = ask_through(door.socket, method, target, body, patience);
    if (!answer) continue;
    whereabouts.door = door.socket;
    return answer;
  }
  return std::nullopt;
}

std::optional<Answer> ask_daemon(Whereabouts& whereabouts, const std::string& method,
                                 const std::string& target, const json::Value& body,
                                 std::chrono::seconds patience) {
  auto answer = ask_daemon_quietly(whereabouts, method, target, body, patience);
  print_problems(whereabouts, answer ? "warning: " : "");
  if (answer && !whereabouts.usable()) {
    std::cerr << "warning: "
              << (whereabouts.stranger.empty() ? "the daemon runs with what the file was before"
                                               : whereabouts.stranger)
              << "\n";
    whereabouts.problems.clear();  // once is enough
  }
  return answer;
}

std::string error_of(const Answer& answer) {
  const auto error = text_of(answer.body, "error");
  if (!error.empty()) return error;
  return "the daemon answers oddly (HTTP " + std::to_string(answer.status) + "); its log says why";
}

int exit_code_of(const Answer& answer) {
  if (answer.status == 200) return ExitCode::ok;
  std::cerr << error_of(answer) << "\n";
  switch (answer.status) {
    case 400:
      return ExitCode::usage;
    case 403:
      return ExitCode::refused;
    case 404:
      return ExitCode::no_such_thing;
    case 409:
      return ExitCode::try_later;
    case 503:
      return ExitCode::unavailable;
    case 507:
      return ExitCode::io_error;
    default:
      return ExitCode::internal;
  }
}

void need_usable(const Whereabouts& whereabouts) {
  if (!whereabouts.usable()) throw Exit{ExitCode::bad_config};
}

void print_done(const Options& options, const Answer& answer,
                const std::function<std::string(const json::Value&)>& done) {
  if (options.json) {
    json::Value report;
    report.set("version", 1);
    if (const auto* members = answer.body.if_object()) {
      for (const auto& [name, value] : *members)
        report.set(name, value);
    }
    std::cout << json::to_pretty_string(report) << "\n";
  } else {
    std::cout << done(answer.body) << "\n";
  }
}

domain::UtcTime utc_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

namespace {

void print(const Options& options, const json::Value& report, std::string (*render)(const json::Value&)) {
  std::cout << (options.json ? json::to_pretty_string(report) + "\n" : render(report));
}

/// Those that --mirror leaves. Says so and throws Exit where there is none of that name.
std::vector<pipeline::MirrorPlan> meant_of(std::vector<pipeline::MirrorPlan> plans, const Options& options) {
  const auto names = names_of(plans);
  std::vector<pipeline::MirrorPlan> meant;
  for (const auto i : mirrors_meant(names, options.mirror))
    meant.push_back(std::move(plans[i]));
  if (!meant.empty()) return meant;
  std::cerr << no_such_mirror(names, options.mirror) << "\n";
  throw Exit{ExitCode::no_such_thing};
}

json::Value stored_report(const settings::Settings& settings, json::Value (*make)(const DaemonView&)) {
  const ReadState state(settings);
  const auto dialect = make_dialect(settings);
  const auto plans = mirrors_in(*state, settings, *dialect);
  const auto now = utc_now();
  return make(daemon_view(view_mirrors(*state, plans, now), settings, now));
}

/// `status`: that no daemon runs is said whatever the file and the state are like.
json::Value report_without_daemon(const Whereabouts& where, json::Value (*make)(const DaemonView&)) {
  if (where.usable()) {
    try {
      return stored_report(where.settings, make);
    } catch (const store::StoreError& error) {
      std::cerr << error.what() << "\n";
    }
  }
  return make({});
}

int report(const Options& options, const std::string& target, json::Value (*make)(const DaemonView&),
           std::string (*render)(const json::Value&), json::Value* out = nullptr) {
  auto where = whereabouts(options, Intent::Read);
  json::Value value;
  if (const auto answer = ask_daemon(where, "GET", target)) {
    if (const int code = exit_code_of(*answer); code != ExitCode::ok) return code;
    value = answer->body;
  } else if (out != nullptr) {
    value = report_without_daemon(where, make);
  } else {
    need_usable(where);
    value = stored_report(where.settings, make);
  }
  print(options, value, render);
  if (out != nullptr) *out = std::move(value);
  return ExitCode::ok;
}

}  // namespace

int change(const Options& options, const std::string& target, json::Value body, const OnState& on_state,
           const std::function<std::string(const json::Value&)>& done) {
  auto where = whereabouts(options, Intent::Change);
  if (!options.mirror.empty()) body.set("mirror", options.mirror);
  auto answer = ask_daemon(where, "POST", target, body);
  if (!answer) {
    need_usable(where);
    auto log = make_log(where.settings);
    auto state = open_state(where.settings, log);
    const auto dialect = make_dialect(where.settings);
    auto matched = open_mirrors(*state.store, mirror_plans(where.settings, *dialect));
    tell_of(log, matched);
    OpenedState opened{state.store.get(), &log, meant_of(std::move(matched.plans), options), &where.settings};
    answer = on_state(opened);
  }
  const int code = exit_code_of(*answer);
  if (code == ExitCode::ok) print_done(options, *answer, done);
  return code;
}

Answer complaint(int status, std::string_view error) {
  Answer answer;
  answer.status = status;
  answer.body.set("error", error);
  return answer;
}

Answer not_found(std::string_view error) {
  return complaint(404, error);
}

Answer found(std::string key, json::Value value) {
  Answer answer;
  answer.status = 200;
  answer.body.set(std::move(key), std::move(value));
  return answer;
}

namespace {

constexpr std::size_t most_failures_as_text = 100;
constexpr std::size_t most_failures_as_json = 100'000;
constexpr std::chrono::seconds patience_for_table{100};

/// What changes is in the table only; without the password, who they are is known all the same.
pipeline::RowsSeen rows_alone(const Options& options, HeldSetView& view, const domain::StateKey& key) {
  pipeline::RowsSeen rows;
  const auto loaded = load_settings_quietly(options.config, settings::SecretFiles::Read);
  if (!loaded) {
    rows.problem = "the secrets of the file cannot be read here";
    return rows;
  }
  const auto reader = source::make_postgres_reader(patient_connection(loaded.settings()));
  return rows_of(view, *reader, key, utc_now());
}

Answer held_set_alone(const Options& options, const settings::Settings& settings, const HeldSetAsked& asked) {
  const ReadState state(settings);
  const auto dialect = make_dialect(settings);
  auto view = held_set_view(*state, mirrors_in(*state, settings, *dialect), asked, utc_now());
  if (!view) return not_found(no_such_set);
  const auto rows = rows_alone(options, *view, state->key());
  if (asked.reveal) tell_of(Reveal{"guard show", view->people.size()});
  return Answer{200, held_set_report(*view, rows, asked, state->key())};
}

}  // namespace

int status(const Options& options) {
  json::Value value;
  const int code = report(options, "/status", status_report, render_status, &value);
  if (code != ExitCode::ok) return code;
  const auto* healthy = value.find("healthy");
  const bool well = healthy != nullptr && healthy->if_bool() != nullptr && *healthy->if_bool();
  return well ? ExitCode::ok : ExitCode::unhealthy;
}

int guard(const Options& options) {
  return report(options, "/guard", guard_report, render_guard);
}

int failures(const Options& options) {
  FailuresAsked asked;
  asked.reason = options.reason;
  asked.reveal = options.reveal;
  asked.limit = options.limit.value_or(options.json ? most_failures_as_json : most_failures_as_text);
  auto where = whereabouts(options, Intent::Read);
  json::Value value;
  auto target = "/failures?" + query_of(asked);
  if (!options.mirror.empty()) target += "&" + mirror_query(options.mirror);
  if (const auto answer = ask_daemon(where, "GET", target)) {
    if (const int code = exit_code_of(*answer); code != ExitCode::ok) return code;
    value = answer->body;
  } else {
    need_usable(where);
    const ReadState state(where.settings);
    const auto dialect = make_dialect(where.settings);
    const auto meant = meant_of(mirrors_in(*state, where.settings, *dialect), options);
    value = failures_report(*state, meant, asked, utc_now());
    if (asked.reveal) tell_of(Reveal{"failures", addresses_in(value)});
  }
  print(options, value, render_failures);
  return ExitCode::ok;
}

int forget(const Options& options) {
  ForgetAsked asked;
  asked.by_leader = options.by_leader;
  auto& person = asked.person;
  if (const auto problem = read_address(options.argument, person)) {
    std::cerr << *problem << "\n";
    return ExitCode::usage;
  }
  return change(
      options, "/forget", body_of(asked),
      [&](OpenedState& state) {
        const bool leads = !state.settings->database.leader_lock;
        const auto forgetting =
            forget_person(*state.store, state.mirrors, *person.email, teller(leads, asked.by_leader));
        if (!forgetting.refused.empty()) return complaint(409, forgetting.refused);
        if (!forgetting.known) return not_found(nobody_to_forget);
        tell_of_forgetting(*state.log, state.store->key(), *person.email);
        return Answer{200, forgetting_report(forgetting)};
      },
      [](const json::Value& answer) {
        const auto* tidy = answer.find("tidy");
        const bool done = tidy != nullptr && tidy->if_bool() != nullptr && *tidy->if_bool();
        return std::string("erased from every file; of an opt-out, a keyed hash stays") +
               (done ? "" : " (the files' logs are emptied once the read that runs has ended)");
      });
}

int retry(const Options& options) {
  json::Value body = json::Value::object();
  body.set("what", options.argument);
  return change(
      options, "/retry", body,
      [&](OpenedState& state) {
        const auto count = retry_parked(*state.store, state.mirrors, options.argument, utc_now());
        if (count == 0 && !options.argument.empty()) return not_found(nobody_to_retry);
        return found("retried", count);
      },
      [](const json::Value& answer) {
        const auto count = integer_of(answer, "retried");
        if (count == 0) return std::string("nobody is parked whom sending again could help");
        return text::with_thousands(count) + (count == 1 ? " person is" : " people are") +
               " in the queue again";
      });
}

int guard_approve(const Options& options) {
  json::Value body = json::Value::object();
  body.set("digest", options.argument);
  return change(
      options, "/guard/approve", body,
      [&](OpenedState& state) {
        if (!approve_hold(*state.store, state.mirrors, options.argument, utc_now())) {
          return not_found(no_such_set);
        }
        return found("approved", options.argument);
      },
      [](const json::Value&) {
        return "approved for one hour: the next read releases those of this change set whom it still finds; "
               "who "
               "moves waits until both halves are approved";
      });
}

int guard_show(const Options& options) {
  const HeldSetAsked asked{options.argument, options.reveal};
  auto where = whereabouts(options, Intent::Read);
  auto answer = ask_daemon(where, "GET", "/guard/show?" + query_of(asked), {}, patience_for_table);
  if (!answer) {
    need_usable(where);
    answer = held_set_alone(options, where.settings, asked);
  }
  if (const int code = exit_code_of(*answer); code != ExitCode::ok) return code;
  print(options, answer->body, render_held_set);
  return ExitCode::ok;
}

}  // namespace stibee_sync::app

#include "app/call_slots.hpp"
#include "app/exit_code.hpp"
#include "app/feed_check.hpp"
#include "app/lone_asker.hpp"
#include "app/mirror_match.hpp"
#include "app/render.hpp"
#include "app/setup.hpp"
#include "app/webhook_service.hpp"
#include "app/writeback_check.hpp"
#include "stibee_sync/delivery/v2_reading.hpp"
#include "stibee_sync/json/value.hpp"
#include "stibee_sync/runtime/system_clock.hpp"

#include <iostream>

#include <boost/asio/co_spawn.hpp>

namespace stibee_sync::app {
namespace {

namespace asio = boost::asio;

/// What came of asking Stibee something.
struct Asked {
  Asked() = default;
  pipeline::Reply reply;
  std::string trouble;  // in words, if there was no answer
};

asio::awaitable<Asked> ask(LoneAsker* asker, delivery::ApiRequest call) {
  Asked asked;
  auto reply = co_await asker->ask(std::move(call));
  asked.reply = std::move(reply);
  asked.trouble = asker->trouble();
  co_return asked;
}

/// One thing that was found out.
struct Finding {
  std::string what;
  int code = ExitCode::ok;
  std::string text;
};

/// Whether it is a gateway that answers, because what is behind it does not.
bool is_away(int status) {
  return status == 502 || status == 503 || status == 504;
}

Finding judge_key(const Asked& asked, const delivery::Dialect& dialect, settings::ApiVersion api) {
  Finding finding;
  finding.what = "stibee";
  if (!asked.trouble.empty()) {
    finding.code = ExitCode::unavailable;
    finding.text = asked.trouble;
    return finding;
  }
  const auto result = dialect.read_probe(asked.reply.answer());
  if (result.verdict == delivery::CallVerdict::Unauthorised ||
      result.verdict == delivery::CallVerdict::Forbidden) {
    finding.code = ExitCode::refused;
    finding.text = "Stibee refuses the API key (" + name(result.reason) +
                   "); make a new one in the workspace's settings";
  } else if (result.verdict == delivery::CallVerdict::Answered) {
    finding.text = "Stibee accepts the API key";
  } else if (api == settings::ApiVersion::V1 && !is_away(asked.reply.answer().status)) {
    // "in preparation" by Stibee's own documentation: an odd answer proves nothing.
    finding.text = "warning: Stibee answers oddly (" + name(result.reason) +
                   "), which API v1 may do on this call; the key was not refused";
  } else {
    finding.code = ExitCode::unavailable;
    finding.text = "Stibee does not answer as it should (" + name(result.reason) + ")";
  }
  return finding;
}

bool takes_key(const Asked& asked) {
  return delivery::v2::read_auth_check(asked.reply.answer()).verdict == delivery::CallVerdict::Answered;
}

/// What v2 says to a key that writes through v1: only that Stibee is away is trouble.
Finding judge_v2(const Asked& asked) {
  Finding finding;
  finding.what = "stibee v2";
  if (!asked.trouble.empty()) {
    finding.code = ExitCode::unavailable;
    finding.text = asked.trouble;
  } else if (is_away(asked.reply.answer().status)) {
    finding.code = ExitCode::unavailable;
    finding.text = "Stibee is not available (HTTP " + std::to_string(asked.reply.answer().status) + ")";
  } else if (takes_key(asked)) {
    finding.text = "API v2 accepts the key, too: the lists can be asked for and read";
  } else {
    finding.text =
        "warning: API v2 does not accept this key, so that nobody can tell whether the lists are there, and "
        "`reconcile` cannot read them; make a new key in the workspace's settings";
  }
  return finding;
}

Finding judge_count(const Asked& asked, const settings::Settings& settings, std::size_t index) {
  const auto& mirror = settings.mirrors[index];
  const auto list = "list " + std::to_string(mirror.list_id);
  Finding finding;
  finding.what = "mirror " + mirror.name;
  if (!asked.trouble.empty()) {
    finding.code = ExitCode::unavailable;
    finding.text = asked.trouble;
    return finding;
  }
  const auto count = delivery::v2::read_count(asked.reply.answer());
  if (const auto* total = std::get_if<std::size_t>(&count)) {
    finding.text = list + " has " + with_thousands(static_cast<std::int64_t>(*total)) + " people at Stibee";
    return finding;
  }
  const auto& failure = std::get<delivery::CallResult>(count);
  switch (failure.verdict) {
    // The key was accepted a moment ago: it is the list that it may not use, or that is not there.
    case delivery::CallVerdict::Unauthorised:
    case delivery::CallVerdict::Forbidden:
    case delivery::CallVerdict::BatchRefused: {
      finding.code = ExitCode::bad_config;
      const auto problem = settings::problem_at(
          settings, "mirrors[" + std::to_string(index) + "].list_id",
          "Stibee knows no " + list + " that this key may use (" + name(failure.reason) + ")",
          "use the number in the list's address");
      finding.text = settings::to_string(problem);
      break;
    }
    case delivery::CallVerdict::Answered:
    case delivery::CallVerdict::Throttled:
    case delivery::CallVerdict::ServerTrouble:
      finding.text = "Stibee does not count " + list + " (" + name(failure.reason) + ")";
      // Nothing else is asked of v2 then, but reading the list.
      if (settings.stibee.api == settings::ApiVersion::V2 || is_away(asked.reply.answer().status)) {
        finding.code = ExitCode::unavailable;
      } else {
        finding.text.insert(0, "warning: ");
      }
      break;
  }
  return finding;
}

asio::awaitable<void> ask_stibee(LoneAsker* asker, CallSlots* slots, const delivery::Dialect* dialect,
                                 const settings::Settings* settings, std::vector<Finding>* findings) {
  const auto api = settings->stibee.api;
  auto probe = dialect->probe();
  const auto asked = co_await ask(asker, std::move(probe));
  findings->push_back(judge_key(asked, *dialect, api));
  bool counts = findings->back().code == ExitCode::ok;
  if (counts && api == settings::ApiVersion::V1) {
    // v1 cannot be asked for a list; v2 can, where it takes the key.
    auto request = delivery::v2::auth_check_request();
    const auto accepted = co_await ask(asker, std::move(request));
    findings->push_back(judge_v2(accepted));
    counts = accepted.trouble.empty() && takes_key(accepted);
  }
  for (std::size_t i = 0; counts && i < settings->mirrors.size(); ++i) {
    auto request = delivery::v2::count_request(settings->mirrors[i].list_id);
    const auto counted = co_await ask(asker, std::move(request));
    findings->push_back(judge_count(counted, *settings, i));
  }
  co_await slots->leave();
}

/// Says what was found, one after the other, and remembers the worst of it.
class Findings {
 public:
  explicit Findings(bool as_json) : as_json_(as_json) {}

  void good(const std::string& what, const std::string& text) { say(what, "ok    ", text); }
  /// It works, but may not be what was meant.
  void warning(const std::string& what, const std::string& text) { say(what, "warn  ", "warning: " + text); }
  /// The first one decides how the program ends.
  void trouble(const std::string& what, const std::string& text, int code) {
    say(what, "FAIL  ", text);
    if (code_ == ExitCode::ok) code_ = code;
  }
  /// But a wrong configuration comes before everything else.
  void bad_config(const std::string& what, const settings::Problem& problem) {
    say(what, "FAIL  ", settings::to_string(problem));
    code_ = ExitCode::bad_config;
  }

  int code() const { return code_; }
  json::Value report() && {
    json::Value report;
    report.set("version", 1);
    report.set("ok", code_ == ExitCode::ok);
    report.set("checks", json::Value(std::move(lines_)));
    return report;
  }

 private:
  void say(const std::string& what, std::string_view mark, const std::string& text) {
    const bool ok = !mark.starts_with("FAIL");
    if (as_json_) {
      json::Value line;
      line.set("check", what);
      line.set("ok", ok);
      line.set("message", text);
      lines_.push_back(std::move(line));
    } else {
      (ok ? std::cout : std::cerr) << mark << what << ": " << text << std::endl;
    }
  }

  bool as_json_;
  json::Value::Array lines_;
  int code_ = ExitCode::ok;
};

void check_writebacks(const settings::Settings& settings, const delivery::Dialect& dialect,
                      Findings& findings) {
  const auto writer = source::make_postgres_writer(write_connection(settings));
  const auto prepared = prepare_writebacks(*writer, settings, dialect);
  for (const auto& problem : prepared.forbidden)
    findings.trouble("writeback", settings::to_string(problem), ExitCode::refused);
  for (const auto& problem : prepared.broken)
    findings.bad_config("writeback", problem);
  if (prepared.error) {
    findings.trouble("writeback", prepared.error->message, exit_code_of(*prepared.error));
  } else if (prepared.statements > 0 && prepared.broken.empty() && prepared.forbidden.empty()) {
    findings.good("writeback", "PostgreSQL would take each statement");
  }
}

void check_feeds_of(const settings::Settings& settings, const delivery::Dialect& dialect,
                    Findings& findings) {
  for (const auto& feed : check_feeds(settings, dialect)) {
    const auto what = "mirror " + feed.mirror;
    if (feed.code != ExitCode::ok) {
      findings.trouble(what, feed.text, feed.code);
    } else if (feed.warns) {
      findings.warning(what, feed.text);
    } else {
      findings.good(what, feed.text);
    }
  }
}

void check_database(const settings::Settings& settings, const delivery::Dialect& dialect,
                    Findings& findings) {
  const auto reader = source::make_postgres_reader(database_connection(settings));
  const auto described = describe_sources(*reader, settings, dialect, KeyCheck::Done);
  for (const auto& problem : described.problems)
    findings.bad_config("database", problem);
  if (described.error) findings.trouble("database", described.error->message, exit_code_of(*described.error));
  for (const auto& [name, found] : described.mirrors)
    findings.good("mirror " + name, found);
  for (const auto& [name, warnings] : described.warnings) {
    for (const auto& warning : warnings)
      findings.warning("mirror " + name, settings::to_string(warning));
  }
  if (!described.error && described.problems.empty()) check_feeds_of(settings, dialect, findings);
  if (!described.error) check_writebacks(settings, dialect, findings);
}

/// States of mirrors that the file does not name, where there is a state.
void check_mirrors(const settings::Settings& settings, const delivery::Dialect& dialect, Findings& findings) {
  std::error_code ignored;
  if (!std::filesystem::exists(settings.state.directory / "state.sqlite", ignored)) return;
  const ReadState state(settings);
  for (const auto& mirror : open_mirrors(*state, mirror_plans(settings, dialect)).unconfigured)
    findings.warning("state", in_words(mirror));
}

void check_stibee(const settings::Settings& settings, const delivery::Dialect& dialect, Findings& findings) {
  asio::io_context context(1);
  std::vector<Finding> found;
  {
    const auto clock = runtime::make_system_clock(context.get_executor());
    CallSlots slots(settings, *clock);
    http::Client client(context.get_executor(), client_options(settings));
    LoneAsker asker(client, slots, std::string(settings.stibee.api_key.reveal()), longest_wait_for_slot);
    asio::co_spawn(context, ask_stibee(&asker, &slots, &dialect, &settings, &found),
                   [&](std::exception_ptr error) {
                     client.cancel();
                     if (error) std::rethrow_exception(error);
                   });
    context.run();
  }
  for (const auto& finding : found) {
    if (finding.code == ExitCode::ok) {
      findings.good(finding.what, finding.text);
    } else {
      findings.trouble(finding.what, finding.text, finding.code);
    }
  }
}

}  // namespace

int check(const Options& options) {
  const auto settings = load_settings(options, settings::SecretFiles::Read);
  const auto dialect = make_dialect(settings);
  Findings findings(options.json);
  findings.good("configuration", options.config.string());
  if (settings.webhook) findings.good("webhook", describe(*settings.webhook));
  check_mirrors(settings, *dialect, findings);
  check_database(settings, *dialect, findings);
  check_stibee(settings, *dialect, findings);
  const int code = findings.code();
  if (options.json) std::cout << json::to_pretty_string(std::move(findings).report()) << "\n";
  return code;
}

}  // namespace stibee_sync::app

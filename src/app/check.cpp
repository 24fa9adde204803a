#include "app/exit_code.hpp"
#include "app/feed_check.hpp"
#include "app/mirror_match.hpp"
#include "app/setup.hpp"
#include "app/stibee_check.hpp"
#include "app/webhook_service.hpp"
#include "app/writeback_check.hpp"
#include "stibee_sync/json/value.hpp"

#include <algorithm>
#include <iostream>

namespace stibee_sync::app {
namespace {

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
      std::cout << mark << what << ": " << text << std::endl;
    }
  }

  bool as_json_;
  json::Value::Array lines_;
  int code_ = ExitCode::ok;
};

/// Of which mirror the file speaks there; of none: of the database.
std::string place_name(const settings::Settings& settings, const settings::Problem& problem) {
  std::string name = "database";
  for (std::size_t i = 0; i < settings.mirrors.size(); ++i) {
    const auto place = settings.places.find("mirrors[" + std::to_string(i) + "].name");
    const auto source = settings.places.find("mirrors[" + std::to_string(i) + "].list_id");
    if (place == settings.places.end() || source == settings.places.end()) continue;
    if (std::min(place->second.line, source->second.line) <= problem.line)
      name = "mirror " + settings.mirrors[i].name;
  }
  return name;
}

void check_writebacks(const settings::Settings& settings, const delivery::Dialect& dialect,
                      Findings& findings) {
  const auto writer = source::make_postgres_writer(write_connection(settings));
  const auto prepared = prepare_writebacks(*writer, settings, dialect);
  for (const auto& problem : prepared.forbidden)
    findings.trouble(place_name(settings, problem), settings::to_string(problem), ExitCode::refused);
  for (const auto& problem : prepared.broken)
    findings.bad_config(place_name(settings, problem), problem);
  if (prepared.error) {
    findings.trouble("writeback", prepared.error->message, exit_code_of(*prepared.error));
  } else if (prepared.statements > 0 && prepared.broken.empty() && prepared.forbidden.empty()) {
    for (const auto& mirror : settings.mirrors) {
      if (!mirror.writeback.empty())
        findings.good("mirror " + mirror.name, "PostgreSQL would take each statement of its writeback");
    }
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
    findings.bad_config(place_name(settings, problem), problem);
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

void check_list(const settings::Settings& settings, const delivery::Dialect& dialect, Findings& findings) {
  for (const auto& finding : check_stibee(settings, dialect)) {
    if (finding.code != ExitCode::ok) {
      findings.trouble(finding.what, finding.text, finding.code);
    } else if (finding.warns) {
      findings.warning(finding.what, finding.text);
    } else {
      findings.good(finding.what, finding.text);
    }
  }
}

}  // namespace

int check(const Options& options) {
  const auto settings = load_settings(options, settings::SecretFiles::Read);
  const auto dialect = make_dialect(settings);
  Findings findings(options.json);
  findings.good("configuration", options.config.string());
  if (settings.notify)
    findings.good("notify", "the address is readable and well formed; nothing was sent to it");
  if (settings.webhook) findings.good("webhook", describe(*settings.webhook));
  check_mirrors(settings, *dialect, findings);
  check_database(settings, *dialect, findings);
  check_list(settings, *dialect, findings);
  const int code = findings.code();
  if (options.json) std::cout << json::to_pretty_string(std::move(findings).report()) << "\n";
  return code;
}

}  // namespace stibee_sync::app

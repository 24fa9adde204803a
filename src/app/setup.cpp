#include "app/setup.hpp"

#include "app/exit_code.hpp"
#include "app/notifier.hpp"
#include "app/source_warnings.hpp"
#include "app/writeback_check.hpp"
#include "stibee_sync/domain/reason.hpp"

#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace stibee_sync::app {

std::optional<std::string> system_environment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

settings::LoadResult load_settings_quietly(const std::filesystem::path& file,
                                           settings::SecretFiles secret_files) {
  auto result = settings::load(file, system_environment, secret_files);
  if (!result) return result;
  auto misnamed = misnamed_parameters(result.settings(), *make_dialect(result.settings()));
  if (!misnamed.empty()) return settings::LoadResult(std::move(misnamed));
  return result;
}

void log_problems(telemetry::Log& log, const std::vector<settings::Problem>& problems) {
  for (const auto& problem : problems) {
    log.event(telemetry::Level::Error, telemetry::Event::ConfigInvalid, settings::to_string(problem),
              {{"file", problem.file}, {"line", problem.line}, {"column", problem.column}});
  }
}

settings::Settings load_settings(const Options& options, settings::SecretFiles secret_files) {
  auto result = load_settings_quietly(options.config, secret_files);
  if (result) return std::move(result).settings();
  for (const auto& problem : result.problems())
    std::cerr << settings::to_string(problem) << "\n";
  throw Exit{ExitCode::bad_config};
}

telemetry::Level log_level(settings::LogLevel level) {
  switch (level) {
    case settings::LogLevel::Trace:
      return telemetry::Level::Trace;
    case settings::LogLevel::Debug:
      return telemetry::Level::Debug;
    case settings::LogLevel::Info:
      return telemetry::Level::Info;
    case settings::LogLevel::Warn:
      return telemetry::Level::Warn;
    case settings::LogLevel::Error:
      return telemetry::Level::Error;
  }
  return telemetry::Level::Info;
}

telemetry::Log make_log(const settings::Settings& settings) {
  telemetry::LogOptions options;
  options.level = log_level(settings.log.level);
  switch (settings.log.format) {
    case settings::LogFormat::Auto:
      options.format = telemetry::LineFormat::Auto;
      break;
    case settings::LogFormat::Json:
      options.format = telemetry::LineFormat::Json;
      break;
    case settings::LogFormat::Text:
      options.format = telemetry::LineFormat::Text;
      break;
  }
  telemetry::Log log(options, [] { return std::chrono::system_clock::now(); });
  hide_secrets(log, settings);
  return log;
}

std::vector<std::string> parked_reasons() {
  std::vector<std::string> texts;
  for (const auto reason : domain::all_reasons()) {
    if (parks(reason)) texts.push_back(name(reason));
  }
  return texts;
}

void hide_secrets(telemetry::Log& log, const settings::Settings& settings) {
  if (!settings.stibee.api_key.empty()) log.never_print(settings.stibee.api_key.reveal());
  if (settings.database.password) log.never_print(settings.database.password->reveal());
  if (settings.webhook && !settings.webhook->secret.empty())
    log.never_print(settings.webhook->secret.reveal());
  if (settings.notify && !settings.notify->url.empty()) {
    log.never_print(settings.notify->url.reveal());
    log.never_print(mailbox_of(settings).target.reveal());
  }
}

OpenState open_state(const settings::Settings& settings, telemetry::Log& log, Complaint complaint) {
  try {
    auto lock = store::DirectoryLock::acquire(settings.state.directory);
    if (!lock) {
      const auto text = settings.state.directory.string() +
                        " is in use by another stibee-syncd; stop it, or ask it with `stibee-syncd status`";
      if (complaint == Complaint::Logged) {
        log.event(telemetry::Level::Error, telemetry::Event::DaemonStopped, text);
      } else {
        std::cerr << text << "\n";
      }
      throw Exit{ExitCode::try_later};
    }
    store::OpenReport report;
    auto opened = store::open_store(settings.state.directory, report);
    if (report.checked) log.debug("the state was looked through: it was not closed in order");
    if (report.damaged_set_aside) {
      log.event(
          telemetry::Level::Error, telemetry::Event::StoreFailed,
          "the state file was damaged and has been set aside; a new one begins: each list is taken "
          "over as it is, so that nothing equal is sent again; people who left the table meanwhile stay "
          "in the list, and `reconcile` names them",
          {{"file", report.damaged_set_aside->string()}});
    }
    if (report.suppressions_set_aside) {
      log.event(
          telemetry::Level::Error, telemetry::Event::StoreFailed,
          report.damaged_set_aside
              ? "the file of the opt-outs was damaged, too, and has been set aside: who opted out is known "
                "to Stibee only"
              : "the file of the opt-outs was damaged and has been set aside; it was made again from the "
                "state file, which knows the same people",
          {{"file", report.suppressions_set_aside->string()}});
    }
    return OpenState{std::move(*lock), std::move(opened)};
  } catch (const store::StoreError& error) {
    log.event(telemetry::Level::Error, telemetry::Event::StoreFailed, error.what());
    log.flush(std::chrono::seconds(1));
    throw Exit{ExitCode::io_error};
  }
}

ReadState::ReadState(const settings::Settings& settings) {
  const auto file = settings.state.directory / "state.sqlite";
  directory_ = settings.state.directory;
  if (::access(file.c_str(), R_OK) == 0) {
    store_ = store::open_store_read_only(settings.state.directory);
    return;
  }
  const int why = errno;
  if (why == EACCES) {
    std::cerr << "no permission to read " << file.string() << "; run this as root or as the daemon's user\n";
    throw Exit{ExitCode::refused};
  }
  // Only a state that is not there yet is an empty one: whoever may not look must not be told that all is
  // well.
  if (why != ENOENT) {
    std::cerr << "cannot read " << file.string() << ": " << std::generic_category().message(why)
              << "; check state.directory\n";
    throw Exit{ExitCode::io_error};
  }
  std::error_code error;
  const auto parent = std::filesystem::temp_directory_path(error);
  auto name = (parent / "stibee-syncd-XXXXXX").string();
  if (!error && ::mkdtemp(name.data()) == nullptr) error.assign(errno, std::generic_category());
  if (error) {
    std::cerr << "cannot make a folder for temporary files" << (parent.empty() ? "" : " in ")
              << parent.string() << ": " << error.message() << "; set TMPDIR to one that can be written to\n";
    throw Exit{ExitCode::io_error};
  }
  scratch_ = name;
  store::OpenReport report;
  store_ = store::open_store(scratch_, report);
}

std::unique_ptr<store::Store> ReadState::opened_again() const {
  return store::open_store_read_only(scratch_.empty() ? directory_ : scratch_);
}

ReadState::~ReadState() {
  store_.reset();
  std::error_code ignored;
  if (!scratch_.empty()) std::filesystem::remove_all(scratch_, ignored);
}

namespace {

/// The key of the file that names the column a message speaks of, so that the error stands at its line.
std::string path_of(const settings::Mirror& mirror, std::size_t index, const std::string& message) {
  const auto base = "mirrors[" + std::to_string(index) + "].source";
  const auto& source = mirror.source;
  const auto spoken = [&](const std::string& column) {
    return message.find("\"" + column + "\"") != std::string::npos;
  };
  if (message.starts_with("cannot connect") || message.starts_with("PgBouncer")) return "database.url";
  if (message.starts_with("`where`")) return base + ".where";
  if (message.find("no time zone") != std::string::npos) return base + ".time_zone";
  for (std::size_t i = 0; message.find("`groups`") != std::string::npos && i < source.groups.size(); ++i) {
    if (spoken(source.groups[i])) return base + ".groups[" + std::to_string(i) + "]";
  }
  if (message.find("`email`") != std::string::npos && spoken(source.email)) return base + ".email";
  if (spoken(source.key)) return base + ".key";
  if (spoken(source.email)) return base + ".email";
  if (source.subscribed && spoken(*source.subscribed)) return base + ".subscribed";
  if (source.consented_at && spoken(*source.consented_at)) return base + ".consented_at";
  if (source.ad_agreed && spoken(*source.ad_agreed)) return base + ".ad_agreed";
  for (std::size_t i = 0; i < source.groups.size(); ++i) {
    if (spoken(source.groups[i])) return base + ".groups[" + std::to_string(i) + "]";
  }
  for (const auto& [tag, column] : source.fields) {
    if (spoken(column)) return base + ".fields." + tag;
  }
  return base + (source.query ? ".query" : ".table");
}

}  // namespace

Described describe_sources(source::Reader& reader, const settings::Settings& settings,
                           const delivery::Dialect& dialect, KeyCheck keys, const std::string& only) {
  Described described;
  for (std::size_t i = 0; i < settings.mirrors.size(); ++i) {
    const auto& mirror = settings.mirrors[i];
    if (!only.empty() && mirror.name != only) continue;
    const auto plan = pipeline::make_mirror_plan(mirror, dialect);
    auto result = reader.describe(plan.read);
    if (keys == KeyCheck::Done && std::holds_alternative<source::ReadShape>(result)) {
      if (auto problem = reader.check_key(plan.read)) result = std::move(*problem);
    }
    if (auto* error = std::get_if<source::SourceError>(&result)) {
      if (error->kind == source::SourceError::Kind::NotAsMapped) {
        const auto path = path_of(mirror, i, error->message);
        described.problems.push_back(
            settings::problem_at(settings, path, error->message,
                                 path == "database.url" ? "correct it" : "mend the table or the mapping"));
        continue;
      }
      described.error = std::move(*error);
      return described;
    }
    const auto& shape = std::get<source::ReadShape>(result);
    described.mirrors.emplace_back(
        mirror.name, "PostgreSQL " + shape.server_version + ", " + std::to_string(plan.read.columns.size()) +
                         " columns as mapped" + (shape.in_recovery ? " (a standby)" : ""));
    if (auto warnings = source_warnings(settings, i, shape); !warnings.empty())
      described.warnings.emplace(mirror.name, std::move(warnings));
  }
  return described;
}

int exit_code_of(const source::SourceError& error) {
  switch (error.kind) {
    case source::SourceError::Kind::Unreachable:
      return ExitCode::unavailable;
    case source::SourceError::Kind::Refused:
      return ExitCode::refused;
    case source::SourceError::Kind::NotAsMapped:
      return ExitCode::bad_config;
    case source::SourceError::Kind::Untrusted:
    case source::SourceError::Kind::Cancelled:
      return ExitCode::try_later;
    case source::SourceError::Kind::Failed:
      break;
  }
  return ExitCode::unavailable;
}

}  // namespace stibee_sync::app

#pragma once

#include "app/commands.hpp"
#include "app/engine.hpp"
#include "stibee_sync/settings/loader.hpp"
#include "stibee_sync/store/directory_lock.hpp"
#include "stibee_sync/store/store.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stibee_sync::app {

/// Ends a command with an exit code; what is to be said has been said.
struct Exit {
  int code;
};

/// Loads the settings or prints every problem on standard error and throws Exit{78}.
settings::Settings load_settings(const Options& options, settings::SecretFiles secret_files);
/// What the process was given: settings::Environment.
std::optional<std::string> system_environment(std::string_view name);
settings::LoadResult load_settings_quietly(const std::filesystem::path& file,
                                           settings::SecretFiles secret_files);
/// Logs each as `config.invalid`.
void log_problems(telemetry::Log& log, const std::vector<settings::Problem>& problems);

telemetry::Log make_log(const settings::Settings& settings);
telemetry::Level log_level(settings::LogLevel level);
/// Why rows and people are parked: the label values of the metric; others are counted as `other`.
std::vector<std::string> parked_reasons();
/// Keeps the secrets of these settings out of every line.
void hide_secrets(telemetry::Log& log, const settings::Settings& settings);

/// The state directory, locked and open for writing. Says why not and throws Exit: 75 if another instance
/// holds it, 74 if it cannot be used.
enum class Complaint { Printed, Logged };
struct OpenState {
  store::DirectoryLock lock;
  std::unique_ptr<store::Store> store;
};
OpenState open_state(const settings::Settings& settings, telemetry::Log& log,
                     Complaint complaint = Complaint::Printed);

/// The state for reading; where there is none yet, an empty one that goes with this object.
class ReadState {
 public:
  /// Says why not and throws Exit: 77 without permission, 74 if it cannot be read.
  explicit ReadState(const settings::Settings& settings);
  ~ReadState();
  ReadState(const ReadState&) = delete;
  ReadState& operator=(const ReadState&) = delete;
  store::Store& operator*() const { return *store_; }
  store::Store* operator->() const { return store_.get(); }
  /// Another one of the same, for another thread.
  std::unique_ptr<store::Store> opened_again() const;

 private:
  std::filesystem::path directory_;
  std::filesystem::path scratch_;  // where the empty one lies
  std::unique_ptr<store::Store> store_;
};

/// Asks PostgreSQL whether every mirror can be read as configured. The problems name the place in the file.
struct Described {
  std::vector<settings::Problem> problems;                         // the configuration cannot work
  std::optional<source::SourceError> error;                        // PostgreSQL cannot be asked
  std::vector<std::pair<std::string, std::string>> mirrors;        // name, and what was found
  std::map<std::string, std::vector<settings::Problem>> warnings;  // by name: it works, but may not be meant
};
/// Done: whether the key is unique is looked at, too, which may mean every row. A read finds it out by
/// itself.
enum class KeyCheck { Done, Skipped };
/// `mirror`: only the one of this name; "": all.
Described describe_sources(source::Reader& reader, const settings::Settings& settings,
                           const delivery::Dialect& dialect, KeyCheck keys = KeyCheck::Skipped,
                           const std::string& mirror = {});
int exit_code_of(const source::SourceError& error);

}  // namespace stibee_sync::app

#include "app/ask.hpp"
#include "app/exit_code.hpp"
#include "app/local_time.hpp"
#include "app/render.hpp"
#include "app/setup.hpp"
#include "stibee_sync/store/backup.hpp"
#include "stibee_sync/text/number_format.hpp"

#include <cerrno>
#include <iostream>
#include <unistd.h>

// `backup` and `restore`.

namespace stibee_sync::app {
namespace {

namespace fs = std::filesystem;

/// Where the state lies, though something else in the file may be wrong. Throws Exit where the file that was
/// named does not say it: the usual place is another instance's then.
fs::path state_directory(const Options& options) {
  const auto where = whereabouts(options, Intent::Change);
  const auto& directory = where.settings.state.directory;
  const bool known = where.usable() || where.usual_file || directory != settings::StateFolder().directory;
  for (const auto& problem : where.problems)
    std::cerr << (known ? "warning: " : "") << settings::to_string(problem) << "\n";
  if (!known) throw Exit{ExitCode::bad_config};
  return directory;
}

json::Value report_of(const fs::path& directory, const store::BackupContents& contents) {
  json::Value mirrors = json::Value::array();
  for (const auto& mirror : contents.mirrors) {
    json::Value one;
    one.set("name", mirror.name);
    one.set("list_id", mirror.list_id);
    one.set("people", mirror.people);
    mirrors.push_back(std::move(one));
  }
  json::Value report;
  report.set("version", 1);
  report.set("directory", directory.string());
  report.set("made", contents.made.empty() ? json::Value() : json::Value(contents.made));
  report.set("mirrors", std::move(mirrors));
  report.set("opt_outs", contents.opt_outs);
  return report;
}

std::string contents_in_words(const store::BackupContents& contents) {
  std::string text;
  for (const auto& mirror : contents.mirrors)
    text += "  " + mirror.name + " -> list " + std::to_string(mirror.list_id) + ": " +
            text::with_thousands(mirror.people) + " people\n";
  return text + "  " + text::with_thousands(contents.opt_outs) + " opt-outs on record\n";
}

std::string in_words(const store::Restored& restored, const fs::path& directory) {
  const auto& made = restored.contents.made;
  auto text = "restored into " + directory.string() +
              (made.empty() ? "" : " what it was at " + local_time(made)) + "\n" +
              contents_in_words(restored.contents);
  if (restored.opt_outs_kept)
    text += "  the opt-outs' file that was there knows all of these and more, so it stayed\n";
  for (const auto& file : restored.set_aside)
    text += "  what was there is now " + file.string() + "\n";
  if (!restored.set_aside.empty()) text += "  delete those once all is well: they name people\n";
  return text + "The next start reads each list before it sends anything, where the key allows.\n";
}

}  // namespace

int backup(const Options& options) {
  const auto directory = state_directory(options);
  const auto file = directory / "state.sqlite";
  if (::access(file.c_str(), R_OK) != 0) {
    const bool missing = errno == ENOENT;
    std::cerr << file.string()
              << (missing ? ": there is no state yet; start the daemon, or run `sync`, first\n"
                          : ": no permission to read it; run this as root or as the daemon's user\n");
    return missing ? ExitCode::no_such_thing : ExitCode::refused;
  }
  const auto target = fs::absolute(options.argument).lexically_normal();
  const auto contents = store::back_up(directory, target, utc_now());
  if (options.json) {
    std::cout << json::to_pretty_string(report_of(target, contents)) << "\n";
  } else {
    std::cout << "copied to " << target.string() << "\n" << contents_in_words(contents);
  }
  return ExitCode::ok;
}

int restore(const Options& options) {
  const auto directory = state_directory(options);
  const auto source = fs::absolute(options.argument).lexically_normal();
  std::error_code error;
  if (!fs::is_directory(source, error)) {
    std::cerr << source.string() << ": there is no such folder\n";
    return ExitCode::no_such_thing;
  }
  const auto lock = store::DirectoryLock::acquire(directory);
  if (!lock) {
    std::cerr << directory.string()
              << " is in use by a stibee-syncd; stop it first (`systemctl stop stibee-syncd`)\n";
    return ExitCode::try_later;
  }
  const auto restored = store::restore(source, directory);
  if (options.json) {
    auto report = report_of(directory, restored.contents);
    json::Value aside = json::Value::array();
    for (const auto& file : restored.set_aside)
      aside.push_back(file.string());
    report.set("opt_outs_kept", restored.opt_outs_kept);
    report.set("set_aside", std::move(aside));
    std::cout << json::to_pretty_string(report) << "\n";
  } else {
    std::cout << in_words(restored, directory);
  }
  return ExitCode::ok;
}

}  // namespace stibee_sync::app

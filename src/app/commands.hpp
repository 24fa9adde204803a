#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

namespace stibee_sync::app {

/// What the command line said.
struct Options {
  std::filesystem::path config = "/etc/stibee-syncd/config.yaml";
  bool json = false;
  bool detailed_exitcode = false;              // plan
  bool repair = false;                         // reconcile
  bool remove = false;                         // changefeed sql
  bool reveal = false;                         // of people: addresses and values in full
  bool wait = false;                           // sync-now
  bool by_leader = false;                      // forget: the daemon that leads has forgotten them
  std::chrono::milliseconds pause_for{0};      // pause; 0: until `resume`
  std::chrono::milliseconds timeout{600'000};  // sync, sync-now --wait: without progress
  std::string
      argument;     // retry's what, guard's digest, the folder of a backup, whom explain and forget are about
  std::string key;  // explain: of a row
  std::string reason;                // failures: only with this one
  std::optional<std::size_t> limit;  // failures: so many people at most
  std::string mirror;                // only this one; "": all
};

/// Each runs one command to its end, prints its report on standard output and its complaints on standard
/// error, and returns the exit code. They throw nothing but std::exception for what is a bug or a broken
/// machine.
int run_daemon(const Options& options);
int check(const Options& options);
int plan(const Options& options);
int sync(const Options& options);
int status(const Options& options);
int failures(const Options& options);
int retry(const Options& options);
int guard(const Options& options);
int guard_show(const Options& options);
int guard_approve(const Options& options);
int explain(const Options& options);
int forget(const Options& options);
int pause(const Options& options);
int resume(const Options& options);
int sync_now(const Options& options);
int reload(const Options& options);
int reconcile(const Options& options);
int backup(const Options& options);
int restore(const Options& options);
int changefeed_sql(const Options& options);

}  // namespace stibee_sync::app

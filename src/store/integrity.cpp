#include "store/integrity.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include <sqlite3.h>

namespace stibee_sync::store {
namespace {

// Stops whatever the connection runs when the time is up.
class Watchdog {
 public:
  Watchdog(sqlite3* db, std::chrono::milliseconds budget)
      : thread_([this, db, budget](const std::stop_token& stop) {
          std::unique_lock lock(mutex_);
          if (!changed_.wait_for(lock, stop, budget, [] { return false; }) && !stop.stop_requested()) {
            sqlite3_interrupt(db);
          }
        }) {}

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::jthread thread_;
};

/// Names of all tables, indexes, views and columns.
std::set<std::string> names_in(Connection& connection) {
  std::set<std::string> names;
  Statement all(
      connection,
      "SELECT type || ' ' || name FROM sqlite_schema UNION ALL SELECT 'column ' || t.name || '.' || "
      "c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'");
  while (all.step())
    names.emplace(all.text(0));
  return names;
}

}  // namespace

void require_schema(Connection& connection, std::span<const MigrationStep> steps, int version) {
  const auto later =
      std::find_if(steps.begin(), steps.end(), [&](const MigrationStep& step) { return step.to > version; });
  Connection fresh(":memory:", Connection::Mode::ReadWrite);
  migrate(fresh, std::span(steps.begin(), later));
  const auto found = names_in(connection);
  for (const auto& name : names_in(fresh)) {
    if (found.contains(name)) continue;
    throw StoreFailure(Failure::Damaged,
                       connection.file().string() + ": has no " + name +
                           "; restart stibee-syncd, which sets it aside and begins a fresh one");
  }
}

bool looks_sound(Connection& connection, std::optional<std::chrono::milliseconds> budget) {
  std::optional<Watchdog> watchdog;
  if (budget) watchdog.emplace(connection.get(), *budget);
  sqlite3_stmt* statement = nullptr;
  int code =
      sqlite3_prepare_v2(connection.get(), budget ? "PRAGMA quick_check(1)" : "PRAGMA integrity_check(1)", -1,
                         &statement, nullptr);
  bool sound = true;
  if (code == SQLITE_OK) {
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
      sound = text != nullptr && std::string_view(text) == "ok";
    }
  }
  sqlite3_finalize(statement);
  watchdog.reset();
  switch (code & 0xff) {
    case SQLITE_ROW:
    case SQLITE_DONE:
      return sound;
    case SQLITE_INTERRUPT:
      return true;
    default:
      break;
  }
  if (failure_of(code) == Failure::Damaged) return false;
  connection.fail(code);
}

}  // namespace stibee_sync::store

#pragma once

#include "app/happenings.hpp"
#include "app/history.hpp"
#include "stibee_sync/json/value.hpp"

#include <string>
#include <vector>

namespace stibee_sync::app {

/// Which daemon it is, and since when.
struct DaemonFacts {
  std::string version;
  std::string host;  // name of the machine
  domain::UtcTime started{};
};

/// What a daemon remembers of itself as long as it runs, reloads included; nothing of it is on disk. On the
/// loop thread, but for the happenings.
struct Chronicle {
  DaemonFacts facts;
  History history;
  Happenings happenings;
};

/// For `status`. Pure.
json::Value facts_report(const DaemonFacts& facts, domain::UtcTime now);
json::Value history_report(const MirrorHistory& history);
json::Value happened_report(const std::vector<Happening>& happened);

}  // namespace stibee_sync::app

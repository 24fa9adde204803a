#include "stibee_sync/telemetry/event.hpp"

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include <gmock/gmock.h>

namespace stibee_sync::telemetry {
namespace {

/// The names with a dot that stand in the first column of the table of events.
std::set<std::string> documented_events() {
  std::ifstream file(STIBEE_SOURCE_DIR "/docs/operations.md");
  std::set<std::string> names;
  bool here = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) here = line == "## Log events";
    if (!here || !line.starts_with("| `")) continue;
    std::istringstream column(line.substr(2, line.find(" | ", 2)));
    for (std::string part; std::getline(column, part, '`');) {
      if (part.find('.') != std::string::npos && part.find(' ') == std::string::npos) names.insert(part);
    }
  }
  return names;
}

TEST(EventDocument, NamesEveryEventAndNoOther) {
  const std::set<std::string> events(event_names.begin(), event_names.end());
  EXPECT_EQ(events.size(), event_count) << "no name twice";
  EXPECT_EQ(documented_events(), events);
}

}  // namespace
}  // namespace stibee_sync::telemetry

#include "rules.hpp"

#include <algorithm>
#include <optional>
#include <set>

namespace stibee_sync::architecture {
namespace {

using Rooms = std::set<std::string, std::less<>>;

// The walls of the design: a room, and the rooms whose public headers it may include. A new line, or a new
// name in a line, is a decision about the architecture.
const std::map<std::string, Rooms, std::less<>> may_include{
    {"text", {}},
    {"privacy", {"text"}},
    {"json", {"text"}},
    {"domain", {"text"}},
    {"notice", {"domain", "json", "privacy", "text"}},
    {"ledger", {"domain"}},
    {"diff", {"domain", "ledger", "text"}},
    {"delivery", {"domain", "json", "ledger", "privacy", "text"}},
    {"runtime", {"domain"}},
    {"store", {"domain", "ledger", "text"}},
    {"source", {"domain", "privacy", "text"}},
    {"http", {"privacy", "text"}},
    {"webhook", {"domain", "json", "text"}},
    {"telemetry", {"json", "privacy", "text"}},
    {"settings", {"domain", "ledger", "notice", "privacy", "text"}},
    {"pipeline",
     {"text", "privacy", "json", "domain", "ledger", "diff", "delivery", "runtime", "store", "source", "http",
      "webhook", "telemetry", "settings"}},
    {"app",
     {"text", "privacy", "json", "domain", "ledger", "diff", "delivery", "runtime", "store", "source", "http",
      "webhook", "telemetry", "settings", "notice", "pipeline"}},
};

const Rooms asio_rooms{"runtime", "http", "pipeline", "app"};

// How the name of a third-party header begins, and the rooms that may include it; the longest match counts.
const std::map<std::string, Rooms, std::less<>> third_party{
    {"pqxx/", {"source"}},       {"libpq", {"source"}},
    {"postgresql/", {"source"}}, {"sqlite3", {"store"}},
    {"yaml-cpp/", {"settings"}}, {"openssl/", {"http"}},
    {"boost/beast", {"http"}},   {"boost/asio/ssl", {"http"}},
    {"boost/asio", asio_rooms},  {"boost/system", asio_rooms},
    {"boost/json", {"json"}},    {"spdlog/", {"telemetry"}},
    {"fmt/", {"telemetry"}},     {"prometheus/", {"telemetry"}},
    {"systemd/", {"telemetry"}}, {"CLI/", {"app"}},
    {"sodium", {"domain"}},      {"idn2", {"domain"}},
    {"unicase.h", {"domain"}},   {"uniconv.h", {"domain"}},
    {"unictype.h", {"domain"}},  {"uninorm.h", {"domain"}},
    {"unistr.h", {"text"}},
};

// Folders of the operating system's own headers.
const Rooms system_folders{"arpa", "linux", "net", "netinet", "sys"};

std::string at(const std::string& path, const Include& include) {
  return path + ":" + std::to_string(include.line) + ": ";
}

struct Owner {
  const Rooms* rooms = nullptr;  // null: nobody's, or not third-party
  bool unknown = false;          // third-party, but in no table
};

Owner owner_of(std::string_view header) {
  const Rooms* best = nullptr;
  std::size_t length = 0;
  for (const auto& [prefix, rooms] : third_party) {
    if (header.starts_with(prefix) && prefix.size() > length) {
      best = &rooms;
      length = prefix.size();
    }
  }
  if (best != nullptr) return {best, false};
  const auto slash = header.find('/');
  return {nullptr, slash != std::string_view::npos && !system_folders.contains(header.substr(0, slash))};
}

/// `store` for `stibee_sync/store/store.hpp`.
std::optional<std::string> public_room(const Include& include) {
  const auto parts = parts_of(include.target);
  if (parts.size() < 3 || parts[0] != "stibee_sync") return std::nullopt;
  return parts[1];
}

class FileCheck {
 public:
  FileCheck(const Tree& tree, const std::string& path, const std::string& room, Findings& findings)
      : tree_(tree), path_(path), room_(room), public_(path.starts_with("include/")), findings_(findings) {}

  void check(const Include& include) {
    if (const auto other = public_room(include)) {
      check_room(include, *other);
    } else if (include.angled) {
      check_library(include);
    } else if (public_) {
      report(include, "a public header includes a private one", "include only stibee_sync/… here");
    } else {
      check_private(include);
    }
  }

 private:
  void report(const Include& include, const std::string& what, const std::string& cure) {
    findings_.push_back(at(path_, include) + what + " (" + include.target + "); " + cure);
  }

  void check_room(const Include& include, const std::string& other) {
    const auto rule = may_include.find(room_);
    if (other == room_ || rule->second.contains(other)) return;
    report(include, room_ + " may not know " + other,
           "turn the dependency round, or move what both need to a room below");
  }

  void check_library(const Include& include) {
    const Owner owner = owner_of(include.target);
    if (owner.unknown) {
      report(include, "a library that no room owns",
             "give it to one room in tests/architecture/include_rules.cpp");
    } else if (owner.rooms != nullptr && !owner.rooms->contains(room_)) {
      report(include, "this library belongs to " + *owner.rooms->begin(), "ask that room for what is needed");
    } else if (owner.rooms != nullptr && public_ && owner.rooms != &third_party.at("boost/asio")) {
      report(include, "a third-party type in a public header", "keep it in src/" + room_);
    }
  }

  void check_private(const Include& include) {
    const auto parts = parts_of(include.target);
    const bool beside = tree_.contains(parent_of(path_) + "/" + include.target);
    const bool in_room = parts.front() == room_ && tree_.contains("src/" + include.target);
    if (beside || in_room) return;
    report(include, "a private header of another room, or none at all", "include its public header");
  }

  const Tree& tree_;
  const std::string& path_;
  const std::string& room_;
  bool public_;
  Findings& findings_;
};

/// The room a file belongs to: `src/ROOM/…` or `include/stibee_sync/ROOM/…`.
std::optional<std::string> room_of(const std::string& path) {
  const auto parts = parts_of(path);
  if (parts.size() >= 3 && parts[0] == "src") return parts[1];
  if (parts.size() >= 4 && parts[0] == "include" && parts[1] == "stibee_sync") return parts[2];
  return std::nullopt;
}

void check_test(const std::string& path, const std::string& text, Findings& findings) {
  const auto parts = parts_of(path);
  const bool simulator = parts.size() > 2 && parts[1] == "stibee_sim";
  const bool unit = parts.size() > 3 && parts[1] == "unit";
  for (const Include& include : includes_of(text)) {
    if (simulator && public_room(include)) {
      findings.push_back(at(path, include) + "stibee-sim includes the product (" + include.target +
                         "); it must be able to disagree with it");
    }
    const auto target = parts_of(include.target);
    if (unit && !include.angled && target.size() > 1 && target[0] != parts[2] &&
        may_include.contains(target[0])) {
      findings.push_back(at(path, include) + "a unit test of " + parts[2] + " uses a private header of " +
                         target[0] + "; include its public header");
    }
  }
}

}  // namespace

Findings check_includes(const Tree& tree) {
  Findings findings;
  for (const auto& [path, text] : tree) {
    if (!is_source(path)) continue;
    if (path.starts_with("tests/")) {
      check_test(path, text, findings);
      continue;
    }
    const auto room = room_of(path);
    if (!room || !may_include.contains(*room)) {
      findings.push_back(path +
                         ": this file is in no room; put it into one, or name the room in "
                         "tests/architecture/include_rules.cpp");
      continue;
    }
    FileCheck file(tree, path, *room, findings);
    for (const Include& include : includes_of(text))
      file.check(include);
  }
  return findings;
}

Findings check_linking(const Tree& tree) {
  static const Rooms keywords{"SOURCES", "USES", "THIRD_PARTY"};
  Findings findings;
  for (const auto& [room, allowed] : may_include) {
    const std::string path = "src/" + room + "/CMakeLists.txt";
    const auto file = tree.find(path);
    if (file == tree.end()) continue;
    const auto words = cmake_words(file->second);
    auto word = std::find(words.begin(), words.end(), "stibee_room");
    if (word == words.end()) {
      findings.push_back(path + ": declares no stibee_room; add stibee_room(" + room + " SOURCES …)");
      continue;
    }
    word = std::find(word, words.end(), "USES");
    for (; word != words.end() && (*word == "USES" || !keywords.contains(*word)); ++word) {
      if (*word == "USES" || (*word == "asio" && asio_rooms.contains(room)) || allowed.contains(*word))
        continue;
      // What follows the list (the next command) is no room.
      if (!may_include.contains(*word) && *word != "asio") break;
      findings.push_back(path + ": " + room + " may not use " + *word +
                         "; see tests/architecture/include_rules.cpp");
    }
  }
  return findings;
}

}  // namespace stibee_sync::architecture

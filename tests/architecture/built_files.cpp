#include "rules.hpp"

#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace stibee_sync::architecture {
namespace {

bool names(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// The folder of the nearest CMakeLists.txt at or above `folder`; empty when there is none below the project.
std::string nearest_list(const Tree& tree, std::string folder) {
  while (!folder.empty() && !tree.contains(folder + "/CMakeLists.txt"))
    folder = parent_of(folder);
  return folder;
}

bool is_fuzz_target(const std::string& path) {
  return path.ends_with("_fuzz.cpp");
}

void check_file(const Tree& tree, const std::string& path, Findings& findings) {
  const std::string folder = nearest_list(tree, parent_of(path));
  if (folder.empty()) {
    findings.push_back(path + ": there is no CMakeLists.txt for it; add one");
    return;
  }
  const auto words = cmake_words(tree.at(folder + "/CMakeLists.txt"));
  std::string name = path.substr(folder.size() + 1);
  if (is_fuzz_target(path)) name = name.substr(0, name.size() - std::string("_fuzz.cpp").size());
  if (!names(words, name)) {
    findings.push_back(path + ": not built; name `" + name + "` in " + folder + "/CMakeLists.txt");
  }
}

/// Whether some CMakeLists.txt above it names the folder of this one.
bool is_reached(const Tree& tree, const std::string& folder) {
  for (std::string above = parent_of(folder); !above.empty(); above = parent_of(above)) {
    const auto list = tree.find(above + "/CMakeLists.txt");
    if (list != tree.end() && names(cmake_words(list->second), folder.substr(above.size() + 1))) return true;
  }
  return false;
}

}  // namespace

Findings check_everything_is_built(const Tree& tree) {
  Findings findings;
  for (const auto& [path, text] : tree) {
    if (path.ends_with("/CMakeLists.txt")) {
      const std::string folder = parent_of(path);
      if (parent_of(folder).empty()) continue;  // src and tests themselves
      if (!is_reached(tree, folder)) {
        findings.push_back(path + ": not reached; name `" + folder + "` in a CMakeLists.txt above it");
      }
      continue;
    }
    const bool source_of_a_room = path.starts_with("src/") && path.ends_with(".cpp");
    const bool test = path.starts_with("tests/") && (path.ends_with("_test.cpp") || is_fuzz_target(path));
    if (source_of_a_room || test) check_file(tree, path, findings);
  }
  return findings;
}

Findings check_sizes(const Tree& tree) {
  constexpr int longest = 600;
  constexpr int longest_main = 59;
  Findings findings;
  for (const auto& [path, text] : tree) {
    if (!is_source(path)) continue;
    const int most = path == "src/app/main.cpp" ? longest_main : longest;
    const int lines = count_lines(text);
    if (lines > most) {
      findings.push_back(path + ": " + std::to_string(lines) + " lines; split it by subject, at most " +
                         std::to_string(most));
    }
  }
  return findings;
}

Findings check_names(const Tree& tree) {
  static const std::set<std::string> empty_words{"util",    "utils", "common", "helper",
                                                 "helpers", "misc",  "shared"};
  Findings findings;
  for (const auto& [path, text] : tree) {
    for (const std::string& part : parts_of(path)) {
      const std::string stem = part.substr(0, part.find('.'));
      if (empty_words.contains(stem)) {
        findings.push_back(path + ": `" + stem + "` says nothing; name the subject");
      }
    }
    if (path.ends_with(".hpp") && text.find("#pragma once\n") == std::string::npos) {
      findings.push_back(path + ": included twice, it breaks; begin with #pragma once");
    }
  }
  return findings;
}

Findings check_one_name_one_file(const Tree& tree) {
  Findings findings;
  std::map<std::string, std::string> seen;  // name → path
  for (const auto& [path, text] : tree) {
    const bool product = path.starts_with("src/") || path.starts_with("include/");
    if (!product || !is_source(path)) continue;
    const auto [first, is_new] = seen.emplace(parts_of(path).back(), path);
    if (!is_new) findings.push_back(path + ": has the name of " + first->second + "; give it one of its own");
  }
  return findings;
}

Findings check_one_name_one_type(const Tree& tree) {
  // Our format indents whatever is inside a class. `using room::Name;` has no `=`: it is the same type.
  static const std::regex definition(
      R"(^( *)(?:enum class|enum|struct|class|using) (\w+)(?: final)?(?: :| =|$| \{))");
  std::map<std::string, std::string> outer;  // name → path
  std::vector<std::pair<std::string, std::string>> inner;
  Findings findings;
  const auto refuse = [&findings](const std::string& path, const std::string& name,
                                  const std::string& first) {
    findings.push_back(path + ": `" + name + "` is a type of " + first +
                       ", too; give one of them another name");
  };
  for (const auto& [path, text] : tree) {
    if (!path.starts_with("include/") || !is_source(path)) continue;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      std::smatch found;
      if (!std::regex_search(line, found, definition)) continue;
      const std::string name = found[2];
      if (found[1].length() == 0) {
        const auto [first, is_new] = outer.emplace(name, path);
        if (!is_new) refuse(path, name, first->second);
      } else if (line.find(" using ") == std::string::npos) {
        inner.emplace_back(name, path);
      }
    }
  }
  for (const auto& [name, path] : inner) {
    if (const auto first = outer.find(name); first != outer.end()) refuse(path, name, first->second);
  }
  return findings;
}

Findings check_store_calls_nobody(const Tree& tree) {
  Findings findings;
  for (const auto& [path, text] : tree) {
    if (!path.starts_with("include/stibee_sync/store/")) continue;
    for (const std::string_view callback : {"std::function", "virtual "}) {
      if (text.find(callback) != std::string::npos)
        findings.push_back(path + ": the store calls nobody back; let its caller read, decide and write");
    }
  }
  return findings;
}

}  // namespace stibee_sync::architecture

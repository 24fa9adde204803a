#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::architecture {

/// Path below the project folder (`src/store/ledger.cpp`) → content.
using Tree = std::map<std::string, std::string>;

/// What is wrong, one per entry, as `PATH[:LINE]: what; cure`.
using Findings = std::vector<std::string>;

/// The C++ sources and CMakeLists.txt below include/, src/ and tests/.
Tree read_tree(const std::filesystem::path& project);

struct Include {
  int line = 0;
  std::string target;
  bool angled = false;  // <…>, not "…"
};
std::vector<Include> includes_of(std::string_view source);

/// The parts of a path: `src`, `store`, `ledger.cpp`.
std::vector<std::string> parts_of(std::string_view path);
std::string parent_of(std::string_view path);

/// The words of a CMakeLists.txt, without comments; parentheses separate.
std::vector<std::string> cmake_words(std::string_view text);

int count_lines(std::string_view text);
bool is_source(std::string_view path);  ///< .cpp or .hpp

}  // namespace stibee_sync::architecture

#include "tree.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

namespace stibee_sync::architecture {
namespace {

/// Calls `use(number, line)` for each line.
template <class Use>
void each_line(std::string_view text, Use use) {
  for (int number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    use(number, text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

std::string_view without_space(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  return first == std::string_view::npos ? std::string_view{} : text.substr(first);
}

}  // namespace

Tree read_tree(const std::filesystem::path& project) {
  Tree tree;
  for (const char* top : {"include", "src", "tests"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(project / top)) {
      const auto& path = entry.path();
      if (!entry.is_regular_file()) continue;
      if (!is_source(path.string()) && path.filename() != "CMakeLists.txt") continue;
      std::ifstream file(path, std::ios::binary);
      tree.emplace(std::filesystem::relative(path, project).generic_string(),
                   std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()));
    }
  }
  return tree;
}

std::vector<Include> includes_of(std::string_view source) {
  std::vector<Include> out;
  each_line(source, [&out](int number, std::string_view line) {
    line = without_space(line);
    if (!line.starts_with('#')) return;
    line = without_space(line.substr(1));
    if (!line.starts_with("include")) return;
    line = without_space(line.substr(7));
    if (line.empty() || (line.front() != '<' && line.front() != '"')) return;
    const bool angled = line.front() == '<';
    line.remove_prefix(1);
    out.push_back({number, std::string(line.substr(0, line.find(angled ? '>' : '"'))), angled});
  });
  return out;
}

std::vector<std::string> parts_of(std::string_view path) {
  std::vector<std::string> parts;
  std::istringstream stream{std::string(path)};
  for (std::string part; std::getline(stream, part, '/');)
    parts.push_back(part);
  return parts;
}

std::string parent_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash));
}

std::vector<std::string> cmake_words(std::string_view text) {
  std::vector<std::string> words;
  each_line(text, [&words](int, std::string_view line) {
    std::string spaced(line.substr(0, line.find('#')));
    std::replace_if(
        spaced.begin(), spaced.end(), [](char c) { return c == '(' || c == ')' || c == '"'; }, ' ');
    std::istringstream stream(spaced);
    for (std::string word; stream >> word;)
      words.push_back(word);
  });
  return words;
}

int count_lines(std::string_view text) {
  return static_cast<int>(std::count(text.begin(), text.end(), '\n')) +
         (text.empty() || text.back() == '\n' ? 0 : 1);
}

bool is_source(std::string_view path) {
  return path.ends_with(".cpp") || path.ends_with(".hpp");
}

}  // namespace stibee_sync::architecture

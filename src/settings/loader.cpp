#include "stibee_sync/settings/loader.hpp"

#include "files.hpp"
#include "keys.hpp"
#include "stibee_sync/text/ascii.hpp"

#include <algorithm>
#include <iterator>
#include <system_error>
#include <tuple>
#include <utility>

namespace stibee_sync::settings {
namespace {

constexpr std::size_t largest_file = 1024UL * 1024UL;

LoadResult one_problem(const std::filesystem::path& file, Place place, std::string what, std::string cure) {
  return LoadResult(
      std::vector<Problem>{{file.string(), place.line, place.column, std::move(what), std::move(cure)}});
}

/// A document without the lines that keep it from being one.
Node without_bad_lines(std::string text) {
  constexpr int most_lines = 100;
  for (int taken_out = 0; taken_out < most_lines; ++taken_out) {
    auto parsed = parse_yaml(text);
    if (auto* node = std::get_if<Node>(&parsed)) return std::move(*node);
    // The line that is blamed; or, where it has been taken out already or never was, the last one before it.
    std::size_t begin = 0;
    for (int line = 1; line < std::get<SyntaxError>(parsed).place.line; ++line) {
      const auto end = text.find('\n', begin);
      if (end == std::string::npos) break;
      begin = end + 1;
    }
    auto end = std::min(text.find('\n', begin), text.size());
    while (begin > 0 && begin == end) {
      end = begin - 1;
      begin = end == 0 ? 0 : text.rfind('\n', end - 1) + 1;
    }
    if (begin == end) break;
    text.erase(begin, end - begin);
  }
  return {};
}

/// The blocks of the top level that can be read, each for itself: one that is never closed swallows no other.
Node readable_part(std::string_view text) {
  Node root{.kind = Node::Kind::Map};
  while (!text.empty()) {
    std::size_t end = text.find('\n');
    while (end + 1 < text.size() && end != text.npos &&
           (text::is_space(text[end + 1]) || text[end + 1] == '#'))
      end = text.find('\n', end + 1);
    const auto length = end == text.npos ? text.size() : end + 1;
    Node block = without_bad_lines(std::string(text.substr(0, length)));
    text.remove_prefix(length);
    if (block.kind != Node::Kind::Map) continue;
    std::move(block.keys.begin(), block.keys.end(), std::back_inserter(root.keys));
    std::move(block.items.begin(), block.items.end(), std::back_inserter(root.items));
  }
  return root;
}

/// Reads the settings of a document and reports every problem.
void read_document(const Node& root, const std::filesystem::path& file, const Environment& environment,
                   SecretFiles secret_files, Settings& settings, Report& report) {
  std::error_code ignored;
  const auto absolute = std::filesystem::absolute(file, ignored);
  const auto known = known_blocks();
  const Context context{absolute.parent_path(), environment, secret_files, known, report};
  read_settings(Cursor(context, root), settings);
  settings.file = file;
}

Place nearest_place(const std::map<std::string, Place>& places, std::string_view path) {
  while (!path.empty()) {
    if (const auto found = places.find(std::string(path)); found != places.end()) return found->second;
    const auto end = path.find_last_of(".[");
    path = path.substr(0, end == std::string_view::npos ? 0 : end);
  }
  return {1, 1};
}

}  // namespace

LoadResult load_text(std::string_view text, const std::filesystem::path& file, const Environment& environment,
                     SecretFiles secret_files) {
  if (text.size() > largest_file) {
    return one_problem(file, {}, "the file is larger than 1 MiB",
                       "name the configuration file with --config");
  }
  auto parsed = parse_yaml(text);
  if (const auto* error = std::get_if<SyntaxError>(&parsed)) {
    return one_problem(file, error->place, error->what, error->cure);
  }
  const Node& root = std::get<Node>(parsed);

  Report report{file.string()};
  Settings settings;
  read_document(root, file, environment, secret_files, settings, report);
  if (!report.problems.empty()) {
    std::stable_sort(report.problems.begin(), report.problems.end(), [](const Problem& a, const Problem& b) {
      return std::tie(a.line, a.column) < std::tie(b.line, b.column);
    });
    return LoadResult(std::move(report.problems));
  }
  settings.places = std::move(report.places);
  return LoadResult(std::move(settings));
}

LoadResult load(const std::filesystem::path& file, const Environment& environment, SecretFiles secret_files) {
  const auto content = read_file(file, largest_file);
  if (const auto* error = std::get_if<int>(&content)) {
    return one_problem(file, {}, "the file cannot be read: " + std::generic_category().message(*error),
                       "name the configuration file with --config");
  }
  return load_text(std::get<std::string>(content), file, environment, secret_files);
}

Settings load_loosely(const std::filesystem::path& file, const Environment& environment) {
  const auto content = read_file(file, largest_file);
  const auto* text = std::get_if<std::string>(&content);
  const Node root = text != nullptr && text->size() <= largest_file ? readable_part(*text) : Node{};
  Report report{file.string()};
  Settings settings;
  read_document(root, file, environment, SecretFiles::Skip, settings, report);
  return settings;
}

Problem problem_at(const Settings& settings, std::string_view path, std::string what, std::string cure) {
  const Place place = nearest_place(settings.places, path);
  return {settings.file.string(), place.line, place.column, std::move(what), std::move(cure)};
}

std::string to_string(const Problem& problem) {
  std::string out = problem.file;
  if (problem.line > 0) {
    out.append(":").append(std::to_string(problem.line)).append(":").append(std::to_string(problem.column));
  }
  return out + ": " + problem.what + "; " + problem.cure;
}

}  // namespace stibee_sync::settings

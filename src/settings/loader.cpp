#include "stibee_sync/settings/loader.hpp"

#include "files.hpp"
#include "keys.hpp"

#include <algorithm>
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
  std::error_code ignored;
  const auto absolute = std::filesystem::absolute(file, ignored);
  const auto known = known_blocks();
  const Context context{absolute.parent_path(), environment, secret_files, known, report};
  Settings settings;
  read_settings(Cursor(context, root), settings);
  if (!report.problems.empty()) {
    std::stable_sort(report.problems.begin(), report.problems.end(), [](const Problem& a, const Problem& b) {
      return std::tie(a.line, a.column) < std::tie(b.line, b.column);
    });
    return LoadResult(std::move(report.problems));
  }
  settings.file = file;
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

#include "report.hpp"

#include <algorithm>
#include <tuple>

namespace stibee_sync::settings {
namespace {

Place nearest(const std::map<std::string, Place>& places, std::string_view path) {
  while (!path.empty()) {
    if (const auto found = places.find(std::string(path)); found != places.end()) return found->second;
    const auto end = path.find_last_of(".[");
    path = path.substr(0, end == std::string_view::npos ? 0 : end);
  }
  return {1, 1};
}

}  // namespace

void Report::add(Place place, std::string what, std::string cure) {
  // Beyond this nobody reads on; and a hostile file must not fill the memory.
  constexpr std::size_t most = 200;
  if (problems_.size() >= most) return;
  problems_.push_back({file_, place.line, place.column, std::move(what), std::move(cure)});
}

Place Report::place_of(std::string_view path) const {
  return nearest(places_, path);
}

std::vector<Problem> Report::take_problems() {
  std::stable_sort(problems_.begin(), problems_.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  return std::move(problems_);
}

Problem problem_at(const Settings& settings, std::string_view path, std::string what, std::string cure) {
  const Place place = nearest(settings.places, path);
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

#include "stibee_sync/text/nearest.hpp"

#include "stibee_sync/text/ascii.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace stibee_sync::text {

// Damerau's distance, restricted: no letter is changed twice ("optimal string alignment").
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(before_last, last);
    std::swap(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row.back();
}

std::optional<std::size_t> slips_between(std::string_view word, std::string_view candidate,
                                         std::size_t slips) {
  const auto away = edit_distance(lower_case(word), lower_case(candidate));
  if (away > std::max(slips, std::min(word.size(), candidate.size()) / 3)) return std::nullopt;
  return away;
}

std::vector<std::string> nearest(std::string_view word, std::span<const std::string> candidates,
                                 std::size_t most, std::size_t slips) {
  std::vector<std::pair<std::size_t, std::string>> found;
  for (const auto& candidate : candidates) {
    if (const auto away = slips_between(word, candidate, slips)) found.emplace_back(*away, candidate);
  }
  std::sort(found.begin(), found.end());
  if (found.size() > most) found.resize(most);
  std::vector<std::string> names;
  for (auto& [away, name] : found)
    names.push_back(std::move(name));
  return names;
}

}  // namespace stibee_sync::text

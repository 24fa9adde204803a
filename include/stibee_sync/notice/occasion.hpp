#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace stibee_sync::notice {

/// What somebody can be told of a mirror, the most urgent first. The names are a contract: keys of the
/// configuration, values in messages.
enum class Occasion { Unhealthy, Held, Drift, Recovered, Released, Imported };
inline constexpr std::array<std::string_view, 6> occasion_names{"unhealthy", "held",     "drift",
                                                                "recovered", "released", "imported"};

constexpr std::string_view name(Occasion occasion) {
  return occasion_names[static_cast<std::size_t>(occasion)];
}

constexpr std::optional<Occasion> occasion_from(std::string_view text) {
  for (std::size_t i = 0; i < occasion_names.size(); ++i) {
    if (occasion_names[i] == text) return static_cast<Occasion>(i);
  }
  return std::nullopt;
}

/// Whose incoming webhook it is. Slack: Mattermost takes the same.
enum class LetterFormat { Json, Slack, Jandi };
enum class Language { English, Korean };

}  // namespace stibee_sync::notice

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

/// What states and classes of changes are called in Korean, on the page as well. Of classes the words of
/// Stibee's own pages.
namespace korean {
inline constexpr std::string_view ok = "정상";
inline constexpr std::string_view importing = "반영 중";
inline constexpr std::string_view standby = "대기";
inline constexpr std::string_view paused = "일시 중지";
inline constexpr std::string_view held = "보류";
inline constexpr std::string_view untrusted = "테이블 확인 필요";
inline constexpr std::string_view failing = "장애";
inline constexpr std::string_view removals = "빠진 회원의 수신거부·완전삭제";
inline constexpr std::string_view optouts = "수신거부";
inline constexpr std::string_view resubscribes = "재구독";
inline constexpr std::string_view updates = "정보 변경";
inline constexpr std::string_view adds = "신규 구독자";
}  // namespace korean

}  // namespace stibee_sync::notice

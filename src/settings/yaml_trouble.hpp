#pragma once

#include "yaml_tree.hpp"

#include <optional>
#include <string>
#include <string_view>

/// What people do that YAML punishes at another place and in other words. Pure.
namespace stibee_sync::settings {

/// A character that looks like one of YAML's own, or like a blank, and is neither.
struct OddCharacter {
  std::size_t at = 0;  // in bytes
  std::string what;    // "a full-width colon (：)"
  std::string cure;
};
std::optional<OddCharacter> first_odd_character(std::string_view text);
/// At the beginning or at the end only: inside, a text may have it.
std::optional<OddCharacter> odd_character_around(std::string_view text);

/// The likely cause of a syntax error that the parser found in `line` of a text, from 1; nullopt if nothing
/// up to there looks like one.
std::optional<SyntaxError> likely_cause(std::string_view text, int line);

}  // namespace stibee_sync::settings

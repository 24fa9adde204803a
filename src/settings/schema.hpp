#pragma once

#include <span>
#include <string>
#include <string_view>

/// Which keys there are. A key is read in read_*.cpp; here it becomes known.
namespace stibee_sync::settings::schema {

using Keys = std::span<const std::string_view>;

struct BlockKeys {
  std::string_view path;  // "" is the top level; list entries carry []
  Keys keys;
};
std::span<const BlockKeys> blocks();
Keys keys_of(std::string_view block);

/// The candidate with the fewest typing errors between it and `word`, if few enough to be a guess worth
/// making.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace stibee_sync::settings::schema

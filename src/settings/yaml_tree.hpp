#pragma once

#include "stibee_sync/settings/loader.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace stibee_sync::settings {

struct Key {
  std::string name;
  Place place;
};

/// A YAML document as written: keys given twice are still there, every part knows its place.
struct Node {
  enum class Kind { Null, Scalar, List, Map };
  Kind kind = Kind::Null;
  Place place{};
  std::string text{};         // Scalar
  std::vector<Node> items{};  // List: entries; Map: values
  std::vector<Key> keys{};    // Map: keys[i] belongs to items[i]
};

struct SyntaxError {
  Place place;
  std::string what;
  std::string cure;
};

/// Reads exactly one document of valid UTF-8. Anchors, aliases, tags, keys that are no text and nesting
/// deeper than 16 levels are refused, so the tree is never larger than the text. An empty text is a Null
/// node.
std::variant<Node, SyntaxError> parse_yaml(std::string_view text);

}  // namespace stibee_sync::settings

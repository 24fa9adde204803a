#pragma once

#include "stibee_sync/settings/loader.hpp"
#include "values.hpp"
#include "yaml_tree.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::settings {

/// The keys that a block may have.
struct KnownBlock {
  std::string path;  // "" is the top level; list entries carry []
  std::vector<std::string_view> keys;
  /// What people call a secret, in lower case, and the key that names its file.
  std::map<std::string_view, std::string_view> secrets;
};

std::string joined_path(std::string_view block, std::string_view key);

/// Collects what loading finds: the problems, and where each key stands.
struct Report {
  std::string file;
  std::vector<Problem> problems{};
  std::map<std::string, Place> places{};

  void add(Place place, std::string what, std::string cure);
  void remember(const std::string& path, Place place) { places.emplace(path, place); }
};

/// What every reading function needs besides the YAML itself.
struct Context {
  std::filesystem::path folder;  // of the configuration file, absolute
  const Environment& environment;
  SecretFiles secret_files;
  const std::vector<KnownBlock>& known;
  Report& report;
};

/// What an absent or empty value means.
enum class Need {
  Required,  // both are a problem
  Default,   // absent: the default stays; empty: a problem, since it hides what is in force
  Optional,  // both mean "none"
};

/// Reads the keys of one mapping into variables that already hold their defaults. Whatever is wrong is
/// reported with its place and the variable is left alone, so that one load finds every problem.
class Block {
 public:
  /// `place` is where the block is called for: its key, or the start of its list entry. `known_as` is its
  /// path among the known blocks; in a block that is not among them every key is allowed (but not twice).
  Block(const Context& context, std::string path, std::string known_as, const Node& node, Place place);

  /// Reports what is wrong with the keys as such; once for each block.
  void check_keys() const;

  [[nodiscard]] const std::string& path() const { return path_; }
  /// False when it is no mapping: nothing else can be said about it.
  [[nodiscard]] bool readable() const {
    return node_.kind == Node::Kind::Null || node_.kind == Node::Kind::Map;
  }
  [[nodiscard]] const Context& context() const { return context_; }

  /// The value of a key; nothing when it is absent.
  [[nodiscard]] const Node* find(std::string_view key) const;
  [[nodiscard]] Place place_of(std::string_view key) const;
  [[nodiscard]] std::string path_of(std::string_view key) const;
  void problem(std::string_view key, const std::string& what, std::string cure) const;
  /// One problem, not one for each of the block's required keys.
  void missing_block(std::string_view key, std::string_view required_keys) const;
  /// The keys in the order of the file, each once.
  [[nodiscard]] std::vector<const Key*> keys() const;

  /// A block below this one; empty when absent.
  [[nodiscard]] Block block(std::string_view key) const;

  struct Entry {
    std::string path;
    Place place;
    const Node& node;
  };
  /// The entries of a list; none when absent, without a value, or no list (which is reported).
  [[nodiscard]] std::vector<Entry> list(std::string_view key, std::string_view cure) const;

  /// The entries of a list of blocks, of which there must be one; `cure` completes the problem otherwise.
  [[nodiscard]] std::vector<Block> blocks(std::string_view key, std::string_view cure) const;

  /// The text of a scalar that is not empty. `example` completes the cure "add `key: example`".
  std::optional<std::string> text(std::string_view key, Need need, std::string_view example) const;

  /// Reads the text with `parse`, from std::string_view to Parsed.
  template <class Parser, class Value>
  void value(std::string_view key, Need need, std::string_view example, const Parser& parse,
             Value& out) const {
    const auto given = text(key, need, example);
    if (!given) return;
    auto parsed = parse(std::string_view(*given));
    if (auto* wrong = std::get_if<Unreadable>(&parsed)) {
      problem(key, wrong->what, std::move(wrong->cure));
    } else {
      out = static_cast<Value>(std::get<0>(std::move(parsed)));
    }
  }

 private:
  void refuse_key(const Key& key, const KnownBlock& known) const;

  const Context& context_;
  std::string path_;
  std::string known_as_;
  const Node& node_;
  Place place_;
  std::map<std::string_view, std::size_t> index_;  // key → its first place in node_.keys
};

}  // namespace stibee_sync::settings

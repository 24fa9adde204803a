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

/// Collects what loading finds: the problems, and where each key stands.
struct Report {
  std::string file;
  std::vector<Problem> problems{};
  std::map<std::string, Place> places{};

  void add(Place place, std::string what, std::string cure);
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

std::string joined_path(std::string_view block, std::string_view key);

/// A place in the file where a value belongs, whether it is there or not. Reads it into variables that
/// already hold their defaults: whatever is wrong is reported with its place and the variable is left alone,
/// so that one load finds every problem.
class Cursor {
 public:
  /// The file as a whole.
  Cursor(const Context& context, const Node& root) : context_(&context), node_(&root) {}

  [[nodiscard]] const Context& context() const { return *context_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& key() const { return key_; }
  [[nodiscard]] Place place() const { return place_; }  ///< where problems with the value are reported
  [[nodiscard]] Place key_place() const { return key_place_; }
  [[nodiscard]] bool there() const { return node_ != nullptr; }
  [[nodiscard]] bool is(Node::Kind kind) const { return there() && node_->kind == kind; }
  /// The text of a scalar; empty for everything else.
  [[nodiscard]] std::string_view raw() const { return there() ? std::string_view(node_->text) : ""; }

  void problem(const std::string& what, std::string cure) const;

  /// A key of this block; no such thing when it is absent or this is no block.
  [[nodiscard]] Cursor operator[](std::string_view key) const;
  /// The keys that the file gives, in its order, each once.
  [[nodiscard]] std::vector<Cursor> keys() const;
  /// Reports whatever is wrong with the block and its keys as such; once for each block. In a block that is
  /// not among the known ones every key is allowed (but not twice).
  void check_keys() const;
  /// Whether there is a block. When there is none this is reported, once, instead of its required keys.
  [[nodiscard]] bool required(std::string_view required_keys) const;

  /// The entries of a list; none when absent, without a value, or no list (which is reported).
  [[nodiscard]] std::vector<Cursor> entries(std::string_view cure) const;
  /// The same, but there must be one.
  [[nodiscard]] std::vector<Cursor> some_entries(std::string_view cure) const;

  /// The text of a scalar that is not empty. `example` completes the cure "add `key: example`".
  [[nodiscard]] std::optional<std::string> text(Need need, std::string_view example) const;

  /// Reads the text with `parse`, from std::string_view to Parsed.
  template <class Parser, class Value>
  void read(Need need, std::string_view example, const Parser& parse, Value& out) const {
    const auto given = text(need, example);
    if (!given) return;
    auto parsed = parse(std::string_view(*given));
    if (auto* wrong = std::get_if<Unreadable>(&parsed)) {
      problem(wrong->what, std::move(wrong->cure));
    } else {
      out = static_cast<Value>(std::get<0>(std::move(parsed)));
    }
  }

 private:
  [[nodiscard]] Cursor child(std::string_view key, const Node& node, Place key_place) const;
  void refuse_key(const Cursor& key, const KnownBlock& known) const;

  const Context* context_;
  std::string path_{};
  std::string known_as_{};  // the path among the known blocks
  std::string key_{};
  const Node* node_;  // null when absent
  Place place_{1, 1};
  Place key_place_{1, 1};  // absent: that of the block it belongs to
  bool expected_ = true;   // false below what should be a block and is none: nothing more can be said
};

}  // namespace stibee_sync::settings

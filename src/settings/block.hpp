#pragma once

#include "report.hpp"
#include "schema.hpp"
#include "values.hpp"
#include "yaml_tree.hpp"

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stibee_sync::settings {

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
  /// `place` is where the block is called for: its key, or the start of its list entry. `schema_path` names
  /// the known keys; without it every key is allowed (but not twice).
  Block(const Context& context, std::string path, const Node& node, Place place,
        std::optional<std::string_view> schema_path);

  [[nodiscard]] const std::string& path() const { return path_; }
  /// False when it is no mapping, which has been reported; nothing else can be said about it.
  [[nodiscard]] bool readable() const { return readable_; }
  [[nodiscard]] const Context& context() const { return context_; }

  /// The value of a key; nothing when it is absent.
  [[nodiscard]] const Node* find(std::string_view key) const;
  /// Present with a value.
  [[nodiscard]] bool given(std::string_view key) const;
  [[nodiscard]] Place place_of(std::string_view key) const;
  [[nodiscard]] std::string path_of(std::string_view key) const;
  void problem(std::string_view key, std::string what, std::string cure) const;
  /// The keys in the order of the file, each once.
  [[nodiscard]] std::vector<std::pair<const Key*, const Node*>> entries() const;

  /// A block below this one; empty when absent.
  [[nodiscard]] Block block(std::string_view key, std::optional<std::string_view> schema_path) const;
  /// The entries of a list; empty when absent, without a value, or no list (which is reported).
  [[nodiscard]] const std::vector<Node>& list(std::string_view key, std::string_view cure) const;

  /// The text of a scalar that is not empty. `example` completes the cure "add `key: example`".
  std::optional<std::string> text(std::string_view key, Need need, std::string_view example) const;
  void text(std::string_view key, Need need, std::string_view example, std::string& out) const;
  void duration(std::string_view key, milliseconds shortest, milliseconds longest, milliseconds& out) const;
  void duration(std::string_view key, milliseconds shortest, milliseconds longest, std::string_view example,
                std::optional<milliseconds>& out) const;
  void rate(std::string_view key, Rate& out) const;
  void flag(std::string_view key, bool& out) const;
  void percent(std::string_view key, int lowest, double& out) const;
  void integer(std::string_view key, Need need, std::int64_t lowest, std::int64_t highest,
               std::int64_t& out) const;

  template <class Value, std::size_t count>
  void choice(std::string_view key, Need need,
              const std::array<std::pair<std::string_view, Value>, count>& values, Value& out) const {
    std::array<std::string_view, count> names;
    for (std::size_t i = 0; i < count; ++i)
      names[i] = values[i].first;
    if (const auto index = chosen(key, need, names)) out = values[*index].second;
  }

  /// A path, made absolute against the folder of the configuration file; `${CREDENTIALS_DIRECTORY}` and its
  /// like are replaced.
  std::optional<std::filesystem::path> file_path(std::string_view key, Need need,
                                                 std::string_view example) const;
  /// Reads the secret in the file that `key` names.
  std::optional<Secret> secret(std::string_view key, const std::optional<std::filesystem::path>& file) const;

 private:
  void check_keys(std::optional<std::string_view> schema_path);
  void refuse_key(const Key& key, std::string_view schema_path) const;
  std::optional<std::size_t> chosen(std::string_view key, Need need,
                                    std::span<const std::string_view> names) const;
  std::optional<milliseconds> duration_between(std::string_view key, const std::string& text,
                                               milliseconds shortest, milliseconds longest) const;

  const Context& context_;
  std::string path_;
  const Node& node_;
  Place place_;
  bool readable_ = true;
  std::map<std::string_view, std::size_t> index_;  // key → its first place in node_.keys
};

}  // namespace stibee_sync::settings

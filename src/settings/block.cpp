#include "block.hpp"

#include <algorithm>

namespace stibee_sync::settings {
namespace {

const Node nothing;

std::string_view kind_name(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::Null:
      return "an empty value";
    case Node::Kind::Scalar:
      return "a single value";
    case Node::Kind::List:
      return "a list";
    case Node::Kind::Map:
      return "a block of keys";
  }
  return "";
}

std::string in_ticks(std::string_view text) {
  constexpr std::size_t longest = 160;  // keys of `groups` and `fields` are free text
  std::string out = "`";
  out.append(printable(text, longest)).append("`");
  return out;
}

/// The keys people put a secret under, for the blocks that have a file for it.
std::string_view file_key_for(std::string_view block, std::string_view key, schema::Keys known) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 9> aliases{
      {{"stibee", "token"},
       {"stibee", "access_token"},
       {"stibee", "accesstoken"},
       {"stibee", "apikey"},
       {"stibee", "key"},
       {"database", "pass"},
       {"database", "passwd"},
       {"webhook", "token"},
       {"webhook", "password"}}};
  std::string name;
  for (const char c : key) {
    name += c == '-' ? '_' : (c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  }
  const auto file_key = [known](std::string_view stem) {
    return std::find_if(known.begin(), known.end(), [stem](std::string_view each) {
      return each.ends_with("_file") &&
             (stem.empty() ? each != "ca_file" : each.substr(0, each.size() - 5) == stem);
    });
  };
  auto found = file_key(name);
  if (name == "ca") return {};
  if (found == known.end() &&
      std::find(aliases.begin(), aliases.end(), std::pair(block, std::string_view(name))) != aliases.end()) {
    found = file_key({});
  }
  return found == known.end() ? std::string_view{} : *found;
}

}  // namespace

Block::Block(const Context& context, std::string path, const Node& node, Place place,
             std::optional<std::string_view> schema_path)
    : context_(context), path_(std::move(path)), node_(node), place_(place) {
  if (node_.kind == Node::Kind::Null) return;
  if (node_.kind != Node::Kind::Map) {
    readable_ = false;
    context_.report.add(node_.place,
                        (path_.empty() ? std::string("the file") : in_ticks(path_)) +
                            " must be a block of keys, not " + std::string(kind_name(node_.kind)),
                        "write `key: value` lines, indented below it");
    return;
  }
  check_keys(schema_path);
}

void Block::check_keys(std::optional<std::string_view> schema_path) {
  for (std::size_t i = 0; i < node_.keys.size(); ++i) {
    const Key& key = node_.keys[i];
    const auto [first, fresh] = index_.emplace(key.name, i);
    if (!fresh) {
      context_.report.add(key.place,
                          in_ticks(path_of(key.name)) + " is given twice, first in line " +
                              std::to_string(node_.keys[first->second].place.line),
                          "remove one of the two");
      continue;
    }
    context_.report.remember(path_of(key.name), place_of(key.name));
    if (!schema_path) continue;
    const auto known = schema::keys_of(*schema_path);
    if (std::find(known.begin(), known.end(), key.name) == known.end()) refuse_key(key, *schema_path);
  }
}

void Block::refuse_key(const Key& key, std::string_view schema_path) const {
  const auto known = schema::keys_of(schema_path);
  if (const auto file_key = file_key_for(schema_path, key.name, known); !file_key.empty()) {
    context_.report.add(
        key.place, in_ticks(path_of(key.name)) + ": secrets are not accepted in this file",
        "put it in a file that others cannot read, and name that file in " + in_ticks(file_key));
    return;
  }
  const std::string what = "unknown key " + in_ticks(path_of(key.name));
  if (const auto near = schema::nearest(key.name, known); !near.empty()) {
    context_.report.add(key.place, what, "did you mean " + in_ticks(near) + "?");
    return;
  }
  for (const auto& block : schema::blocks()) {
    if (std::find(block.keys.begin(), block.keys.end(), key.name) == block.keys.end()) continue;
    context_.report.add(key.place, what,
                        block.path.empty() ? "move it to the top level of the file"
                                           : "move it to " + in_ticks(block.path) + ", where it is known");
    return;
  }
  context_.report.add(key.place, what, "remove it; known here are " + joined(known));
}

const Node* Block::find(std::string_view key) const {
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : &node_.items[found->second];
}

bool Block::given(std::string_view key) const {
  const Node* node = find(key);
  return node != nullptr && node->kind != Node::Kind::Null;
}

Place Block::place_of(std::string_view key) const {
  const auto found = index_.find(key);
  if (found == index_.end()) return place_;
  const Node& value = node_.items[found->second];
  // An empty value has no place of its own: the parser gives that of whatever comes next. And a block that
  // begins in the line below is looked for at its key.
  const bool at_key =
      value.kind == Node::Kind::Null || value.place.line != node_.keys[found->second].place.line;
  return at_key ? node_.keys[found->second].place : value.place;
}

std::string Block::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

void Block::problem(std::string_view key, std::string what, std::string cure) const {
  context_.report.add(place_of(key), in_ticks(path_of(key)) + " " + std::move(what), std::move(cure));
}

std::vector<std::pair<const Key*, const Node*>> Block::entries() const {
  std::vector<std::pair<const Key*, const Node*>> out;
  for (std::size_t i = 0; i < node_.keys.size(); ++i) {
    if (index_.at(node_.keys[i].name) == i) out.emplace_back(&node_.keys[i], &node_.items[i]);
  }
  return out;
}

Block Block::block(std::string_view key, std::optional<std::string_view> schema_path) const {
  const auto found = index_.find(key);
  if (found == index_.end()) return {context_, path_of(key), nothing, place_, schema_path};
  return {context_, path_of(key), node_.items[found->second], node_.keys[found->second].place, schema_path};
}

const std::vector<Node>& Block::list(std::string_view key, std::string_view cure) const {
  const Node* node = find(key);
  if (node == nullptr || node->kind == Node::Kind::Null) return nothing.items;
  if (node->kind != Node::Kind::List) {
    problem(key, "must be a list, not " + std::string(kind_name(node->kind)), std::string(cure));
    return nothing.items;
  }
  return node->items;
}

std::optional<std::string> Block::text(std::string_view key, Need need, std::string_view example) const {
  const std::string line = in_ticks(std::string(key) + ": " + std::string(example));
  const Node* node = find(key);
  if (node == nullptr) {
    if (need == Need::Required && readable_) {
      context_.report.add(place_, in_ticks(path_of(key)) + " is missing", "add " + line);
    }
    return std::nullopt;
  }
  if (node->kind == Node::Kind::Null) {
    if (need == Need::Required) problem(key, "has no value", "write " + line);
    if (need == Need::Default)
      problem(key, "has no value", "write " + line + ", or remove the line for the default");
    return std::nullopt;
  }
  if (node->kind != Node::Kind::Scalar) {
    problem(key, "must be a single value, not " + std::string(kind_name(node->kind)), "write " + line);
    return std::nullopt;
  }
  if (node->text.empty()) {
    problem(key, "is empty", "write " + line);
    return std::nullopt;
  }
  if (node->text.find('\0') != std::string::npos) {  // only "\0" in double quotes gets this far
    problem(key, "contains a NUL character", "remove it");
    return std::nullopt;
  }
  return node->text;
}

void Block::text(std::string_view key, Need need, std::string_view example, std::string& out) const {
  if (auto value = text(key, need, example)) out = std::move(*value);
}

}  // namespace stibee_sync::settings

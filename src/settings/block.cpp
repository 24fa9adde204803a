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

}  // namespace

std::string joined_path(std::string_view block, std::string_view key) {
  return block.empty() ? std::string(key) : std::string(block) + "." + std::string(key);
}

void Report::add(Place place, std::string what, std::string cure) {
  // Beyond this nobody reads on; and a hostile file must not fill the memory.
  constexpr std::size_t most = 200;
  if (problems.size() < most)
    problems.push_back({file, place.line, place.column, std::move(what), std::move(cure)});
}

Block::Block(const Context& context, std::string path, std::string known_as, const Node& node, Place place)
    : context_(context), path_(std::move(path)), known_as_(std::move(known_as)), node_(node), place_(place) {
  for (std::size_t i = 0; i < node_.keys.size(); ++i)
    index_.emplace(node_.keys[i].name, i);
}

void Block::check_keys() const {
  const auto known = std::find_if(context_.known.begin(), context_.known.end(),
                                  [this](const KnownBlock& each) { return each.path == known_as_; });
  if (!readable()) {
    context_.report.add(node_.place,
                        (path_.empty() ? std::string("the file") : in_ticks(path_)) +
                            " must be a block of keys, not " + std::string(kind_name(node_.kind)),
                        "write `key: value` lines, indented below it");
  }
  for (std::size_t i = 0; i < node_.keys.size(); ++i) {
    const Key& key = node_.keys[i];
    if (const std::size_t first = index_.at(key.name); first != i) {
      context_.report.add(key.place,
                          in_ticks(path_of(key.name)) + " is given twice, first in line " +
                              std::to_string(node_.keys[first].place.line),
                          "remove one of the two");
      continue;
    }
    context_.report.remember(path_of(key.name), place_of(key.name));
    if (known != context_.known.end() &&
        std::find(known->keys.begin(), known->keys.end(), key.name) == known->keys.end())
      refuse_key(key, *known);
  }
}

void Block::refuse_key(const Key& key, const KnownBlock& known) const {
  std::string called = lower(key.name);
  std::replace(called.begin(), called.end(), '-', '_');
  if (const auto secret = known.secrets.find(called); secret != known.secrets.end()) {
    context_.report.add(
        key.place, in_ticks(path_of(key.name)) + ": secrets are not accepted in this file",
        "put it in a file that others cannot read, and name that file in " + in_ticks(secret->second));
    return;
  }
  const std::string what = "unknown key " + in_ticks(path_of(key.name));
  if (const auto near = nearest(key.name, known.keys); !near.empty()) {
    context_.report.add(key.place, what, "did you mean " + in_ticks(near) + "?");
    return;
  }
  for (const KnownBlock& block : context_.known) {
    if (std::find(block.keys.begin(), block.keys.end(), key.name) == block.keys.end()) continue;
    context_.report.add(key.place, what,
                        block.path.empty() ? "move it to the top level of the file"
                                           : "move it to " + in_ticks(block.path) + ", where it is known");
    return;
  }
  context_.report.add(key.place, what, "remove it; known here are " + joined(known.keys));
}

const Node* Block::find(std::string_view key) const {
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : &node_.items[found->second];
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
  return joined_path(path_, key);
}

void Block::problem(std::string_view key, const std::string& what, std::string cure) const {
  context_.report.add(place_of(key), in_ticks(path_of(key)) + " " + what, std::move(cure));
}

std::vector<const Key*> Block::keys() const {
  std::vector<const Key*> out;
  for (std::size_t i = 0; i < node_.keys.size(); ++i) {
    if (index_.at(node_.keys[i].name) == i) out.push_back(&node_.keys[i]);
  }
  return out;
}

void Block::missing_block(std::string_view key, std::string_view required_keys) const {
  if (!readable()) return;
  problem(key, "is missing", "add a `" + std::string(key) + ":` block with " + std::string(required_keys));
}

Block Block::block(std::string_view key) const {
  const auto found = index_.find(key);
  const bool absent = found == index_.end();
  return {context_, path_of(key), joined_path(known_as_, key), absent ? nothing : node_.items[found->second],
          absent ? place_ : node_.keys[found->second].place};
}

std::vector<Block> Block::blocks(std::string_view key, std::string_view cure) const {
  const Node* node = find(key);
  if (node == nullptr) {
    if (readable()) problem(key, "is missing", std::string(cure));
  } else if (node->kind == Node::Kind::Null) {
    problem(key, "has no value", std::string(cure));
  } else if (node->kind == Node::Kind::List && node->items.empty()) {
    problem(key, "is an empty list", std::string(cure));
  }
  std::vector<Block> out;
  for (const auto& [path, place, entry] : list(key, cure))
    out.emplace_back(context_, path, joined_path(known_as_, key) + "[]", entry, place);
  return out;
}

std::vector<Block::Entry> Block::list(std::string_view key, std::string_view cure) const {
  std::vector<Entry> out;
  const Node* node = find(key);
  if (node == nullptr || node->kind == Node::Kind::Null) return out;
  if (node->kind != Node::Kind::List) {
    problem(key, "must be a list, not " + std::string(kind_name(node->kind)), std::string(cure));
    return out;
  }
  for (const Node& item : node->items) {
    const std::string path = path_of(key) + "[" + std::to_string(out.size()) + "]";
    const Place place = item.kind == Node::Kind::Null ? place_of(key) : item.place;
    context_.report.remember(path, place);
    out.push_back({path, place, item});
  }
  return out;
}

std::optional<std::string> Block::text(std::string_view key, Need need, std::string_view example) const {
  const std::string line = in_ticks(std::string(key) + ": " + std::string(example));
  const Node* node = find(key);
  if (node == nullptr) {
    if (need == Need::Required && readable()) {
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

}  // namespace stibee_sync::settings

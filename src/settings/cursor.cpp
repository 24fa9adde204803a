#include "cursor.hpp"

#include "stibee_sync/text/ascii.hpp"
#include "yaml_trouble.hpp"

#include <algorithm>

namespace stibee_sync::settings {
namespace {

std::string kind_name(Node::Kind kind) {
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

bool contains(const std::vector<std::string_view>& keys, std::string_view key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
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

void Cursor::problem(const std::string& what, std::string cure) const {
  context_->report.add(place_, in_ticks(path_) + " " + what, std::move(cure));
}

Cursor Cursor::child(std::string_view key, const Node& node, Place key_place) const {
  Cursor out(*context_, node);
  out.path_ = joined_path(path_, key);
  out.known_as_ = joined_path(known_as_, key);
  out.key_ = key;
  out.key_place_ = key_place;
  // An empty value has no place of its own: the parser gives that of whatever comes next. And a block that
  // begins in the line below is looked for at its key.
  const bool at_key = node.kind == Node::Kind::Null || node.place.line != key_place.line;
  out.place_ = at_key ? key_place : node.place;
  return out;
}

Cursor Cursor::operator[](std::string_view key) const {
  if (is(Node::Kind::Map)) {
    const auto found = std::find_if(node_->keys.begin(), node_->keys.end(),
                                    [key](const Key& each) { return each.name == key; });
    const auto index = static_cast<std::size_t>(found - node_->keys.begin());
    if (found != node_->keys.end()) return child(key, node_->items[index], found->place);
  }
  static const Node nothing;
  Cursor out = child(key, nothing, key_place_);
  out.node_ = nullptr;
  out.expected_ = expected_ && (!there() || is(Node::Kind::Null) || is(Node::Kind::Map));
  return out;
}

std::vector<Cursor> Cursor::keys() const {
  std::vector<Cursor> out;
  if (!is(Node::Kind::Map)) return out;
  std::map<std::string_view, Place> seen;
  for (std::size_t i = 0; i < node_->keys.size(); ++i) {
    const auto& [name, place] = node_->keys[i];
    if (seen.emplace(name, place).second) out.push_back(child(name, node_->items[i], place));
  }
  return out;
}

void Cursor::check_keys() const {
  if (!there() || is(Node::Kind::Null)) return;
  Report& report = context_->report;
  if (!is(Node::Kind::Map)) {
    const auto odd = first_odd_character(raw());
    report.add(node_->place,
               (path_.empty() ? "the file" : in_ticks(path_)) + " must be a block of keys, not " +
                   kind_name(node_->kind) + (odd ? " with " + odd->what + " in it" : ""),
               odd ? odd->cure : "write `key: value` lines, indented below it");
    return;
  }
  const auto known = std::find_if(context_->known.begin(), context_->known.end(),
                                  [this](const KnownBlock& each) { return each.path == known_as_; });
  std::map<std::string_view, Place> first;
  for (std::size_t i = 0; i < node_->keys.size(); ++i) {
    const auto& [name, place] = node_->keys[i];
    const Cursor key = child(name, node_->items[i], place);
    if (const auto [earlier, fresh] = first.emplace(name, place); !fresh) {
      report.add(
          place,
          in_ticks(key.path_) + " is given twice, first in line " + std::to_string(earlier->second.line),
          "remove one of the two");
      continue;
    }
    report.places.emplace(key.path_, key.place_);
    if (known != context_->known.end() && !contains(known->keys, name)) refuse_key(key, *known);
  }
}

void Cursor::refuse_key(const Cursor& key, const KnownBlock& known) const {
  const auto refuse = [&](const std::string& what, std::string cure) {
    context_->report.add(key.key_place_, what, std::move(cure));
  };
  std::string called = text::lower_case(key.key_);
  std::replace(called.begin(), called.end(), '-', '_');
  if (const auto secret = known.secrets.find(called); secret != known.secrets.end()) {
    refuse(in_ticks(key.path_) + ": secrets are not accepted in this file",
           "put it in a file that others cannot read, and name that file in " + in_ticks(secret->second));
    return;
  }
  const std::string what = "unknown key " + in_ticks(key.path_);
  if (const auto odd = first_odd_character(key.key_)) {
    refuse(what + ", with " + odd->what + " in it", odd->cure);
    return;
  }
  if (const auto near = nearest(key.key_, known.keys); !near.empty()) {
    refuse(what, "did you mean " + in_ticks(near) + "?");
    return;
  }
  const auto elsewhere =
      std::find_if(context_->known.begin(), context_->known.end(),
                   [&key](const KnownBlock& each) { return contains(each.keys, key.key_); });
  if (elsewhere == context_->known.end()) {
    refuse(what, "remove it; known here are " + joined(known.keys));
  } else if (elsewhere->path.empty()) {
    refuse(what, "move it to the top level of the file");
  } else {
    refuse(what, "move it to " + in_ticks(elsewhere->path) + ", where it is known");
  }
}

bool Cursor::required(std::string_view required_keys) const {
  if (!there() && expected_)
    problem("is missing", "add a `" + key_ + ":` block with " + std::string(required_keys));
  return there();
}

std::vector<Cursor> Cursor::entries(std::string_view cure) const {
  std::vector<Cursor> out;
  if (!there() || is(Node::Kind::Null)) return out;
  if (!is(Node::Kind::List)) {
    problem("must be a list, not " + kind_name(node_->kind), std::string(cure));
    return out;
  }
  for (const Node& item : node_->items) {
    Cursor entry(*context_, item);
    entry.path_ = path_ + "[" + std::to_string(out.size()) + "]";
    entry.known_as_ = known_as_ + "[]";
    entry.place_ = entry.key_place_ = item.kind == Node::Kind::Null ? place_ : item.place;
    context_->report.places.emplace(entry.path_, entry.place_);
    out.push_back(std::move(entry));
  }
  return out;
}

std::vector<Cursor> Cursor::some_entries(std::string_view cure) const {
  const bool empty = is(Node::Kind::List) && node_->items.empty();
  if (!there() ? expected_ : is(Node::Kind::Null) || empty) {
    problem(!there() ? "is missing" : empty ? "is an empty list" : "has no value", std::string(cure));
  }
  return entries(cure);
}

std::optional<std::string> Cursor::text(Need need, std::string_view example) const {
  const std::string line = in_ticks(key_ + ": " + std::string(example));
  if (!there()) {
    if (need == Need::Required && expected_) problem("is missing", "add " + line);
  } else if (is(Node::Kind::Null)) {
    if (need == Need::Required) problem("has no value", "write " + line);
    if (need == Need::Default)
      problem("has no value", "write " + line + ", or remove the line for the default");
  } else if (!is(Node::Kind::Scalar)) {
    problem("must be a single value, not " + kind_name(node_->kind), "write " + line);
  } else if (node_->text.empty()) {
    problem("is empty", "write " + line);
  } else if (node_->text.find('\0') != std::string::npos) {  // only "\0" in double quotes gets this far
    problem("contains a NUL character", "remove it");
  } else if (const auto odd = odd_character_around(node_->text)) {
    problem(std::string(odd->at == 0 ? "begins" : "ends") + " with " + odd->what, odd->cure);
  } else {
    return node_->text;
  }
  return std::nullopt;
}

}  // namespace stibee_sync::settings

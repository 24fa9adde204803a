#pragma once

#include "cursor.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <utility>

/// What the tables in keys.cpp are made of. A block's table is a function that shows a visitor each key there
/// may be, in the order of the example file; one visitor reads, one compares for a reload, one collects the
/// names. A value is read by a *parser*, which makes it of the text, or by a *reader*, which does all of it:
///   (std::string_view text) → Parsed<Value>
///   (const Cursor& at, Value&)
namespace stibee_sync::settings {

/// Whether a running daemon can take over another value.
enum class Restart { No, Needed };

/// Makes a reader of a parser: `need` says what absent and empty mean, `example` is for messages.
template <class Parser>
constexpr auto given(Need need, Parser parse, std::string_view example) {
  return [=](const Cursor& at, auto& out) { at.read(need, example, parse, out); };
}
template <class Parser>
constexpr auto required(Parser parse, std::string_view example) {
  return given(Need::Required, parse, example);
}
template <class Parser>
constexpr auto optional(Parser parse, std::string_view example) {
  return given(Need::Optional, parse, example);
}

constexpr auto duration(milliseconds shortest, milliseconds longest) {
  return [=](std::string_view text) { return parse_duration(text, shortest, longest); };
}
constexpr auto whole(std::int64_t lowest, std::int64_t highest) {
  return [=](std::string_view text) { return parse_whole(text, lowest, highest); };
}
constexpr auto percent(int lowest) {
  return [=](std::string_view text) { return parse_percent(text, lowest); };
}

/// A reader of one of several words; the first is the example.
template <class Value, std::size_t count>
constexpr auto choice(const std::pair<std::string_view, Value> (&words)[count], Need need = Need::Default) {
  return [values = std::to_array(words), need](const Cursor& at, Value& out) {
    std::array<std::string_view, count> names;
    std::transform(values.begin(), values.end(), names.begin(), [](const auto& each) { return each.first; });
    std::size_t index = count;
    at.read(
        need, names.front(), [&names](std::string_view text) { return parse_choice(text, names); }, index);
    if (index < count) out = values[index].second;
  };
}

template <class Owner, class Table>
void read_block(const Cursor& at, Owner& out, const Table& table);
/// Appends the paths of the keys that need a restart and differ. A block that is absent is null.
template <class Owner, class Table>
void add_restarts(const Owner* old, const Owner* fresh, const std::string& path, const Table& table,
                  std::vector<std::string>& out);
/// Appends the keys of a block and of those below it.
template <class Table>
void add_known(const std::string& path, const Table& table, std::vector<KnownBlock>& out);

/// The visitor that reads; its functions are what a table may say.
template <class Owner>
struct Reading {
  const Cursor& here;
  Owner& out;

  /// With a parser, the member keeps its default when the key is absent.
  template <class Member, class Read>
  void key(std::string_view name, Member Owner::* member, const Read& read, Restart = Restart::No) const {
    if constexpr (std::invocable<const Read&, std::string_view>) {
      here[name].read(Need::Default, written(out.*member), read, out.*member);
    } else {
      read(here[name], out.*member);
    }
  }
  /// A key that fills several members.
  template <class Read>
  void key(std::string_view name, const Read& read) const {
    read(here[name], out);
  }
  /// A key that names the file with a secret; then what people call it who put the secret itself here.
  template <class Read>
  void secret(std::string_view name, const Read& read, const auto&...) const {
    read(here[name], out);
  }
  /// A block that must be there because of some required keys, or is as good as empty when absent.
  template <class Member, class Table>
  void block(std::string_view name, Member Owner::* member, const Table& table,
             std::string_view required_keys = {}) const {
    const Cursor at = here[name];
    if (required_keys.empty() || at.required(required_keys)) read_block(at, out.*member, table);
  }
  template <class Member, class Table>
  void block(std::string_view name, std::optional<Member> Owner::* member, const Table& table) const {
    if (here[name].there()) read_block(here[name], (out.*member).emplace(), table);
  }
  /// A list of blocks, with at least one.
  template <class Member, class Table>
  void list(std::string_view name, std::vector<Member> Owner::* member, const Table& table,
            std::string_view cure) const {
    for (const Cursor& entry : here[name].some_entries(cure))
      read_block(entry, (out.*member).emplace_back(), table);
  }
  /// What concerns several keys, once those before it are read: (const Cursor& block, Owner&).
  void rule(const auto& check) const { check(here, out); }
};

template <class Owner>
struct Comparing {
  const Owner* old;
  const Owner* fresh;
  const std::string& path;
  std::vector<std::string>& out;

  template <class Member, class Read>
  void key(std::string_view name, Member Owner::* member, const Read&, Restart restart = Restart::No) const {
    const bool same = old != nullptr && fresh != nullptr && old->*member == fresh->*member;
    if (restart == Restart::Needed && !same) out.push_back(joined_path(path, name));
  }
  template <class Member, class Table>
  void block(std::string_view name, Member Owner::* member, const Table& table, std::string_view = {}) const {
    const auto inner = [member](const Owner* owner) {
      if constexpr (requires(const Member& block) { block.has_value(); }) {
        return owner != nullptr && owner->*member ? &*(owner->*member) : nullptr;
      } else {
        return owner != nullptr ? &(owner->*member) : nullptr;
      }
    };
    add_restarts(inner(old), inner(fresh), joined_path(path, name), table, out);
  }
  void key(std::string_view, const auto&) const {}
  void secret(const auto&...) const {}
  void list(const auto&...) const {}
  void rule(const auto&) const {}
};

struct Naming {
  std::vector<KnownBlock>& out;
  std::size_t here;

  void key(std::string_view name, const auto&...) const { out[here].keys.push_back(name); }
  void secret(std::string_view name, const auto&, const auto&... called) const {
    key(name);
    (out[here].secrets.emplace(called, name), ...);
  }
  void block(std::string_view name, const auto&, const auto& table, std::string_view = {}) const {
    key(name);
    add_known(joined_path(out[here].path, name), table, out);
  }
  void list(std::string_view name, const auto&, const auto& table, std::string_view) const {
    key(name);
    add_known(joined_path(out[here].path, name) + "[]", table, out);
  }
  void rule(const auto&) const {}
};

template <class Owner, class Table>
void read_block(const Cursor& at, Owner& out, const Table& table) {
  at.check_keys();
  table(Reading<Owner>{at, out});
}

template <class Owner, class Table>
void add_restarts(const Owner* old, const Owner* fresh, const std::string& path, const Table& table,
                  std::vector<std::string>& out) {
  if (old != nullptr || fresh != nullptr) table(Comparing<Owner>{old, fresh, path, out});
}

template <class Table>
void add_known(const std::string& path, const Table& table, std::vector<KnownBlock>& out) {
  out.push_back({path, {}, {}});
  table(Naming{out, out.size() - 1});
}

}  // namespace stibee_sync::settings

#include "read.hpp"

#include <algorithm>
#include <limits>
#include <set>

namespace stibee_sync::settings {
namespace {

constexpr auto largest = std::numeric_limits<std::int64_t>::max();

constexpr std::array on_leave_ways{std::pair<std::string_view, OnLeave>{"unsubscribe", OnLeave::Unsubscribe},
                                   std::pair<std::string_view, OnLeave>{"delete", OnLeave::Delete},
                                   std::pair<std::string_view, OnLeave>{"keep", OnLeave::Keep}};
constexpr std::array detect_ways{std::pair<std::string_view, Detect>{"scan", Detect::Scan},
                                 std::pair<std::string_view, Detect>{"changefeed", Detect::Changefeed}};
constexpr std::array purge_ways{
    std::pair<std::string_view, OnRemotePurge>{"respect", OnRemotePurge::Respect},
    std::pair<std::string_view, OnRemotePurge>{"restore", OnRemotePurge::Restore}};
constexpr std::array reconcile_modes{
    std::pair<std::string_view, ReconcileMode>{"report", ReconcileMode::Report},
    std::pair<std::string_view, ReconcileMode>{"off", ReconcileMode::Off},
    std::pair<std::string_view, ReconcileMode>{"repair", ReconcileMode::Repair}};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

/// White space and semicolons at the end would break the statements that the text becomes part of.
std::string without_end_mark(std::string text) {
  while (!text.empty() && (text.back() == ';' || text.back() == ' ' || text.back() == '\n' ||
                           text.back() == '\r' || text.back() == '\t')) {
    text.pop_back();
  }
  return text;
}

void read_relation(const Block& block, Source& out) {
  const bool table = block.find("table") != nullptr;
  const bool query = block.find("query") != nullptr;
  out.table = block.text("table", Need::Default, "public.members");
  out.query = block.text("query", Need::Default, "SELECT id, email FROM members");
  out.where = block.text("where", Need::Optional, "deleted_at IS NULL");
  if (out.query) {
    out.query = without_end_mark(*out.query);
    if (out.query->empty()) block.problem("query", "has no statement in it", "write a SELECT");
  }
  if (table && query) {
    block.problem("query", "stands beside `table`", "keep one of the two");
  } else if (!table && !query) {
    block.problem("table", "is missing", "add `table: public.members`, or a `query: SELECT …`");
  }
  if (out.where && query && !table) {
    block.problem("where", "stands beside `query`, but belongs to `table`",
                  "move the condition into the query");
  }
}

/// Why no field may have this tag; empty when it may.
std::string reserved_tag(std::string_view tag) {
  if (lower(tag) == "email") return "is the address itself";
  if (tag.starts_with('$')) return "is reserved by Stibee, like everything that begins with $";
  if (lower(tag) == "stb_ad_agreement") return "is Stibee's own field for the consent";
  return {};
}

void read_fields(const Block& block, std::map<std::string, std::string>& out) {
  std::set<std::string> folded;
  for (const auto& [key, value] : block.entries()) {
    const auto refuse = [&block, place = key->place](const std::string& what, const std::string& cure) {
      block.context().report.add(place, what, cure);
    };
    const std::string tag = shown(key->name);
    const std::string reserved = reserved_tag(key->name);
    if (key->name.empty()) {
      refuse("`" + block.path() + "` has an empty tag", "write Stibee's tag of the field, then the column");
    } else if (!reserved.empty()) {
      refuse("the tag " + tag + " in `" + block.path() + "` " + reserved,
             key->name.starts_with('$') || reserved.ends_with("consent")
                 ? "use `source.ad_agreed` for the consent to advertising; remove any other"
                 : "use `source.email` for it");
    } else if (!folded.insert(lower(key->name)).second) {
      refuse("the tag " + tag + " in `" + block.path() + "` differs from another only in case",
             "remove one: Stibee may take them for the same field");
    }
    if (auto column = block.text(key->name, Need::Required, "COLUMN"))
      out.emplace(key->name, std::move(*column));
  }
}

void read_group_columns(const Block& block, std::vector<std::string>& out) {
  const auto& items = block.list("groups", "write `groups: [grade]`");
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Node& item = items[i];
    const std::string path = block.path_of("groups") + "[" + std::to_string(i) + "]";
    const Place place = item.kind == Node::Kind::Null ? block.place_of("groups") : item.place;
    block.context().report.remember(path, place);
    if (item.kind != Node::Kind::Scalar || item.text.empty() || item.text.find('\0') != std::string::npos) {
      block.context().report.add(place, "`" + path + "` is no column", "write `groups: [grade]`");
    } else if (std::find(out.begin(), out.end(), item.text) != out.end()) {
      block.context().report.add(place, "`" + path + "` is the column " + shown(item.text) + " again",
                                 "remove it");
    } else {
      out.push_back(item.text);
    }
  }
}

void read_source(const Block& block, Source& out) {
  read_relation(block, out);
  block.text("key", Need::Required, "id", out.key);
  block.text("email", Need::Required, "email", out.email);
  out.subscribed = block.text("subscribed", Need::Optional, "email_opt_in");
  out.consented_at = block.text("consented_at", Need::Optional, "consented_at");
  out.ad_agreed = block.text("ad_agreed", Need::Optional, "marketing_ok");
  read_group_columns(block, out.groups);
  read_fields(block.block("fields", std::nullopt), out.fields);
  block.text("time_zone", Need::Default, out.time_zone, out.time_zone);
  if (!is_time_zone_name(out.time_zone)) {
    block.problem("time_zone", "is " + shown(out.time_zone) + ", which is no time zone",
                  "write a name such as Asia/Seoul or UTC");
  }
}

void read_groups(const Block& mirror, Mirror& out) {
  const Node* node = mirror.find("groups");
  if (node != nullptr && node->kind == Node::Kind::Scalar) {
    out.create_missing_groups = node->text == "create_missing";
    if (!out.create_missing_groups) {
      mirror.problem(
          "groups", "is " + shown(node->text) + ", which is neither a block nor create_missing",
          "write `groups: {gold: 1234}`, a value and its Stibee group id, or `groups: create_missing`");
    }
    return;
  }
  const Block block = mirror.block("groups", std::nullopt);
  for (const auto& [key, value] : block.entries()) {
    if (key->name.empty()) {
      block.context().report.add(key->place, "`" + block.path() + "` has an empty value",
                                 "write the value in the column, then the Stibee group id");
      continue;
    }
    std::int64_t id = 0;
    block.integer(key->name, Need::Required, 1, largest, id);
    if (id > 0) out.groups.emplace(key->name, id);
  }
}

void read_guard(const Block& block, Guard& out) {
  block.integer("max_removals", Need::Default, 1, 10'000'000, out.max_removals);
  block.percent("max_removal_percent", 0, out.max_removal_percent);
  block.integer("min_removals", Need::Default, 0, 10'000'000, out.min_removals);
  block.percent("max_optout_percent", 0, out.max_optout_percent);
  block.percent("min_source_percent", 1, out.min_source_percent);
  block.percent("max_update_percent", 0, out.max_update_percent);
  if (out.min_removals <= out.max_removals) return;
  if (block.find("min_removals") == nullptr) {
    out.min_removals = out.max_removals;  // the default gives way to a small max_removals
  } else {
    block.problem("min_removals", "is larger than `max_removals`",
                  "write at most " + std::to_string(out.max_removals));
  }
}

void read_reconcile(const Block& block, Reconcile& out) {
  block.duration("interval", seconds(1), hours(90 * 24), out.interval);
  block.choice("mode", Need::Default, reconcile_modes, out.mode);
}

/// Whether one of the parameters is named: without any, a statement would change the same rows for every
/// person.
bool binds_a_parameter(std::string_view sql) {
  const auto continues = [](char c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  for (const std::string_view name : {":email", ":key", ":occurred_by", ":reason", ":occurred_at"}) {
    for (auto at = sql.find(name); at != std::string_view::npos; at = sql.find(name, at + 1)) {
      const bool cast = at > 0 && sql[at - 1] == ':';
      const std::size_t end = at + name.size();
      if (!cast && (end == sql.size() || !continues(sql[end]))) return true;
    }
  }
  return false;
}

void read_writeback(const Block& block, std::map<std::string, std::string>& out) {
  for (const auto& [key, value] : block.entries()) {
    const auto known = schema::keys_of("mirrors[].writeback");
    if (std::find(known.begin(), known.end(), key->name) == known.end()) continue;  // reported by the block
    const auto sql =
        block.text(key->name, Need::Required, "UPDATE members SET email_opt_in = false WHERE email = :email");
    if (!sql) continue;
    if (!binds_a_parameter(*sql)) {
      block.problem(
          key->name, "names none of its parameters, so that it would change the same rows for everybody",
          "use :email or :key in its WHERE (there are also :occurred_by, :reason and :occurred_at)");
      continue;
    }
    out.emplace(key->name, without_end_mark(*sql));
  }
}

void read_name(const Block& block, std::string& out) {
  block.text("name", Need::Required, "members", out);
  const bool valid = out.size() <= 40 && std::all_of(out.begin(), out.end(), [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
                     });
  if (!valid) {
    block.problem("name", "is " + shown(out) + ", which is no valid name",
                  "write 1 to 40 lower-case letters, digits, `_` or `-`");
  }
}

Mirror read_mirror(const Block& block) {
  Mirror out;
  read_name(block, out.name);
  block.integer("list_id", Need::Required, 1, largest, out.list_id);
  if (block.find("source") == nullptr) {
    block.problem("source", "is missing", "add a `source:` block with `table`, `key` and `email`");
  } else {
    read_source(block.block("source", "mirrors[].source"), out.source);
  }
  read_groups(block, out);
  block.choice("on_leave", Need::Default, on_leave_ways, out.on_leave);
  block.duration("delete_after", seconds(1), hours(3650 * 24), "30d", out.delete_after);
  if (out.delete_after && out.on_leave == OnLeave::Keep) {
    block.problem("delete_after", "stands beside `on_leave: keep`", "remove one of the two");
  }
  block.duration("poll_interval", milliseconds(100), hours(24), out.poll_interval);
  block.choice("detect", Need::Default, detect_ways, out.detect);
  block.duration("full_scan_interval", seconds(1), hours(7 * 24), out.full_scan_interval);
  block.flag("confirm_email", out.confirm_email);
  block.choice("on_remote_purge", Need::Default, purge_ways, out.on_remote_purge);
  read_guard(block.block("guard", "mirrors[].guard"), out.guard);
  read_reconcile(block.block("reconcile", "mirrors[].reconcile"), out.reconcile);
  read_writeback(block.block("writeback", "mirrors[].writeback"), out.writeback);
  return out;
}

/// Reports a value that an earlier mirror has already; `first` remembers where each was.
template <class Value>
void refuse_repetition(const Block& block, std::string_view key, const Value& value,
                       std::map<Value, Place>& first) {
  const Place place = block.place_of(key);
  const auto [earlier, fresh] = first.emplace(value, place);
  if (!fresh) {
    block.problem(key, "is the same as that of the mirror in line " + std::to_string(earlier->second.line),
                  "give each mirror its own");
  }
}

}  // namespace

void read_mirrors(const Block& top, Settings& settings) {
  constexpr auto cure = "add a mirror: `- name: members`, with `list_id` and `source` below it";
  if (!top.given("mirrors")) {
    top.problem("mirrors", top.find("mirrors") == nullptr ? "is missing" : "has no value", cure);
    return;
  }
  const auto& items = top.list("mirrors", cure);
  if (items.empty() && top.find("mirrors")->kind == Node::Kind::List)
    top.problem("mirrors", "is an empty list", cure);

  std::map<std::string, Place> names;
  std::map<std::int64_t, Place> list_ids;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string path = "mirrors[" + std::to_string(i) + "]";
    const Place place = items[i].kind == Node::Kind::Null ? top.place_of("mirrors") : items[i].place;
    top.context().report.remember(path, place);
    const Block block(top.context(), path, items[i], place, "mirrors[]");
    if (!block.readable()) continue;
    Mirror mirror = read_mirror(block);
    if (!mirror.name.empty()) refuse_repetition(block, "name", mirror.name, names);
    if (mirror.list_id > 0) refuse_repetition(block, "list_id", mirror.list_id, list_ids);
    settings.mirrors.push_back(std::move(mirror));
  }
}

}  // namespace stibee_sync::settings

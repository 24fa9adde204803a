#include "rules.hpp"
#include "table.hpp"

#include <algorithm>
#include <limits>
#include <set>

namespace stibee_sync::settings {
namespace {

/// White space and semicolons at the end would break the statements that the text becomes part of.
std::string without_end_mark(std::string_view text) {
  return std::string(text.substr(0, text.find_last_not_of("; \n\r\t") + 1));
}

/// Why no field may have this tag; empty when it may.
std::string_view reserved_tag(std::string_view tag) {
  if (lower(tag) == "email") return "is the address itself";
  if (tag.starts_with('$')) return "is reserved by Stibee, like everything that begins with $";
  if (lower(tag) == "stb_ad_agreement") return "is Stibee's own field for the consent";
  return {};
}

/// Whether one of the parameters is named: without any, a statement would change the same rows for every
/// person.
bool binds_a_parameter(std::string_view sql) {
  for (const std::string_view name : {":email", ":key", ":occurred_by", ":reason", ":occurred_at"}) {
    for (auto at = sql.find(name); at != std::string_view::npos; at = sql.find(name, at + 1)) {
      const bool cast = at > 0 && sql[at - 1] == ':';
      const std::string_view next = sql.substr(at + name.size(), 1);
      if (!cast && (next.empty() || !is_alphanumeric(next, "_"))) return true;
    }
  }
  return false;
}

}  // namespace

Parsed<std::string> any_text(std::string_view text) {
  return std::string(text);
}

Parsed<std::string> parse_query(std::string_view text) {
  auto query = without_end_mark(text);
  if (query.empty()) return Unreadable{"has no statement in it", "write a SELECT"};
  return query;
}

Parsed<std::string> parse_time_zone(std::string_view text) {
  if (is_time_zone_name(text)) return std::string(text);
  return Unreadable{"is " + shown(text) + ", which is no time zone",
                    "write a name such as Asia/Seoul or UTC"};
}

void check_relation(const Block& block, Source& source) {
  const bool table = block.find("table") != nullptr;
  const bool query = block.find("query") != nullptr;
  if (table && query) {
    block.problem("query", "stands beside `table`", "keep one of the two");
  } else if (!table && !query) {
    block.problem("table", "is missing", "add `table: public.members`, or a `query: SELECT …`");
  } else if (source.where && query) {
    block.problem("where", "stands beside `query`, but belongs to `table`",
                  "move the condition into the query");
  }
}

void read_fields(const Block& block, std::string_view key, std::map<std::string, std::string>& out) {
  const Block fields = block.block(key);
  fields.check_keys();
  const std::string here = "`" + fields.path() + "`";
  std::set<std::string> folded;
  for (const Key* each : fields.keys()) {
    const auto refuse = [&](const std::string& what, const std::string& cure) {
      block.context().report.add(each->place, what, cure);
    };
    const std::string tag = "the tag " + shown(each->name) + " in " + here;
    const auto reserved = reserved_tag(each->name);
    if (each->name.empty()) {
      refuse(here + " has an empty tag", "write Stibee's tag of the field, then the column");
    } else if (!reserved.empty()) {
      refuse(tag + " " + std::string(reserved),
             each->name.starts_with('$') || reserved.ends_with("consent")
                 ? "use `source.ad_agreed` for the consent to advertising; remove any other"
                 : "use `source.email` for it");
    } else if (!folded.insert(lower(each->name)).second) {
      refuse(tag + " differs from another only in case",
             "remove one: Stibee may take them for the same field");
    }
    if (auto column = fields.text(each->name, Need::Required, "COLUMN"))
      out.emplace(each->name, std::move(*column));
  }
}

void read_group_columns(const Block& block, std::string_view key, std::vector<std::string>& out) {
  constexpr auto cure = "write `groups: [grade]`";
  for (const auto& [path, place, item] : block.list(key, cure)) {
    if (item.kind != Node::Kind::Scalar || item.text.empty() || item.text.find('\0') != std::string::npos) {
      block.context().report.add(place, "`" + path + "` is no column", cure);
    } else if (std::find(out.begin(), out.end(), item.text) != out.end()) {
      block.context().report.add(place, "`" + path + "` is the column " + shown(item.text) + " again",
                                 "remove it");
    } else {
      out.push_back(item.text);
    }
  }
}

void read_groups(const Block& block, std::string_view key, Mirror& out) {
  const Node* node = block.find(key);
  if (node != nullptr && node->kind == Node::Kind::Scalar) {
    out.create_missing_groups = node->text == "create_missing";
    if (out.create_missing_groups) return;
    block.problem(
        key, "is " + shown(node->text) + ", which is neither a block nor create_missing",
        "write `groups: {gold: 1234}`, a value and its Stibee group id, or `groups: create_missing`");
    return;
  }
  const Block groups = block.block(key);
  groups.check_keys();
  for (const Key* each : groups.keys()) {
    if (each->name.empty()) {
      block.context().report.add(each->place, "`" + groups.path() + "` has an empty value",
                                 "write the value in the column, then the Stibee group id");
      continue;
    }
    std::int64_t id = 0;
    required(whole(1, std::numeric_limits<std::int64_t>::max()), "1")(groups, each->name, id);
    if (id > 0) out.groups.emplace(each->name, id);
  }
}

void check_guard(const Block& block, Guard& guard) {
  if (guard.min_removals <= guard.max_removals) return;
  if (block.find("min_removals") == nullptr) {
    guard.min_removals = guard.max_removals;  // the default gives way to a small max_removals
  } else {
    block.problem("min_removals", "is larger than `max_removals`",
                  "write at most " + std::to_string(guard.max_removals));
  }
}

void read_statement(const Block& block, std::string_view key, std::map<std::string, std::string>& out) {
  if (block.find(key) == nullptr) return;
  const auto sql =
      block.text(key, Need::Required, "UPDATE members SET email_opt_in = false WHERE email = :email");
  if (!sql) return;
  if (!binds_a_parameter(*sql)) {
    block.problem(key, "names none of its parameters, so that it would change the same rows for everybody",
                  "use :email or :key in its WHERE (there are also :occurred_by, :reason and :occurred_at)");
    return;
  }
  out.emplace(key, without_end_mark(*sql));
}

void read_name(const Block& block, std::string_view key, std::string& out) {
  required(any_text, "members")(block, key, out);
  if (out.size() > 40 || out.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") != out.npos) {
    block.problem(key, "is " + shown(out) + ", which is no valid name",
                  "write 1 to 40 lower-case letters, digits, `_` or `-`");
  }
}

void check_delete_after(const Block& block, Mirror& mirror) {
  if (mirror.delete_after && mirror.on_leave == OnLeave::Keep)
    block.problem("delete_after", "stands beside `on_leave: keep`", "remove one of the two");
}

void check_mirrors(const Block& top, Settings& settings) {
  Report& report = top.context().report;
  const auto refuse_repetition = [&report](const std::string& path, const auto& value, auto& first) {
    const Place place = report.places.at(path);
    const auto [earlier, fresh] = first.emplace(value, place);
    if (fresh) return;
    report.add(
        place,
        "`" + path + "` is the same as that of the mirror in line " + std::to_string(earlier->second.line),
        "give each mirror its own");
  };
  std::map<std::string, Place> names;
  std::map<std::int64_t, Place> list_ids;
  for (std::size_t i = 0; i < settings.mirrors.size(); ++i) {
    const Mirror& mirror = settings.mirrors[i];
    const std::string path = "mirrors[" + std::to_string(i) + "]";
    if (!mirror.name.empty()) refuse_repetition(path + ".name", mirror.name, names);
    if (mirror.list_id > 0) refuse_repetition(path + ".list_id", mirror.list_id, list_ids);
  }
}

}  // namespace stibee_sync::settings

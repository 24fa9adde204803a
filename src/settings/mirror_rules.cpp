#include "rules.hpp"
#include "stibee_sync/text/ascii.hpp"
#include "table.hpp"

#include <algorithm>
#include <limits>
#include <set>

namespace stibee_sync::settings {
namespace {

/// Why no field may have this tag; nothing when it may.
std::optional<Unreadable> refuse_tag(std::string_view tag) {
  constexpr auto consent = "use `source.ad_agreed` for the consent to advertising; remove any other";
  const std::string folded = text::lower_case(tag);
  if (folded == "email") return Unreadable{"is the address itself", "use `source.email` for it"};
  if (tag.starts_with('$'))
    return Unreadable{"is reserved by Stibee, like everything that begins with $", consent};
  if (folded == "stb_ad_agreement") return Unreadable{"is Stibee's own field for the consent", consent};
  return std::nullopt;
}

/// Whether something is named as a parameter is: without any, a statement would change the same rows for
/// every person. Which names there are is known where they are bound.
bool names_a_parameter(std::string_view sql) {
  for (auto at = sql.find(':'); at != std::string_view::npos; at = sql.find(':', at + 1)) {
    const bool cast = at > 0 && sql[at - 1] == ':';
    const std::string_view next = sql.substr(at + 1, 1);
    if (!cast && !next.empty() && (text::is_letter(next.front()) || next.front() == '_')) return true;
  }
  return false;
}

}  // namespace

void read_name(const Cursor& at, std::string& out) {
  at.read(Need::Required, "members", any_text, out);
  if (out.size() > 40 || out.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") != out.npos) {
    at.problem("is " + shown(out) + ", which is no valid name",
               "write 1 to 40 lower-case letters, digits, `_` or `-`");
  }
}

void check_relation(const Cursor& block, Source& source) {
  const bool query = block["query"].there();
  if (block["table"].there()) {
    if (query) block["query"].problem("stands beside `table`", "keep one of the two");
  } else if (!query) {
    block["table"].problem("is missing", "add `table: public.members`, or a `query: SELECT …`");
  } else if (source.where) {
    block["where"].problem("stands beside `query`, but belongs to `table`",
                           "move the condition into the query");
  }
}

void read_group_columns(const Cursor& at, std::vector<std::string>& out) {
  constexpr auto cure = "write `groups: [grade]`";
  for (const Cursor& entry : at.entries(cure)) {
    const std::string column(entry.raw());
    if (column.empty() || column.find('\0') != column.npos) {
      entry.problem("is no column", cure);
    } else if (std::find(out.begin(), out.end(), column) != out.end()) {
      entry.problem("is the column " + shown(column) + " again", "remove it");
    } else {
      out.push_back(column);
    }
  }
}

void read_fields(const Cursor& at, std::map<std::string, std::string>& out) {
  at.check_keys();
  std::set<std::string> folded;
  for (const Cursor& field : at.keys()) {
    const std::string here = "`" + at.path() + "`";
    const auto refuse = [&](const std::string& what, const std::string& cure) {
      const std::string tag = "the tag " + shown(field.key()) + " in " + here + " ";
      at.context().report.add(field.key_place(), tag + what, cure);
    };
    if (field.key().empty()) {
      at.context().report.add(field.key_place(), here + " has an empty tag",
                              "write Stibee's tag of the field, then the column");
    } else if (const auto wrong = refuse_tag(field.key())) {
      refuse(wrong->what, wrong->cure);
    } else if (!folded.insert(text::lower_case(field.key())).second) {
      refuse("differs from another only in case", "remove one: Stibee may take them for the same field");
    }
    if (auto column = field.text(Need::Required, "COLUMN")) out.emplace(field.key(), std::move(*column));
  }
}

void read_groups(const Cursor& at, Mirror& out) {
  if (at.is(Node::Kind::Scalar)) {
    out.create_missing_groups = at.raw() == "create_missing";
    if (out.create_missing_groups) return;
    at.problem("is " + shown(at.raw()) + ", which is neither a block nor create_missing",
               "write `groups: {gold: 1234}`, a value and its Stibee group id, or `groups: create_missing`");
    return;
  }
  at.check_keys();
  constexpr auto id_of_a_group = required(whole(1, std::numeric_limits<std::int64_t>::max()), "1");
  for (const Cursor& group : at.keys()) {
    if (group.key().empty()) {
      at.context().report.add(group.key_place(), "`" + at.path() + "` has an empty value",
                              "write the value in the column, then the Stibee group id");
      continue;
    }
    std::int64_t id = 0;
    id_of_a_group(group, id);
    if (id > 0) out.groups.emplace(group.key(), id);
  }
}

void check_delete_after(const Cursor& block, Mirror& mirror) {
  if (mirror.delete_after && mirror.on_leave == OnLeave::Keep)
    block["delete_after"].problem("stands beside `on_leave: keep`", "remove one of the two");
}

void check_detect(const Cursor& block, Mirror& mirror) {
  if (mirror.detect != Detect::Changefeed || !mirror.source.query) return;
  block["detect"].problem("is changefeed beside `source.query`, of whose tables no trigger can tell",
                          "name a `source.table`, or write `detect: scan`");
}

void check_guard(const Cursor& block, Guard& guard) {
  if (guard.min_removals <= guard.max_removals) return;
  const Cursor given = block["min_removals"];
  if (given.there()) {
    given.problem("is larger than `max_removals`", "write at most " + std::to_string(guard.max_removals));
  } else {
    guard.min_removals = guard.max_removals;  // the default gives way to a small max_removals
  }
}

void read_statement(const Cursor& at, std::map<std::string, std::string>& out) {
  if (!at.there()) return;
  const auto sql = at.text(Need::Required, "UPDATE members SET email_opt_in = false WHERE id = :key");
  if (!sql) return;
  if (!names_a_parameter(*sql)) {
    at.problem("names none of its parameters, so that it would change the same rows for everybody",
               "use :email or :key in its WHERE (there are also :occurred_by, :reason and :occurred_at)");
    return;
  }
  out.emplace(at.key(), without_end_mark(*sql));
}

void check_mirrors(const Cursor& file, Settings& settings) {
  Report& report = file.context().report;
  const auto refuse_repetition = [&report](const std::string& path, const auto& value, auto& first) {
    const Place place = report.places.at(path);
    const auto [earlier, fresh] = first.emplace(value, place);
    if (fresh) return;
    const std::string line = std::to_string(earlier->second.line);
    report.add(place, "`" + path + "` is the same as that of the mirror in line " + line,
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

#include "app/held_report.hpp"

#include "app/render.hpp"
#include "stibee_sync/privacy/masked.hpp"
#include "stibee_sync/text/number_format.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace stibee_sync::app {
namespace {

/// What releasing somebody of the set does at Stibee.
std::string_view operation_of(const store::HeldPerson& person, std::string_view change_class,
                              const ledger::Policy& policy) {
  switch (person.intent) {
    case domain::Intent::Subscribed:
      if (change_class == "updates") return "update";
      return change_class == "resubscribes" ? "resubscribe" : "subscribe";
    case domain::Intent::Unsubscribed:
      return "unsubscribe";
    case domain::Intent::Absent:
      if (policy.on_leave == ledger::OnLeave::Keep) return "keep";
      return policy.on_leave == ledger::OnLeave::Delete && !policy.delete_after ? "delete" : "unsubscribe";
  }
  std::abort();
}

constexpr std::string_view updates = "updates";
/// Of more people, what changes is not looked for.
constexpr std::size_t most_looked_for = 10'000;

json::Value groups_report(const domain::GroupSet& groups) {
  json::Value report = json::Value::array();
  for (const auto group : groups)
    report.push_back(group);
  return report;
}

/// Null where it cannot be told: the row is not there as a member any more, or was not looked for.
json::Value changes_report(const HeldSetView::Person& person, const pipeline::RowsSeen& rows, bool reveal,
                           const domain::StateKey& key) {
  if (!person.before || !person.held.key) return {};
  const auto found = std::lower_bound(rows.rows.begin(), rows.rows.end(), *person.held.key,
                                      [](const auto& row, const auto& wanted) { return row.key < wanted; });
  if (found == rows.rows.end() || found->key != *person.held.key || !found->member) return {};
  const auto change = change_of(*person.before, *found->member, key);
  json::Value report;
  report.set("fields", change.fields);
  report.set("ad_agreed", change.consent);
  report.set("groups_assigned", groups_report(change.assigned));
  report.set("groups_released", groups_report(change.released));
  if (!reveal) return report;
  json::Value values = json::Value::object();
  for (const auto& field : found->member->fields)
    values.set(field.tag, field.value);
  report.set("values", std::move(values));
  return report;
}

bool is_set(const json::Value& object, std::string_view key) {
  const auto* flag = object.find(key)->if_bool();
  return flag != nullptr && *flag;
}

/// "fields, consent, groups +11 -12; name=…"
std::string in_words(const json::Value& changes) {
  std::string text = is_set(changes, "fields") ? "fields" : "";
  if (is_set(changes, "ad_agreed")) text += text.empty() ? "consent" : ", consent";
  std::string groups;
  for (const auto& [key, sign] : {std::pair("groups_assigned", " +"), std::pair("groups_released", " -")}) {
    for (const auto& group : *changes.find(key)->if_array())
      groups += sign + std::to_string(*group.if_integer());
  }
  if (!groups.empty()) text += (text.empty() ? "groups" : ", groups") + groups;
  if (const auto* values = changes.find("values"); values != nullptr) {
    text += ":";
    for (const auto& [tag, value] : *values->if_object())
      text += " " + tag + "=" + *value.if_string();
  }
  return text;
}

}  // namespace

std::optional<HeldSetView> held_set_view(store::Store& store, const std::vector<pipeline::MirrorPlan>& plans,
                                         const HeldSetAsked& asked, domain::UtcTime now) {
  for (const auto& plan : plans) {
    auto change_class = store.class_of_held_set(plan.id, asked.digest, now);
    if (!change_class) continue;
    HeldSetView view;
    view.plan = plan;
    view.change_class = std::move(*change_class);
    auto people = store.held_people(plan.id, asked.digest);
    const bool looks = view.change_class == updates && people.size() <= most_looked_for;
    for (auto& held : people) {
      HeldSetView::Person person{std::move(held), {}, {}};
      person.ref = store.key().ref(person.held.email);
      const auto email = domain::EmailAddress::from_normalised(person.held.email);
      const auto known = looks ? store.find(plan.id, email) : ledger::Person{};
      if (known.row) person.before = known.row->wanted;
      view.people.push_back(std::move(person));
    }
    if (looks) view.scan.emplace(store.begin_scan(plan.id));
    view.facts = store.source_facts(plan.id);
    return view;
  }
  return std::nullopt;
}

pipeline::RowsSeen rows_of(HeldSetView& view, source::Reader& reader, const domain::StateKey& key,
                           domain::UtcTime now) {
  if (!view.scan) return {};
  std::vector<domain::MemberKey> keys;
  for (const auto& person : view.people) {
    if (person.held.key) keys.push_back(*person.held.key);
  }
  return pipeline::look_at_rows(reader, view.plan, *view.scan, view.facts, key, now, keys);
}

HeldChange change_of(const domain::Wanted& before, const domain::Member& now, const domain::StateKey& key) {
  HeldChange change;
  change.fields = domain::fingerprint_of(now.fields, key) != before.fields;
  change.consent = now.ad_agreed && now.ad_agreed != before.ad_agreed;
  change.assigned = domain::minus(now.groups, before.groups);
  change.released = domain::minus(before.groups, now.groups);
  return change;
}

json::Value held_set_report(const HeldSetView& view, const pipeline::RowsSeen& rows,
                            const HeldSetAsked& asked, const domain::StateKey& key) {
  json::Value people = json::Value::array();
  for (const auto& person : view.people) {
    const auto& held = person.held;
    json::Value one;
    one.set("key", held.key ? privacy::shown_key(held.key->to_string(), asked.reveal) : std::string());
    one.set("email", privacy::shown_address(held.email, asked.reveal));
    one.set("ref", person.ref);
    one.set("operation", operation_of(held, view.change_class, view.plan.policy));
    one.set("changes", changes_report(person, rows, asked.reveal, key));
    people.push_back(std::move(one));
  }
  json::Value report;
  report.set("version", 1);
  report.set("mirror", view.plan.name);
  report.set("class", view.change_class);
  report.set("digest", asked.digest);
  report.set("problem", rows.problem);
  report.set("people", std::move(people));
  return report;
}

std::string render_held_set(const json::Value& report) {
  std::string text;
  const auto& people = *report.find("people")->if_array();
  for (const auto& person : people) {
    text +=
        text_of(person, "operation") + "  key " + text_of(person, "key") + "  " + text_of(person, "email");
    if (const auto* changes = person.find("changes"); changes != nullptr && !changes->is_null())
      text += "  " + in_words(*changes);
    text += "\n";
  }
  if (const auto problem = text_of(report, "problem"); !problem.empty())
    text += "what changes cannot be told: " + problem + "\n";
  return text + text::with_thousands(people.size()) + " " + text_of(report, "class") + " of " +
         text_of(report, "mirror") + "\n";
}

}  // namespace stibee_sync::app

// Edits in Stibee's web pages, and what readers of mails do themselves.

#include "world.hpp"

#include <algorithm>
#include <stdexcept>

namespace stibee_sim {

namespace {

struct Edit {
  World& world;
  ListState& list;
  const WebEdit& wish;
  SimTime now;
  std::string actor;
  std::vector<EventPerson> events{};

  EventPerson described(const Record& record) const {
    EventPerson person;
    person.email = record.address;
    for (const auto& [number, value] : record.fields)
      person.extras.emplace_back(list.field_at(number).tag, value);
    return person;
  }

  FieldValues fields() const {
    FieldValues values;
    for (const auto& [tag, value] : wish.fields) {
      const auto number = list.field(tag);
      if (!number) throw std::invalid_argument("the list has no field \"" + tag + "\"");
      values.emplace_back(*number, value);
    }
    return values;
  }

  void named(const Record& record) {
    EventPerson person;
    person.email = record.address;
    if (!wish.reason.empty()) person.extras.emplace_back("$unsubscribe_reason", wish.reason);
    events.push_back(std::move(person));
  }

  void send(std::string_view action) {
    world.webhooks.emit(world.switches, wish.list, list.webhook_url, action, actor, std::move(events), now);
  }
};

std::size_t add(Edit& edit) {
  const auto values = edit.fields();
  std::size_t changed = 0;
  for (const auto& email : edit.wish.emails) {
    if (edit.list.find(email) != nullptr) continue;
    Record& record = edit.list.create(email, edit.now);
    edit.list.set_fields(record, values);
    record.ad_agreed = edit.wish.ad_agreed.value_or(false);
    if (edit.wish.group != 0) edit.list.add_group(record, edit.wish.group);
    edit.events.push_back(edit.described(record));
    ++changed;
  }
  edit.send("SUBSCRIBED");
  return changed;
}

std::size_t change_values(Edit& edit) {
  const auto values = edit.fields();
  std::size_t changed = 0;
  for (const auto& email : edit.wish.emails) {
    Record* record = edit.list.find(email);
    if (record == nullptr) continue;
    bool different = edit.list.set_fields(*record, values);
    if (edit.wish.ad_agreed) different |= edit.list.set_consent(*record, *edit.wish.ad_agreed);
    if (!different) continue;
    edit.list.touch(*record, edit.now);
    edit.events.push_back(edit.described(*record));
    ++changed;
  }
  edit.send("UPDATED");
  return changed;
}

std::size_t change_status(Edit& edit, Status status, std::string_view action, bool only_ready) {
  std::size_t changed = 0;
  for (const auto& email : edit.wish.emails) {
    Record* record = edit.list.find(email);
    if (record == nullptr || (only_ready && record->status != Status::Ready)) continue;
    if (!edit.list.set_status(*record, status)) continue;
    edit.list.touch(*record, edit.now);
    if (action == "SUBSCRIBED") {
      edit.events.push_back(edit.described(*record));
    } else {
      edit.named(*record);
    }
    ++changed;
  }
  edit.send(action);
  return changed;
}

std::size_t purge(Edit& edit) {
  std::size_t changed = 0;
  for (const auto& email : edit.wish.emails) {
    Record* record = edit.list.find(email);
    if (record == nullptr) continue;
    edit.named(*record);
    edit.list.purge(*record, edit.now);
    ++changed;
  }
  edit.send("PURGED");
  return changed;
}

std::size_t change_email(Edit& edit) {
  if (edit.wish.emails.size() != 1 || edit.wish.new_email.empty()) {
    throw std::invalid_argument("change_email takes one address in \"emails\" and a \"new_email\"");
  }
  Record* record = edit.list.find(edit.wish.emails.front());
  if (record == nullptr || edit.list.find(edit.wish.new_email) != nullptr) return 0;
  const std::string old = record->address;
  edit.list.rename(*record, edit.wish.new_email, edit.now);
  EventPerson person = edit.described(*edit.list.find(edit.wish.new_email));
  person.extras.emplace_back("old_email", old);
  edit.events.push_back(std::move(person));
  edit.send("UPDATED");
  return 1;
}

std::size_t change_group(Edit& edit, bool assign) {
  if (!edit.list.groups().contains(edit.wish.group)) {
    throw std::invalid_argument("the list has no group " + std::to_string(edit.wish.group));
  }
  std::size_t changed = 0;
  for (const auto& email : edit.wish.emails) {
    Record* record = edit.list.find(email);
    if (record == nullptr) continue;
    const bool different = assign ? edit.list.add_group(*record, edit.wish.group)
                                  : edit.list.drop_group(*record, edit.wish.group);
    if (different) ++changed;
  }
  return changed;
}

std::size_t add_group(Edit& edit) {
  const auto id = edit.wish.group != 0 ? edit.wish.group : edit.list.free_group_id();
  const auto name = edit.wish.group_name.empty() ? "group " + std::to_string(id) : edit.wish.group_name;
  return edit.list.groups().try_emplace(id, Group{name, edit.now}).second ? 1 : 0;
}

std::size_t remove_group(Edit& edit) {
  if (edit.list.groups().erase(edit.wish.group) == 0) return 0;
  for (const Record* record : edit.list.by_address()) {
    edit.list.drop_group(*edit.list.find(record->address), edit.wish.group);
  }
  return 1;
}

}  // namespace

std::size_t apply_edit(World& world, const WebEdit& wish, SimTime now) {
  if (wish.action == "restore_list") return world.removed_lists.erase(wish.list);
  ListState* list = world.list(wish.list);
  if (list == nullptr) throw std::invalid_argument("there is no list \"" + wish.list + "\"");
  if (wish.action == "remove_list") return world.removed_lists.insert(wish.list).second ? 1 : 0;
  const bool by_subscriber =
      wish.action == "unsubscribe" || wish.action == "resubscribe" || wish.action == "confirm";
  std::string actor = wish.actor.empty() ? (by_subscriber ? "SUBSCRIBER" : "MANUAL") : wish.actor;
  if (actor != "MANUAL" && actor != "SUBSCRIBER") {
    throw std::invalid_argument("\"actor\" is MANUAL or SUBSCRIBER, not \"" + actor + "\"");
  }
  Edit edit{world, *list, wish, now, std::move(actor)};
  if (wish.action == "add") return add(edit);
  if (wish.action == "edit") return change_values(edit);
  if (wish.action == "unsubscribe") return change_status(edit, Status::Unsubscribed, "UNSUBSCRIBED", false);
  if (wish.action == "resubscribe") return change_status(edit, Status::Subscribed, "RESUBSCRIBED", false);
  if (wish.action == "auto_delete") return change_status(edit, Status::Archived, "DELETED", false);
  if (wish.action == "confirm") return change_status(edit, Status::Subscribed, "SUBSCRIBED", true);
  if (wish.action == "purge") return purge(edit);
  if (wish.action == "change_email") return change_email(edit);
  if (wish.action == "assign_group") return change_group(edit, true);
  if (wish.action == "release_group") return change_group(edit, false);
  if (wish.action == "add_group") return add_group(edit);
  if (wish.action == "remove_group") return remove_group(edit);
  throw std::invalid_argument(
      "no edit is called \"" + wish.action +
      "\"; there are add, edit, unsubscribe, resubscribe, auto_delete, purge, change_email, "
      "confirm, assign_group, release_group, add_group, remove_group, remove_list, restore_list");
}

}  // namespace stibee_sim

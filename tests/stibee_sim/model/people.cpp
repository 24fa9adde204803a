#include "people.hpp"

#include "address.hpp"
#include "random.hpp"

#include <algorithm>

namespace stibee_sim {

ListState::ListState(const Setup& setup, const ListSetup& list)
    : webhook_url(list.webhook_url), any_field_(setup.any_field), fields_(setup.fields) {
  for (const GroupSetup& group : list.groups) {
    groups_[group.id] =
        Group{group.name.empty() ? "group " + std::to_string(group.id) : group.name, SimTime{}};
  }
}

std::optional<std::uint32_t> ListState::field(std::string_view tag) {
  for (std::uint32_t i = 0; i < fields_.size(); ++i) {
    if (fields_[i].tag == tag) return i;
  }
  if (!any_field_) return std::nullopt;
  fields_.push_back(Field{std::string{tag}, FieldKind::Text});
  return static_cast<std::uint32_t>(fields_.size() - 1);
}

std::string ListState::key(std::string_view address) const {
  return exact_case_ ? std::string{address} : fold(address);
}

Record* ListState::trace(std::string_view address) {
  const auto found = records_.find(key(address));
  return found == records_.end() ? nullptr : &found->second;
}

Record* ListState::find(std::string_view address) {
  Record* record = trace(address);
  return record != nullptr && record->present ? record : nullptr;
}

const Record* ListState::find(std::string_view address) const {
  const auto found = records_.find(key(address));
  return found != records_.end() && found->second.present ? &found->second : nullptr;
}

Record& ListState::create(std::string_view address, SimTime now) {
  auto [place, is_new] = records_.try_emplace(key(address));
  Record& record = place->second;
  if (!is_new) {
    Record next;
    next.applied = std::move(record.applied);
    next.life = record.life + 1;
    record = std::move(next);
  }
  record.address = address;
  record.created = now;
  record.modified = now;
  order_.push_back(Born{&record, record.life});
  ++present_;
  ++version_;
  return record;
}

void ListState::purge(Record& record, SimTime now) {
  record.present = false;
  record.fields.clear();
  record.groups.clear();
  record.modified = now;
  --present_;
  ++version_;
}

void ListState::rename(Record& record, const std::string& address, SimTime now) {
  Record moved = record;
  purge(record, now);
  Record& target = create(address, moved.created);
  moved.address = address;
  moved.applied = target.applied;
  moved.life = target.life;
  target = std::move(moved);
  touch(target, now);
}

void ListState::touch(Record& record, SimTime now) {
  record.modified = now;
}

bool ListState::set_fields(Record& record, const FieldValues& values) {
  bool changed = false;
  for (const auto& [number, value] : values) {
    auto place = std::find_if(record.fields.begin(), record.fields.end(),
                              [n = number](const auto& field) { return field.first == n; });
    if (place == record.fields.end()) {
      record.fields.emplace_back(number, value);
      changed = changed || !value.empty();
    } else if (place->second != value) {
      place->second = value;
      changed = true;
    }
  }
  return changed;
}

bool ListState::set_status(Record& record, Status status) {
  if (record.status == status) return false;
  record.status = status;
  ++version_;
  return true;
}

bool ListState::set_consent(Record& record, bool agreed) {
  return std::exchange(record.ad_agreed, agreed) != agreed;
}

bool ListState::add_group(Record& record, std::uint64_t group) {
  const auto place = std::lower_bound(record.groups.begin(), record.groups.end(), group);
  if (place != record.groups.end() && *place == group) return false;
  record.groups.insert(place, group);
  return true;
}

bool ListState::drop_group(Record& record, std::uint64_t group) {
  const auto place = std::lower_bound(record.groups.begin(), record.groups.end(), group);
  if (place == record.groups.end() || *place != group) return false;
  record.groups.erase(place);
  return true;
}

const std::vector<const Record*>& ListState::select(unsigned statuses, Order order, std::uint64_t seed) {
  const bool same =
      selected_version_ == version_ && selected_statuses_ == statuses && selected_order_ == order;
  if (!same) {
    selection_.clear();
    for (const auto& [record, life] : order_) {
      if (record->life != life) continue;
      const unsigned bit = record->present ? status_bit(record->status) : purged_bit;
      if ((bit & statuses) != 0) selection_.push_back(record);
    }
    if (order == Order::Email) {
      std::sort(selection_.begin(), selection_.end(),
                [](const Record* a, const Record* b) { return a->address < b->address; });
    }
    selected_version_ = version_;
    selected_statuses_ = statuses;
    selected_order_ = order;
  }
  if (order == Order::Unstable) {
    Random random{seed};
    for (std::size_t i = selection_.size(); i > 1; --i)
      std::swap(selection_[i - 1], selection_[random.below(i)]);
  }
  return selection_;
}

std::vector<const Record*> ListState::by_address() const {
  std::vector<const Record*> people;
  people.reserve(present_);
  for (const auto& [record, life] : order_) {
    if (record->present && record->life == life) people.push_back(record);
  }
  std::sort(people.begin(), people.end(),
            [](const Record* a, const Record* b) { return a->address < b->address; });
  return people;
}

std::array<std::uint64_t, 4> ListState::by_status() const {
  std::array<std::uint64_t, 4> counts{};
  for (const auto& [record, life] : order_) {
    if (record->present && record->life == life) ++counts[static_cast<std::size_t>(record->status)];
  }
  return counts;
}

Person ListState::person(const Record& record) const {
  Person person;
  person.address = record.address;
  person.status = record.status;
  for (const auto& [number, value] : record.fields)
    person.fields.emplace(fields_[number].tag, value);
  person.ad_agreed = record.ad_agreed;
  person.groups = record.groups;
  person.created = record.created;
  person.modified = record.modified;
  person.confirmation_mails = record.mails;
  return person;
}

std::uint64_t ListState::free_group_id() const {
  return groups_.empty() ? 1 : groups_.rbegin()->first + 1;
}

}  // namespace stibee_sim

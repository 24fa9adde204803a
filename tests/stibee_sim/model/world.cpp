#include "world.hpp"

#include "address.hpp"

#include <algorithm>
#include <charconv>

#include <boost/json.hpp>

namespace stibee_sim {

namespace json = boost::json;

namespace {

std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 1469598103934665603ULL;
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

bool digits(std::string_view text, std::size_t from, std::size_t count, int& value) {
  value = 0;
  if (from + count > text.size()) return false;
  for (const char c : text.substr(from, count)) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
  }
  return true;
}

bool valid_date(std::string_view text) {
  int year = 0;
  int month = 0;
  int day = 0;
  if (text.size() < 10 || text[4] != '-' || text[7] != '-') return false;
  if (!digits(text, 0, 4, year) || !digits(text, 5, 2, month) || !digits(text, 8, 2, day)) return false;
  return std::chrono::year_month_day{std::chrono::year{year},
                                     std::chrono::month{static_cast<unsigned>(month)},
                                     std::chrono::day{static_cast<unsigned>(day)}}
      .ok();
}

void collect(const json::value* value, std::vector<std::string>& out) {
  if (value == nullptr) return;
  if (value->is_string()) {
    out.push_back(fold(std::string_view{value->get_string()}));
  } else if (value->is_object()) {
    const auto* email = value->get_object().if_contains("email");
    if (email != nullptr && email->is_string()) out.push_back(fold(std::string_view{email->get_string()}));
  } else if (value->is_array()) {
    for (const auto& item : value->get_array()) {
      if (!item.is_array()) collect(&item, out);
    }
  }
}

const json::value* people_value(const ActiveCall& call) {
  if (call.body.is_array()) return &call.body;
  if (!call.body.is_object()) return nullptr;
  const auto& object = call.body.get_object();
  const auto* people = object.if_contains("subscribers");
  return people != nullptr ? people : object.if_contains("subscriber");
}

}  // namespace

World::World(Setup given) : setup(std::move(given)), limits(setup), faults(setup.seed), webhooks(setup.seed) {
  for (const ListSetup& list : setup.lists)
    lists.try_emplace(list.id, setup, list);
}

ListState* World::list(const std::string& id) {
  const auto found = lists.find(id);
  return found == lists.end() || removed_lists.contains(id) ? nullptr : &found->second;
}

void World::count_applied(Record& record, std::string_view operation, bool changed) {
  const auto hash = hash_of(operation);
  if (std::find(record.applied.begin(), record.applied.end(), hash) == record.applied.end()) {
    record.applied.push_back(hash);
  } else if (!changed) {
    ++totals.repeated_people;
  }
}

JournalCall& World::journal_entry(std::uint64_t call) {
  return call < journal_first ? forgotten : journal[call - journal_first];
}

void World::count_refused(const Record& record, std::string_view operation) {
  const auto hash = hash_of(operation);
  if (std::find(record.applied.begin(), record.applied.end(), hash) != record.applied.end())
    ++totals.repeated_people;
}

HttpAnswer Work::fail(const Problem& problem) {
  entry.result = problem.code;
  return call.route.api == Api::V1 ? v1_failure(switches(), problem) : v2_failure(switches(), problem);
}

HttpAnswer Work::refuse(Switch shape, const Problem& problem) {
  entry.result = problem.code;
  return refusal(switches(), call.route.api, switches().shape(shape), problem);
}

const PersonFault* Work::person_fault(std::string_view address) const {
  if (call.fault.people.empty()) return nullptr;
  const auto found = call.fault.people.find(fold(address));
  return found == call.fault.people.end() ? nullptr : &found->second;
}

std::string Work::spelt(std::string_view sent, const Record* record) const {
  if (switches().is(Switch::EchoAddress, "lower")) return fold(sent);
  if (record != nullptr && switches().is(Switch::EchoAddress, "stored")) return record->address;
  return std::string{sent};
}

void Work::count(std::string_view result, std::size_t people) {
  // Results come in long runs of the same.
  if (result != counted_result) {
    counted_result = result;
    counted_here = &entry.counts[counted_result];
    counted_in_all = &world.people_results[entry.endpoint][counted_result];
  }
  *counted_here += people;
  *counted_in_all += people;
}

std::optional<Problem> Work::plan_full(std::size_t added) const {
  const auto most = switches().number(Switch::PlanPeople);
  if (most == 0 || added == 0) return std::nullopt;
  std::uint64_t people = added;
  for (const auto& [id, known] : world.lists) {
    const auto by_status = known.by_status();
    people += by_status[static_cast<std::size_t>(Status::Subscribed)] +
              by_status[static_cast<std::size_t>(Status::Ready)];
  }
  if (people <= most) return std::nullopt;
  return Problem{switches().text(Switch::PlanFullCode), "구독자가 초과 하였습니다."};
}

Problem Work::no_such_group() const {
  return Problem{switches().text(Switch::UnknownGroupCode), "그룹이 존재하지 않습니다."};
}

void Work::mail(Record& record) {
  ++world.totals.confirmation_mails;
  if (record.mails++ > 0) ++world.totals.repeated_confirmation_mails;
}

bool Work::wants_events() const {
  return !list->webhook_url.empty() && switches().is(Switch::WebhookEcho, "yes");
}

void Work::event(std::string_view action, std::string_view actor, EventPerson person) {
  for (Events& known : events) {
    if (known.action == action && known.actor == actor) {
      known.people.push_back(std::move(person));
      return;
    }
  }
  events.push_back(Events{std::string{action}, std::string{actor}, {}});
  events.back().people.push_back(std::move(person));
}

EventPerson Work::described(const Record& record) const {
  EventPerson person;
  person.email = record.address;
  for (const auto& [number, value] : record.fields)
    person.extras.emplace_back(list->field_at(number).tag, value);
  return person;
}

void Work::send_events() {
  for (Events& known : events) {
    world.webhooks.emit(switches(), call.route.list, list->webhook_url, known.action, known.actor,
                        std::move(known.people), now);
  }
  events.clear();
}

std::string cannot_unmarshal(const json::value& value, std::string_view target, std::string_view type) {
  std::string_view kind = "number";
  if (value.is_array()) kind = "array";
  if (value.is_object()) kind = "object";
  if (value.is_string()) kind = "string";
  if (value.is_bool()) kind = "bool";
  if (value.is_null()) kind = "null";
  std::string text = "json: cannot unmarshal ";
  text += kind;
  text += " into Go ";
  text += target;
  text += " of type ";
  text += type;
  return text;
}

bool valid_value(FieldKind kind, std::string_view value) {
  if (value.empty()) return true;
  switch (kind) {
    case FieldKind::Text:
      return true;
    case FieldKind::Date:
      return value.size() == 10 && valid_date(value);
    case FieldKind::DateTime:
      break;
  }
  int hour = 0;
  int minute = 0;
  int second = 0;
  if ((value.size() != 16 && value.size() != 19) || !valid_date(value) || value[10] != ' ' ||
      value[13] != ':') {
    return false;
  }
  if (!digits(value, 11, 2, hour) || !digits(value, 14, 2, minute)) return false;
  if (value.size() == 19 && (value[16] != ':' || !digits(value, 17, 2, second))) return false;
  return hour < 24 && minute < 60 && second < 60;
}

std::optional<std::uint64_t> parse_group(std::string_view text) {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return id;
}

std::vector<std::string> addresses_in(const ActiveCall& call) {
  std::vector<std::string> addresses;
  if (!call.route.email.empty()) addresses.push_back(fold(call.route.email));
  collect(people_value(call), addresses);
  return addresses;
}

std::size_t people_in(const ActiveCall& call) {
  if (!call.route.email.empty()) return 1;
  const auto* people = people_value(call);
  if (people == nullptr) return 0;
  return people->is_array() ? people->get_array().size() : 1;
}

}  // namespace stibee_sim

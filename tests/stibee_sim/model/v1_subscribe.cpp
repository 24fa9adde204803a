// POST /v1/lists/{id}/subscribers: the call with most of the rules.

#include "address.hpp"
#include "world.hpp"

#include <algorithm>
#include <unordered_map>

#include <boost/json.hpp>

namespace stibee_sim {

namespace json = boost::json;

namespace {

constexpr std::array documented_results{
    "success",        "update",         "failNoEmail",         "failExistEmail",      "failExistPhone",
    "failWrongEmail", "failWrongPhone", "failDuplicatedEmail", "failDuplicatedPhone", "failUnknown"};

struct Request {
  bool by_subscriber = false;
  bool confirm = false;
  std::vector<std::uint64_t> groups;
  const json::array* people = nullptr;
};

struct Entry {
  std::string email;
  bool has_email = false;
  FieldValues fields;
  std::optional<bool> agreed;
  bool bad_date = false;
};

// The result lists in the documented order, each as the JSON of its people.
class Results {
 public:
  Results() {
    for (const char* name : documented_results)
      lists_.push_back(List{name, {}, true});
  }

  std::string& list(std::string_view name) {
    for (List& list : lists_) {
      if (list.name == name) return list.people;
    }
    lists_.push_back(List{std::string{name}, {}, false});
    return lists_.back().people;
  }

  std::string json(std::string_view empty_style) const {
    std::string out = "{";
    for (const List& list : lists_) {
      if (list.people.empty() && (!list.documented || empty_style == "missing")) continue;
      if (out.size() > 1) out += ',';
      append_json_string(out, list.name);
      if (list.people.empty()) {
        out += empty_style == "null" ? ":null" : ":[]";
      } else {
        out += ":[" + list.people + "]";
      }
    }
    return out + "}";
  }

 private:
  struct List {
    std::string name;
    std::string people;
    bool documented;
  };
  std::vector<List> lists_;
};

Problem unknown(std::string message) {
  return Problem{"UNKNOWN", std::move(message)};
}

std::optional<Problem> read_flag(const json::object& body, std::string_view key, std::string_view yes,
                                 std::string_view no, bool& flag) {
  const auto* value = body.if_contains(key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (!value->is_string()) {
    return unknown(cannot_unmarshal(*value, "struct field SubscribeRequest." + std::string{key}, "string"));
  }
  flag = value->get_string() == yes;
  if (!flag && value->get_string() != no)
    return Problem{"INVALID_REQUEST", "잘못된 요청입니다. (" + std::string{key} + ")"};
  return std::nullopt;
}

std::optional<Problem> read_actor(const Work& work, const json::object& body, Request& request) {
  const auto& honoured = work.switches().text(Switch::V1ActorKey);
  for (const std::string_view key : {"eventOccurredBy", "eventOccuredBy"}) {
    if (honoured != key && honoured != "either") continue;
    bool by_subscriber = false;
    if (auto problem = read_flag(body, key, "SUBSCRIBER", "MANUAL", by_subscriber)) return problem;
    request.by_subscriber = request.by_subscriber || by_subscriber;
  }
  return std::nullopt;
}

std::optional<Problem> read_groups(Work& work, const json::object& body, Request& request) {
  const auto* ids = body.if_contains("groupIds");
  if (ids == nullptr || ids->is_null()) return std::nullopt;
  if (!ids->is_array())
    return unknown(cannot_unmarshal(*ids, "struct field SubscribeRequest.groupIds", "[]string"));
  for (const auto& id : ids->get_array()) {
    if (!id.is_string())
      return unknown(cannot_unmarshal(id, "struct field SubscribeRequest.groupIds", "string"));
    const auto group = parse_group(std::string_view{id.get_string()});
    if (group && work.list->groups().contains(*group)) {
      request.groups.push_back(*group);
    } else if (work.switches().is(Switch::V1UnknownGroup, "error")) {
      return work.no_such_group();
    }
  }
  return std::nullopt;
}

std::optional<Problem> read_request(Work& work, Request& request) {
  const json::value& value = work.call.body;
  if (!value.is_object()) return unknown(cannot_unmarshal(value, "value", "model.SubscribeRequest"));
  const auto& body = value.get_object();
  if (auto problem = read_actor(work, body, request)) return problem;
  if (auto problem = read_flag(body, "confirmEmailYN", "Y", "N", request.confirm)) return problem;
  if (auto problem = read_groups(work, body, request)) return problem;
  const auto* people = body.if_contains("subscribers");
  if (people == nullptr || people->is_null())
    return Problem{"INVALID_REQUEST", "잘못된 요청입니다. (subscribers)"};
  if (!people->is_array()) {
    return unknown(
        cannot_unmarshal(*people, "struct field SubscribeRequest.subscribers", "[]map[string]string"));
  }
  request.people = &people->get_array();
  if (request.people->empty()) return Problem{"INVALID_REQUEST", "잘못된 요청입니다. (subscribers)"};
  const bool refuse_null = work.switches().is(Switch::V1NullValues, "refuse");
  for (const auto& person : *request.people) {
    if (!person.is_object()) {
      return unknown(
          cannot_unmarshal(person, "struct field SubscribeRequest.subscribers", "map[string]string"));
    }
    for (const auto& member : person.get_object()) {
      const auto& field = member.value();
      if (field.is_string() || (field.is_null() && !refuse_null)) continue;
      return unknown(cannot_unmarshal(field, "struct field SubscribeRequest.subscribers", "string"));
    }
  }
  return std::nullopt;
}

Entry read_entry(ListState& list, const json::object& person) {
  Entry entry;
  for (const auto& member : person) {
    const std::string_view value =
        member.value().is_string() ? std::string_view{member.value().get_string()} : std::string_view{};
    if (member.key() == "email") {
      entry.email = value;
      entry.has_email = !value.empty();
    } else if (member.key() == "$ad_agreed") {
      if (value == "Y") entry.agreed = true;
      if (value == "N") entry.agreed = false;
    } else if (!member.key().starts_with("$")) {
      const auto number = list.field(member.key());
      if (!number) continue;  // unknown tags vanish without a word
      if (!valid_value(list.field_at(*number).kind, value)) entry.bad_date = true;
      entry.fields.emplace_back(*number, std::string{value});
    }
  }
  std::sort(entry.fields.begin(), entry.fields.end());
  return entry;
}

void append_person(std::string& out, const Work& work, const Entry& entry, const Record* record) {
  if (!out.empty()) out += ',';
  out += R"({"email":)";
  append_json_string(out, work.spelt(entry.email, record));
  const auto& detail = work.switches().text(Switch::V1PersonDetail);
  const bool full = detail == "full" && record != nullptr;
  if (detail != "email_only") {
    for (const auto& [number, value] : full ? record->fields : entry.fields) {
      out += ',';
      append_json_string(out, work.list->field_at(number).tag);
      out += ':';
      append_json_string(out, value);
    }
  }
  if (full) {
    out += R"(,"stb_ad_agreement":)";
    out += record->ad_agreed ? "true" : "false";
    out += R"(,"$status":)";
    append_json_string(out, status_name(record->status));
    out += R"(,"$type":"MANUAL","$createdTime":)";
    append_json_string(out, stibee_time(record->created, "kst"));
    out += R"(,"$modifiedTime":)";
    append_json_string(out, stibee_time(record->modified, "kst"));
  }
  out += '}';
}

std::string operation_text(const Request& request, const Entry& entry) {
  std::string text = request.by_subscriber ? "subscriber" : "manual";
  if (request.confirm) text += " confirm";
  if (entry.agreed) text += *entry.agreed ? " agreed" : " not agreed";
  for (const auto group : request.groups)
    text += " g" + std::to_string(group);
  for (const auto& [number, value] : entry.fields) {
    text += '\n';
    text += std::to_string(number);
    text += '=';
    text += value;
  }
  return text;
}

bool update_values(const Work& work, const Request& request, const Entry& entry, Record& record,
                   bool with_groups) {
  bool changed = work.list->set_fields(record, entry.fields);
  if (entry.agreed) changed |= work.list->set_consent(record, *entry.agreed);
  if (with_groups) {
    for (const auto group : request.groups)
      changed |= work.list->add_group(record, group);
  }
  work.list->touch(record, work.now);
  return changed;
}

// Puts one person into the list and names the result list.
std::string_view subscribe(Work& work, const Request& request, const Entry& entry) {
  ListState& list = *work.list;
  const std::string operation = operation_text(request, entry);
  const std::string_view actor = request.by_subscriber ? "SUBSCRIBER" : "MANUAL";
  Record* record = list.find(entry.email);
  if (record == nullptr) {
    Record& created = list.create(entry.email, work.now);
    created.status = request.confirm ? Status::Ready : Status::Subscribed;
    update_values(work, request, entry, created, true);
    work.world.count_applied(created, operation, true);
    if (request.confirm) {
      work.mail(created);
    } else if (work.wants_events()) {
      work.event("SUBSCRIBED", actor, work.described(created));
    }
    return "success";
  }
  const bool on_update = work.switches().is(Switch::V1GroupsOnUpdate, "yes");
  if (!request.by_subscriber) {
    if (record->status == Status::Unsubscribed &&
        work.switches().is(Switch::V1ManualUnsubscribed, "fail_deny")) {
      return "failDeny";
    }
    const bool changed = update_values(work, request, entry, *record, on_update);
    work.world.count_applied(*record, operation, changed);
    if (record->status == Status::Ready && request.confirm) work.mail(*record);
    if (work.wants_events()) work.event("UPDATED", actor, work.described(*record));
    return "update";
  }
  if (record->status == Status::Subscribed) {
    work.world.count_refused(*record, operation);
    return "failExistEmail";
  }
  const bool was_ready = record->status == Status::Ready;
  bool changed = list.set_status(*record, request.confirm ? Status::Ready : Status::Subscribed);
  changed |= update_values(work, request, entry, *record, true);
  work.world.count_applied(*record, operation, changed);
  if (request.confirm) {
    work.mail(*record);
  } else if (work.wants_events()) {
    work.event(was_ready ? "SUBSCRIBED" : "RESUBSCRIBED", actor, work.described(*record));
  }
  return work.switches().is(Switch::V1ResubscribedIn, "success") ? "success" : "update";
}

std::unordered_map<std::string, unsigned> count_addresses(const ListState& list,
                                                          const std::vector<Entry>& entries) {
  std::unordered_map<std::string, unsigned> seen;
  seen.reserve(entries.size());
  for (const Entry& entry : entries)
    ++seen[list.key(entry.email)];
  return seen;
}

// Those whom the call would make subscribers.
std::size_t count_added(const Work& work, const Request& request, const std::vector<Entry>& entries) {
  return static_cast<std::size_t>(std::count_if(entries.begin(), entries.end(), [&](const Entry& entry) {
    const Record* record = work.list->find(entry.email);
    if (record == nullptr) return well_formed_address(entry.email, 254);
    return request.by_subscriber && record->status != Status::Subscribed && record->status != Status::Ready;
  }));
}

}  // namespace

HttpAnswer answer_v1_subscribe(Work& work) {
  Request request;
  if (const auto problem = read_request(work, request)) return work.fail(*problem);
  const auto& switches = work.switches();
  if (request.people->size() > switches.number(Switch::V1MaxPeople)) {
    return work.refuse(Switch::V1OversizeAnswer,
                       Problem{"Errors.List.TooManySubscribers", "too many subscribers"});
  }
  const bool too_many_to_confirm = request.confirm && request.people->size() > 10;
  if (too_many_to_confirm && switches.is(Switch::V1ConfirmTooMany, "error")) {
    return work.fail(Problem{"INVALID_REQUEST", "구독 확인 이메일은 한 번에 10명까지 발송할 수 있습니다."});
  }
  std::vector<Entry> entries;
  entries.reserve(request.people->size());
  for (const auto& person : *request.people)
    entries.push_back(read_entry(*work.list, person.get_object()));

  if (const auto problem = work.plan_full(count_added(work, request, entries))) return work.fail(*problem);

  auto occurrences = count_addresses(*work.list, entries);
  const bool all_fail = switches.is(Switch::V1Duplicates, "all_fail");
  std::unordered_map<std::string, bool> done;
  const bool shows_stored =
      switches.is(Switch::V1PersonDetail, "full") || switches.is(Switch::EchoAddress, "stored");
  Results results;
  std::size_t already = 0;
  for (std::size_t i = 0; i < std::min(entries.size(), work.people_limit); ++i) {
    const Entry& entry = entries[i];
    std::string_view result;
    const PersonFault* fault = nullptr;
    if (!entry.has_email) {
      result = "failNoEmail";
    } else if (too_many_to_confirm) {
      result = "failUnknown";
    } else if (const auto key = work.list->key(entry.email);
               occurrences[key] > 1 && (all_fail || !done.emplace(key, true).second)) {
      result = "failDuplicatedEmail";
    } else if (!well_formed_address(entry.email, 254)) {
      result = "failWrongEmail";
    } else if (entry.bad_date) {
      result = "failValidationDateTime";
    } else if (fault = work.person_fault(entry.email); fault != nullptr && !fault->apply) {
      result = fault->result.empty() ? "omitted" : std::string_view{fault->result};
    } else {
      result = subscribe(work, request, entry);
      if (fault != nullptr) result = fault->result.empty() ? "omitted" : std::string_view{fault->result};
    }
    if (result == "failExistEmail") ++already;
    if (result == "failExistEmail" && switches.is(Switch::V1AlreadySubscribed, "update")) result = "update";
    work.count(result);
    if (result == "omitted") continue;
    append_person(results.list(result), work, entry, shows_stored ? work.list->find(entry.email) : nullptr);
  }
  work.send_events();
  if (already == entries.size() && switches.is(Switch::V1AlreadySubscribed, "error")) {
    return work.fail(Problem{"LIST_ALREADY_SUBSCRIBED", "이미 구독 중인 이메일 주소입니다."});
  }
  return v1_success(switches, results.json(switches.text(Switch::EmptyLists)));
}

}  // namespace stibee_sim

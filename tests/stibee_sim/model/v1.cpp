// API v1 but for subscribing: delete, unsubscribe, group assign and release, and the list of lists.

#include "world.hpp"

#include <algorithm>

#include <boost/json.hpp>

namespace stibee_sim {

namespace json = boost::json;

namespace {

// Two result lists of plain addresses.
struct Plain {
  std::string good;
  std::string bad;
};

void append_entry(const Work& work, std::string& list, std::string_view address) {
  if (!list.empty()) list += ',';
  if (work.switches().is(Switch::V1PlainLists, "objects")) {
    list += R"({"email":)";
    append_json_string(list, address);
    list += '}';
  } else {
    append_json_string(list, address);
  }
}

std::string plain_json(const Work& work, const Plain& plain, std::string_view bad_name) {
  const auto& style = work.switches().text(Switch::EmptyLists);
  std::string out = "{";
  const auto add = [&out, &style](std::string_view name, const std::string& people) {
    if (people.empty() && style == "missing") return;
    if (out.size() > 1) out += ',';
    append_json_string(out, name);
    if (people.empty()) {
      out += style == "null" ? ":null" : ":[]";
    } else {
      out += ":[" + people + "]";
    }
  };
  add("success", plain.good);
  add(bad_name, plain.bad);
  return out + "}";
}

std::optional<Problem> bad_addresses(const json::value& body) {
  if (!body.is_array()) return Problem{"UNKNOWN", cannot_unmarshal(body, "value", "[]string")};
  for (const auto& address : body.get_array()) {
    if (!address.is_string()) return Problem{"UNKNOWN", cannot_unmarshal(address, "value", "string")};
  }
  if (body.get_array().empty()) return Problem{"INVALID_REQUEST", "잘못된 요청입니다."};
  return std::nullopt;
}

// Applies `one` to each address; it answers whether the person counts as a success.
template <class One>
Plain each_address(Work& work, std::string_view bad_name, One one) {
  Plain plain;
  const auto& addresses = work.call.body.get_array();
  for (std::size_t i = 0; i < std::min(addresses.size(), work.people_limit); ++i) {
    const std::string_view address{addresses[i].get_string()};
    const PersonFault* fault = work.person_fault(address);
    const Record* stored = work.list->find(address);
    const std::string spelt = work.spelt(address, stored);
    bool good = false;
    if (fault == nullptr || fault->apply) good = one(address);
    if (fault != nullptr && fault->result.empty()) {
      work.count("omitted");
      continue;
    }
    if (fault != nullptr) good = false;
    append_entry(work, good ? plain.good : plain.bad, spelt);
    work.count(good ? std::string_view{"success"} : bad_name);
  }
  work.send_events();
  return plain;
}

HttpAnswer remove(Work& work) {
  const auto one = [&work](std::string_view address) {
    Record* record = work.list->trace(address);
    if (record == nullptr) return false;
    const bool changed = record->present;
    work.world.count_applied(*record, "delete", changed);
    if (!changed) return false;
    EventPerson person;
    person.email = record->address;
    work.list->purge(*record, work.now);
    if (work.wants_events()) work.event("PURGED", "MANUAL", std::move(person));
    return true;
  };
  return v1_success(work.switches(), plain_json(work, each_address(work, "fail", one), "fail"));
}

HttpAnswer unsubscribe(Work& work) {
  const auto one = [&work](std::string_view address) {
    Record* record = work.list->find(address);
    if (record == nullptr) return false;
    const bool changed = work.list->set_status(*record, Status::Unsubscribed);
    work.world.count_applied(*record, "unsubscribe", changed);
    if (!changed) return false;
    work.list->touch(*record, work.now);
    EventPerson person;
    person.email = record->address;
    if (work.wants_events()) work.event("UNSUBSCRIBED", "MANUAL", std::move(person));
    return true;
  };
  constexpr std::string_view bad = "failOrAlreadyUnsubscribe";
  return v1_success(work.switches(), plain_json(work, each_address(work, bad, one), bad));
}

HttpAnswer change_group(Work& work, bool assign) {
  const auto& switches = work.switches();
  const auto group = parse_group(work.call.route.group);
  const bool known = group && work.list->groups().contains(*group);
  if (!known && switches.is(Switch::V1UnknownGroup, "error")) {
    return work.fail(work.no_such_group());
  }
  if (switches.is(Switch::V1GroupMissingPerson, "error")) {
    for (const auto& address : work.call.body.get_array()) {
      if (work.list->find(std::string_view{address.get_string()}) == nullptr) {
        return work.fail(Problem{"Errors.List.NotExistEmail", "존재하지 않는 이메일 주소 입니다."});
      }
    }
  }
  const std::string operation = (assign ? "assign " : "release ") + work.call.route.group;
  const auto one = [&](std::string_view address) {
    Record* record = work.list->find(address);
    if (record == nullptr || !known) return false;
    const bool changed =
        assign ? work.list->add_group(*record, *group) : work.list->drop_group(*record, *group);
    work.world.count_applied(*record, operation, changed);
    return true;
  };
  const Plain plain = each_address(work, "fail", one);
  const auto& style = switches.text(Switch::V1GroupValue);
  if (style == "missing") return v1_success(switches, "");
  if (style == "empty_object") return v1_success(switches, "{}");
  if (style == "text") return v1_success(switches, "\"ok\"");
  if (style == "success_list") return v1_success(switches, "[" + plain.good + "]");
  if (style == "success_fail") return v1_success(switches, plain_json(work, plain, "fail"));
  return v1_success(switches, "null");
}

HttpAnswer lists(Work& work) {
  const auto& switches = work.switches();
  if (switches.is(Switch::V1ListsRead, "not_found")) {
    work.entry.result = "not_found";
    return refusal(switches, Api::V1, AnswerShape{404, "html"}, Problem{"NOT_FOUND", "404 page not found"});
  }
  if (switches.is(Switch::V1ListsRead, "error")) return work.fail(Problem{"UNKNOWN", "준비 중입니다."});
  if (switches.is(Switch::V1ListsRead, "html"))
    return refusal(switches, Api::V1, AnswerShape{200, "html"}, Problem{});
  std::string value;
  for (const auto& [id, list] : work.world.lists) {
    value += value.empty() ? R"([{"id":)" : R"(,{"id":)";
    value += id;
    value += R"(,"name":)";
    append_json_string(value, "list " + id);
    value += '}';
  }
  return v1_success(switches, value.empty() ? "[]" : value + "]");
}

}  // namespace

HttpAnswer answer_v1(Work& work) {
  if (work.call.route.endpoint == Endpoint::V1Lists) return lists(work);
  if (!work.call.body_error.empty()) return work.fail(Problem{"UNKNOWN", work.call.body_error});
  if (work.call.route.endpoint == Endpoint::V1Subscribe) return answer_v1_subscribe(work);
  if (const auto problem = bad_addresses(work.call.body)) return work.fail(*problem);
  if (work.call.body.get_array().size() > work.switches().number(Switch::V1MaxPeople)) {
    return work.refuse(Switch::V1OversizeAnswer,
                       Problem{"Errors.List.TooManySubscribers", "too many subscribers"});
  }
  switch (work.call.route.endpoint) {
    case Endpoint::V1Delete:
      return remove(work);
    case Endpoint::V1Unsubscribe:
      return unsubscribe(work);
    case Endpoint::V1Assign:
      return change_group(work, true);
    default:
      return change_group(work, false);
  }
}

}  // namespace stibee_sim

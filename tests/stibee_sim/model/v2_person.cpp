// API v2, one person at a time: add, double opt-in, update, unsubscribe; and delete, which takes up to 100.

#include "address.hpp"
#include "v2_entry.hpp"

#include <algorithm>

#include <boost/json.hpp>

namespace stibee_sim {

namespace json = boost::json;

namespace {

constexpr std::size_t longest_address = 64;

Problem no_such_person() {
  return Problem{"Errors.List.NotExistEmail", "존재하지 않는 이메일 주소 입니다."};
}

HttpAnswer person_refused(Work& work, const PersonFault& fault) {
  work.count(fault.result.empty() ? std::string_view{"omitted"} : fault.result);
  return work.fail(Problem{fault.result.empty() ? "Errors.Unknown" : "Errors.List." + fault.result, "fault"});
}

// Reads {"subscriber": {…}}; nothing when it is well.
std::optional<Problem> read_subscriber(Work& work, V2Entry& entry) {
  const json::value& body = work.call.body;
  if (!body.is_object())
    return Problem{problem::invalid_request, cannot_unmarshal(body, "value", "model.Request")};
  const auto* person = body.get_object().if_contains("subscriber");
  if (person == nullptr || !person->is_object())
    return Problem{problem::invalid_request, "잘못된 요청입니다. (subscriber)"};
  if (auto problem = read_v2_entry(work, person->get_object(), entry)) return problem;
  if (!well_formed_address(entry.email, longest_address)) {
    return Problem{"Errors.List.InvalidEmail", "이메일 주소 형식이 잘못되었습니다."};
  }
  if (entry.bad_fields)
    return Problem{"Errors.List.InvalidSubscriberVar", "사용자 정의 필드가 잘못되었습니다."};
  return std::nullopt;
}

Problem already_there() {
  return Problem{"Errors.List.AlreadyExistEmail", "이미 추가된 이메일 주소입니다."};
}

HttpAnswer add(Work& work) {
  V2Entry entry;
  if (const auto problem = read_subscriber(work, entry)) return work.fail(*problem);
  if (!entry.status) return work.fail(Problem{"Errors.List.InvalidData", "구독 상태가 잘못되었습니다."});
  const auto* flag = work.call.body.get_object().if_contains("updateEnabled");
  if (flag != nullptr && !flag->is_bool() && !flag->is_null()) {
    return work.fail(
        Problem{problem::invalid_request, cannot_unmarshal(*flag, "struct field .updateEnabled", "bool")});
  }
  if (const auto* fault = work.person_fault(entry.email); fault != nullptr)
    return person_refused(work, *fault);
  const bool update = flag != nullptr && flag->is_bool() && flag->get_bool();
  const std::string operation = v2_operation("add", entry);
  Record* record = work.list->find(entry.email);
  if (record == nullptr) {
    const bool joins = *entry.status == Status::Subscribed;
    if (const auto problem = work.plan_full(joins ? 1 : 0)) return work.fail(*problem);
    Record& created = work.list->create(entry.email, work.now);
    work.list->set_status(created, *entry.status);
    work.list->set_fields(created, entry.fields);
    created.ad_agreed = entry.marketing.value_or(false);
    work.world.count_applied(created, operation, true);
    work.count("created");
    if (work.wants_events()) {
      work.event(created.status == Status::Subscribed ? "SUBSCRIBED" : "UNSUBSCRIBED", "MANUAL",
                 work.described(created));
    }
    return v2_ok(work.switches(), 200);
  }
  if (!update) {
    work.world.count_refused(*record, operation);
    work.count("AlreadyExistEmail");
    return work.fail(already_there());
  }
  bool changed = work.list->set_fields(*record, entry.fields);
  if (entry.marketing && work.switches().is(Switch::V2UpdateConsent, "honoured")) {
    changed |= work.list->set_consent(*record, *entry.marketing);
  }
  work.list->touch(*record, work.now);
  work.world.count_applied(*record, operation, changed);
  work.count("updated");
  if (work.wants_events()) work.event("UPDATED", "MANUAL", work.described(*record));
  return v2_ok(work.switches(), 201);
}

HttpAnswer double_optin(Work& work) {
  V2Entry entry;
  if (const auto problem = read_subscriber(work, entry)) return work.fail(*problem);
  if (const auto* fault = work.person_fault(entry.email); fault != nullptr)
    return person_refused(work, *fault);
  const std::string operation = v2_operation("double_optin", entry);
  Record* record = work.list->find(entry.email);
  if (record != nullptr) {
    work.world.count_refused(*record, operation);
    work.count("AlreadyExistEmail");
    return work.fail(already_there());
  }
  if (const auto problem = work.plan_full(1)) return work.fail(*problem);
  Record& created = work.list->create(entry.email, work.now);
  work.list->set_status(created, Status::Ready);
  work.list->set_fields(created, entry.fields);
  created.ad_agreed = entry.marketing.value_or(false);
  work.world.count_applied(created, operation, true);
  work.mail(created);
  work.count("ready");
  return v2_ok(work.switches(), 200);
}

HttpAnswer update(Work& work) {
  const json::value& body = work.call.body;
  if (!body.is_object()) {
    return work.fail(
        Problem{problem::invalid_request, cannot_unmarshal(body, "value", "model.UpdateRequest")});
  }
  Record* record = work.list->find(work.call.route.email);
  if (record == nullptr) return work.fail(no_such_person());
  const auto* fields = body.get_object().if_contains("fields");
  if (fields == nullptr) return work.fail(Problem{problem::invalid_request, "잘못된 요청입니다. (fields)"});
  V2Entry entry;
  if (const auto problem = read_v2_fields(work, fields, entry)) return work.fail(*problem);
  if (entry.bad_fields) {
    return work.fail(Problem{"Errors.List.InvalidSubscriberVar", "사용자 정의 필드가 잘못되었습니다."});
  }
  if (const auto* fault = work.person_fault(work.call.route.email); fault != nullptr)
    return person_refused(work, *fault);
  bool changed = work.list->set_fields(*record, entry.fields);
  if (entry.marketing && work.switches().is(Switch::V2UpdateConsent, "honoured")) {
    changed |= work.list->set_consent(*record, *entry.marketing);
  }
  work.list->touch(*record, work.now);
  work.world.count_applied(*record, v2_operation("update", entry), changed);
  work.count("updated");
  if (work.wants_events()) work.event("UPDATED", "MANUAL", work.described(*record));
  return v2_ok(work.switches(), 200);
}

HttpAnswer unsubscribe(Work& work) {
  Record* record = work.list->find(work.call.route.email);
  if (record == nullptr) return work.fail(no_such_person());
  if (const auto* fault = work.person_fault(work.call.route.email); fault != nullptr)
    return person_refused(work, *fault);
  const bool changed = work.list->set_status(*record, Status::Unsubscribed);
  work.world.count_applied(*record, "unsubscribe", changed);
  work.count("unsubscribed");
  if (changed) {
    work.list->touch(*record, work.now);
    EventPerson person;
    person.email = record->address;
    if (work.wants_events()) work.event("UNSUBSCRIBED", "MANUAL", std::move(person));
  }
  return v2_ok(work.switches(), 200);
}

HttpAnswer remove(Work& work) {
  const json::value& body = work.call.body;
  const auto* people = body.is_object() ? body.get_object().if_contains("subscribers") : nullptr;
  if (people == nullptr || !people->is_array() || people->get_array().empty()) {
    return work.fail(Problem{problem::invalid_request, "잘못된 요청입니다. (subscribers)"});
  }
  const auto& addresses = people->get_array();
  if (addresses.size() > 100)
    return work.fail(Problem{"Errors.List.LimitExceeded", "한번에 최대 100명까지 삭제할 수 있습니다."});
  for (const auto& address : addresses) {
    if (!address.is_string()) {
      return work.fail(Problem{problem::invalid_request,
                               cannot_unmarshal(address, "struct field .subscribers", "string")});
    }
  }
  for (std::size_t i = 0; i < std::min(addresses.size(), work.people_limit); ++i) {
    const std::string_view address{addresses[i].get_string()};
    if (const auto* fault = work.person_fault(address); fault != nullptr && !fault->apply) continue;
    Record* record = work.list->trace(address);
    if (record == nullptr) {
      work.count("missing");
      continue;
    }
    const bool changed = record->present;
    work.world.count_applied(*record, "delete", changed);
    work.count(changed ? "deleted" : "missing");
    if (!changed) continue;
    EventPerson person;
    person.email = record->address;
    work.list->purge(*record, work.now);
    if (work.wants_events()) work.event("PURGED", "MANUAL", std::move(person));
  }
  return v2_ok(work.switches(), 200);
}

}  // namespace

HttpAnswer answer_v2_person(Work& work) {
  switch (work.call.route.endpoint) {
    case Endpoint::V2Add:
      return add(work);
    case Endpoint::V2DoubleOptin:
      return double_optin(work);
    case Endpoint::V2Update:
      return update(work);
    case Endpoint::V2Unsubscribe:
      return unsubscribe(work);
    default:
      return remove(work);
  }
}

}  // namespace stibee_sim

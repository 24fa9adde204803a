// POST /v2/lists/{id}/subscribers/batch.

#include "address.hpp"
#include "v2_entry.hpp"

#include <algorithm>
#include <unordered_set>

#include <boost/json.hpp>

namespace stibee_sim {

namespace json = boost::json;

namespace {

constexpr std::array result_names{"createdSubscribers", "updatedSubscribers",         "failAlreadyExists",
                                  "failNoEmails",       "failInvalidEmails",          "failDuplicatedEmails",
                                  "failInvalidFields",  "failInvalidSubscriberStatus"};

using Results = std::vector<std::pair<std::string, std::string>>;  // name, addresses as JSON

void add_result(Results& results, std::string_view name, std::string_view address) {
  auto place =
      std::find_if(results.begin(), results.end(), [name](const auto& list) { return list.first == name; });
  if (place == results.end()) {
    results.emplace_back(std::string{name}, std::string{});
    place = results.end() - 1;
  }
  if (!place->second.empty()) place->second += ',';
  append_json_string(place->second, address);
}

std::string results_json(const Results& results, std::string_view empty_style) {
  std::string out = "{";
  for (const auto& [name, addresses] : results) {
    if (addresses.empty() && empty_style == "missing") continue;
    if (out.size() > 1) out += ',';
    append_json_string(out, name);
    if (addresses.empty()) {
      out += empty_style == "null" ? ":null" : ":[]";
    } else {
      out += ":[" + addresses + "]";
    }
  }
  return out + "}";
}

std::string_view put(Work& work, const V2Entry& entry, bool update) {
  const auto& consent = work.switches().text(Switch::V2BulkConsent);
  const std::string operation = v2_operation("bulk", entry);
  Record* record = work.list->find(entry.email);
  if (record == nullptr) {
    Record& created = work.list->create(entry.email, work.now);
    work.list->set_status(created, *entry.status);
    work.list->set_fields(created, entry.fields);
    created.ad_agreed = consent != "ignored" && entry.marketing.value_or(false);
    work.world.count_applied(created, operation, true);
    if (work.wants_events()) {
      work.event(created.status == Status::Subscribed ? "SUBSCRIBED" : "UNSUBSCRIBED", "MANUAL",
                 work.described(created));
    }
    return "createdSubscribers";
  }
  if (!update) {
    work.world.count_refused(*record, operation);
    return "failAlreadyExists";
  }
  bool changed = work.list->set_fields(*record, entry.fields);
  if (consent == "honoured" && entry.marketing) changed |= work.list->set_consent(*record, *entry.marketing);
  if (consent == "reset") changed |= work.list->set_consent(*record, entry.marketing.value_or(false));
  work.list->touch(*record, work.now);
  work.world.count_applied(*record, operation, changed);
  if (work.wants_events()) work.event("UPDATED", "MANUAL", work.described(*record));
  return "updatedSubscribers";
}

}  // namespace

HttpAnswer answer_v2_bulk(Work& work) {
  const json::value& body = work.call.body;
  if (!body.is_object()) {
    return work.fail(
        Problem{problem::invalid_request, cannot_unmarshal(body, "value", "model.BatchRequest")});
  }
  const auto* people = body.get_object().if_contains("subscribers");
  const auto* flag = body.get_object().if_contains("updateEnabled");
  if (people == nullptr || !people->is_array() || people->get_array().empty()) {
    return work.fail(Problem{problem::invalid_request, "잘못된 요청입니다. (subscribers)"});
  }
  if (flag != nullptr && !flag->is_bool() && !flag->is_null()) {
    return work.fail(
        Problem{problem::invalid_request, cannot_unmarshal(*flag, "struct field .updateEnabled", "bool")});
  }
  const auto& array = people->get_array();
  if (array.size() > 1000) {
    return work.refuse(Switch::V2OversizeAnswer, Problem{"Errors.List.TooManySubscribers",
                                                         "한번에 너무 많은 구독자를 요청함. (최대 1,000명)"});
  }
  std::vector<V2Entry> entries(array.size());
  for (std::size_t i = 0; i < array.size(); ++i) {
    if (!array[i].is_object()) {
      return work.fail(Problem{problem::invalid_request,
                               cannot_unmarshal(array[i], "struct field .subscribers", "model.Subscriber")});
    }
    if (const auto problem = read_v2_entry(work, array[i].get_object(), entries[i]))
      return work.fail(*problem);
  }
  const auto added = std::count_if(entries.begin(), entries.end(), [&](const V2Entry& entry) {
    return entry.status == Status::Subscribed && work.list->find(entry.email) == nullptr;
  });
  if (const auto problem = work.plan_full(static_cast<std::size_t>(added))) return work.fail(*problem);
  const bool update = flag != nullptr && flag->is_bool() && flag->get_bool();
  Results results;
  for (const char* name : result_names)
    results.emplace_back(name, "");
  std::unordered_set<std::string> seen;
  for (std::size_t i = 0; i < std::min(entries.size(), work.people_limit); ++i) {
    const V2Entry& entry = entries[i];
    const PersonFault* fault = nullptr;
    std::string_view result;
    if (entry.email.empty()) {
      result = "failNoEmails";
    } else if (!seen.insert(work.list->key(entry.email)).second) {
      result = "failDuplicatedEmails";
    } else if (!well_formed_address(entry.email, 64)) {
      result = "failInvalidEmails";
    } else if (entry.bad_fields) {
      result = "failInvalidFields";
    } else if (!entry.status) {
      result = "failInvalidSubscriberStatus";
    } else {
      fault = work.person_fault(entry.email);
      if (fault == nullptr || fault->apply) result = put(work, entry, update);
      if (fault != nullptr) result = fault->result.empty() ? "omitted" : std::string_view{fault->result};
    }
    work.count(result);
    if (result != "omitted")
      add_result(results, result, work.spelt(entry.email, work.list->find(entry.email)));
  }
  return v2_json(results_json(results, work.switches().text(Switch::EmptyLists)));
}

}  // namespace stibee_sim

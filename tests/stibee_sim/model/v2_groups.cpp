// Groups over API v2: assign and release people, list, create, rename and delete groups.

#include "world.hpp"

#include <algorithm>

#include <boost/json.hpp>

namespace stibee_sim {

namespace json = boost::json;

namespace {

HttpAnswer change_person(Work& work, bool assign) {
  const json::value& body = work.call.body;
  const auto* subscriber = body.is_object() ? body.get_object().if_contains("subscriber") : nullptr;
  if (subscriber == nullptr || !subscriber->is_string()) {
    return work.fail(Problem{problem::invalid_request, "잘못된 요청입니다. (subscriber)"});
  }
  const auto group = parse_group(work.call.route.group);
  const bool known = group && work.list->groups().contains(*group);
  Record* record = work.list->find(std::string_view{subscriber->get_string()});
  if (assign && !known) return work.fail(work.no_such_group());
  if (assign && record == nullptr) {
    return work.fail(Problem{"Errors.List.NotExistEmail", "존재하지 않는 이메일 주소 입니다."});
  }
  if (known && record != nullptr) {
    const bool changed =
        assign ? work.list->add_group(*record, *group) : work.list->drop_group(*record, *group);
    work.world.count_applied(*record, (assign ? "assign " : "release ") + work.call.route.group, changed);
    work.count(assign ? "assigned" : "released");
  }
  return v2_ok(work.switches(), 200);
}

std::optional<Problem> read_name(const Work& work, std::string& name) {
  const json::value& body = work.call.body;
  const auto* value = body.is_object() ? body.get_object().if_contains("name") : nullptr;
  if (value == nullptr || !value->is_string() || value->get_string().empty()) {
    return Problem{problem::invalid_request, "그룹명이 비어있음"};
  }
  name = std::string_view{value->get_string()};
  for (const auto& [id, group] : work.list->groups()) {
    if (group.name == name && std::to_string(id) != work.call.route.group) {
      return Problem{"Errors.List.AlreadyExistGroup", "그룹이 이미 존재합니다."};
    }
  }
  return std::nullopt;
}

std::size_t most_groups(const Switches& switches) {
  if (switches.is(Switch::Plan, "standard")) return 30;
  return switches.is(Switch::Plan, "pro") ? 50 : static_cast<std::size_t>(-1);
}

HttpAnswer create(Work& work) {
  std::string name;
  if (const auto problem = read_name(work, name)) return work.fail(*problem);
  const auto most = most_groups(work.switches());
  if (work.list->groups().size() >= most) {
    return work.fail(Problem{"Errors.List.TooManyGroups",
                             "그룹은 최대 " + std::to_string(most) + "개 까지만 만들 수 있습니다."});
  }
  const auto id = work.list->free_group_id();
  work.list->groups()[id] = Group{name, work.now};
  return v2_json(R"({"id":)" + std::to_string(id) + "}");
}

HttpAnswer rename(Work& work) {
  const auto group = parse_group(work.call.route.group);
  if (!group || !work.list->groups().contains(*group)) return work.fail(work.no_such_group());
  std::string name;
  if (const auto problem = read_name(work, name)) return work.fail(*problem);
  work.list->groups()[*group].name = name;
  return v2_ok(work.switches(), 200);
}

HttpAnswer remove(Work& work) {
  const auto group = parse_group(work.call.route.group);
  if (!group || work.list->groups().erase(*group) == 0) return work.fail(work.no_such_group());
  for (const Record* record : work.list->by_address()) {
    if (Record* person = work.list->find(record->address); person != nullptr)
      work.list->drop_group(*person, *group);
  }
  return v2_ok(work.switches(), 200);
}

std::size_t number_or(std::string_view text, std::size_t otherwise) {
  const auto number = parse_group(text);
  return number ? *number : otherwise;
}

HttpAnswer list(Work& work) {
  std::vector<std::pair<std::uint64_t, const Group*>> groups;
  for (const auto& [id, group] : work.list->groups())
    groups.emplace_back(id, &group);
  const auto& route = work.call.route;
  if (route.parameter("sortBy") == "name") {
    std::sort(groups.begin(), groups.end(),
              [](const auto& a, const auto& b) { return a.second->name < b.second->name; });
  }
  if (route.parameter("sortOrder") != "asc") std::reverse(groups.begin(), groups.end());
  const auto first = std::min(groups.size(), number_or(route.parameter("offset"), 0));
  const auto count = std::min(groups.size() - first, number_or(route.parameter("limit"), 20));
  std::string page = "[";
  for (std::size_t i = first; i < first + count; ++i) {
    if (i > first) page += ',';
    page += R"({"id":)" + std::to_string(groups[i].first) + R"(,"name":)";
    append_json_string(page, groups[i].second->name);
    page += R"(,"createdTime":)";
    append_json_string(page, iso_korean_time(groups[i].second->created));
    page += '}';
  }
  page += ']';
  const auto& wrapper = work.switches().text(Switch::V2GroupWrapper);
  if (wrapper == "array") return v2_json(std::move(page));
  if (wrapper == "Value") return v2_json(R"({"Ok":true,"Error":null,"Value":)" + page + "}");
  if (wrapper == "unknown") return v2_json(R"({"result":{"rows":)" + page + "}}");
  return v2_json(R"({"total":)" + std::to_string(groups.size()) + ",\"" + wrapper + "\":" + page + "}");
}

}  // namespace

HttpAnswer answer_v2_groups(Work& work) {
  const auto endpoint = work.call.route.endpoint;
  if (endpoint == Endpoint::V2Assign) return change_person(work, true);
  if (endpoint == Endpoint::V2Release) return change_person(work, false);
  if (work.switches().is(Switch::Plan, "standard")) {
    return work.fail(Problem{problem::permission_denied, "허용되지 않은 요청입니다."});
  }
  if (endpoint == Endpoint::V2GroupCreate) return create(work);
  if (endpoint == Endpoint::V2GroupUpdate) return rename(work);
  if (endpoint == Endpoint::V2GroupDelete) return remove(work);
  return list(work);
}

}  // namespace stibee_sim

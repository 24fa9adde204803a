// The control API under /_sim/.

#include "world.hpp"

#include <stdexcept>

#include <boost/json.hpp>

namespace stibee_sim {

namespace json = boost::json;

namespace {

HttpAnswer json_answer(int status, std::string body) {
  HttpAnswer answer;
  answer.status = status;
  answer.content_type = "application/json";
  answer.body = std::move(body);
  return answer;
}

HttpAnswer error_answer(int status, std::string_view reason) {
  std::string body = R"({"error":)";
  append_json_string(body, reason);
  return json_answer(status, body + "}\n");
}

json::value parse(const std::string& text) {
  boost::system::error_code error;
  json::value value = json::parse(text.empty() ? std::string_view{"{}"} : std::string_view{text}, error);
  if (error) throw std::invalid_argument("the body is no JSON: " + error.message());
  return value;
}

const json::object& object_of(const json::value& value, std::string_view what) {
  if (!value.is_object()) throw std::invalid_argument(std::string{what} + " must be an object");
  return value.get_object();
}

// A number counts as its text, so that {"list":1234} and {"list":"1234"} both do.
std::string text_of(const json::value& value, std::string_view key) {
  if (value.is_string()) return std::string{value.get_string()};
  if (value.is_int64()) return std::to_string(value.get_int64());
  throw std::invalid_argument("\"" + std::string{key} + "\" must be a string");
}

WebEdit parse_edit(const json::value& value) {
  WebEdit edit;
  for (const auto& member : object_of(value, "an edit")) {
    const std::string_view key = member.key();
    const json::value& given = member.value();
    if (key == "list") {
      edit.list = text_of(given, key);
    } else if (key == "action") {
      edit.action = text_of(given, key);
    } else if (key == "email") {
      edit.emails.push_back(text_of(given, key));
    } else if (key == "emails") {
      if (!given.is_array()) throw std::invalid_argument("\"emails\" must be an array");
      for (const auto& email : given.get_array())
        edit.emails.push_back(text_of(email, key));
    } else if (key == "actor") {
      edit.actor = text_of(given, key);
    } else if (key == "reason") {
      edit.reason = text_of(given, key);
    } else if (key == "fields") {
      for (const auto& field : object_of(given, "\"fields\""))
        edit.fields[field.key()] = text_of(field.value(), field.key());
    } else if (key == "ad_agreed") {
      if (!given.is_bool()) throw std::invalid_argument("\"ad_agreed\" must be true or false");
      edit.ad_agreed = given.get_bool();
    } else if (key == "new_email") {
      edit.new_email = text_of(given, key);
    } else if (key == "group") {
      const auto group = parse_group(text_of(given, key));
      if (!group) throw std::invalid_argument("\"group\" must be a group id");
      edit.group = *group;
    } else if (key == "group_name") {
      edit.group_name = text_of(given, key);
    } else {
      throw std::invalid_argument("an edit has no key \"" + std::string{key} + "\"");
    }
  }
  return edit;
}

HttpAnswer edit_people(StibeeModel& model, const std::string& body, SimTime now) {
  const json::value value = parse(body);
  std::size_t changed = 0;
  if (value.is_array()) {
    for (const auto& item : value.get_array())
      changed += model.edit(parse_edit(item), now);
  } else {
    changed = model.edit(parse_edit(value), now);
  }
  return json_answer(200, R"({"changed":)" + std::to_string(changed) + "}\n");
}

HttpAnswer show_switches(const World& world) {
  std::string out = "{";
  for (const auto& [name, value] : world.switches.all()) {
    if (out.size() > 1) out += ',';
    append_json_string(out, name);
    out += ':';
    append_json_string(out, value);
  }
  return json_answer(200, out + "}\n");
}

HttpAnswer set_switches(World& world, StibeeModel& model, const std::string& body) {
  const json::value value = parse(body);
  // All or none: a bad one must not leave the others half set.
  const Switches before = world.switches;
  try {
    for (const auto& member : object_of(value, "the switches")) {
      model.set_switch(member.key(), text_of(member.value(), member.key()));
    }
  } catch (...) {
    world.switches = before;
    throw;
  }
  return show_switches(world);
}

HttpAnswer set_webhooks(StibeeModel& model, const std::string& body) {
  const json::value value = parse(body);
  for (const auto& member : object_of(value, "the webhooks")) {
    model.set_webhook(std::string{member.key()}, text_of(member.value(), member.key()));
  }
  return json_answer(200, "{}\n");
}

HttpAnswer reset(World& world, const std::string& body) {
  const json::value value = parse(body);
  const auto* only = object_of(value, "the body").if_contains("only");
  if (only != nullptr && !only->is_array()) throw std::invalid_argument("\"only\" must be an array");
  const auto wanted = [only](std::string_view part) {
    if (only == nullptr) return true;
    for (const auto& item : only->get_array()) {
      if (item.is_string() && item.get_string() == part) return true;
    }
    return false;
  };
  if (only != nullptr) {
    for (const auto& item : only->get_array()) {
      const auto part = text_of(item, "only");
      if (part != "people" && part != "journal" && part != "stats" && part != "faults" &&
          part != "switches") {
        throw std::invalid_argument("\"only\" names people, journal, stats, faults or switches, not \"" +
                                    part + "\"");
      }
    }
  }
  if (wanted("switches")) world.switches = Switches{};
  if (wanted("people")) {
    world.webhooks.forget();
    std::map<std::string, std::string> urls;
    for (const auto& [id, list] : world.lists)
      urls[id] = list.webhook_url;
    world.lists.clear();
    world.removed_lists.clear();
    for (const ListSetup& list : world.setup.lists) {
      ListState& state = world.lists.try_emplace(list.id, world.setup, list).first->second;
      state.webhook_url = urls[list.id];
      state.set_exact_case(world.switches.is(Switch::AddressCase, "exact"));
    }
  }
  if (wanted("journal")) {
    world.journal.clear();
    world.journal_first = world.next_call;
  }
  if (wanted("stats")) {
    const auto in_flight = world.totals.in_flight;
    world.totals = Totals{};
    world.totals.in_flight = in_flight;
    world.limits = Limits{world.setup};
    world.people_results.clear();
    world.endpoint_calls.clear();
    world.endpoint_bytes.clear();
  }
  if (wanted("faults")) world.faults = FaultPlan{world.setup.seed};
  return json_answer(200, "{}\n");
}

std::uint64_t number_or(std::string_view text, std::uint64_t otherwise) {
  return parse_group(text).value_or(otherwise);
}

HttpAnswer dispatch(World& world, StibeeModel& model, const HttpCall& call, SimTime now) {
  const auto mark = call.target.find('?');
  const auto path = std::string_view{call.target}.substr(0, mark);
  Route route;
  if (mark != std::string::npos) route.query = parse_query(std::string_view{call.target}.substr(mark + 1));
  const bool get = call.method == "GET";
  const bool post = call.method == "POST";
  if (get && path == "/_sim/dump") {
    const auto list = route.parameter("list");
    if (!list.empty() && !world.lists.contains(std::string{list})) return error_answer(404, "no such list");
    return json_answer(200, dump_json(world, list, route.parameter("times") != "no"));
  }
  if (get && path == "/_sim/journal") {
    return json_answer(200, journal_json(world, number_or(route.parameter("from"), 0),
                                         number_or(route.parameter("limit"), static_cast<std::uint64_t>(-1)),
                                         route.parameter("addresses") != "no"));
  }
  if (get && path == "/_sim/stats") return json_answer(200, stats_json(world));
  if (get && path == "/_sim/switches") return show_switches(world);
  if (post && path == "/_sim/switches") return set_switches(world, model, call.body);
  if (post && path == "/_sim/faults") {
    model.set_faults(call.body.empty() ? std::string_view{"{}"} : std::string_view{call.body});
    return json_answer(200, "{}\n");
  }
  if (post && path == "/_sim/people") return edit_people(model, call.body, now);
  if (post && path == "/_sim/webhooks") return set_webhooks(model, call.body);
  if (post && path == "/_sim/reset") return reset(world, call.body);
  return error_answer(
      404,
      "there are GET dump, journal, stats, switches and POST switches, faults, people, webhooks, reset, "
      "shutdown under /_sim/");
}

}  // namespace

HttpAnswer answer_control(World& world, StibeeModel& model, const HttpCall& call, SimTime now) {
  try {
    return dispatch(world, model, call, now);
  } catch (const std::invalid_argument& wrong) {
    return error_answer(400, wrong.what());
  }
}

}  // namespace stibee_sim

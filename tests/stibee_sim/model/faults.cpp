#include "faults.hpp"

#include "address.hpp"
#include "route.hpp"
#include "switches.hpp"

#include <algorithm>
#include <stdexcept>

#include <boost/json.hpp>

namespace stibee_sim {

namespace json = boost::json;

namespace {

struct KindName {
  std::string_view name;
  FaultKind kind;
  std::string_view shape;
  bool apply;
};

// The defaults make the bare name do what it says.
constexpr std::array kinds{
    KindName{"ok", FaultKind::None, "", false},
    KindName{"status", FaultKind::Refuse, "503_native", false},
    KindName{"status_after", FaultKind::Refuse, "502_html", true},
    KindName{"ok_false", FaultKind::Refuse, "200_v1", false},
    KindName{"refuse_batch", FaultKind::Refuse, "400_native", false},
    KindName{"html", FaultKind::Refuse, "200_html", false},
    KindName{"stall_before", FaultKind::StallBefore, "", true},
    KindName{"stall_after", FaultKind::StallAfter, "", true},
    KindName{"drop_before", FaultKind::DropBefore, "", false},
    KindName{"drop_after", FaultKind::DropAfter, "", true},
    KindName{"cut_body", FaultKind::Cut, "", true},
    KindName{"garbage_body", FaultKind::Garbage, "", true},
    KindName{"partial", FaultKind::Partial, "500_native", true},
    KindName{"person", FaultKind::Person, "", false},
    KindName{"omit_person", FaultKind::Omit, "", false},
};

std::string quoted(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  out += '"';
  out += text;
  out += '"';
  return out;
}

[[noreturn]] void reject(std::string_view reason, std::string_view subject = {}, std::string_view rest = {}) {
  std::string text{"fault plan: "};
  text += reason;
  text += subject;
  text += rest;
  throw std::invalid_argument(text);
}

std::string text_of(const json::value& value, std::string_view key) {
  if (!value.is_string()) reject({}, quoted(key), " must be a string");
  return std::string{value.get_string()};
}

std::int64_t whole_of(const json::value& value, std::string_view key) {
  if (!value.is_int64()) reject({}, quoted(key), " must be a whole number");
  return value.get_int64();
}

double number_of(const json::value& value, std::string_view key) {
  if (value.is_int64()) return static_cast<double>(value.get_int64());
  if (!value.is_double()) reject({}, quoted(key), " must be a number");
  return value.get_double();
}

void start_kind(FaultRule& rule, std::string_view name) {
  if (name.size() == 3 && valid_shape(std::string{name} + "_native")) {
    rule.name = name;
    rule.kind = FaultKind::Refuse;
    rule.shape = std::string{name} + "_native";
    return;
  }
  for (const KindName& known : kinds) {
    if (known.name != name) continue;
    rule.name = name;
    rule.kind = known.kind;
    rule.shape = known.shape;
    rule.apply = known.apply;
    return;
  }
  std::string names{"; there are an HTTP status and"};
  for (const KindName& known : kinds)
    names.append(1, ' ').append(known.name);
  reject("no fault is called ", quoted(name), names);
}

void read_member(FaultRule& rule, std::string_view key, const json::value& value) {
  if (key == "kind") return;
  if (key == "endpoint") {
    rule.endpoint = text_of(value, key);
    if (!known_endpoint_pattern(rule.endpoint)) reject("no endpoint is called ", quoted(rule.endpoint));
  } else if (key == "address") {
    rule.address = fold(text_of(value, key));
  } else if (key == "probability") {
    rule.probability = number_of(value, key);
  } else if (key == "times") {
    rule.times = whole_of(value, key);
  } else if (key == "after") {
    rule.after = static_cast<std::uint64_t>(std::max<std::int64_t>(0, whole_of(value, key)));
  } else if (key == "status") {
    rule.shape =
        std::to_string(whole_of(value, key)) + rule.shape.substr(std::min<std::size_t>(3, rule.shape.size()));
    if (!valid_shape(rule.shape))
      reject("\"status\" must be between 200 and 599, with a kind that answers one");
  } else if (key == "shape") {
    const auto shape = text_of(value, key);
    rule.shape = valid_shape(shape) ? shape : rule.shape.substr(0, 4) + shape;
    if (!valid_shape(rule.shape)) reject("\"shape\" must be native, v1, v2, html, text or empty");
  } else if (key == "retry_after") {
    rule.retry_after = static_cast<int>(whole_of(value, key));
  } else if (key == "stall_ms") {
    rule.stall = std::chrono::milliseconds{whole_of(value, key)};
  } else if (key == "code") {
    rule.code = text_of(value, key);
  } else if (key == "message") {
    rule.message = text_of(value, key);
  } else if (key == "result") {
    rule.result = text_of(value, key);
  } else if (key == "apply") {
    if (!value.is_bool()) reject("\"apply\" must be true or false");
    rule.apply = value.get_bool();
  } else {
    reject("a rule has no key ", quoted(key));
  }
}

FaultRule parse_rule(const json::value& value) {
  FaultRule rule;
  if (value.is_string()) {
    start_kind(rule, std::string_view{value.get_string()});
    return rule;
  }
  if (!value.is_object()) reject("a rule must be an object or the name of a fault");
  const auto& object = value.get_object();
  const auto* kind = object.if_contains("kind");
  if (kind == nullptr) reject("a rule needs a \"kind\"");
  start_kind(rule, text_of(*kind, "kind"));
  for (const auto& member : object)
    read_member(rule, member.key(), member.value());
  const bool for_people = rule.kind == FaultKind::Person || rule.kind == FaultKind::Omit;
  if (rule.kind == FaultKind::Person && rule.result.empty()) rule.result = "failUnknown";
  if (for_people && rule.probability >= 1.0 && rule.address.empty()) {
    reject({}, quoted(rule.name), " needs an \"address\" or a \"probability\" below 1");
  }
  return rule;
}

}  // namespace

void FaultPlan::load(const json::value& plan) {
  if (!plan.is_object()) reject("must be an object with \"rules\" and \"script\"");
  std::vector<FaultRule> rules;
  std::map<std::string, std::deque<FaultRule>> scripts;
  std::optional<std::uint64_t> seed;
  for (const auto& member : plan.get_object()) {
    if (member.key() == "seed") {
      seed = static_cast<std::uint64_t>(whole_of(member.value(), "seed"));
    } else if (member.key() == "rules") {
      if (!member.value().is_array()) reject("\"rules\" must be an array");
      for (const auto& rule : member.value().get_array())
        rules.push_back(parse_rule(rule));
    } else if (member.key() == "script") {
      if (!member.value().is_object()) reject("\"script\" must be an object of arrays");
      for (const auto& script : member.value().get_object()) {
        const std::string endpoint{script.key()};
        if (!known_endpoint_pattern(endpoint)) reject("no endpoint is called ", quoted(endpoint));
        if (!script.value().is_array()) reject("the script of ", quoted(endpoint), " must be an array");
        for (const auto& step : script.value().get_array())
          scripts[endpoint].push_back(parse_rule(step));
      }
    } else {
      reject("no key ", quoted(member.key()), "; there are seed, rules and script");
    }
  }
  if (seed) random_ = Random{*seed};
  rules_ = std::move(rules);
  scripts_ = std::move(scripts);
}

bool FaultPlan::strikes(FaultRule& rule) {
  if (rule.times == 0) return false;
  if (rule.after > 0) {
    --rule.after;
    return false;
  }
  if (rule.probability < 1.0 && random_.unit() >= rule.probability) return false;
  if (rule.times > 0) --rule.times;
  return true;
}

FaultDecision FaultPlan::decide(std::string_view endpoint, const std::vector<std::string>& addresses) {
  FaultDecision decision;
  bool decided = false;
  for (auto& [pattern, script] : scripts_) {
    if (script.empty() || !matches_endpoint(pattern, endpoint)) continue;
    decision.rule = std::move(script.front());
    script.pop_front();
    decided = true;
    break;
  }
  for (FaultRule& rule : rules_) {
    if (!matches_endpoint(rule.endpoint, endpoint)) continue;
    if (rule.kind == FaultKind::Person || rule.kind == FaultKind::Omit) {
      for (const std::string& address : addresses) {
        if (!rule.address.empty() && rule.address != address) continue;
        if (strikes(rule)) decision.people.emplace(address, PersonFault{rule.name, rule.result, rule.apply});
      }
      continue;
    }
    if (decided) continue;
    if (!rule.address.empty() &&
        std::find(addresses.begin(), addresses.end(), rule.address) == addresses.end())
      continue;
    if (!strikes(rule)) continue;
    decision.rule = rule;
    decided = true;
  }
  return decision;
}

}  // namespace stibee_sim

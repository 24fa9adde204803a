#include "route.hpp"

#include "address.hpp"

namespace stibee_sim {

namespace {

struct Pattern {
  Endpoint endpoint;
  std::string_view name;
  Api api;
  std::string_view method;
  std::string_view path;  // L = list id, G = group id, E = address
};

constexpr std::array patterns{
    Pattern{Endpoint::V1Lists, "v1.lists", Api::V1, "GET", "lists"},
    Pattern{Endpoint::V1Subscribe, "v1.subscribe", Api::V1, "POST", "lists/L/subscribers"},
    Pattern{Endpoint::V1Delete, "v1.delete", Api::V1, "DELETE", "lists/L/subscribers"},
    Pattern{Endpoint::V1Unsubscribe, "v1.unsubscribe", Api::V1, "PUT", "lists/L/subscribers/unsubscribe"},
    Pattern{Endpoint::V1Assign, "v1.assign", Api::V1, "POST", "lists/L/groups/G/subscribers/assign"},
    Pattern{Endpoint::V1Release, "v1.release", Api::V1, "POST", "lists/L/groups/G/subscribers/release"},
    Pattern{Endpoint::V2AuthCheck, "v2.auth_check", Api::V2, "GET", "auth-check"},
    Pattern{Endpoint::V2Lists, "v2.lists", Api::V2, "GET", "lists"},
    Pattern{Endpoint::V2List, "v2.list", Api::V2, "GET", "lists/L"},
    Pattern{Endpoint::V2Add, "v2.add", Api::V2, "POST", "lists/L/subscribers"},
    Pattern{Endpoint::V2Bulk, "v2.bulk", Api::V2, "POST", "lists/L/subscribers/batch"},
    Pattern{Endpoint::V2DoubleOptin, "v2.double_optin", Api::V2, "POST", "lists/L/subscribers/double-optin"},
    Pattern{Endpoint::V2Update, "v2.update", Api::V2, "PUT", "lists/L/subscribers/E"},
    Pattern{Endpoint::V2Unsubscribe, "v2.unsubscribe", Api::V2, "POST", "lists/L/subscribers/E/unsubscribe"},
    Pattern{Endpoint::V2Delete, "v2.delete", Api::V2, "DELETE", "lists/L/subscribers"},
    Pattern{Endpoint::V2Read, "v2.read", Api::V2, "GET", "lists/L/subscribers"},
    Pattern{Endpoint::V2Count, "v2.count", Api::V2, "GET", "lists/L/subscribers/count"},
    Pattern{Endpoint::V2Assign, "v2.assign", Api::V2, "POST", "lists/L/groups/G/assign"},
    Pattern{Endpoint::V2Release, "v2.release", Api::V2, "POST", "lists/L/groups/G/release"},
    Pattern{Endpoint::V2Groups, "v2.groups", Api::V2, "GET", "lists/L/groups"},
    Pattern{Endpoint::V2GroupCreate, "v2.group_create", Api::V2, "POST", "lists/L/groups"},
    Pattern{Endpoint::V2GroupUpdate, "v2.group_update", Api::V2, "PUT", "lists/L/groups/G"},
    Pattern{Endpoint::V2GroupDelete, "v2.group_delete", Api::V2, "DELETE", "lists/L/groups/G"},
};

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

bool fits(const std::vector<std::string_view>& wanted, const std::vector<std::string_view>& parts) {
  if (wanted.size() != parts.size()) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const bool variable = wanted[i] == "L" || wanted[i] == "G" || wanted[i] == "E";
    if (variable ? parts[i].empty() : wanted[i] != parts[i]) return false;
  }
  return true;
}

void bind(Route& route, const std::vector<std::string_view>& wanted,
          const std::vector<std::string_view>& parts) {
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    std::string* place = nullptr;
    if (wanted[i] == "L") place = &route.list;
    if (wanted[i] == "G") place = &route.group;
    if (wanted[i] == "E") place = &route.email;
    if (place == nullptr) continue;
    auto plain = percent_decode(parts[i]);
    if (!plain) route.bad_encoding = true;
    *place = plain ? std::move(*plain) : std::string{parts[i]};
  }
}

bool under(std::string_view prefix, std::string_view path) {
  return path.starts_with(prefix) && path.size() > prefix.size() && path[prefix.size()] == '/';
}

}  // namespace

std::string_view Route::parameter(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return {};
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!query.empty()) {
    const auto end = query.find('&');
    auto item = std::string{query.substr(0, end)};
    for (char& c : item) {
      if (c == '+') c = ' ';
    }
    const auto equals = item.find('=');
    const auto name = percent_decode(std::string_view{item}.substr(0, equals));
    const auto value = equals == std::string::npos
                           ? std::string{}
                           : percent_decode(std::string_view{item}.substr(equals + 1));
    if (name && value) pairs.emplace_back(*name, *value);
    if (end == std::string_view::npos) break;
    query.remove_prefix(end + 1);
  }
  return pairs;
}

Route find_route(std::string_view method, std::string_view target, std::string_view v1_prefix,
                 std::string_view v2_prefix) {
  Route route;
  const auto mark = target.find('?');
  auto path = target.substr(0, mark);
  if (mark != std::string_view::npos) route.query = parse_query(target.substr(mark + 1));
  if (under(v1_prefix, path)) {
    route.api = Api::V1;
    path.remove_prefix(v1_prefix.size() + 1);
  } else if (under(v2_prefix, path)) {
    route.api = Api::V2;
    path.remove_prefix(v2_prefix.size() + 1);
  } else {
    return route;
  }
  const auto parts = split(path);
  for (const Pattern& pattern : patterns) {
    if (pattern.api != route.api) continue;
    const auto wanted = split(pattern.path);
    if (!fits(wanted, parts)) continue;
    if (pattern.method != method) {
      route.wrong_method = true;
      continue;
    }
    route.wrong_method = false;
    route.endpoint = pattern.endpoint;
    bind(route, wanted, parts);
    return route;
  }
  return route;
}

std::string_view endpoint_name(Endpoint endpoint) {
  for (const Pattern& pattern : patterns) {
    if (pattern.endpoint == endpoint) return pattern.name;
  }
  return "unknown";
}

bool known_endpoint_pattern(std::string_view pattern) {
  if (pattern == "*" || pattern == "v1.*" || pattern == "v2.*" || pattern == "unknown") return true;
  for (const Pattern& known : patterns) {
    if (known.name == pattern) return true;
  }
  return false;
}

bool matches_endpoint(std::string_view pattern, std::string_view name) {
  if (pattern == "*" || pattern == name) return true;
  return pattern.ends_with(".*") && name.starts_with(pattern.substr(0, pattern.size() - 1));
}

LimitClass limit_class(Api api, Endpoint endpoint) {
  if (api == Api::V1) return LimitClass::V1;
  if (endpoint == Endpoint::V2Bulk) return LimitClass::V2Bulk;
  if (endpoint == Endpoint::V2Read) return LimitClass::V2List;
  return LimitClass::V2Other;
}

bool carries_body(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::V1Subscribe:
    case Endpoint::V1Delete:
    case Endpoint::V1Unsubscribe:
    case Endpoint::V1Assign:
    case Endpoint::V1Release:
    case Endpoint::V2Add:
    case Endpoint::V2Bulk:
    case Endpoint::V2DoubleOptin:
    case Endpoint::V2Update:
    case Endpoint::V2Delete:
    case Endpoint::V2Assign:
    case Endpoint::V2Release:
    case Endpoint::V2GroupCreate:
    case Endpoint::V2GroupUpdate:
      return true;
    case Endpoint::Unknown:
    case Endpoint::V1Lists:
    case Endpoint::V2AuthCheck:
    case Endpoint::V2Lists:
    case Endpoint::V2List:
    case Endpoint::V2Unsubscribe:
    case Endpoint::V2Read:
    case Endpoint::V2Count:
    case Endpoint::V2Groups:
    case Endpoint::V2GroupDelete:
      return false;
  }
  return false;
}

}  // namespace stibee_sim

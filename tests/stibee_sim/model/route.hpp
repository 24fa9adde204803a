// From method and target to the call that is meant.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stibee_sim {

enum class Api { None, V1, V2 };

enum class Endpoint {
  Unknown,
  V1Lists,
  V1Subscribe,
  V1Delete,
  V1Unsubscribe,
  V1Assign,
  V1Release,
  V2AuthCheck,
  V2Lists,
  V2List,
  V2Add,
  V2Bulk,
  V2DoubleOptin,
  V2Update,
  V2Unsubscribe,
  V2Delete,
  V2Read,
  V2Count,
  V2Assign,
  V2Release,
  V2Groups,
  V2GroupCreate,
  V2GroupUpdate,
  V2GroupDelete,
};

enum class LimitClass { V1, V2Bulk, V2List, V2Other };
inline constexpr std::array<std::string_view, 4> limit_class_names{"v1", "v2_bulk", "v2_list", "v2_other"};

struct Route {
  Api api = Api::None;
  Endpoint endpoint = Endpoint::Unknown;
  std::string list;
  std::string group;
  std::string email;
  std::vector<std::pair<std::string, std::string>> query;
  bool wrong_method = false;
  bool bad_encoding = false;

  std::string_view parameter(std::string_view name) const;  // empty when absent
};

Route find_route(std::string_view method, std::string_view target, std::string_view v1_prefix,
                 std::string_view v2_prefix);
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query);
std::string_view endpoint_name(Endpoint endpoint);
bool known_endpoint_pattern(std::string_view pattern);  // a name, "*", "v1.*" or "v2.*"
bool matches_endpoint(std::string_view pattern, std::string_view name);
LimitClass limit_class(Api api, Endpoint endpoint);
bool carries_body(Endpoint endpoint);

}  // namespace stibee_sim

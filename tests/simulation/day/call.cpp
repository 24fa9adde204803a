#include "simulation/day/call.hpp"

#include "stibee_sim/model/route.hpp"

namespace stibee_sync::day {
namespace {

/// Every JSON string with an @ in it: no field of these worlds has one.
std::vector<std::string> addresses_in(const std::string& body) {
  std::vector<std::string> found;
  for (std::size_t at = body.find('"'); at != std::string::npos; at = body.find('"', at + 1)) {
    const auto end = body.find('"', at + 1);
    if (end == std::string::npos) break;
    if (body.find('@', at) < end) found.push_back(body.substr(at + 1, end - at - 1));
    at = end;
  }
  return found;
}

Call::Kind kind_of(stibee_sim::Endpoint endpoint) {
  using enum stibee_sim::Endpoint;
  switch (endpoint) {
    case V1Subscribe:
    case V2Add:
    case V2Bulk:
    case V2DoubleOptin:
      return Call::Kind::Subscribe;
    case V1Unsubscribe:
    case V1Delete:
    case V2Unsubscribe:
    case V2Delete:
      return Call::Kind::Remove;
    default:
      return Call::Kind::Other;
  }
}

}  // namespace

Call understood(const http::Request& request) {
  const auto route = stibee_sim::find_route(request.method(), request.target(), "/v1", "/v2");
  Call call;
  call.kind = kind_of(route.endpoint);
  call.endpoint = stibee_sim::endpoint_name(route.endpoint);
  call.addresses = addresses_in(request.body());
  if (!route.email.empty()) call.addresses.push_back(route.email);
  return call;
}

}  // namespace stibee_sync::day

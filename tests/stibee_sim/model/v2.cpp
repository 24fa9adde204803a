// API v2: what is common to its calls, and the few that name no people.

#include "world.hpp"

#include <boost/json.hpp>

namespace stibee_sim {

namespace {

std::string list_json(const std::string& id) {
  std::string out = R"({"id":)" + id + R"(,"owner":"simulated","name":)";
  append_json_string(out, "list " + id);
  out += R"(,"senderName":"sim","companyName":"sim","companyContact":"0200000000","companyAddress":"Seoul",)";
  out += R"("useSubscriberAutoDelete":true,"canSendToUnsubscribed":false})";
  return out;
}

HttpAnswer lists(Work& work) {
  if (!work.switches().is(Switch::Plan, "enterprise")) {
    return work.fail(Problem{problem::permission_denied, "허용되지 않은 요청입니다."});
  }
  if (work.call.route.endpoint == Endpoint::V2List) return v2_json(list_json(work.call.route.list));
  std::string out = "[";
  for (const auto& [id, list] : work.world.lists) {
    if (out.size() > 1) out += ',';
    out += list_json(id);
  }
  return v2_json(out + "]");
}

HttpAnswer dispatch(Work& work) {
  switch (work.call.route.endpoint) {
    case Endpoint::V2AuthCheck:
      return v2_ok(work.switches(), 200);
    case Endpoint::V2Lists:
    case Endpoint::V2List:
      return lists(work);
    case Endpoint::V2Bulk:
      return answer_v2_bulk(work);
    case Endpoint::V2Read:
      return answer_v2_read(work);
    case Endpoint::V2Count:
      return answer_v2_count(work);
    case Endpoint::V2Assign:
    case Endpoint::V2Release:
    case Endpoint::V2Groups:
    case Endpoint::V2GroupCreate:
    case Endpoint::V2GroupUpdate:
    case Endpoint::V2GroupDelete:
      return answer_v2_groups(work);
    default:
      return answer_v2_person(work);
  }
}

}  // namespace

HttpAnswer answer_v2(Work& work) {
  if (work.call.route.bad_encoding) return work.fail(Problem{problem::invalid_request, "invalid URL escape"});
  if (!work.call.body_error.empty())
    return work.fail(Problem{problem::invalid_request, work.call.body_error});
  HttpAnswer answer = dispatch(work);
  if (work.list != nullptr) work.send_events();
  return answer;
}

}  // namespace stibee_sim

#include "stibee_sync/delivery/dialect.hpp"

#include <cstdlib>

namespace stibee_sync::delivery {

std::string_view name(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::Subscribe:
      return "subscribe";
    case Endpoint::SubscribeBulk:
      return "subscribe_bulk";
    case Endpoint::Update:
      return "update";
    case Endpoint::Unsubscribe:
      return "unsubscribe";
    case Endpoint::Delete:
      return "delete";
    case Endpoint::GroupAssign:
      return "group_assign";
    case Endpoint::GroupRelease:
      return "group_release";
    case Endpoint::Lists:
      return "lists";
    case Endpoint::AuthCheck:
      return "auth_check";
    case Endpoint::Count:
      return "count";
    case Endpoint::List:
      return "list";
    case Endpoint::DoubleOptin:
      return "double_optin";
    case Endpoint::Groups:
      return "groups";
  }
  std::abort();
}

std::string_view name(LimiterClass limiter_class) {
  switch (limiter_class) {
    case LimiterClass::All:
      return "v1";
    case LimiterClass::Bulk:
      return "bulk";
    case LimiterClass::List:
      return "list";
    case LimiterClass::Other:
      return "other";
  }
  std::abort();
}

std::string_view name(CallVerdict verdict) {
  switch (verdict) {
    case CallVerdict::Answered:
      return "answered";
    case CallVerdict::BatchRefused:
      return "batch_refused";
    case CallVerdict::Throttled:
      return "throttled";
    case CallVerdict::ServerTrouble:
      return "server_trouble";
    case CallVerdict::Unauthorised:
      return "unauthorised";
    case CallVerdict::Forbidden:
      return "forbidden";
  }
  std::abort();
}

CallResult read_no_answer(std::size_t people, const NoAnswer& no_answer) {
  CallResult result;
  result.verdict = CallVerdict::ServerTrouble;
  result.reason = no_answer.cause;
  domain::Outcome outcome;
  outcome.kind =
      no_answer.may_have_been_applied ? domain::OutcomeKind::Unknown : domain::OutcomeKind::Transient;
  outcome.reason = no_answer.cause;
  result.outcomes.assign(people, outcome);
  return result;
}

}  // namespace stibee_sync::delivery

#include "recipient_json.hpp"
#include "stibee_sync/json/value.hpp"
#include "v1.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace stibee_sync::delivery::v1 {

namespace {

using domain::OperationKind;

std::string list_path(std::int64_t list_id) {
  return "/v1/lists/" + std::to_string(list_id);
}

// Method, target and endpoint of the call that carries this operation.
ApiRequest address_of(std::int64_t list_id, const domain::Operation& operation) {
  ApiRequest request;
  request.limiter_class = LimiterClass::All;
  request.method = "POST";
  const auto group_call = [&](Endpoint endpoint, std::string_view verb) {
    request.endpoint = endpoint;
    request.target = list_path(list_id) + "/groups/" + std::to_string(operation.groups.front()) +
                     "/subscribers/" + std::string(verb);
  };
  switch (operation.kind) {
    case OperationKind::Subscribe:
    case OperationKind::Update:
    case OperationKind::Resubscribe:
      request.endpoint = Endpoint::Subscribe;
      request.target = list_path(list_id) + "/subscribers";
      return request;
    case OperationKind::Unsubscribe:
      request.endpoint = Endpoint::Unsubscribe;
      request.method = "PUT";
      request.target = list_path(list_id) + "/subscribers/unsubscribe";
      return request;
    case OperationKind::Delete:
      request.endpoint = Endpoint::Delete;
      request.method = "DELETE";
      request.target = list_path(list_id) + "/subscribers";
      return request;
    case OperationKind::AssignGroup:
      group_call(Endpoint::GroupAssign, "assign");
      return request;
    case OperationKind::ReleaseGroup:
      group_call(Endpoint::GroupRelease, "release");
      return request;
  }
  std::abort();
}

bool carries_values(OperationKind kind) {
  return kind == OperationKind::Subscribe || kind == OperationKind::Update ||
         kind == OperationKind::Resubscribe;
}

std::string opening(const domain::Operation& operation) {
  if (!carries_values(operation.kind)) return "[";
  // As the administrator, a known person's status stays as it is; only as the subscriber somebody who
  // unsubscribed is subscribed again.
  // Which spelling of the key counts is not known: the document has the first, most clients the other. One
  // that Stibee does not know means MANUAL, without an error.
  std::string out = operation.kind == OperationKind::Resubscribe
                        ? R"({"eventOccurredBy":"SUBSCRIBER","eventOccuredBy":"SUBSCRIBER")"
                        : R"({"eventOccurredBy":"MANUAL")";
  out += operation.confirm ? R"(,"confirmEmailYN":"Y")" : R"(,"confirmEmailYN":"N")";
  if (!operation.groups.empty()) {
    out += R"(,"groupIds":[)";
    for (std::size_t i = 0; i < operation.groups.size(); ++i) {
      if (i > 0) out += ',';
      json::append_quoted(out, std::to_string(operation.groups[i]));
    }
    out += ']';
  }
  out += R"(,"subscribers":[)";
  return out;
}

std::string_view closing(const domain::Operation& operation) {
  return carries_values(operation.kind) ? "]}" : "]";
}

void append_person(std::string& out, const Recipient& recipient) {
  if (!carries_values(recipient.operation.kind)) {
    json::append_quoted(out, recipient.email.text());
    return;
  }
  out += R"({"email":)";
  json::append_quoted(out, recipient.email.text());
  append_fields(out, recipient.fields, true);
  if (recipient.ad_agreed && recipient.operation.consent != domain::ConsentRide::NotSent)
    out += *recipient.ad_agreed ? R"(,"$ad_agreed":"Y")" : R"(,"$ad_agreed":"N")";
  out += '}';
}

}  // namespace

std::size_t max_people(const domain::Operation& operation, const V1Options& options) {
  // Of more in a call that asks for confirmations Stibee adds nobody at all.
  const std::size_t most =
      operation.confirm ? std::min<std::size_t>(options.max_people, 10) : options.max_people;
  return std::max<std::size_t>(most, 1);
}

PackedCall pack(std::int64_t list_id, const std::vector<Recipient>& recipients, const V1Options& options) {
  PackedCall call;
  if (recipients.empty()) return call;
  const domain::Operation& operation = recipients.front().operation;
  call.request = address_of(list_id, operation);
  std::string body = opening(operation);
  const std::string_view end = closing(operation);
  for (const Recipient& recipient : recipients) {
    if (call.taken == max_people(operation, options) || !same_shape(recipient.operation, operation)) break;
    const std::size_t before = body.size();
    if (call.taken > 0) body += ',';
    append_person(body, recipient);
    if (body.size() + end.size() > options.max_bytes) {
      body.resize(before);
      break;
    }
    ++call.taken;
  }
  if (call.taken == 0) return call;
  body += end;
  call.request.body = std::move(body);
  return call;
}

}  // namespace stibee_sync::delivery::v1

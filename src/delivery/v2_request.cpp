#include "recipient_json.hpp"
#include "stibee_sync/json/value.hpp"
#include "stibee_sync/text/hex.hpp"
#include "v2.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace stibee_sync::delivery::v2 {

namespace {

using domain::OperationKind;

bool sends_consent(const Recipient& recipient) {
  return recipient.ad_agreed && recipient.operation.consent != domain::ConsentRide::NotSent;
}

void append_values(std::string& out, const Recipient& recipient) {
  out += R"("fields":{)";
  append_fields(out, recipient.fields, false);
  out += '}';
}

// {"email":…,"status":"subscribed",…}
void append_subscriber(std::string& out, const Recipient& recipient, bool with_consent) {
  out += R"({"email":)";
  json::append_quoted(out, recipient.email.text());
  if (!recipient.operation.confirm) out += R"(,"status":"subscribed")";
  if (with_consent)
    out += *recipient.ad_agreed ? R"(,"marketingAllowed":true)" : R"(,"marketingAllowed":false)";
  out += ',';
  append_values(out, recipient);
  out += '}';
}

ApiRequest request(Endpoint endpoint, std::string method, std::string target, std::string body = {}) {
  ApiRequest result;
  result.endpoint = endpoint;
  result.limiter_class = LimiterClass::Other;
  result.method = std::move(method);
  result.target = std::move(target);
  result.body = std::move(body);
  return result;
}

std::string subscribers_path(std::int64_t list_id) {
  return list_path(list_id) + "/subscribers";
}

std::string person_path(std::int64_t list_id, const Recipient& recipient) {
  return subscribers_path(list_id) + '/' + text::percent_encoded(recipient.email.text());
}

ApiRequest group_request(std::int64_t list_id, const Recipient& recipient, Endpoint endpoint,
                         std::string_view verb) {
  std::string target = list_path(list_id);
  target += "/groups/";
  target += std::to_string(recipient.operation.groups.front());
  target += '/';
  target += verb;
  std::string body = R"({"subscriber":)";
  json::append_quoted(body, recipient.email.text());
  body += '}';
  return request(endpoint, "POST", std::move(target), std::move(body));
}

ApiRequest add_request(std::int64_t list_id, const Recipient& recipient) {
  std::string body = R"({"subscriber":)";
  append_subscriber(body, recipient, sends_consent(recipient));
  body += R"(,"updateEnabled":true})";
  return request(Endpoint::Subscribe, "POST", subscribers_path(list_id), std::move(body));
}

ApiRequest confirm_request(std::int64_t list_id, const Recipient& recipient) {
  std::string body = R"({"subscriber":)";
  append_subscriber(body, recipient, false);
  body += '}';
  return request(Endpoint::DoubleOptin, "POST", subscribers_path(list_id) + "/double-optin", std::move(body));
}

ApiRequest update_request(std::int64_t list_id, const Recipient& recipient) {
  std::string body = "{";
  append_values(body, recipient);
  body += '}';
  return request(Endpoint::Update, "PUT", person_path(list_id, recipient), std::move(body));
}

// The call for one person. Resubscribing has no documented call; it is planned for v1 only, and what is sent
// if it comes here all the same changes values, never a status.
ApiRequest single(std::int64_t list_id, const Recipient& recipient) {
  switch (recipient.operation.kind) {
    case OperationKind::Subscribe:
    case OperationKind::Resubscribe:
      return recipient.operation.confirm ? confirm_request(list_id, recipient)
                                         : add_request(list_id, recipient);
    case OperationKind::Update:
      // The update call has no consent flag; the add call has, and updates.
      return sends_consent(recipient) ? add_request(list_id, recipient) : update_request(list_id, recipient);
    case OperationKind::Unsubscribe:
      return request(Endpoint::Unsubscribe, "POST", person_path(list_id, recipient) + "/unsubscribe");
    case OperationKind::AssignGroup:
      return group_request(list_id, recipient, Endpoint::GroupAssign, "assign");
    case OperationKind::ReleaseGroup:
      return group_request(list_id, recipient, Endpoint::GroupRelease, "release");
    case OperationKind::Delete: {
      std::string body = R"({"subscribers":[)";
      json::append_quoted(body, recipient.email.text());
      body += "]}";
      return request(Endpoint::Delete, "DELETE", subscribers_path(list_id), std::move(body));
    }
  }
  std::abort();
}

// Fills `body` with people, one after the other, as long as all of it with `end` stays within the limit.
template <typename Append>
std::size_t fill(std::string& body, std::string_view end, const std::vector<Recipient>& recipients,
                 std::size_t most, std::size_t max_bytes, Append append) {
  std::size_t taken = 0;
  for (const Recipient& recipient : recipients) {
    if (taken == most || !same_shape(recipient.operation, recipients.front().operation)) break;
    const std::size_t before = body.size();
    if (taken > 0) body += ',';
    append(recipient);
    if (body.size() + end.size() > max_bytes) {
      body.resize(before);
      break;
    }
    ++taken;
  }
  body += end;
  return taken;
}

PackedCall bulk(std::int64_t list_id, const std::vector<Recipient>& recipients, std::size_t most,
                const V2Options& options) {
  PackedCall call;
  std::string body;
  if (recipients.front().operation.kind == OperationKind::Delete) {
    body = R"({"subscribers":[)";
    call.taken = fill(body, "]}", recipients, most, options.max_bytes,
                      [&](const Recipient& recipient) { json::append_quoted(body, recipient.email.text()); });
    call.request = request(Endpoint::Delete, "DELETE", subscribers_path(list_id), std::move(body));
    return call;
  }
  body = R"({"subscribers":[)";
  call.taken = fill(body, R"(],"updateEnabled":true})", recipients, most, options.max_bytes,
                    [&](const Recipient& recipient) { append_subscriber(body, recipient, false); });
  call.request =
      request(Endpoint::SubscribeBulk, "POST", subscribers_path(list_id) + "/batch", std::move(body));
  call.request.limiter_class = LimiterClass::Bulk;
  return call;
}

}  // namespace

std::string list_path(std::int64_t list_id) {
  return "/v2/lists/" + std::to_string(list_id);
}

std::size_t max_people(const domain::Operation& operation, const V2Options& options) {
  switch (operation.kind) {
    case OperationKind::Subscribe:
    case OperationKind::Update:
      if (operation.confirm || operation.consent == domain::ConsentRide::Alone) return 1;
      return std::max<std::size_t>(options.max_people, 1);
    case OperationKind::Delete:
      return std::max<std::size_t>(options.max_deleted, 1);
    case OperationKind::Resubscribe:
    case OperationKind::Unsubscribe:
    case OperationKind::AssignGroup:
    case OperationKind::ReleaseGroup:
      return 1;
  }
  std::abort();
}

bool is_bulk(const std::vector<Recipient>& recipients) {
  const Recipient& first = recipients.front();
  return is_bulk(first.operation,
                 first.in_bulk ? std::max<std::size_t>(recipients.size(), 2) : recipients.size());
}

bool is_bulk(const domain::Operation& operation, std::size_t people) {
  return people > 1 &&
         (operation.kind == OperationKind::Subscribe || operation.kind == OperationKind::Update) &&
         !operation.confirm && operation.consent != domain::ConsentRide::Alone;
}

PackedCall pack(std::int64_t list_id, const std::vector<Recipient>& recipients, const V2Options& options) {
  PackedCall call;
  if (recipients.empty()) return call;
  const Recipient& first = recipients.front();
  const std::size_t most = max_people(first.operation, options);
  if ((recipients.size() > 1 || first.in_bulk) && most > 1) {
    call = bulk(list_id, recipients, most, options);
    if (call.taken > 1 || (call.taken == 1 && is_bulk(recipients) && first.in_bulk)) return call;
    // Alone after all: the next is of another shape, or too large.
  }
  call = PackedCall{};
  ApiRequest request_for_one = single(list_id, first);
  if (request_for_one.body.size() > options.max_bytes) return call;
  call.request = std::move(request_for_one);
  call.taken = 1;
  return call;
}

}  // namespace stibee_sync::delivery::v2

#pragma once

#include "stibee_sync/domain/ledger.hpp"
#include "stibee_sync/domain/member.hpp"
#include "stibee_sync/domain/reason.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::delivery {

/// One person of a call: the operation decided for them just now, and the values it sends.
struct Recipient {
  domain::EmailAddress email;
  domain::Operation operation;
  domain::FieldValues fields;     // Subscribe, Update, Resubscribe
  std::optional<bool> ad_agreed;  // nullopt: not mapped, not sent
  bool in_bulk = false;           // v2: by the bulk call even if nobody shares it
};

/// Endpoint names as in the metrics: closed set per dialect.
enum class Endpoint {
  Subscribe,
  SubscribeBulk,
  Update,
  Unsubscribe,
  Delete,
  GroupAssign,
  GroupRelease,
  Lists,
  AuthCheck,
  Count,
  List,
  DoubleOptin,
  Groups
};
std::string_view name(Endpoint endpoint);  // "subscribe", "subscribe_bulk", …

/// Calls of one class share one limit. v1 has one class.
enum class LimiterClass { All, Bulk, List, Other };
std::string_view name(LimiterClass limiter_class);  // "v1", "bulk", "list", "other"
inline constexpr LimiterClass all_limiter_classes[] = {LimiterClass::All, LimiterClass::Bulk,
                                                       LimiterClass::List, LimiterClass::Other};

/// A key may work on one and not on the other.
enum class Api { V1, V2 };
inline Api api_of(LimiterClass limiter_class) {
  return limiter_class == LimiterClass::All ? Api::V1 : Api::V2;
}

/// A request of the API, ready to be sent but for the key and the host.
struct ApiRequest {
  Endpoint endpoint = Endpoint::Subscribe;
  LimiterClass limiter_class = LimiterClass::All;
  std::string method;
  std::string target;  // path and query
  std::string body;    // empty: none
};

/// What came back, without anything of the HTTP library.
struct ApiAnswer {
  int status = 0;
  std::string_view body;
  std::optional<domain::Duration> retry_after;
};

/// The exchange gave no answer.
struct NoAnswer {
  bool may_have_been_applied = false;  // a byte of the request may have reached Stibee
  domain::Reason cause;                // Timeout, ConnectionClosed, Tls, …
};

/// How a call ended as a whole, for the circuit and the throttle.
enum class CallVerdict {
  Answered,      // per-person outcomes count
  BatchRefused,  // a 4xx or Ok:false about the call as a whole: halve it, unless the blame is the mirror's
  Throttled,
  ServerTrouble,  // 5xx, garbage, no answer
  Unauthorised,
  Forbidden,  // the key is accepted, but not for this: a list of another workspace, a plan without the call
};
std::string_view name(CallVerdict verdict);

/// Whom the refusal of a call as a whole speaks of.
enum class Blame {
  Open,    // it does not say: to be found out
  Person,  // somebody in the call
  Mirror   // the account, the list or a group of it: nobody in the call, and everybody after them
};

/// `outcomes[i]` belongs to `recipients[i]` of the call.
struct CallResult {
  CallVerdict verdict = CallVerdict::ServerTrouble;
  Blame blame = Blame::Open;  // BatchRefused, Forbidden
  std::vector<domain::Outcome> outcomes;
  std::optional<domain::Reason> reason;  // of the whole call; none if Answered
  std::string message;                   // Stibee's words, sanitised
  std::optional<domain::Duration> retry_after;
};

/// How much of a batch a call takes.
struct PackedCall {
  ApiRequest request;
  std::size_t taken = 0;  // the first `taken` recipients are in it; 0: the first alone is too large to send
};

/// One API of Stibee: the only place that knows field names. Pure; thread-safe.
class Dialect {
 public:
  virtual ~Dialect() = default;
  virtual std::size_t max_people(const domain::Operation& operation) const = 0;
  virtual std::size_t max_address_length() const = 0;
  // Three facts for the mirror's Policy.
  virtual bool can_resubscribe() const = 0;
  virtual bool groups_with_subscribe() const { return true; }
  virtual bool consent_alone() const { return false; }
  virtual LimiterClass limiter_class(const domain::Operation& operation, std::size_t people) const = 0;
  /// Packs as many of `recipients` (of one shape, never empty; those of another end the call) as the size
  /// limits allow, by exact bytes.
  virtual PackedCall pack(std::int64_t list_id, const std::vector<Recipient>& recipients) const = 0;
  /// `recipients` are those that `pack` took. Never throws; an answer that cannot be understood is Unknown.
  virtual CallResult read(const std::vector<Recipient>& recipients, const ApiAnswer& answer) const = 0;
  /// For `check`: asks whether the key is accepted at all.
  virtual ApiRequest probe() const = 0;
  virtual CallResult read_probe(const ApiAnswer& answer) const = 0;
};

/// The verdict on a call that concerns nobody in particular, by either API's way of failing: whether what it
/// was asked for is in the answer, its reader must tell.
CallResult read_verdict(const ApiAnswer& answer);

/// The same for every dialect: no answer was had.
CallResult read_no_answer(std::size_t people, const NoAnswer& no_answer);

struct V1Options {
  std::size_t max_bytes = 256 * 1024;  // user's document: 256 KB a request
  std::size_t max_people = 2000;
};
std::unique_ptr<Dialect> make_v1(V1Options options = {});

/// v2. Alone, a person goes by a single call (class other) unless they are `in_bulk`, several by a bulk call
/// (class bulk) without consent flags: a caller with a backlog and free single slots packs one at a time.
struct V2Options {
  std::size_t max_bytes = 10'000'000;  // OpenAPI: 10 MB a bulk call
  std::size_t max_people = 1000;       // of a bulk call
  std::size_t max_deleted = 100;       // of a delete
};
std::unique_ptr<Dialect> make_v2(V2Options options = {});
/// v2 for everything but a resubscribe, for which it has no call: that one is v1's, under v1's limit.
std::unique_ptr<Dialect> make_v2_resubscribing_via_v1();

}  // namespace stibee_sync::delivery

#pragma once

#include "stibee_sync/delivery/dialect.hpp"
#include "stibee_sync/json/value.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace stibee_sync::delivery {

/// What both APIs' answers say of a call as a whole, in either's form: {Ok, Error: {Code, HttpStatusCode,
/// Message}, Value} or {code, httpStatusCode, message}, keys in any case.
class Envelope {
 public:
  explicit Envelope(const ApiAnswer& answer);

  /// nullopt: the body is no JSON.
  const std::optional<json::Value>& document() const { return document_; }
  /// The `Value` of v1; null if there is none.
  const json::Value* value() const;
  std::optional<bool> ok() const { return ok_; }
  /// What Stibee says, as it came; not safe to log. A code that `reason` does not tell stands before it.
  std::string words() const;
  /// HTTP's status, or the one inside where HTTP's says nothing.
  int status() const { return status_; }
  /// A status, an `Ok: false` or an error speaks of failure.
  bool failed() const { return failed_; }
  /// JSON of one of the forms above, and no page of something in between.
  bool is_stibees() const { return is_stibees_; }

  /// How the call failed as a whole. BatchRefused if nothing better is known, and for the page of a firewall
  /// in between, which somebody's values may have set off; meaningless unless `failed`.
  CallVerdict verdict() const;
  /// Whom it speaks of; meaningless unless `failed`.
  Blame blame() const;
  /// "already subscribed", which is an error to Stibee only.
  bool says_already_subscribed() const;
  /// The one person that the call was about is not in the list.
  bool says_person_missing() const;
  bool says_already_assigned() const;
  bool says_group_missing() const;
  bool says_group_exists() const;
  /// By the code if it is one that we know, else by the status.
  domain::Reason reason() const;

 private:
  bool speaks_of_size() const;
  bool speaks_of_limit() const;
  bool speaks_of_key() const;
  bool refuses_key() const;

  std::optional<json::Value> document_;
  std::string text_;  // the beginning of a body that is no JSON
  std::optional<bool> ok_;
  std::string code_;
  std::string message_;
  int http_status_ = 0;
  int status_ = 0;
  bool failed_ = false;
  bool is_stibees_ = false;  // has a member that is of Stibee's own forms
  bool retry_after_ = false;
};

/// The same verdict for everybody; outcomes follow from it.
CallResult whole_call(CallVerdict verdict, const std::vector<Recipient>& recipients,
                      std::optional<domain::Reason> reason, std::string message,
                      std::optional<domain::Duration> retry_after);
/// Of a call that failed as a whole; `recipients` may be empty (probes): then a firewall's page is trouble of
/// the server's, or of the key if it says 401.
CallResult failed_call(const Envelope& envelope, const std::vector<Recipient>& recipients,
                       const ApiAnswer& answer);
/// Stibee's words without anything of the people: what the sanitiser hides, and the values that were sent.
std::string message_about(std::string_view text, const std::vector<Recipient>& recipients);

}  // namespace stibee_sync::delivery

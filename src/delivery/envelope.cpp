#include "envelope.hpp"

#include "refusal_code.hpp"
#include "stibee_sync/privacy/redaction.hpp"
#include "stibee_sync/text/ascii.hpp"
#include "wording.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <utility>

namespace stibee_sync::delivery {

namespace {

constexpr std::size_t text_read = 4096;

std::string text_of(const json::Value* value) {
  if (!value) return {};
  if (const auto* text = value->if_string()) return *text;
  if (const auto* number = value->if_integer()) return std::to_string(*number);
  return {};
}

const json::Value* first_of(const json::Value& object, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (const json::Value* value = object.find_any_case(key)) return value;
  }
  return nullptr;
}

std::optional<bool> flag_of(const json::Value* value) {
  if (!value) return std::nullopt;
  if (const auto* flag = value->if_bool()) return *flag;
  const std::string text = text::lower_case(text_of(value));
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  return std::nullopt;
}

bool means_success(const std::string& code) {
  const std::string word = bare(code);
  return word == "ok" || word == "success" || word == "0" || word == "200";
}

struct Code {
  std::string_view spelling;  // but for the case of letters, signs between words, and prefixes
  domain::Reason::Code reason;
};

constexpr Code codes[] = {
    {"UNKNOWN", domain::Reason::Unknown},
    {"INVALID_REQUEST", domain::Reason::InvalidRequest},
    {"LIST_ALREADY_SUBSCRIBED", domain::Reason::ListAlreadySubscribed},
    {"NOT_FOUND", domain::Reason::NotFound},
    {"Internal", domain::Reason::Internal},
    {"Authorization.NoToken", domain::Reason::AuthorizationNoToken},
    {"Authorization.PermissionDenied", domain::Reason::AuthorizationPermissionDenied},
    {"Data.Duplicated", domain::Reason::DataDuplicated},
    {"Data.InvalidRequest", domain::Reason::DataInvalidRequest},
    {"Data.LimitExceeded", domain::Reason::DataLimitExceeded},
    {"Data.TooLongData", domain::Reason::DataTooLongData},
    {"List.AlreadyExistEmail", domain::Reason::ListAlreadyExistEmail},
    {"List.AlreadyExistGroup", domain::Reason::ListAlreadyExistGroup},
    {"List.ExceededSubscribers", domain::Reason::ListExceededSubscribers},
    {"List.InvalidData", domain::Reason::ListInvalidData},
    {"List.InvalidEmail", domain::Reason::ListInvalidEmail},
    {"List.InvalidSubscriberVar", domain::Reason::ListInvalidSubscriberVar},
    {"List.LimitExceeded", domain::Reason::ListLimitExceeded},
    {"List.NoSuchGroup", domain::Reason::ListNoSuchGroup},
    {"List.NotExistEmail", domain::Reason::ListNotExistEmail},
    {"List.NotPermittedSenderDomain", domain::Reason::ListNotPermittedSenderDomain},
    {"List.TooLongData", domain::Reason::ListTooLongData},
    {"List.TooManyGroups", domain::Reason::ListTooManyGroups},
    {"List.TooManySubscribers", domain::Reason::ListTooManySubscribers},
    {"Service.NeedProPlan", domain::Reason::ServiceNeedProPlan},
};

// "stberror.Errors.List.NotExistEmail" is the longest form of a code.
std::optional<domain::Reason> known_code(std::string_view code) {
  std::string word = bare(code);
  for (const std::string_view prefix : {"stberror", "errors"}) {
    if (word.starts_with(prefix)) word.erase(0, prefix.size());
  }
  const auto* const found = std::find_if(std::begin(codes), std::end(codes),
                                         [&](const Code& known) { return bare(known.spelling) == word; });
  if (found == std::end(codes)) return std::nullopt;
  return found->reason;
}

/// The words that may tell what it is about. Where the code tells that it is about people or a list, they may
/// quote anybody's values, in which any word may be.
std::string telling(const std::string& code, const std::string& message) {
  const auto known = known_code(code);
  return known && known->code() >= domain::Reason::DataDuplicated ? std::string() : text::lower_case(message);
}

int status_of(const json::Value* value) {
  const std::string text = text_of(value);
  const bool is_number = text.size() == 3 && std::all_of(text.begin(), text.end(), text::is_digit);
  return is_number && text >= "100" && text <= "599" ? std::atoi(text.c_str()) : 0;
}

domain::OutcomeKind outcome_of(CallVerdict verdict) {
  switch (verdict) {
    case CallVerdict::Answered:
      return domain::OutcomeKind::Delivered;
    case CallVerdict::BatchRefused:
      return domain::OutcomeKind::Rejected;
    case CallVerdict::Throttled:
      return domain::OutcomeKind::Throttled;
    case CallVerdict::ServerTrouble:
      return domain::OutcomeKind::Unknown;
    case CallVerdict::Unauthorised:
    case CallVerdict::Forbidden:
      return domain::OutcomeKind::Unauthorised;
  }
  std::abort();
}

}  // namespace

Envelope::Envelope(const ApiAnswer& answer)
    : document_(json::parse(answer.body)),
      http_status_(answer.status),
      status_(answer.status),
      retry_after_(answer.retry_after.has_value()) {
  failed_ = http_status_ < 200 || http_status_ >= 300;
  if (!document_) {
    text_ = text::lower_case(answer.body.substr(0, text_read));
    return;
  }
  ok_ = flag_of(document_->find_any_case("ok"));
  const json::Value* error = first_of(*document_, {"error", "errors"});
  if (error && error->if_array() && !error->if_array()->empty()) error = &error->if_array()->front();
  const json::Value& source = error && error->is_object() ? *error : *document_;
  code_ = text_of(first_of(source, {"code", "errorCode"}));
  message_ = text_of(first_of(source, {"message", "msg"}));
  if (error && error->if_string()) message_ = *error->if_string();
  const int inner = status_of(first_of(source, {"httpStatusCode", "status"}));
  is_stibees_ = ok_.has_value() || !code_.empty() || inner != 0;

  // A Go service may send the zero value of its error along with an Ok: that is none.
  const bool names_error = (!code_.empty() && !means_success(code_)) ||
                           (error && !message_.empty() && (error->is_object() || error->if_string()));
  const bool says_error = ok_ != true && (inner >= 400 || names_error);
  failed_ = failed_ || ok_ == false || says_error;
  if (failed_ && http_status_ >= 200 && http_status_ < 300 && inner >= 300) status_ = inner;
}

const json::Value* Envelope::value() const {
  return document_ ? document_->find_any_case("value") : nullptr;
}

bool Envelope::speaks_of_size() const {
  return contains_any(bare(code_) + ' ' + text::lower_case(message_),
                      {"toolong", "too long", "toolarge", "too large", "entity too", "toomanysubscribers"});
}

bool Envelope::speaks_of_limit() const {
  const std::string message = status_ >= 500 ? text::lower_case(message_) : telling(code_, message_);
  const std::string told = bare(code_) + ' ' + message;
  // Words of pages made for people say "limit" for many reasons.
  const bool clear =
      contains_any(text_ + told, {"too many requests", "toomanyrequests", "rate limit", "ratelimit",
                                  "rate_limit", "limit exceeded", "limitexceeded", "throttl"});
  // A server's own trouble may mention other limits ("time limit"); it may have applied the call, too.
  if (clear || status_ >= 500) return clear;
  return contains_any(told, {"limit", "too many", "초과"}) || contains_any(text_, {"초과"});
}

bool Envelope::speaks_of_key() const {
  const std::string message = telling(code_, message_);
  // A firewall's "Forbidden" is about the call, whatever form it comes in.
  if (!is_stibees_)
    return contains_any(text_ + message, {"accesstoken", "access token", "api key", "apikey", "api_key"});
  const std::string code = bare(code_);
  return contains_any(code, {"token", "auth", "apikey", "accesskey", "forbidden"}) ||
         contains_any(message,
                      {"accesstoken", "access token", "api key", "apikey", "unauthori", "not authori",
                       "authoriz", "authentic", "forbidden", "권한", "인증", "토큰"}) ||
         // A decoder's "unexpected token" is about the body.
         (contains_any(message, {"token"}) &&
          !contains_any(message, {"unexpected token", "invalid character"}));
}

bool Envelope::refuses_key() const {
  if (speaks_of_key()) return true;
  // A status alone may be of anything that the call passed through on its way; and a code of Stibee's may
  // name what is wrong with a person or a list. (One about the plan is no refusal of the key: `verdict`.)
  if (!is_stibees_ || (status_ != 401 && status_ != 403)) return false;
  const auto known = known_code(code_);
  return !known || known->code() < domain::Reason::DataDuplicated;
}

bool Envelope::says_already_subscribed() const {
  return contains_any(bare(code_), {"alreadysubscribed", "alreadyexistemail", "alreadyexistsubscriber"});
}

bool Envelope::says_person_missing() const {
  return contains_any(bare(code_), {"notexistemail", "notexistsubscriber", "nosuchsubscriber", "nosuchemail",
                                    "subscribernotfound", "emailnotfound", "notfoundsubscriber",
                                    "notfoundemail", "subscribernotexist", "emailnotexist"});
}

bool Envelope::says_already_assigned() const {
  return contains_any(bare(code_), {"dataduplicated", "alreadyassigned", "alreadyingroup"});
}

bool Envelope::says_group_missing() const {
  return delivery::says_group_missing(code_);
}

bool Envelope::says_group_exists() const {
  return contains_any(bare(code_), {"alreadyexist"});
}

CallVerdict Envelope::verdict() const {
  if (status_ == 429) return CallVerdict::Throttled;
  // The plan's limit of people is no limit of calls.
  if (status_ < 500 && blame() == Blame::Mirror) return CallVerdict::BatchRefused;
  if (status_ == 413 || (status_ < 500 && speaks_of_size())) return CallVerdict::BatchRefused;
  if (speaks_of_limit() || (status_ == 503 && retry_after_)) return CallVerdict::Throttled;
  if (status_ >= 500 || status_ == 408) return CallVerdict::ServerTrouble;
  // OpenAPI: Authorization.PermissionDenied, beside NoToken, which a bad key is told.
  if (contains_any(bare(code_), {"permissiondenied"})) return CallVerdict::Forbidden;
  if (refuses_key()) return CallVerdict::Unauthorised;
  if (status_ < 200 || (status_ >= 300 && status_ < 400)) return CallVerdict::ServerTrouble;
  return CallVerdict::BatchRefused;
}

Blame Envelope::blame() const {
  return blame_of(code_, message_, status_);
}

domain::Reason Envelope::reason() const {
  if (const auto known = known_code(code_)) return *known;
  if (says_list_missing(code_)) return domain::Reason::ListNotFound;
  if (says_group_missing()) return domain::Reason::GroupNotFound;
  return status_ >= 200 && status_ < 300 ? domain::Reason::Refused : domain::Reason::http(status_);
}

std::string Envelope::words() const {
  return known_code(code_) ? message_ : with_code(code_, message_);
}

namespace {

/// What of it is looked at: no value is torn, whose head would not be found.
std::string_view beginning(std::string_view text, const std::vector<std::string_view>& values) {
  constexpr std::size_t longest_message = 2048;
  if (text.size() <= longest_message) return text;
  std::size_t end = longest_message;
  for (bool is_torn = true; is_torn;) {
    is_torn = false;
    for (const auto value : values) {
      // No further than a value reaches that begins before the end: an answer may be long, and they are many.
      const auto from = end - std::min(end, value.size() - 1);
      const auto at = text.substr(from, end - from + value.size() - 1).find(value);
      if (at == std::string_view::npos) continue;
      end = from + at;
      is_torn = true;
    }
  }
  return text.substr(0, end);
}

}  // namespace

std::string message_about(std::string_view text, const std::vector<Recipient>& recipients) {
  // A value that is part of another word would tear it apart; names of one syllable are shorter than that.
  constexpr std::size_t shortest_hidden = 4;
  std::vector<std::string_view> values;
  const auto hide = [&](std::string_view value) {
    if (value.size() >= shortest_hidden) values.push_back(value);
  };
  if (!text.empty()) {
    for (const Recipient& recipient : recipients) {
      hide(recipient.email.text());
      for (const domain::FieldValue& field : recipient.fields)
        hide(field.value);
    }
  }
  std::string result(beginning(text, values));
  for (const auto value : values) {
    for (std::size_t at = result.find(value); at != std::string::npos; at = result.find(value, at + 1))
      result.replace(at, value.size(), 1, '*');
  }
  return privacy::sanitise(result, privacy::words_of_stibee);
}

CallResult whole_call(CallVerdict verdict, const std::vector<Recipient>& recipients,
                      std::optional<domain::Reason> reason, std::string message,
                      std::optional<domain::Duration> retry_after) {
  CallResult result;
  result.verdict = verdict;
  result.reason = reason;
  result.message = std::move(message);
  result.retry_after = retry_after;
  domain::Outcome outcome;
  outcome.kind = outcome_of(verdict);
  outcome.reason = result.reason;
  outcome.message = result.message;
  outcome.retry_after = retry_after;
  result.outcomes.assign(recipients.size(), outcome);
  return result;
}

namespace {

/// By something between Stibee and us.
bool is_foreign_refusal(const Envelope& envelope) {
  const int status = envelope.status();
  return !envelope.is_stibees() && (status == 401 || status == 403 || status == 406);
}

}  // namespace

CallResult failed_call(const Envelope& envelope, const std::vector<Recipient>& recipients,
                       const ApiAnswer& answer) {
  auto verdict = envelope.verdict();
  if (recipients.empty() && verdict == CallVerdict::BatchRefused && is_foreign_refusal(envelope)) {
    // Nobody's values have set off a firewall: it is HTTP's own word for the key, or passes.
    verdict = envelope.status() == 401 ? CallVerdict::Unauthorised : CallVerdict::ServerTrouble;
  }
  CallResult result = whole_call(verdict, recipients, envelope.reason(),
                                 message_about(envelope.words(), recipients), answer.retry_after);
  if (result.verdict == CallVerdict::BatchRefused) result.blame = envelope.blame();
  if (result.verdict == CallVerdict::Forbidden) result.blame = Blame::Mirror;
  if (result.verdict == CallVerdict::ServerTrouble && answer.status >= 300 && answer.status < 400) {
    // Redirects are not followed: nothing was applied.
    for (domain::Outcome& outcome : result.outcomes)
      outcome.kind = domain::OutcomeKind::Transient;
  }
  return result;
}

CallResult read_verdict(const ApiAnswer& answer) {
  const Envelope envelope(answer);
  if (envelope.failed()) return failed_call(envelope, {}, answer);
  return whole_call(CallVerdict::Answered, {}, {}, {}, {});
}

}  // namespace stibee_sync::delivery

#include "stibee_sync/domain/reason.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <iterator>
#include <system_error>
#include <vector>

namespace stibee_sync::domain {

namespace {

struct Word {
  Reason::Code code;
  std::string_view text;
  bool parks = false;
};

constexpr bool parking = true;

constexpr Word words[] = {
    {Reason::NullKey, "null_key"},
    {Reason::BadKey, "bad_key"},
    {Reason::NullEmail, "null_email", parking},
    {Reason::EmptyAddress, "empty_address", parking},
    {Reason::NoAtSign, "no_at_sign", parking},
    {Reason::WhiteSpaceOrControl, "white_space_or_control", parking},
    {Reason::AddressTooLong, "address_too_long", parking},
    {Reason::BadDomain, "bad_domain", parking},
    {Reason::InvalidUtf8, "invalid_utf8", parking},
    {Reason::NulByte, "nul_byte", parking},
    {Reason::BadDate, "bad_date", parking},
    {Reason::BadArray, "bad_array", parking},
    {Reason::DuplicateAddress, "duplicate_address", parking},
    {Reason::ResubscribeUnsupported, "resubscribe_unsupported", parking},
    {Reason::ConfirmationInDoubt, "confirmation_in_doubt", parking},
    {Reason::TooLarge, "too_large", parking},
    {Reason::Resolve, "resolve"},
    {Reason::Connect, "connect"},
    {Reason::Tls, "tls"},
    {Reason::CertificateInvalid, "certificate_invalid"},
    {Reason::Timeout, "timeout"},
    {Reason::ConnectionClosed, "connection_closed"},
    {Reason::StaleConnection, "stale_connection"},
    {Reason::Protocol, "protocol"},
    {Reason::Cancelled, "cancelled"},
    {Reason::Stopping, "stopping"},
    {Reason::NotInTime, "not_in_time"},
    {Reason::StateFile, "state_file"},
    {Reason::EmptyAnswer, "empty_answer"},
    {Reason::UnreadableAnswer, "unreadable_answer"},
    {Reason::NotNamed, "not_named"},
    {Reason::AlreadySubscribed, "already_subscribed"},
    {Reason::AlreadyUnsubscribed, "already_unsubscribed"},
    {Reason::AlreadyAssigned, "already_assigned"},
    {Reason::ExistEmail, "exist_email"},
    {Reason::Deny, "deny"},
    {Reason::NotFound, "not_found"},
    {Reason::GroupNotFound, "group_not_found"},
    {Reason::NoEmail, "no_email", parking},
    {Reason::WrongEmail, "wrong_email", parking},
    {Reason::DuplicatedEmail, "duplicated_email"},
    {Reason::ExistPhone, "exist_phone", parking},
    {Reason::WrongPhone, "wrong_phone", parking},
    {Reason::DuplicatedPhone, "duplicated_phone", parking},
    {Reason::Validation, "validation", parking},
    {Reason::ValidationDateTime, "validation_date_time", parking},
    {Reason::InvalidFields, "invalid_fields", parking},
    {Reason::InvalidSubscriberStatus, "invalid_subscriber_status", parking},
    {Reason::NotExist, "not_exist"},
    {Reason::UnknownFailure, "unknown_failure"},
    {Reason::Failed, "failed"},
    {Reason::Unknown, "unknown"},
    {Reason::Internal, "internal"},
    {Reason::InvalidRequest, "invalid_request"},
    {Reason::ListAlreadySubscribed, "list_already_subscribed"},
    {Reason::AuthorizationNoToken, "authorization_no_token"},
    {Reason::AuthorizationPermissionDenied, "authorization_permission_denied"},
    {Reason::DataDuplicated, "data_duplicated"},
    {Reason::DataInvalidRequest, "data_invalid_request"},
    {Reason::DataLimitExceeded, "data_limit_exceeded"},
    {Reason::DataTooLongData, "data_too_long_data"},
    {Reason::ListAlreadyExistEmail, "list_already_exist_email"},
    {Reason::ListAlreadyExistGroup, "list_already_exist_group"},
    {Reason::ListExceededSubscribers, "list_exceeded_subscribers"},
    {Reason::ListInvalidData, "list_invalid_data"},
    {Reason::ListInvalidEmail, "list_invalid_email"},
    {Reason::ListInvalidSubscriberVar, "list_invalid_subscriber_var"},
    {Reason::ListLimitExceeded, "list_limit_exceeded"},
    {Reason::ListNoSuchGroup, "list_no_such_group"},
    {Reason::ListNotExistEmail, "list_not_exist_email"},
    {Reason::ListNotFound, "list_not_found"},
    {Reason::ListNotPermittedSenderDomain, "list_not_permitted_sender_domain"},
    {Reason::ListTooLongData, "list_too_long_data"},
    {Reason::ListTooManyGroups, "list_too_many_groups"},
    {Reason::ListTooManySubscribers, "list_too_many_subscribers"},
    {Reason::ServiceNeedProPlan, "service_need_pro_plan"},
    {Reason::Refused, "refused"},
    {Reason::HttpStatus, "http_"},
};

constexpr std::size_t with_one_text = Reason::HttpStatus;

// A row for every reason, at its number.
constexpr bool complete() {
  for (std::size_t i = 0; i < std::size(words); ++i) {
    if (words[i].code != i) return false;
  }
  return std::size(words) == with_one_text + 1;
}
static_assert(complete());

}  // namespace

std::string name(std::optional<Reason> reason) {
  if (!reason) return {};
  std::string text(words[reason->code()].text);
  return reason->code() == Reason::HttpStatus ? text.append(std::to_string(reason->http_status())) : text;
}

std::optional<Reason> reason_from(std::string_view text) {
  const auto listed = all_reasons();
  const auto found = std::find_if(listed.begin(), listed.end(),
                                  [&](Reason reason) { return words[reason.code()].text == text; });
  if (found != listed.end()) return *found;
  const std::string_view prefix = words[Reason::HttpStatus].text;
  if (!text.starts_with(prefix)) return std::nullopt;
  text.remove_prefix(prefix.size());
  int status = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), status);
  const bool is_status =
      error == std::errc() && end == text.data() + text.size() && status >= 100 && status <= 999;
  return is_status ? std::optional(Reason::http(status)) : std::nullopt;
}

std::span<const Reason> all_reasons() {
  static const auto reasons = [] {
    std::vector<Reason> all;
    for (std::size_t i = 0; i < with_one_text; ++i)
      all.emplace_back(words[i].code);
    return all;
  }();
  return reasons;
}

bool parks(Reason reason) {
  return words[reason.code()].parks;
}

}  // namespace stibee_sync::domain

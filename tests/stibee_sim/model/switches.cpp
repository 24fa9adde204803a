#include "switches.hpp"

#include "stibee_model.hpp"

#include <charconv>
#include <stdexcept>

namespace stibee_sim {

namespace {

enum class Kind { Choice, Number, Shape, Text };

struct Definition {
  Switch which;
  std::string_view name;
  Kind kind;
  std::string_view values;  // Choice: separated by |, the first is the default; otherwise the default
  std::string_view meaning;
};

constexpr std::array definitions{
    Definition{Switch::AddressCase, "address_case", Kind::Choice, "fold|exact",
               "whether A@x.kr and a@x.kr are one person; set it before anybody is added"},
    Definition{Switch::EchoAddress, "echo_address", Kind::Choice, "sent|stored|lower",
               "the address as answers spell it"},
    Definition{Switch::EmptyLists, "empty_lists", Kind::Choice, "empty|null|missing",
               "result lists nobody is in"},
    Definition{Switch::LimitAnswer, "limit_answer", Kind::Shape, "429_native",
               "the answer to one call too many"},
    Definition{Switch::LimitCode, "limit_code", Kind::Text, "Errors.Data.LimitExceeded", "the code in it"},
    Definition{Switch::LimitRetryAfter, "limit_retry_after", Kind::Number, "0",
               "its Retry-After in seconds; 0: none"},
    Definition{Switch::LimitKeepRefused, "limit_keep_refused", Kind::Choice, "yes|no",
               "whether a refused call counts in later windows"},
    Definition{Switch::V1BadKeyAnswer, "v1_bad_key_answer", Kind::Shape, "401_native",
               "a wrong or missing key on v1"},
    Definition{Switch::V2BadKeyAnswer, "v2_bad_key_answer", Kind::Shape, "400_native", "the same on v2"},
    Definition{Switch::V1UnknownListAnswer, "v1_unknown_list_answer", Kind::Shape, "200_native",
               "a list that is not there, v1"},
    Definition{Switch::V2UnknownListAnswer, "v2_unknown_list_answer", Kind::Shape, "400_native",
               "the same on v2"},
    Definition{Switch::UnknownListCode, "unknown_list_code", Kind::Text,
               "Errors.Authorization.PermissionDenied", "the code in them"},
    Definition{Switch::UnknownGroupCode, "unknown_group_code", Kind::Text, "Errors.List.NoSuchGroup",
               "the code for a group that is not there, both APIs"},
    Definition{Switch::V1OversizeAnswer, "v1_oversize_answer", Kind::Shape, "413_native",
               "a body or batch over the limit, v1"},
    Definition{Switch::V2OversizeAnswer, "v2_oversize_answer", Kind::Shape, "400_native", "the same on v2"},
    Definition{Switch::ContentTypeAnswer, "content_type_answer", Kind::Shape, "415_native",
               "a body that is not application/json"},
    Definition{Switch::V1MaxBody, "v1_max_body", Kind::Number, "262144", "bytes"},
    Definition{Switch::V1MaxPeople, "v1_max_people", Kind::Number, "2000", "people in one v1 call"},
    Definition{Switch::V2MaxBody, "v2_max_body", Kind::Number, "10485760", "bytes"},
    Definition{Switch::V1ErrorKeys, "v1_error_keys", Kind::Choice, "upper|lower",
               "Code, Message or code, message"},
    Definition{Switch::V1EnvelopeKeys, "v1_envelope_keys", Kind::Choice, "upper|lower",
               "Ok, Error, Value or lower case"},
    Definition{Switch::V1ActorKey, "v1_actor_key", Kind::Choice, "eventOccurredBy|eventOccuredBy|either",
               "which spelling of a subscribe's actor counts; the other is ignored like any unknown key"},
    Definition{Switch::V1FailureStatus, "v1_failure_status", Kind::Choice, "200|400",
               "HTTP status of Ok:false"},
    Definition{Switch::V1InnerStatus, "v1_inner_status", Kind::Choice, "0|200|400",
               "HttpStatusCode inside Ok:false"},
    Definition{Switch::V1AlreadySubscribed, "v1_already_subscribed", Kind::Choice,
               "error|fail_exist_email|update",
               "SUBSCRIBER for somebody subscribed (error: only when it is so for all in the call)"},
    Definition{Switch::V1ResubscribedIn, "v1_resubscribed_in", Kind::Choice, "success|update",
               "the result list of somebody resubscribed"},
    Definition{Switch::V1ManualUnsubscribed, "v1_manual_unsubscribed", Kind::Choice, "update|fail_deny",
               "MANUAL for somebody unsubscribed: updated, or refused in failDeny"},
    Definition{Switch::V1Duplicates, "v1_duplicates", Kind::Choice, "second_fails|all_fail",
               "an address twice in a call"},
    Definition{Switch::V1GroupValue, "v1_group_value", Kind::Choice,
               "null|missing|empty_object|success_list|success_fail|text",
               "Value of group assign and release"},
    Definition{Switch::V1GroupMissingPerson, "v1_group_missing_person", Kind::Choice, "ignore|error",
               "group calls naming somebody who is not in the list"},
    Definition{Switch::V1UnknownGroup, "v1_unknown_group", Kind::Choice, "error|ignore",
               "a group that is not there"},
    Definition{Switch::V1GroupsOnUpdate, "v1_groups_on_update", Kind::Choice, "yes|no",
               "whether groupIds apply to people already in the list"},
    Definition{Switch::V1PlainLists, "v1_plain_lists", Kind::Choice, "strings|objects",
               "entries in the answers of delete, unsubscribe and groups"},
    Definition{Switch::V1PersonDetail, "v1_person_detail", Kind::Choice, "echo|full|email_only",
               "people in the answer of subscribe: what was sent, the stored person, or the address"},
    Definition{Switch::V1ConfirmTooMany, "v1_confirm_too_many", Kind::Choice, "error|fail_unknown",
               "confirmEmailYN for more than 10 people"},
    Definition{Switch::V1NullValues, "v1_null_values", Kind::Choice, "refuse|empty", "a field value of null"},
    Definition{Switch::V1ListsRead, "v1_lists_read", Kind::Choice, "ok|not_found|error|html",
               "GET /v1/lists"},
    Definition{Switch::V2CodePrefix, "v2_code_prefix", Kind::Choice, "yes|no", "codes begin with stberror."},
    Definition{Switch::V2ErrorKeys, "v2_error_keys", Kind::Choice, "lower|upper", "code or Code"},
    Definition{Switch::V2ErrorMessage, "v2_error_message", Kind::Choice, "yes|no", "errors carry a message"},
    Definition{Switch::V2LimitNamespace, "v2_limit_namespace", Kind::Choice, "documented|list|data",
               "LimitExceeded and TooLongData under List. or Data."},
    Definition{Switch::V2Ok, "v2_ok", Kind::Choice, "text|json_string|envelope|empty",
               "the answer that is just ok"},
    Definition{Switch::V2UnknownField, "v2_unknown_field", Kind::Choice, "error|drop",
               "a tag the list does not have"},
    Definition{Switch::V2UpdateConsent, "v2_update_consent", Kind::Choice, "honoured|ignored",
               "marketingAllowed for somebody already in the list"},
    Definition{
        Switch::V2BulkConsent, "v2_bulk_consent", Kind::Choice, "ignored|honoured|reset",
        "marketingAllowed and $ad_agreed in a bulk add; reset: an update without them takes consent away"},
    Definition{Switch::V2Wrapper, "v2_wrapper", Kind::Choice, "array|items|subscribers|data|Value|unknown",
               "what a page of people comes in"},
    Definition{Switch::V2GroupWrapper, "v2_group_wrapper", Kind::Choice,
               "array|items|groups|data|Value|unknown", "what the groups come in"},
    Definition{Switch::V2EmptyPage, "v2_empty_page", Kind::Choice, "empty|null", "a page without people"},
    Definition{Switch::V2GroupIds, "v2_group_ids", Kind::Choice, "numbers|strings|absent",
               "groupIds of a person read"},
    Definition{Switch::V2Time, "v2_time", Kind::Choice, "kst|kst_fraction|utc", "times of a person read"},
    Definition{Switch::V2DefaultStatuses, "v2_default_statuses", Kind::Choice, "subscribed|all",
               "a read without statuses"},
    Definition{Switch::V2Order, "v2_order", Kind::Choice, "created|email|unstable",
               "order of pages; unstable: another order for each call"},
    Definition{Switch::V2PurgedListed, "v2_purged_listed", Kind::Choice, "no|yes",
               "purged people appear as deleted"},
    Definition{Switch::V2Key, "v2_key", Kind::Choice, "accepted|too_old", "whether the key works on v2"},
    Definition{Switch::Plan, "plan", Kind::Choice, "pro|standard|enterprise",
               "which calls are allowed; groups per list"},
    Definition{Switch::PlanPeople, "plan_people", Kind::Number, "0",
               "so many people subscribed or ready are in the plan, all lists together; 0: no bound. A call "
               "that would add more is refused as a whole"},
    Definition{Switch::PlanFullCode, "plan_full_code", Kind::Text, "Errors.List.ExceededSubscribers",
               "the code in that answer"},
    Definition{Switch::WebhookActorKey, "webhook_actor_key", Kind::Choice,
               "eventOccurredBy|eventOccuredBy|actionType", "the key of the actor"},
    Definition{Switch::WebhookId, "webhook_id", Kind::Choice, "string|number", "the list id"},
    Definition{Switch::WebhookPeople, "webhook_people", Kind::Number, "100",
               "most people in one event; 0: no bound"},
    Definition{Switch::WebhookEcho, "webhook_echo", Kind::Choice, "yes|no", "API calls cause events too"},
    Definition{Switch::WebhookRetries, "webhook_retries", Kind::Number, "3",
               "further attempts after a failure"},
    Definition{Switch::WebhookRetryMs, "webhook_retry_ms", Kind::Number, "1000", "milliseconds between them"},
    Definition{Switch::WebhookDelayMs, "webhook_delay_ms", Kind::Number, "0",
               "milliseconds before the first attempt"},
    Definition{Switch::WebhookLosePercent, "webhook_lose_percent", Kind::Number, "0", "events never sent"},
    Definition{Switch::WebhookDuplicatePercent, "webhook_duplicate_percent", Kind::Number, "0",
               "events sent twice"},
    Definition{Switch::WebhookOrder, "webhook_order", Kind::Choice, "kept|shuffled",
               "shuffled: any that is due may come next"},
};
static_assert(definitions.size() == static_cast<std::size_t>(Switch::Count));

std::uint64_t parse_number(std::string_view text, std::string_view name) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw std::invalid_argument("switch " + std::string{name} + " takes a whole number, not \"" +
                                std::string{text} + "\"");
  }
  return number;
}

bool one_of(std::string_view choices, std::string_view value) {
  while (true) {
    const auto bar = choices.find('|');
    if (choices.substr(0, bar) == value) return true;
    if (bar == std::string_view::npos) return false;
    choices.remove_prefix(bar + 1);
  }
}

}  // namespace

bool valid_shape(std::string_view text) {
  if (text.size() < 5 || text[3] != '_') return false;
  for (const char c : text.substr(0, 3)) {
    if (c < '0' || c > '9') return false;
  }
  return text[0] >= '2' && text[0] <= '5' && one_of("native|v1|v2|html|text|empty", text.substr(4));
}

AnswerShape parse_shape(std::string_view text) {
  AnswerShape shape;
  shape.status = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
  shape.shape = text.substr(4);
  return shape;
}

Switches::Switches() {
  for (const Definition& definition : definitions) {
    const auto first = definition.kind == Kind::Choice
                           ? definition.values.substr(0, definition.values.find('|'))
                           : definition.values;
    set(definition.name, first);
  }
}

void Switches::set(std::string_view name, std::string_view value) {
  for (const Definition& definition : definitions) {
    if (definition.name != name) continue;
    const auto index = static_cast<std::size_t>(definition.which);
    switch (definition.kind) {
      case Kind::Choice:
        if (!one_of(definition.values, value)) {
          throw std::invalid_argument("switch " + std::string{name} + " takes " +
                                      std::string{definition.values} + ", not \"" + std::string{value} +
                                      "\"");
        }
        // Some choices are numbers, and are asked for as such.
        std::from_chars(value.data(), value.data() + value.size(), numbers_[index]);
        break;
      case Kind::Number:
        numbers_[index] = parse_number(value, name);
        break;
      case Kind::Shape:
        if (!valid_shape(value)) {
          throw std::invalid_argument(
              "switch " + std::string{name} +
              " takes STATUS_SHAPE with a shape of native, v1, v2, html, text or empty "
              "(429_native, say), not \"" +
              std::string{value} + "\"");
        }
        break;
      case Kind::Text:
        break;
    }
    values_[index] = value;
    return;
  }
  throw std::invalid_argument("no switch is called \"" + std::string{name} +
                              "\"; stibee-sim --help lists them");
}

AnswerShape Switches::shape(Switch which) const {
  return parse_shape(text(which));
}

std::vector<std::pair<std::string_view, std::string_view>> Switches::all() const {
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  for (const Definition& definition : definitions)
    pairs.emplace_back(definition.name, text(definition.which));
  return pairs;
}

std::vector<std::pair<std::string_view, std::vector<std::string_view>>> Switches::choices() {
  std::vector<std::pair<std::string_view, std::vector<std::string_view>>> all;
  for (const Definition& definition : definitions) {
    if (definition.kind != Kind::Choice) continue;
    auto& values = all.emplace_back(definition.name, std::vector<std::string_view>()).second;
    auto left = definition.values;
    for (auto bar = left.find('|'); bar != std::string_view::npos; bar = left.find('|')) {
      values.push_back(left.substr(0, bar));
      left.remove_prefix(bar + 1);
    }
    values.push_back(left);
  }
  return all;
}

std::string describe_switches() {
  std::string text;
  for (const Definition& definition : definitions) {
    text += "  ";
    text += definition.name;
    text += " = ";
    text += definition.values;
    if (definition.kind == Kind::Shape) text += " (STATUS_SHAPE)";
    text += "\n      ";
    text += definition.meaning;
    text += '\n';
  }
  return text;
}

}  // namespace stibee_sim

// One switch for each thing that nobody knows about the real Stibee, by name, so that tests can run every
// answer.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sim {

enum class Switch : std::size_t {
  AddressCase,
  EchoAddress,
  EmptyLists,
  LimitAnswer,
  LimitCode,
  LimitRetryAfter,
  LimitKeepRefused,
  V1BadKeyAnswer,
  V2BadKeyAnswer,
  V1UnknownListAnswer,
  V2UnknownListAnswer,
  UnknownListCode,
  UnknownGroupCode,
  V1OversizeAnswer,
  V2OversizeAnswer,
  ContentTypeAnswer,
  V1MaxBody,
  V1MaxPeople,
  V2MaxBody,
  V1ErrorKeys,
  V1EnvelopeKeys,
  V1ActorKey,
  V1FailureStatus,
  V1InnerStatus,
  V1AlreadySubscribed,
  V1ResubscribedIn,
  V1ManualUnsubscribed,
  V1Duplicates,
  V1GroupValue,
  V1GroupMissingPerson,
  V1UnknownGroup,
  V1GroupsOnUpdate,
  V1PlainLists,
  V1PersonDetail,
  V1ConfirmTooMany,
  V1NullValues,
  V1ListsRead,
  V2CodePrefix,
  V2ErrorKeys,
  V2ErrorMessage,
  V2LimitNamespace,
  V2Ok,
  V2UnknownField,
  V2UpdateConsent,
  V2BulkConsent,
  V2Wrapper,
  V2GroupWrapper,
  V2EmptyPage,
  V2GroupIds,
  V2Time,
  V2DefaultStatuses,
  V2Order,
  V2PurgedListed,
  V2Key,
  Plan,
  PlanPeople,
  PlanFullCode,
  WebhookActorKey,
  WebhookId,
  WebhookPeople,
  WebhookEcho,
  WebhookRetries,
  WebhookRetryMs,
  WebhookDelayMs,
  WebhookLosePercent,
  WebhookDuplicatePercent,
  WebhookOrder,
  Count,  // not a switch
};

// An error answer as a switch names it: STATUS_SHAPE, e.g. 429_native, 200_v1, 503_html.
struct AnswerShape {
  int status = 400;
  std::string_view shape;  // native, v1, v2, html, text, empty
};

class Switches {
 public:
  Switches();

  // Throws std::invalid_argument naming the switch and the values it takes.
  void set(std::string_view name, std::string_view value);
  const std::string& text(Switch which) const { return values_[static_cast<std::size_t>(which)]; }
  bool is(Switch which, std::string_view value) const { return text(which) == value; }
  std::uint64_t number(Switch which) const { return numbers_[static_cast<std::size_t>(which)]; }
  AnswerShape shape(Switch which) const;
  std::vector<std::pair<std::string_view, std::string_view>> all() const;
  // Of each switch that is a choice, its values; the first is the default.
  static std::vector<std::pair<std::string_view, std::vector<std::string_view>>> choices();

 private:
  std::array<std::string, static_cast<std::size_t>(Switch::Count)> values_;
  std::array<std::uint64_t, static_cast<std::size_t>(Switch::Count)> numbers_{};
};

bool valid_shape(std::string_view text);
AnswerShape parse_shape(std::string_view text);  // must be valid

}  // namespace stibee_sim

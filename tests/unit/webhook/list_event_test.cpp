#include "stibee_sync/webhook/list_event.hpp"

#include <gmock/gmock.h>

namespace stibee_sync::webhook {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

domain::EmailAddress address(const std::string& text) {
  return domain::EmailAddress::from_normalised(text);
}

ListEvent read(const std::string& body) {
  const auto parsed = parse_event(body);
  const auto* event = std::get_if<ListEvent>(&parsed);
  EXPECT_NE(event, nullptr) << body << ": " << name(std::get<Malformed>(parsed));
  return event == nullptr ? ListEvent{} : *event;
}

std::string refusal(const std::string& body) {
  const auto parsed = parse_event(body);
  const auto* problem = std::get_if<Malformed>(&parsed);
  return problem == nullptr ? "an event" : std::string(name(*problem));
}

std::string with_person(const std::string& person, const std::string& action = "UPDATED") {
  return R"({"id":"4617","action":")" + action + R"(","eventOccurredBy":"SUBSCRIBER","subscribers":[)" +
         person + "]}";
}

TEST(WebhookEvent, ReadsTheExampleOfStibeesHelp) {
  const auto event = read(
      R"({"id":"4617","action":"UNSUBSCRIBED","eventOccurredBy":"SUBSCRIBER",
          "subscribers":[{"email":"Dooly@Example.com ","$unsubscribe_reason":"메일이 너무 많아요"}]})");
  EXPECT_EQ(event.list_id, 4617);
  EXPECT_EQ(event.action, Action::Unsubscribed);
  EXPECT_EQ(event.actor, Actor::Subscriber);
  ASSERT_EQ(event.people.size(), 1u);
  EXPECT_EQ(event.people[0].email, address("dooly@example.com"));
  EXPECT_EQ(event.people[0].reason, "메일이 너무 많아요");
  EXPECT_THAT(event.people[0].fields, IsEmpty());
}

TEST(WebhookEvent, KnowsAllSixActionsInAnyCase) {
  const std::pair<const char*, Action> cases[] = {
      {"SUBSCRIBED", Action::Subscribed},     {"UPDATED", Action::Updated},
      {"UNSUBSCRIBED", Action::Unsubscribed}, {"RESUBSCRIBED", Action::Resubscribed},
      {"DELETED", Action::Deleted},           {"PURGED", Action::Purged},
      {"unsubscribed", Action::Unsubscribed}, {" Purged ", Action::Purged}};
  for (const auto& [word, action] : cases) {
    EXPECT_EQ(read(with_person(R"({"email":"a@example.com"})", word)).action, action) << word;
  }
}

TEST(WebhookEvent, AnUnknownActionIsAnEventAndNeedsNobody) {
  EXPECT_EQ(read(with_person(R"({"email":"a@example.com"})", "OPENED")).action, Action::Other);
  EXPECT_EQ(read(with_person(R"({"email":"a@example.com"})", "OTHER")).action, Action::Other);
  EXPECT_EQ(read(R"({"id":1,"action":"HEARTBEAT"})").action, Action::Other);
  EXPECT_EQ(read(R"({"id":1,"action":"HEARTBEAT","subscribers":[17]})").unusable, 1u);
}

TEST(WebhookEvent, ReadsTheActorUnderEachOfItsNames) {
  for (const std::string key :
       {"eventOccurredBy", "eventOccuredBy", "actionType", "EventOccurredBy", "eventoccuredby"}) {
    const auto event = read(R"({"id":"1","action":"PURGED","subscribers":[],")" + key + R"(":"manual"})");
    EXPECT_EQ(event.actor, Actor::Manual) << key;
  }
  EXPECT_EQ(read(R"({"id":"1","action":"PURGED","subscribers":[],"actionType":"ROBOT"})").actor,
            Actor::Unknown);
  EXPECT_EQ(read(R"({"id":"1","action":"PURGED","subscribers":[],"actionType":7})").actor, Actor::Unknown);
  EXPECT_EQ(read(R"({"id":"1","action":"PURGED","subscribers":[]})").actor, Actor::Unknown);
}

TEST(WebhookEvent, TakesTheListIdAsTextOrNumber) {
  EXPECT_EQ(read(R"({"id":4617,"action":"PURGED","subscribers":[]})").list_id, 4617);
  EXPECT_EQ(read(R"({"ID":" 4617 ","Action":"PURGED","Subscribers":[]})").list_id, 4617);
  for (const std::string id : {R"("")", R"("12x")", "0", "-5", R"("-5")", "1.5", "1e400", "null", "true",
                               "[1]", R"("99999999999999999999")", "99999999999999999999"}) {
    EXPECT_NE(refusal(R"({"id":)" + id + R"(,"action":"PURGED","subscribers":[]})"), "an event") << id;
  }
}

TEST(WebhookEvent, ReadsSeveralPeopleAndCountsThoseWithoutAnAddress) {
  const auto event = read(with_person(
      R"({"email":"a@example.com"},{"name":"nobody"},"b@example.com",null,17,{"email":"no address"},{"email":5},
         {"EMAIL":"c@example.com"})",
      "UNSUBSCRIBED"));
  ASSERT_EQ(event.people.size(), 3u);
  EXPECT_EQ(event.people[1].email, address("b@example.com"));
  EXPECT_EQ(event.people[2].email, address("c@example.com"));
  EXPECT_EQ(event.unusable, 5u);
}

TEST(WebhookEvent, OfAnAddressThatComesTwiceTheLastOneCounts) {
  const auto event = read(with_person(
      R"({"email":"a@example.com","$unsubscribe_reason":"1"},{"email":"b@example.com"},
         {"email":"A@example.com","$unsubscribe_reason":"2"})"));
  ASSERT_EQ(event.people.size(), 2u);
  EXPECT_EQ(event.people[0].reason, "2");
}

TEST(WebhookEvent, CustomFieldsBecomeText) {
  const auto event = read(with_person(
      R"({"email":"a@example.com","name":"둘리","age":41,"ratio":1.5,"vip":true,"late":false,"phone":null,
          "tags":["x"],"$status":"S","$ad_agreed":"Y","old_email":"b@example.com","memo":"a\u0000b\nc"})"));
  ASSERT_EQ(event.people.size(), 1u);
  const auto& person = event.people[0];
  EXPECT_THAT(person.fields,
              ElementsAre(domain::FieldValue{"name", "둘리"}, domain::FieldValue{"age", "41"},
                          domain::FieldValue{"ratio", "1.5"}, domain::FieldValue{"vip", "true"},
                          domain::FieldValue{"late", "false"}, domain::FieldValue{"phone", ""},
                          domain::FieldValue{"memo", "ab\nc"}));
  EXPECT_EQ(person.ad_agreed, true);
  EXPECT_EQ(person.old_email, address("b@example.com"));
}

TEST(WebhookEvent, ReadsConsentInEitherForm) {
  EXPECT_EQ(read(with_person(R"({"email":"a@example.com","$ad_agreed":"n"})")).people[0].ad_agreed, false);
  EXPECT_EQ(read(with_person(R"({"email":"a@example.com","stb_ad_agreement":true})")).people[0].ad_agreed,
            true);
  EXPECT_EQ(read(with_person(R"({"email":"a@example.com","$ad_agreed":"perhaps"})")).people[0].ad_agreed,
            std::nullopt);
}

TEST(WebhookEvent, AnOldAddressThatIsTheSameIsNoChange) {
  EXPECT_EQ(read(with_person(R"({"email":"a@example.com","old_email":"A@example.com"})")).people[0].old_email,
            std::nullopt);
  EXPECT_EQ(read(with_person(R"({"email":"a@example.com","old_email":"?"})")).people[0].old_email,
            std::nullopt);
}

TEST(WebhookEvent, AReasonIsOneLine) {
  EXPECT_EQ(read(with_person(R"({"email":"a@example.com","$unsubscribe_reason":"too\nmuch\u0000"})"))
                .people[0]
                .reason,
            "too much ");
}

TEST(WebhookEvent, ALongReasonIsCutBetweenCharacters) {
  std::string reason;
  for (int i = 0; i < 400; ++i)
    reason += "가";
  const auto cut = read(with_person(R"({"email":"a@example.com","$unsubscribe_reason":")" + reason + R"("})"))
                       .people[0]
                       .reason;
  EXPECT_EQ(cut.size(), 498u);
  EXPECT_EQ(cut, reason.substr(0, 498));
}

TEST(WebhookEvent, WhatMakesNoSenseIsRefusedByName) {
  EXPECT_EQ(refusal(""), "no_json");
  EXPECT_EQ(refusal("{"), "no_json");
  EXPECT_EQ(refusal("id=1&action=PURGED"), "no_json");
  EXPECT_EQ(refusal(std::string(60'000, '[')), "no_json");
  EXPECT_EQ(refusal("\"\xff\""), "no_json");
  EXPECT_EQ(refusal("[]"), "no_object");
  EXPECT_EQ(refusal("17"), "no_object");
  EXPECT_EQ(refusal("{}"), "no_list_id");
  EXPECT_EQ(refusal(R"({"id":"1"})"), "no_action");
  EXPECT_EQ(refusal(R"({"id":"1","action":7})"), "no_action");
  EXPECT_EQ(refusal(R"({"id":"1","action":" "})"), "no_action");
  EXPECT_EQ(refusal(R"({"id":"1","action":"UNSUBSCRIBED"})"), "no_people");
  EXPECT_EQ(refusal(R"({"id":"1","action":"UNSUBSCRIBED","subscribers":null})"), "no_people");
  EXPECT_EQ(refusal(R"({"id":"1","action":"UNSUBSCRIBED","subscribers":{"email":"a@b.c"}})"), "no_people");
  EXPECT_EQ(refusal(R"({"id":"1","action":"UNSUBSCRIBED","subscribers":[{"email":"?"}]})"), "no_people");
}

TEST(WebhookEvent, AnEmptyListIsAnEventThatConcernsNobody) {
  EXPECT_THAT(read(R"({"id":"1","action":"UNSUBSCRIBED","subscribers":[]})").people, IsEmpty());
}

TEST(ListEvent, a_byte_order_mark_before_an_opt_out_does_not_lose_it) {
  const auto parsed = parse_event(
      "\xef\xbb\xbf"
      R"({"id":"4617","action":"UNSUBSCRIBED","subscribers":["a@example.com"]})");
  const auto* event = std::get_if<ListEvent>(&parsed);
  ASSERT_NE(event, nullptr);
  EXPECT_EQ(event->people.size(), 1U);
}

}  // namespace
}  // namespace stibee_sync::webhook

// Webhooks of the simulated Stibee, and edits in its web pages.

#include "model_fixture.hpp"

namespace stibee_sim::testing {

class WebhooksTest : public ModelTest {
 protected:
  void SetUp() override { model.set_webhook("1234", "http://127.0.0.1:1/hook"); }

  // The bodies that are due, all taken well.
  std::vector<json::value> events() {
    std::vector<json::value> bodies;
    for (const auto& delivery : model.take_webhooks(now)) {
      bodies.push_back(json::parse(delivery.body));
      model.webhook_answered(delivery.id, true, now);
    }
    return bodies;
  }
  json::value only_event() {
    const auto all = events();
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? json::value{} : all.front();
  }
  std::size_t edit(const std::string& json_text) {
    const auto answer = control("POST", "/_sim/people", json_text);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return static_cast<std::size_t>(json::parse(answer.body).at("changed").as_int64());
  }
};

TEST_F(WebhooksTest, OurOwnCallsComeBackAsEchoes) {
  v1_subscribe(R"([{"email":"a@x.kr","name":"n"},{"email":"b@x.kr"}])");
  const auto subscribed = only_event();
  EXPECT_EQ(subscribed.at("id").as_string(), "1234");
  EXPECT_EQ(subscribed.at("action").as_string(), "SUBSCRIBED");
  EXPECT_EQ(subscribed.at("eventOccurredBy").as_string(), "MANUAL");
  EXPECT_EQ(subscribed.at("subscribers").as_array().size(), 2U);
  EXPECT_EQ(subscribed.at("subscribers").as_array().at(0).at("name").as_string(), "n");
  v1_unsubscribe(R"(["a@x.kr"])");
  EXPECT_EQ(only_event().at("action").as_string(), "UNSUBSCRIBED");
  v1_by_subscriber(R"([{"email":"a@x.kr"}])");
  const auto back = only_event();
  EXPECT_EQ(back.at("action").as_string(), "RESUBSCRIBED");
  EXPECT_EQ(back.at("eventOccurredBy").as_string(), "SUBSCRIBER");
  v1_delete(R"(["a@x.kr"])");
  EXPECT_EQ(only_event().at("action").as_string(), "PURGED");
  model.set_switch("webhook_echo", "no");
  v1_delete(R"(["b@x.kr"])");
  EXPECT_TRUE(events().empty());
}

TEST_F(WebhooksTest, V2CallsEchoToo) {
  call("POST", "/v2/lists/1234/subscribers", R"({"subscriber":{"email":"a@x.kr","status":"subscribed"}})");
  EXPECT_EQ(only_event().at("action").as_string(), "SUBSCRIBED");
  call("PUT", "/v2/lists/1234/subscribers/a@x.kr", R"({"fields":{"name":"n"}})");
  EXPECT_EQ(only_event().at("action").as_string(), "UPDATED");
  call("POST", "/v2/lists/1234/subscribers/a@x.kr/unsubscribe", "");
  EXPECT_EQ(only_event().at("action").as_string(), "UNSUBSCRIBED");
  call("DELETE", "/v2/lists/1234/subscribers", R"({"subscribers":["a@x.kr"]})");
  EXPECT_EQ(only_event().at("action").as_string(), "PURGED");
}

TEST_F(WebhooksTest, ListsWithoutAWebhookAreSilent) {
  call("POST", "/v1/lists/5678/subscribers", R"({"subscribers":[{"email":"a@x.kr"}]})");
  EXPECT_TRUE(events().empty());
}

TEST_F(WebhooksTest, EveryEditInTheWebPageHasItsEvent) {
  EXPECT_EQ(
      edit(R"({"list":1234,"action":"add","emails":["a@x.kr","b@x.kr"],"fields":{"name":"n"},"group":77})"),
      2U);
  EXPECT_EQ(only_event().at("action").as_string(), "SUBSCRIBED");
  EXPECT_EQ(person("b@x.kr").groups, std::vector<std::uint64_t>{77});
  EXPECT_EQ(edit(R"({"list":"1234","action":"unsubscribe","email":"a@x.kr","reason":"too much"})"), 1U);
  const auto left = only_event();
  EXPECT_EQ(left.at("eventOccurredBy").as_string(), "SUBSCRIBER");
  EXPECT_EQ(left.at("subscribers").as_array().at(0).at("$unsubscribe_reason").as_string(), "too much");
  EXPECT_EQ(edit(R"({"list":"1234","action":"unsubscribe","email":"a@x.kr"})"), 0U);
  EXPECT_TRUE(events().empty());
  EXPECT_EQ(edit(R"({"list":"1234","action":"resubscribe","email":"a@x.kr"})"), 1U);
  EXPECT_EQ(only_event().at("action").as_string(), "RESUBSCRIBED");
  EXPECT_EQ(
      edit(R"({"list":"1234","action":"edit","email":"a@x.kr","fields":{"name":"m"},"ad_agreed":true})"), 1U);
  EXPECT_EQ(only_event().at("subscribers").as_array().at(0).at("name").as_string(), "m");
  EXPECT_EQ(edit(R"({"list":"1234","action":"change_email","email":"a@x.kr","new_email":"c@x.kr"})"), 1U);
  EXPECT_EQ(only_event().at("subscribers").as_array().at(0).at("old_email").as_string(), "a@x.kr");
  EXPECT_FALSE(in_list("a@x.kr"));
  EXPECT_EQ(person("c@x.kr").fields.at("name"), "m");
  EXPECT_EQ(edit(R"({"list":"1234","action":"auto_delete","email":"c@x.kr"})"), 1U);
  EXPECT_EQ(only_event().at("action").as_string(), "DELETED");
  EXPECT_EQ(person("c@x.kr").status, Status::Archived);
  EXPECT_EQ(
      edit(
          R"([{"list":"1234","action":"purge","email":"c@x.kr"},{"list":"1234","action":"purge","email":"b@x.kr"}])"),
      2U);
  EXPECT_EQ(events().size(), 2U);
  EXPECT_EQ(model.people("1234"), 0U);
}

TEST_F(WebhooksTest, GroupsAreEditedWithoutEvents) {
  edit(R"({"list":"1234","action":"add","email":"a@x.kr"})");
  events();
  EXPECT_EQ(edit(R"({"list":"1234","action":"add_group","group_name":"hand-made"})"), 1U);
  EXPECT_EQ(edit(R"({"list":"1234","action":"assign_group","group":79,"email":"a@x.kr"})"), 1U);
  EXPECT_EQ(person("a@x.kr").groups, std::vector<std::uint64_t>{79});
  EXPECT_EQ(edit(R"({"list":"1234","action":"release_group","group":79,"email":"a@x.kr"})"), 1U);
  EXPECT_EQ(edit(R"({"list":"1234","action":"remove_group","group":79})"), 1U);
  EXPECT_TRUE(events().empty());
}

TEST_F(WebhooksTest, TheActorAndTheIdComeInEverySpelling) {
  for (const char* key : {"eventOccurredBy", "eventOccuredBy", "actionType"}) {
    model.set_switch("webhook_actor_key", key);
    edit(R"({"list":"1234","action":"add","email":")" + std::string{key} + R"(@x.kr"})");
    EXPECT_EQ(only_event().at(key).as_string(), "MANUAL");
  }
  model.set_switch("webhook_id", "number");
  edit(R"({"list":"1234","action":"add","email":"z@x.kr"})");
  EXPECT_EQ(only_event().at("id").as_int64(), 1234);
}

TEST_F(WebhooksTest, ManyPeopleAreSpreadOverEvents) {
  v1_subscribe(many(250));
  EXPECT_EQ(events().size(), 3U);
  model.set_switch("webhook_people", "0");
  v1_unsubscribe(R"(["u0@example.com","u1@example.com","u2@example.com"])");
  EXPECT_EQ(only_event().at("subscribers").as_array().size(), 3U);
}

TEST_F(WebhooksTest, AFailedDeliveryIsRetriedThreeTimes) {
  edit(R"({"list":"1234","action":"add","email":"a@x.kr"})");
  for (unsigned attempt = 1; attempt <= 4; ++attempt) {
    const auto due = model.take_webhooks(now);
    ASSERT_EQ(due.size(), 1U) << attempt;
    EXPECT_EQ(due[0].attempt, attempt);
    EXPECT_TRUE(model.take_webhooks(now).empty());
    model.webhook_answered(due[0].id, false, now);
    if (attempt < 4) {
      ASSERT_TRUE(model.next_webhook().has_value());
      now = *model.next_webhook();
    }
  }
  EXPECT_FALSE(model.next_webhook().has_value());
  EXPECT_EQ(json::parse(control("GET", "/_sim/stats").body).at("webhooks").at("given_up").as_int64(), 1);
}

TEST_F(WebhooksTest, AResetOfThePeopleTakesTheirEventsAlong) {
  edit(R"({"list":"1234","action":"add","email":"a@x.kr"})");
  const auto under_way = model.take_webhooks(now);
  ASSERT_EQ(under_way.size(), 1U);
  edit(R"({"list":"1234","action":"unsubscribe","email":"a@x.kr"})");
  EXPECT_EQ(control("POST", "/_sim/reset", R"({"only":["people"]})").status, 200);
  model.webhook_answered(under_way[0].id, false, now);
  now += std::chrono::hours(1);
  EXPECT_TRUE(model.take_webhooks(now).empty());
}

TEST_F(WebhooksTest, EventsCanBeLateLostAndDoubled) {
  model.set_switch("webhook_delay_ms", "500");
  edit(R"({"list":"1234","action":"add","email":"a@x.kr"})");
  EXPECT_TRUE(events().empty());
  now += std::chrono::milliseconds{500};
  EXPECT_EQ(events().size(), 1U);
  model.set_switch("webhook_delay_ms", "0");
  model.set_switch("webhook_duplicate_percent", "100");
  edit(R"({"list":"1234","action":"add","email":"b@x.kr"})");
  EXPECT_EQ(events().size(), 2U);
  model.set_switch("webhook_lose_percent", "100");
  edit(R"({"list":"1234","action":"add","email":"c@x.kr"})");
  EXPECT_TRUE(events().empty());
}

TEST_F(WebhooksTest, ConfirmingIsWhatSubscribesSomebodyReady) {
  v1_subscribe(R"([{"email":"a@x.kr"}])", R"(,"confirmEmailYN":"Y")");
  EXPECT_TRUE(events().empty());
  edit(R"({"list":"1234","action":"confirm","email":"a@x.kr"})");
  const auto event = only_event();
  EXPECT_EQ(event.at("action").as_string(), "SUBSCRIBED");
  EXPECT_EQ(event.at("eventOccurredBy").as_string(), "SUBSCRIBER");
}

}  // namespace stibee_sim::testing

#include "recipients.hpp"
#include "stibee_sync/json/value.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::delivery {
namespace {

using domain::OperationKind;
using testing_support::address;
using testing_support::operation;
using testing_support::recipient;
using testing_support::recipients;

PackedCall pack(const std::vector<Recipient>& people, V1Options options = {}) {
  return make_v1(options)->pack(77, people);
}

TEST(V1Request, a_subscribe_is_an_object_sent_as_the_administrator) {
  const auto call = pack({recipient("a@example.com", operation(OperationKind::Subscribe, {12, 345}),
                                    {{"name", "고길동"}, {"phone", ""}}, true),
                          recipient("b@example.com", operation(OperationKind::Subscribe, {12, 345}),
                                    {{"name", "b\"\\"}}, false)});
  EXPECT_EQ(call.taken, 2u);
  EXPECT_EQ(call.request.method, "POST");
  EXPECT_EQ(call.request.target, "/v1/lists/77/subscribers");
  EXPECT_EQ(call.request.endpoint, Endpoint::Subscribe);
  EXPECT_EQ(call.request.limiter_class, LimiterClass::All);
  EXPECT_EQ(call.request.body,
            R"({"eventOccurredBy":"MANUAL","confirmEmailYN":"N","groupIds":["12","345"],"subscribers":[)"
            R"({"email":"a@example.com","name":"고길동","phone":"","$ad_agreed":"Y"},)"
            R"({"email":"b@example.com","name":"b\"\\","$ad_agreed":"N"}]})");
}

TEST(V1Request, without_groups_and_a_mapped_consent_neither_is_mentioned) {
  const auto call = pack({recipient("a@example.com", operation(OperationKind::Subscribe))});
  EXPECT_EQ(call.request.body,
            R"({"eventOccurredBy":"MANUAL","confirmEmailYN":"N","subscribers":[{"email":"a@example.com"}]})");
}

TEST(V1Request, updates_ride_with_subscribes_without_groups) {
  const auto call = pack({recipient("a@example.com", operation(OperationKind::Update), {{"name", "x"}}),
                          recipient("b@example.com", operation(OperationKind::Subscribe), {{"name", "y"}})});
  EXPECT_EQ(call.taken, 2u);
}

TEST(V1Request, an_update_carries_the_values_as_the_administrator) {
  const auto call =
      pack({recipient("a@example.com", operation(OperationKind::Update), {{"name", "x"}}, true)});
  EXPECT_EQ(call.request.target, "/v1/lists/77/subscribers");
  EXPECT_EQ(call.request.body, R"({"eventOccurredBy":"MANUAL","confirmEmailYN":"N","subscribers":[)"
                               R"({"email":"a@example.com","name":"x","$ad_agreed":"Y"}]})");
}

TEST(V1Request, only_a_resubscribe_is_sent_as_the_subscriber) {
  const auto call = pack({recipient("a@example.com", operation(OperationKind::Resubscribe, {5}))});
  EXPECT_EQ(call.request.target, "/v1/lists/77/subscribers");
  EXPECT_EQ(call.request.body,
            R"({"eventOccurredBy":"SUBSCRIBER","eventOccuredBy":"SUBSCRIBER","confirmEmailYN":"N",)"
            R"("groupIds":["5"],)"
            R"("subscribers":[{"email":"a@example.com"}]})");
}

TEST(V1Request, the_other_calls_carry_an_array_of_addresses) {
  const struct {
    domain::Operation op;
    const char* method;
    const char* target;
    Endpoint endpoint;
  } cases[] = {
      {operation(OperationKind::Unsubscribe), "PUT", "/v1/lists/77/subscribers/unsubscribe",
       Endpoint::Unsubscribe},
      {operation(OperationKind::Delete), "DELETE", "/v1/lists/77/subscribers", Endpoint::Delete},
      {operation(OperationKind::AssignGroup, {9}), "POST", "/v1/lists/77/groups/9/subscribers/assign",
       Endpoint::GroupAssign},
      {operation(OperationKind::ReleaseGroup, {9}), "POST", "/v1/lists/77/groups/9/subscribers/release",
       Endpoint::GroupRelease},
  };
  for (const auto& one : cases) {
    const auto call = pack(recipients(one.op, {"a@example.com", "b@example.com"}));
    EXPECT_EQ(call.request.method, one.method);
    EXPECT_EQ(call.request.target, one.target);
    EXPECT_EQ(call.request.endpoint, one.endpoint);
    EXPECT_EQ(call.request.body, R"(["a@example.com","b@example.com"])");
  }
}

TEST(V1Request, a_confirmation_is_asked_of_at_most_ten_people_a_call) {
  auto op = operation(OperationKind::Subscribe);
  op.confirm = true;
  std::vector<Recipient> people;
  for (int i = 0; i < 12; ++i)
    people.push_back(recipient(address(i), op));
  const auto call = pack(people);
  EXPECT_EQ(call.taken, 10u);
  EXPECT_EQ(make_v1()->max_people(op), 10u);
  EXPECT_TRUE(
      call.request.body.starts_with(R"({"eventOccurredBy":"MANUAL","confirmEmailYN":"Y","subscribers":[)"));
}

TEST(V1Request, a_field_can_replace_neither_the_address_nor_the_consent) {
  const auto call =
      pack({recipient("a@example.com", operation(OperationKind::Subscribe),
                      {{"Email", "evil@example.com"}, {"$ad_agreed", "Y"}, {"x", "1"}}, false)});
  EXPECT_EQ(call.request.body, R"({"eventOccurredBy":"MANUAL","confirmEmailYN":"N","subscribers":[)"
                               R"({"email":"a@example.com","x":"1","$ad_agreed":"N"}]})");
}

TEST(V1Request, takes_at_most_2000_people_and_only_those_of_one_shape) {
  std::vector<Recipient> people;
  for (int i = 0; i < 2500; ++i)
    people.push_back(recipient(address(i), operation(OperationKind::Unsubscribe)));
  EXPECT_EQ(pack(people).taken, 2000u);
  EXPECT_EQ(make_v1()->max_people(operation(OperationKind::Unsubscribe)), 2000u);

  EXPECT_EQ(pack({recipient("a@example.com", operation(OperationKind::Subscribe, {1})),
                  recipient("b@example.com", operation(OperationKind::Subscribe, {2}))})
                .taken,
            1u);
  EXPECT_EQ(pack({recipient("a@example.com", operation(OperationKind::Subscribe)),
                  recipient("b@example.com", operation(OperationKind::Unsubscribe))})
                .taken,
            1u);
}

TEST(V1Request, never_exceeds_the_size_limit_by_exact_bytes_and_uses_it_up) {
  std::vector<Recipient> people;
  for (int i = 0; i < 300; ++i) {
    people.push_back(recipient(address(i), operation(OperationKind::Subscribe, {1}),
                               {{"name", std::string(static_cast<std::size_t>(i % 17), '"') + "\n가\xff"}},
                               true));
  }
  for (std::size_t limit = 200; limit < 3000; limit += 7) {
    V1Options options;
    options.max_bytes = limit;
    const auto call = pack(people, options);
    ASSERT_GT(call.taken, 0u) << limit;
    ASSERT_LE(call.request.body.size(), limit);
    ASSERT_TRUE(json::parse(call.request.body));
    options.max_bytes = call.request.body.size();
    ASSERT_EQ(pack(people, options).taken, call.taken) << "a body of exactly the limit is allowed";
    --options.max_bytes;
    ASSERT_EQ(pack(people, options).taken, call.taken - 1);
  }
}

TEST(V1Request, the_default_limit_is_256_KB) {
  std::vector<Recipient> people;
  for (int i = 0; i < 2000; ++i) {
    people.push_back(
        recipient(address(i), operation(OperationKind::Subscribe), {{"note", std::string(200, 'x')}}));
  }
  const auto call = pack(people);
  EXPECT_LT(call.taken, 2000u);
  EXPECT_LE(call.request.body.size(), 256u * 1024);
  EXPECT_GT(call.request.body.size(), 256u * 1024 - 300);
}

TEST(V1Request, somebody_too_large_to_send_alone_is_reported_by_taking_nobody) {
  const auto call = pack({recipient("a@example.com", operation(OperationKind::Subscribe),
                                    {{"note", std::string(300 * 1024, 'x')}}),
                          recipient("b@example.com", operation(OperationKind::Subscribe))});
  EXPECT_EQ(call.taken, 0u);
  EXPECT_TRUE(call.request.body.empty());
}

TEST(V1Request, the_probe_asks_for_the_lists) {
  const auto dialect = make_v1();
  EXPECT_EQ(dialect->probe().method, "GET");
  EXPECT_EQ(dialect->probe().endpoint, Endpoint::Lists);
  EXPECT_EQ(dialect->probe().limiter_class, LimiterClass::All);
  EXPECT_EQ(dialect->probe().target, "/v1/lists");
  EXPECT_TRUE(dialect->probe().body.empty());
  EXPECT_TRUE(dialect->can_resubscribe());
  EXPECT_EQ(dialect->max_address_length(), 254u);
}

TEST(V1Request, nobody_takes_no_call) {
  const auto call = pack({});
  EXPECT_EQ(call.taken, 0u);
  EXPECT_TRUE(call.request.target.empty());
}

TEST(V1Request, a_consent_that_does_not_ride_is_not_sent) {
  auto op = operation(OperationKind::Subscribe);
  op.consent = domain::ConsentRide::NotSent;
  EXPECT_EQ(pack({recipient("a@example.com", op, {}, true)}).request.body,
            R"({"eventOccurredBy":"MANUAL","confirmEmailYN":"N","subscribers":[{"email":"a@example.com"}]})");
}

TEST(V1Request, who_is_to_confirm_shares_no_call_with_who_is_not) {
  auto confirm = operation(OperationKind::Subscribe);
  confirm.confirm = true;
  const auto plain = operation(OperationKind::Subscribe);
  EXPECT_EQ(pack({recipient("a@example.com", plain), recipient("b@example.com", confirm)}).taken, 1u);
  EXPECT_EQ(pack({recipient("a@example.com", confirm), recipient("b@example.com", plain)}).taken, 1u);
}

TEST(V1Request, a_call_of_nobody_at_most_takes_one_all_the_same) {
  V1Options options;
  options.max_people = 0;
  EXPECT_EQ(make_v1(options)->max_people(operation(OperationKind::Subscribe)), 1u);
  EXPECT_EQ(make_v1()->groups_with_subscribe(), true);
  EXPECT_EQ(make_v1()->consent_alone(), false);
}

}  // namespace
}  // namespace stibee_sync::delivery

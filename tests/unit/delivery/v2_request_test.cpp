#include "recipients.hpp"
#include "stibee_sync/json/value.hpp"
#include "stibee_sync/ledger/placement.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::delivery {
namespace {

using domain::ConsentRide;
using domain::OperationKind;
using testing_support::address;
using testing_support::recipient;
using testing_support::recipients;

domain::Operation operation(OperationKind kind, ConsentRide consent = ConsentRide::NotSent) {
  domain::Operation result;
  result.kind = kind;
  result.consent = consent;
  if (kind == OperationKind::AssignGroup || kind == OperationKind::ReleaseGroup) result.groups = {9};
  return result;
}

PackedCall pack(const std::vector<Recipient>& people, V2Options options = {}) {
  return make_v2(options)->pack(77, people);
}

void expect(const ApiRequest& request, const char* method, const char* target, const char* body,
            Endpoint endpoint, LimiterClass limiter_class = LimiterClass::Other) {
  EXPECT_EQ(request.method, method);
  EXPECT_EQ(request.target, target);
  EXPECT_EQ(request.body, body);
  EXPECT_EQ(name(request.endpoint), name(endpoint));
  EXPECT_EQ(name(request.limiter_class), name(limiter_class));
}

TEST(V2Request, a_lone_person_is_added_by_a_single_call) {
  const auto call = pack({recipient("a+b@example.com", operation(OperationKind::Subscribe),
                                    {{"name", "고길동"}, {"age", "45"}}, false)});
  EXPECT_EQ(call.taken, 1u);
  expect(
      call.request, "POST", "/v2/lists/77/subscribers",
      R"({"subscriber":{"email":"a+b@example.com","status":"subscribed","fields":{"name":"고길동","age":"45"}},)"
      R"("updateEnabled":true})",
      Endpoint::Subscribe);
}

TEST(V2Request, a_consent_that_must_be_sent_goes_with_the_single_add_call) {
  for (const auto kind : {OperationKind::Subscribe, OperationKind::Update}) {
    const auto call = pack({recipient("a@example.com", operation(kind, ConsentRide::Alone), {}, true)});
    expect(
        call.request, "POST", "/v2/lists/77/subscribers",
        R"({"subscriber":{"email":"a@example.com","status":"subscribed","marketingAllowed":true,"fields":{}},)"
        R"("updateEnabled":true})",
        Endpoint::Subscribe);
  }
}

TEST(V2Request, several_people_go_by_a_bulk_call_that_never_carries_a_consent) {
  const auto call =
      pack({recipient("a@example.com", operation(OperationKind::Subscribe), {{"name", "a"}}, false),
            recipient("b@example.com", operation(OperationKind::Update), {{"name", "b"}}, true)});
  EXPECT_EQ(call.taken, 2u);
  expect(call.request, "POST", "/v2/lists/77/subscribers/batch",
         R"({"subscribers":[{"email":"a@example.com","status":"subscribed","fields":{"name":"a"}},)"
         R"({"email":"b@example.com","status":"subscribed","fields":{"name":"b"}}],"updateEnabled":true})",
         Endpoint::SubscribeBulk, LimiterClass::Bulk);
}

TEST(V2Request, a_lone_update_of_values_uses_the_update_call_with_the_address_escaped) {
  const auto call =
      pack({recipient("a+b/c@example.com", operation(OperationKind::Update), {{"name", "x"}}, true)});
  expect(call.request, "PUT", "/v2/lists/77/subscribers/a%2Bb%2Fc%40example.com",
         R"({"fields":{"name":"x"}})", Endpoint::Update);
}

TEST(V2Request, unsubscribing_and_groups_take_one_person_a_call) {
  expect(pack(recipients(operation(OperationKind::Unsubscribe), {"a@example.com", "b@example.com"})).request,
         "POST", "/v2/lists/77/subscribers/a%40example.com/unsubscribe", "", Endpoint::Unsubscribe);
  expect(pack(recipients(operation(OperationKind::AssignGroup), {"a@example.com", "b@example.com"})).request,
         "POST", "/v2/lists/77/groups/9/assign", R"({"subscriber":"a@example.com"})", Endpoint::GroupAssign);
  expect(pack(recipients(operation(OperationKind::ReleaseGroup), {"a@example.com"})).request, "POST",
         "/v2/lists/77/groups/9/release", R"({"subscriber":"a@example.com"})", Endpoint::GroupRelease);
}

TEST(V2Request, up_to_100_people_are_deleted_by_one_call) {
  expect(pack(recipients(operation(OperationKind::Delete), {"a@example.com", "b@example.com"})).request,
         "DELETE", "/v2/lists/77/subscribers", R"({"subscribers":["a@example.com","b@example.com"]})",
         Endpoint::Delete);
  expect(pack(recipients(operation(OperationKind::Delete), {"a@example.com"})).request, "DELETE",
         "/v2/lists/77/subscribers", R"({"subscribers":["a@example.com"]})", Endpoint::Delete);
  std::vector<Recipient> people;
  for (int i = 0; i < 150; ++i)
    people.push_back(recipient(address(i), operation(OperationKind::Delete)));
  EXPECT_EQ(pack(people).taken, 100u);
}

TEST(V2Request, a_confirmation_is_asked_of_one_person_a_call) {
  auto op = operation(OperationKind::Subscribe);
  op.confirm = true;
  expect(
      pack({recipient("a@example.com", op, {{"name", "x"}}, true), recipient("b@example.com", op)}).request,
      "POST", "/v2/lists/77/subscribers/double-optin",
      R"({"subscriber":{"email":"a@example.com","fields":{"name":"x"}}})", Endpoint::DoubleOptin);
}

TEST(V2Request, each_operation_has_its_capacity_and_limiter_class) {
  const auto v2 = make_v2();
  const auto expect_capacity = [&](const domain::Operation& op, std::size_t most, LimiterClass of_one,
                                   LimiterClass of_most) {
    EXPECT_EQ(v2->max_people(op), most);
    EXPECT_EQ(name(v2->limiter_class(op, 1)), name(of_one));
    EXPECT_EQ(name(v2->limiter_class(op, most)), name(of_most));
  };
  using enum LimiterClass;
  expect_capacity(operation(OperationKind::Subscribe), 1000, Other, Bulk);
  expect_capacity(operation(OperationKind::Update), 1000, Other, Bulk);
  expect_capacity(operation(OperationKind::Subscribe, ConsentRide::Alone), 1, Other, Other);
  expect_capacity(ledger::operation_of_shape("subscribe_confirm:"), 1, Other, Other);
  expect_capacity(ledger::operation_of_shape("subscribe:"), 1000, Other, Bulk);
  expect_capacity(operation(OperationKind::Unsubscribe), 1, Other, Other);
  expect_capacity(operation(OperationKind::Delete), 100, Other, Other);
  expect_capacity(operation(OperationKind::AssignGroup), 1, Other, Other);
  EXPECT_FALSE(v2->can_resubscribe());
  EXPECT_FALSE(v2->groups_with_subscribe());
  EXPECT_TRUE(v2->consent_alone());
  EXPECT_EQ(v2->max_address_length(), 64u);
}

TEST(V2Request, a_bulk_call_takes_at_most_1000_people_and_never_exceeds_its_bytes) {
  std::vector<Recipient> people;
  for (int i = 0; i < 1200; ++i)
    people.push_back(recipient(address(i), operation(OperationKind::Subscribe), {{"note", "\"가\n"}}));
  EXPECT_EQ(pack(people).taken, 1000u);
  for (std::size_t limit = 300; limit < 3000; limit += 11) {
    V2Options options;
    options.max_bytes = limit;
    const auto call = pack(people, options);
    ASSERT_GT(call.taken, 1u);
    ASSERT_LE(call.request.body.size(), limit);
    ASSERT_TRUE(json::parse(call.request.body));
    options.max_bytes = call.request.body.size();
    ASSERT_EQ(pack(people, options).taken, call.taken);
    --options.max_bytes;
    ASSERT_EQ(pack(people, options).taken, call.taken - 1);
  }
}

TEST(V2Request, who_is_left_alone_by_the_limits_goes_by_a_single_call) {
  const std::vector<Recipient> people = {
      recipient("a@example.com", operation(OperationKind::Subscribe)),
      recipient("b@example.com", operation(OperationKind::Subscribe), {{"note", std::string(400, 'x')}})};
  V2Options options;
  options.max_bytes = 300;
  const auto call = pack(people, options);
  EXPECT_EQ(call.taken, 1u);
  EXPECT_EQ(call.request.endpoint, Endpoint::Subscribe);
  EXPECT_EQ(call.request.limiter_class, LimiterClass::Other);
  EXPECT_EQ(pack({people[1], people[0]}, options).taken, 0u);
}

TEST(V2Request, a_consent_alone_never_shares_a_call) {
  EXPECT_EQ(
      pack({recipient("a@example.com", operation(OperationKind::Subscribe)),
            recipient("b@example.com", operation(OperationKind::Subscribe, ConsentRide::Alone), {}, true)})
          .taken,
      1u);
  EXPECT_EQ(
      pack({recipient("b@example.com", operation(OperationKind::Subscribe, ConsentRide::Alone), {}, true),
            recipient("a@example.com", operation(OperationKind::Subscribe, ConsentRide::Alone), {}, true)})
          .taken,
      1u);
}

}  // namespace
}  // namespace stibee_sync::delivery

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

TEST(V2Request, nobody_takes_no_call) {
  EXPECT_EQ(pack({}).taken, 0u);
  EXPECT_TRUE(pack({}).request.target.empty());
}

TEST(V2Request, a_consent_is_sent_as_it_is_and_not_where_it_is_not_to_ride) {
  const auto no =
      pack({recipient("a@example.com", operation(OperationKind::Subscribe, ConsentRide::Alone), {}, false)});
  EXPECT_EQ(
      no.request.body,
      R"({"subscriber":{"email":"a@example.com","status":"subscribed","marketingAllowed":false,"fields":{}},)"
      R"("updateEnabled":true})");
  const auto unmapped =
      pack({recipient("a@example.com", operation(OperationKind::Update, ConsentRide::Alone))});
  EXPECT_EQ(unmapped.request.endpoint, Endpoint::Update);
}

Recipient in_bulk(const std::string& email, const domain::Operation& op, domain::FieldValues fields = {}) {
  auto result = recipient(email, op, std::move(fields));
  result.in_bulk = true;
  return result;
}

TEST(V2Request, somebody_alone_goes_by_the_bulk_call_where_told_so) {
  const auto call = pack({in_bulk("a@example.com", operation(OperationKind::Subscribe))});
  EXPECT_EQ(call.taken, 1u);
  expect(
      call.request, "POST", "/v2/lists/77/subscribers/batch",
      R"({"subscribers":[{"email":"a@example.com","status":"subscribed","fields":{}}],"updateEnabled":true})",
      Endpoint::SubscribeBulk, LimiterClass::Bulk);
}

TEST(V2Request, somebody_who_can_go_by_no_bulk_call_goes_alone_whatever_was_told) {
  const auto endpoint = [](const domain::Operation& op) {
    return pack({in_bulk("a@example.com", op)}).request.endpoint;
  };
  auto confirm = operation(OperationKind::Subscribe);
  confirm.confirm = true;
  EXPECT_EQ(endpoint(confirm), Endpoint::DoubleOptin);
  EXPECT_EQ(endpoint(operation(OperationKind::Unsubscribe)), Endpoint::Unsubscribe);
  EXPECT_EQ(endpoint(operation(OperationKind::Subscribe, ConsentRide::Alone)), Endpoint::Subscribe);
  const auto gone = pack({in_bulk("a@example.com", operation(OperationKind::Delete))});
  expect(gone.request, "DELETE", "/v2/lists/77/subscribers", R"({"subscribers":["a@example.com"]})",
         Endpoint::Delete);
  V2Options one_at_most;
  one_at_most.max_people = 1;
  EXPECT_EQ(
      pack({in_bulk("a@example.com", operation(OperationKind::Subscribe))}, one_at_most).request.endpoint,
      Endpoint::Subscribe);
}

TEST(V2Request, somebody_whom_the_bulk_call_has_no_room_for_goes_alone) {
  V2Options options;
  const auto alone = pack({recipient("a@example.com", operation(OperationKind::Update))});
  options.max_bytes = alone.request.body.size();
  const auto call = pack({in_bulk("a@example.com", operation(OperationKind::Update))}, options);
  EXPECT_EQ(call.taken, 1u);
  EXPECT_EQ(call.request.body, alone.request.body);
  EXPECT_EQ(call.request.limiter_class, LimiterClass::Other);
}

TEST(V2Request, a_delete_takes_only_deletes_and_never_exceeds_its_bytes) {
  EXPECT_EQ(pack({recipient("a@example.com", operation(OperationKind::Delete)),
                  recipient("b@example.com", operation(OperationKind::Delete)),
                  recipient("c@example.com", operation(OperationKind::Unsubscribe))})
                .request.body,
            R"({"subscribers":["a@example.com","b@example.com"]})");
  const auto two = recipients(operation(OperationKind::Delete), {"a@example.com", "b@example.com"});
  V2Options options;
  options.max_bytes = pack(two).request.body.size();
  EXPECT_EQ(pack(two, options).taken, 2u);
  --options.max_bytes;
  EXPECT_EQ(pack(two, options).taken, 1u);
  EXPECT_EQ(pack(two, options).request.body, R"({"subscribers":["a@example.com"]})");
}

TEST(V2Request, no_limit_leaves_less_than_one_person_a_call) {
  V2Options nobody;
  nobody.max_people = 0;
  nobody.max_deleted = 0;
  EXPECT_EQ(make_v2(nobody)->max_people(operation(OperationKind::Subscribe)), 1u);
  EXPECT_EQ(make_v2(nobody)->max_people(operation(OperationKind::Delete)), 1u);
}

TEST(V2Request, only_people_who_can_share_a_call_count_as_bulk) {
  const auto v2 = make_v2();
  auto confirm = operation(OperationKind::Subscribe);
  confirm.confirm = true;
  EXPECT_EQ(v2->limiter_class(confirm, 2), LimiterClass::Other);
  EXPECT_EQ(v2->limiter_class(operation(OperationKind::Subscribe, ConsentRide::Alone), 2),
            LimiterClass::Other);
  EXPECT_EQ(v2->limiter_class(operation(OperationKind::Delete), 2), LimiterClass::Other);
  EXPECT_EQ(v2->limiter_class(operation(OperationKind::Update), 2), LimiterClass::Bulk);
}

// ---- with v1's resubscribe -----------------------------------------------------------------------------

TEST(V2ViaV1, a_resubscribe_is_v1s_and_everything_else_is_v2s) {
  const auto both = make_v2_resubscribing_via_v1();
  const auto again = recipients(operation(OperationKind::Resubscribe), {"a@example.com", "b@example.com"});
  const auto others = recipients(operation(OperationKind::Subscribe), {"a@example.com", "b@example.com"});
  EXPECT_EQ(both->pack(77, again).request.target, "/v1/lists/77/subscribers");
  EXPECT_EQ(both->pack(77, others).request.target, "/v2/lists/77/subscribers/batch");
  EXPECT_EQ(both->pack(77, {}).taken, 0u);
  EXPECT_EQ(both->max_people(again.front().operation), 2000u);
  EXPECT_EQ(both->max_people(others.front().operation), 1000u);
  EXPECT_EQ(both->limiter_class(again.front().operation, 2), LimiterClass::All);
  EXPECT_EQ(both->limiter_class(others.front().operation, 2), LimiterClass::Bulk);
  EXPECT_EQ(both->max_address_length(), 64u);
  EXPECT_FALSE(both->groups_with_subscribe());
  EXPECT_TRUE(both->consent_alone());
}

TEST(V2ViaV1, an_answer_is_read_as_one_of_the_api_that_was_called) {
  const auto both = make_v2_resubscribing_via_v1();
  const auto read = [&](OperationKind kind) {
    return testing_support::texts(
        testing_support::read(*both, recipients(operation(kind), {"a@example.com"}), 200, "ok"));
  };
  EXPECT_EQ(read(OperationKind::Unsubscribe), std::vector<std::string>{"delivered"});
  EXPECT_EQ(read(OperationKind::Resubscribe), std::vector<std::string>{"unknown:unreadable_answer"});
  EXPECT_TRUE(both->read({}, ApiAnswer{200, "ok", {}}).outcomes.empty());
  EXPECT_EQ(both->probe().target, "/v2/auth-check");
  EXPECT_EQ(both->read_probe(ApiAnswer{200, "ok", {}}).verdict, CallVerdict::Answered);
}

}  // namespace
}  // namespace stibee_sync::delivery

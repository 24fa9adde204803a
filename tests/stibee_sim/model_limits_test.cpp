// Keys, limits, sizes, routes, faults, journal and control of the simulated Stibee.

#include "model_fixture.hpp"

#include <fstream>
#include <sstream>

namespace stibee_sim::testing {

using std::chrono::milliseconds;

class LimitsTest : public ModelTest {
 protected:
  HttpAnswer quick(milliseconds after) {
    now += after;
    return call_now("PUT", "/v1/lists/1234/subscribers/unsubscribe", R"(["a@x.kr"])");
  }
  ClassCount count(std::string_view name) {
    for (auto& known : model.limits()) {
      if (known.name == name) return known;
    }
    return {};
  }
};

TEST_F(LimitsTest, TenCallsFitInAnySecondAndTheEleventhIsRefused) {
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(quick(milliseconds{99}).status, 200) << i;
  EXPECT_EQ(quick(milliseconds{99}).status, 429);  // 990 ms after the first
  EXPECT_EQ(count("v1").violations, 1U);
  EXPECT_EQ(count("v1").peak, 11U);
}

TEST_F(LimitsTest, ABurstAcrossTheBoundaryOfASecondIsSeen) {
  now += milliseconds{900};
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(quick(milliseconds{0}).status, 200);
  EXPECT_EQ(quick(milliseconds{150}).status, 429);
  EXPECT_EQ(quick(milliseconds{850}).status, 200);  // exactly a second after the burst
}

TEST_F(LimitsTest, RefusedCallsCountUnlessSwitched) {
  for (int i = 0; i < 12; ++i)
    quick(milliseconds{0});
  EXPECT_EQ(count("v1").violations, 2U);
  model.set_switch("limit_keep_refused", "no");
  now += std::chrono::seconds{2};
  for (int i = 0; i < 12; ++i)
    quick(milliseconds{0});
  EXPECT_EQ(count("v1").peak, 12U);
}

TEST_F(LimitsTest, TheLimitAnswerTakesEveryShape) {
  for (int i = 0; i < 10; ++i)
    quick(milliseconds{0});
  EXPECT_FALSE(v1_ok(quick(milliseconds{0})));
  model.set_switch("limit_answer", "429_empty");
  model.set_switch("limit_retry_after", "2");
  const auto empty = quick(milliseconds{0});
  EXPECT_EQ(empty.status, 429);
  EXPECT_TRUE(empty.body.empty());
  ASSERT_EQ(empty.headers.size(), 1U);
  EXPECT_EQ(empty.headers[0].value, "2");
  model.set_switch("limit_answer", "200_native");
  const auto polite = quick(milliseconds{0});
  EXPECT_EQ(polite.status, 200);
  EXPECT_EQ(v1_code(polite), "Errors.Data.LimitExceeded");
  model.set_switch("limit_answer", "503_html");
  EXPECT_EQ(quick(milliseconds{0}).content_type, "text/html; charset=utf-8");
  model.set_switch("limit_answer", "429_v2");
  EXPECT_EQ(v2_code(quick(milliseconds{0})), "stberror.Errors.Data.LimitExceeded");
}

TEST_F(LimitsTest, EachClassOfV2HasItsOwnWindow) {
  const std::string people =
      R"({"subscribers":[{"email":"a@x.kr","status":"subscribed"}],"updateEnabled":true})";
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(call_now("POST", "/v2/lists/1234/subscribers/batch", people).status, 200);
  EXPECT_EQ(call_now("POST", "/v2/lists/1234/subscribers/batch", people).status, 429);
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(call_now("GET", "/v2/lists/1234/subscribers", "").status, 200);
  EXPECT_EQ(call_now("GET", "/v2/lists/1234/subscribers", "").status, 429);
  for (int i = 0; i < 1000; ++i)
    EXPECT_EQ(call_now("GET", "/v2/auth-check", "").status, 200);
  EXPECT_EQ(call_now("GET", "/v2/auth-check", "").status, 429);
  EXPECT_EQ(count("v2_bulk").violations + count("v2_list").violations + count("v2_other").violations, 3U);
  now += std::chrono::minutes{1};
  EXPECT_EQ(call_now("POST", "/v2/lists/1234/subscribers/batch", people).status, 200);
}

TEST_F(LimitsTest, AWrongOrMissingKeyIsRefusedAndNotCounted) {
  const auto wrong =
      call_with_key("PUT", "/v1/lists/1234/subscribers/unsubscribe", R"(["a@x.kr"])", "sim-key ");
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(v1_code(wrong), "Errors.Authorization.NoToken");
  const auto v2 = call_with_key("GET", "/v2/auth-check", "", "");
  EXPECT_EQ(v2.status, 400);
  EXPECT_EQ(v2_code(v2), "stberror.Errors.Authorization.NoToken");
  EXPECT_EQ(count("v1").calls + count("v2_other").calls, 0U);
  EXPECT_EQ(model.totals().unauthorised, 2U);
  model.set_switch("v2_key", "too_old");
  EXPECT_EQ(call("GET", "/v2/auth-check", "").status, 400);
  EXPECT_EQ(v1_delete(R"(["a@x.kr"])").status, 200);
}

TEST_F(LimitsTest, OversizeBodiesAndBatchesAreRefused) {
  model.set_switch("v1_max_body", "1000");
  EXPECT_EQ(v1_subscribe(many(50)).status, 413);
  model.set_switch("v1_max_body", "262144");
  EXPECT_EQ(v1_subscribe(many(2001)).status, 413);
  EXPECT_EQ(model.people("1234"), 0U);
  const std::string exactly = R"(["a@x.kr"])" + std::string(262144 - 10, ' ');
  EXPECT_EQ(v1_unsubscribe(exactly).status, 200);
  EXPECT_EQ(v1_unsubscribe(exactly + ' ').status, 413);
}

TEST_F(LimitsTest, TheContentTypeMustBeJson) {
  auto http = request("PUT", "/v1/lists/1234/subscribers/unsubscribe", R"(["a@x.kr"])");
  http.headers[1].value = "text/plain";
  EXPECT_EQ(model.handle(http, now).status, 415);
  http.headers[1].value = "application/json; charset=utf-8";
  EXPECT_EQ(model.handle(http, now).status, 200);
  http.headers.pop_back();
  EXPECT_EQ(model.handle(http, now).status, 415);
}

TEST_F(LimitsTest, UnknownListsAndRoutesAreRefused) {
  EXPECT_FALSE(v1_ok(call("PUT", "/v1/lists/9/subscribers/unsubscribe", R"(["a@x.kr"])")));
  EXPECT_EQ(v2_code(call("GET", "/v2/lists/9/subscribers/count", "")),
            "stberror.Errors.Authorization.PermissionDenied");
  EXPECT_EQ(call("GET", "/v1/nowhere", "").status, 404);
  EXPECT_EQ(call("GET", "/v3/lists", "").status, 404);
  EXPECT_EQ(call("PATCH", "/v1/lists/1234/subscribers", "").status, 405);
}

TEST_F(LimitsTest, ACallThatAddsMoreThanThePlanHasRoomForIsRefusedAsAWholeByBothApis) {
  model.set_switch("plan_people", "2");
  EXPECT_TRUE(v1_ok(v1_subscribe(many(2))));
  const auto full = v1_subscribe(many(3));
  EXPECT_FALSE(v1_ok(full));
  EXPECT_EQ(v1_code(full), "Errors.List.ExceededSubscribers");
  EXPECT_TRUE(v1_ok(v1_subscribe(many(2)))) << "nobody new";
  EXPECT_TRUE(v1_ok(v1_unsubscribe(R"(["u0@example.com"])")));
  EXPECT_FALSE(v1_ok(v1_subscribe(R"([{"email":"x@x.kr"},{"email":"y@x.kr"}])")));
  EXPECT_FALSE(in_list("x@x.kr"));
  EXPECT_TRUE(v1_ok(v1_subscribe(R"([{"email":"x@x.kr"}])")));

  const std::string one = R"({"subscriber":{"email":"z@x.kr","status":"subscribed"},"updateEnabled":true})";
  const auto single = call("POST", "/v2/lists/1234/subscribers", one);
  EXPECT_EQ(single.status, 400);
  EXPECT_EQ(v2_code(single), "stberror.Errors.List.ExceededSubscribers");
  const std::string some =
      R"({"subscribers":[{"email":"z@x.kr","status":"subscribed"}],"updateEnabled":true})";
  EXPECT_EQ(v2_code(call("POST", "/v2/lists/1234/subscribers/batch", some)),
            "stberror.Errors.List.ExceededSubscribers");
  EXPECT_EQ(call("POST", "/v2/lists/5678/subscribers", one).status, 400) << "all lists together";
  model.set_switch("plan_people", "3");
  EXPECT_EQ(call("POST", "/v2/lists/1234/subscribers", one).status, 200);
}

TEST_F(LimitsTest, AListThatWasRemovedIsUnknownUntilItIsBack) {
  v1_subscribe(many(2));
  model.set_switch("unknown_list_code", "LIST_NOT_FOUND");
  EXPECT_EQ(control("POST", "/_sim/people", R"({"list":"1234","action":"remove_list"})").status, 200);
  EXPECT_EQ(v1_code(v1_unsubscribe(R"(["u0@example.com"])")), "LIST_NOT_FOUND");
  EXPECT_EQ(v2_code(call("GET", "/v2/lists/1234/subscribers/count", "")), "LIST_NOT_FOUND");
  EXPECT_EQ(control("POST", "/_sim/people", R"({"list":"1234","action":"restore_list"})").status, 200);
  EXPECT_TRUE(v1_ok(v1_unsubscribe(R"(["u0@example.com"])")));
  EXPECT_EQ(model.people("1234"), 2U);
}

TEST_F(LimitsTest, TheCodeOfAGroupThatIsNotThereIsASwitch) {
  v1_subscribe(many(1));
  model.set_switch("unknown_group_code", "GROUP_NOT_FOUND");
  EXPECT_EQ(v1_code(v1_subscribe(many(1), R"(,"groupIds":["9"])")), "GROUP_NOT_FOUND");
  EXPECT_EQ(v1_code(call("POST", "/v1/lists/1234/groups/9/subscribers/assign", R"(["u0@example.com"])")),
            "GROUP_NOT_FOUND");
  EXPECT_EQ(v2_code(call("POST", "/v2/lists/1234/groups/9/assign", R"({"subscriber":"u0@example.com"})")),
            "GROUP_NOT_FOUND");
}

TEST_F(LimitsTest, CallsForOneAddressAtTheSameTimeAreCounted) {
  const auto body = R"(["a@x.kr"])";
  const auto first = model.receive(request("DELETE", "/v1/lists/1234/subscribers", body), now);
  const auto second =
      model.receive(request("PUT", "/v1/lists/1234/subscribers/unsubscribe", R"(["A@x.kr"])"), now);
  const auto elsewhere = model.receive(request("DELETE", "/v1/lists/5678/subscribers", body), now);
  EXPECT_EQ(model.totals().same_address_in_flight, 1U);
  EXPECT_EQ(model.totals().peak_in_flight, 3U);
  for (const auto& reception : {first, second, elsewhere}) {
    model.apply(reception.call, now);
    model.finish(reception.call);
  }
  EXPECT_EQ(model.totals().in_flight, 0U);
  const auto given_up = model.receive(request("DELETE", "/v1/lists/1234/subscribers", body), now);
  model.abandoned(given_up.call);
  const auto again = model.receive(request("DELETE", "/v1/lists/1234/subscribers", body), now);
  EXPECT_EQ(model.totals().same_address_in_flight, 1U);
  model.apply(given_up.call, now);
  model.finish(given_up.call);
  model.apply(again.call, now);
  model.finish(again.call);
}

TEST_F(LimitsTest, TheJournalTellsEveryCall) {
  v1_subscribe(R"([{"email":"A@x.kr"},{"email":"bad"}])");
  call_with_key("GET", "/v2/auth-check", "", "wrong");
  const auto& calls = model.journal();
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_EQ(calls[0].endpoint, "v1.subscribe");
  EXPECT_EQ(calls[0].addresses, (Addresses{"a@x.kr", "bad"}));
  EXPECT_EQ(calls[0].counts.at("failWrongEmail"), 1U);
  EXPECT_EQ(calls[0].result, "ok");
  EXPECT_EQ(calls[1].result, "bad_key");
  const auto shown = json::parse(control("GET", "/_sim/journal?from=1&limit=1&addresses=no").body);
  EXPECT_EQ(shown.at("calls").as_array().size(), 1U);
}

TEST_F(LimitsTest, TheDumpIsSortedAndEqualForEqualLists) {
  v1_subscribe(R"([{"email":"b@x.kr"},{"email":"a@x.kr","name":"1"}])");
  const auto first = model.dump();
  model = StibeeModel{two_lists()};
  v1_subscribe(R"([{"email":"a@x.kr","name":"1"}])");
  v1_subscribe(R"([{"email":"b@x.kr"}])");
  EXPECT_EQ(model.dump(), first);
  EXPECT_LT(first.find("a@x.kr"), first.find("b@x.kr"));
  EXPECT_EQ(json::parse(control("GET", "/_sim/dump?list=1234").body).at("lists").as_object().size(), 1U);
}

TEST_F(LimitsTest, StatisticsAndResetWork) {
  v1_subscribe(R"([{"email":"a@x.kr"}])");
  auto stats = json::parse(control("GET", "/_sim/stats").body);
  EXPECT_EQ(stats.at("calls").as_int64(), 1);
  EXPECT_EQ(stats.at("lists").at("1234").at("subscribed").as_int64(), 1);
  EXPECT_EQ(stats.at("results").at("v1.subscribe").at("success").as_int64(), 1);
  EXPECT_EQ(control("POST", "/_sim/reset", R"({"only":["journal","stats"]})").status, 200);
  EXPECT_TRUE(model.journal().empty());
  EXPECT_EQ(model.people("1234"), 1U);
  EXPECT_EQ(control("POST", "/_sim/reset").status, 200);
  EXPECT_EQ(model.people("1234"), 0U);
  EXPECT_EQ(control("POST", "/_sim/reset", R"({"only":["everything"]})").status, 400);
  v1_subscribe(R"([{"email":"a@x.kr"}])");
  EXPECT_EQ(model.journal().size(), 1U);
}

TEST_F(LimitsTest, BadControlInputIsRefusedWithAReason) {
  EXPECT_NE(control("POST", "/_sim/switches", R"({"plan":"gold"})").body.find("pro|standard|enterprise"),
            std::string::npos);
  EXPECT_EQ(control("POST", "/_sim/switches", R"({"plan":"standard","nonsense":"x"})").status, 400);
  EXPECT_NE(control("GET", "/_sim/switches").body.find(R"("plan":"pro")"), std::string::npos);
  EXPECT_EQ(control("POST", "/_sim/faults", R"({"rules":[{"kind":"explode"}]})").status, 400);
  EXPECT_EQ(control("POST", "/_sim/faults", "{").status, 400);
  EXPECT_EQ(control("POST", "/_sim/people", R"({"list":"9","action":"purge"})").status, 400);
  EXPECT_EQ(control("POST", "/_sim/people", R"({"list":"1234","action":"hug"})").status, 400);
  EXPECT_EQ(control("POST", "/_sim/webhooks", R"({"9":"http://x/"})").status, 400);
  EXPECT_EQ(control("GET", "/_sim/nothing").status, 404);
}

TEST_F(LimitsTest, SwitchesAreDescribedAndChecked) {
  const std::string text = describe_switches();
  EXPECT_NE(text.find("v1_already_subscribed = error|fail_exist_email|update"), std::string::npos);
  const auto all = json::parse(control("GET", "/_sim/switches").body).as_object();
  for (const auto& item : all)
    model.set_switch(item.key(), item.value().as_string());
  EXPECT_THROW(model.set_switch("limit_answer", "429_xml"), std::invalid_argument);
  EXPECT_THROW(model.set_switch("limit_retry_after", "soon"), std::invalid_argument);
}

TEST_F(LimitsTest, TheManualNamesEverySwitch) {
  std::ifstream file{STIBEE_SIM_MANUAL};
  std::ostringstream manual;
  manual << file.rdbuf();
  const auto switches = json::parse(control("GET", "/_sim/switches").body);
  for (const auto& item : switches.as_object()) {
    EXPECT_NE(manual.str().find("| `" + std::string{item.key()} + "` |"), std::string::npos) << item.key();
  }
}

}  // namespace stibee_sim::testing

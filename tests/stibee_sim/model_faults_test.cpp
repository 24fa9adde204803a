// Faults the simulated Stibee makes when asked.

#include "model_fixture.hpp"

namespace stibee_sim::testing {

using std::chrono::milliseconds;

class FaultsTest : public ModelTest {
 protected:
  HttpAnswer one(const std::string& email) { return v1_subscribe(R"([{"email":")" + email + R"("}])"); }
  void script(const std::string& steps) { model.set_faults(R"({"script":{"v1.subscribe":)" + steps + "}}"); }
};

TEST_F(FaultsTest, AScriptIsPlayedOnceStepByStep) {
  script(
      R"(["ok","503",{"kind":"status","status":429,"retry_after":3,"shape":"empty"},"html","ok_false","502"])");
  EXPECT_TRUE(v1_ok(one("a@x.kr")));
  EXPECT_EQ(one("b@x.kr").status, 503);
  const auto throttled = one("b@x.kr");
  EXPECT_EQ(throttled.status, 429);
  EXPECT_EQ(throttled.headers.at(0).value, "3");
  EXPECT_TRUE(throttled.body.empty());
  EXPECT_EQ(one("b@x.kr").body.substr(0, 6), "<html>");
  const auto failed = one("b@x.kr");
  EXPECT_EQ(failed.status, 200);
  EXPECT_FALSE(v1_ok(failed));
  EXPECT_EQ(one("b@x.kr").status, 502);
  EXPECT_FALSE(in_list("b@x.kr"));
  EXPECT_TRUE(v1_ok(one("b@x.kr")));
  EXPECT_EQ(model.journal().at(1).result, "fault:503");
}

TEST_F(FaultsTest, DroppedConnectionsDifferInWhatWasApplied) {
  script(R"(["drop_before","drop_after","cut_body","garbage_body","status_after"])");
  EXPECT_EQ(one("a@x.kr").delivery, Delivery::Dropped);
  EXPECT_FALSE(in_list("a@x.kr"));
  EXPECT_EQ(one("b@x.kr").delivery, Delivery::Dropped);
  EXPECT_TRUE(in_list("b@x.kr"));
  EXPECT_EQ(model.journal().back().status, 0);
  EXPECT_EQ(one("c@x.kr").delivery, Delivery::Cut);
  EXPECT_TRUE(in_list("c@x.kr"));
  boost::system::error_code error;
  json::parse(one("d@x.kr").body, error);
  EXPECT_TRUE(error);
  EXPECT_TRUE(in_list("d@x.kr"));
  EXPECT_EQ(one("e@x.kr").status, 502);
  EXPECT_TRUE(in_list("e@x.kr"));
}

TEST_F(FaultsTest, StallsComeBeforeOrAfterApplying) {
  script(R"([{"kind":"stall_before","stall_ms":700},{"kind":"stall_after","stall_ms":900}])");
  auto reception = model.receive(
      request("POST", "/v1/lists/1234/subscribers", R"({"subscribers":[{"email":"a@x.kr"}]})"), now);
  EXPECT_EQ(reception.stall, milliseconds{700});
  EXPECT_FALSE(in_list("a@x.kr"));
  EXPECT_EQ(model.apply(reception.call, now + milliseconds{700}).stall, milliseconds{0});
  EXPECT_TRUE(in_list("a@x.kr"));
  model.finish(reception.call);
  EXPECT_EQ(one("b@x.kr").stall, milliseconds{900});
}

TEST_F(FaultsTest, ABatchWithOneAddressIsRefusedWhole) {
  model.set_faults(
      R"({"rules":[{"kind":"refuse_batch","endpoint":"v1.subscribe","address":"Bad@x.kr","code":"Errors.X"}]})");
  const auto refused = v1_subscribe(R"([{"email":"a@x.kr"},{"email":"bad@x.kr"}])");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(v1_code(refused), "Errors.X");
  EXPECT_EQ(model.people("1234"), 0U);
  EXPECT_TRUE(v1_ok(one("a@x.kr")));
}

TEST_F(FaultsTest, PeopleCanFailOrBeOmittedAlone) {
  model.set_faults(R"({"rules":[{"kind":"person","address":"f@x.kr","result":"failDeny"},)"
                   R"({"kind":"person","address":"u@x.kr"},{"kind":"omit_person","address":"o@x.kr"},)"
                   R"({"kind":"omit_person","address":"p@x.kr","apply":true}]})");
  const auto answer = v1_subscribe(
      R"([{"email":"a@x.kr"},{"email":"f@x.kr"},{"email":"u@x.kr"},{"email":"o@x.kr"},{"email":"p@x.kr"}])");
  EXPECT_EQ(in_result(answer, "success"), Addresses{"a@x.kr"});
  EXPECT_EQ(in_result(answer, "failDeny"), Addresses{"f@x.kr"});
  EXPECT_EQ(in_result(answer, "failUnknown"), Addresses{"u@x.kr"});
  EXPECT_EQ(answer.body.find("o@x.kr"), std::string::npos);
  EXPECT_FALSE(in_list("o@x.kr"));
  EXPECT_TRUE(in_list("p@x.kr"));
  EXPECT_EQ(in_result(v1_unsubscribe(R"(["a@x.kr","f@x.kr"])"), "failOrAlreadyUnsubscribe"),
            Addresses{"f@x.kr"});
}

TEST_F(FaultsTest, APartialCallAppliesTheFirstHalf) {
  script(R"(["partial"])");
  EXPECT_EQ(v1_subscribe(many(10)).status, 500);
  EXPECT_EQ(model.people("1234"), 5U);
}

TEST_F(FaultsTest, RulesCountAndSkip) {
  model.set_faults(R"({"rules":[{"kind":"status","status":500,"endpoint":"v1.*","after":1,"times":2}]})");
  EXPECT_EQ(one("a@x.kr").status, 200);
  EXPECT_EQ(one("a@x.kr").status, 500);
  EXPECT_EQ(v1_delete(R"(["a@x.kr"])").status, 500);
  EXPECT_EQ(one("a@x.kr").status, 200);
}

TEST_F(FaultsTest, ASeedRepeatsItsFaults) {
  const auto run = [this] {
    model = StibeeModel{two_lists()};
    model.set_faults(
        R"({"seed":7,"rules":[{"kind":"503","probability":0.5},{"kind":"drop_after","probability":0.5}]})");
    std::string seen;
    for (int i = 0; i < 40; ++i) {
      const auto answer = one("a@x.kr");
      seen += answer.delivery == Delivery::Dropped ? 'd' : (answer.status == 503 ? 'e' : '.');
    }
    return seen;
  };
  const auto first = run();
  EXPECT_EQ(run(), first);
  for (const char kind : {'d', 'e', '.'})
    EXPECT_NE(first.find(kind), std::string::npos) << first;
}

TEST_F(FaultsTest, FaultsReachV2Too) {
  model.set_faults(R"({"rules":[{"kind":"person","address":"a@x.kr","result":"failInvalidFields"}]})");
  const auto answer = call(
      "POST", "/v2/lists/1234/subscribers/batch",
      R"({"subscribers":[{"email":"a@x.kr","status":"subscribed"},{"email":"b@x.kr","status":"subscribed"}]})");
  EXPECT_EQ(in_result(answer, "failInvalidFields"), Addresses{"a@x.kr"});
  EXPECT_EQ(in_result(answer, "createdSubscribers"), Addresses{"b@x.kr"});
  EXPECT_EQ(
      call("POST", "/v2/lists/1234/subscribers", R"({"subscriber":{"email":"a@x.kr","status":"subscribed"}})")
          .status,
      400);
  EXPECT_FALSE(in_list("a@x.kr"));
}

TEST_F(FaultsTest, ABadPlanLeavesTheOldOneInPlace) {
  script(R"(["503"])");
  EXPECT_THROW(script(R"(["explode"])"), std::invalid_argument);
  EXPECT_THROW(model.set_faults(R"({"rules":[{"kind":"person"}]})"), std::invalid_argument);
  EXPECT_THROW(model.set_faults(R"({"rules":[{"kind":"503","endpoint":"v9.x"}]})"), std::invalid_argument);
  EXPECT_THROW(model.set_faults(R"({"rules":[{"kind":"503","colour":"red"}]})"), std::invalid_argument);
  EXPECT_EQ(one("a@x.kr").status, 503);
}

}  // namespace stibee_sim::testing

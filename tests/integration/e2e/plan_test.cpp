#include "integration/e2e/deployment.hpp"

#include <csignal>
#include <filesystem>

#include <gtest/gtest.h>

// What `plan` says before a list was taken over, and of people who wait already.

namespace stibee_sync::e2e {
namespace {

class PlanTest : public ::testing::TestWithParam<std::string> {
 protected:
  static DeploymentOptions options(const std::string& api) {
    DeploymentOptions options;
    options.api = api;
    return options;
  }

  json::Value plan() { return items(deployment.report({"plan"}), "mirrors").front(); }
  static std::int64_t operations(const json::Value& mirror, const std::string& name) {
    return number(at(mirror, "operations"), name);
  }
  static bool flag(const json::Value& value, const std::string& key) { return *at(value, key).if_bool(); }
  /// A list that has everybody of the table, ten of whom opted out there, and a state that knows nothing.
  void list_without_state() {
    deployment.add_members(1, 300);
    ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
    std::string addresses;
    for (int i = 1; i <= 10; ++i)
      addresses += (i == 1 ? "\"p" : ",\"p") + std::to_string(i) + "@example.com\"";
    deployment.stibee_post("/_sim/people",
                           R"({"list":"1234","action":"unsubscribe","emails":[)" + addresses + "]}");
    std::filesystem::remove_all(deployment.state());
  }

  Deployment deployment{options(GetParam())};
};

TEST_P(PlanTest, AListThatIsInStepIsNotSentAgainAndOptOutsThereCountAsSuch) {
  list_without_state();
  deployment.sql("UPDATE members SET name = 'another' WHERE id IN (1, 20)");
  deployment.add_members(301, 303);
  const auto dump = deployment.dump();
  const auto mirror = plan();
  EXPECT_EQ(operations(mirror, "subscribe"), 3);
  EXPECT_EQ(operations(mirror, "update"), 1) << "p20; p1 opted out";
  EXPECT_FALSE(flag(mirror, "upper_bounds"));
  EXPECT_EQ(number(at(mirror, "list"), "people"), 300);
  EXPECT_EQ(number(at(mirror, "list"), "opted_out"), 10);
  const auto words = deployment.syncd({"plan"}).out;
  EXPECT_NE(words.find("10 of the table opted out there"), std::string::npos) << words;
  EXPECT_EQ(deployment.dump(), dump) << "a plan sends nothing";
  EXPECT_FALSE(std::filesystem::exists(deployment.state() / "state.sqlite")) << "and keeps nothing";

  // What was said is what is done.
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  EXPECT_EQ(deployment.subscribed(), 293);
  EXPECT_EQ(deployment.stat("violations"), 0);
}

TEST_P(PlanTest, WithoutTheListTheFiguresAreUpperBoundsAndSaidToBe) {
  list_without_state();
  deployment.stop_stibee();
  const auto mirror = plan();
  EXPECT_EQ(operations(mirror, "subscribe"), 300);
  EXPECT_TRUE(flag(mirror, "upper_bounds"));
  EXPECT_NE(text(mirror, "upper_bounds_because").find("the list was not read"), std::string::npos);
  const auto words = deployment.syncd({"plan"}).out;
  EXPECT_NE(words.find("UPPER BOUNDS: the list was not read"), std::string::npos) << words;
  EXPECT_NE(words.find("would send at most"), std::string::npos) << words;
  EXPECT_NE(words.find("300 subscribe"), std::string::npos) << words;
}

TEST_P(PlanTest, PeopleWhoWaitForTheListToBeTakenOverArePartOfIt) {
  list_without_state();
  deployment.stop_stibee();
  ASSERT_EQ(deployment.syncd({"sync", "--timeout", "1s"}).exit_code, 75);
  const auto blind = plan();
  EXPECT_EQ(operations(blind, "subscribe"), 300);
  EXPECT_EQ(number(blind, "queued"), 300);
  EXPECT_TRUE(flag(blind, "upper_bounds"));
}

TEST_P(PlanTest, WhoWaitsIsCountedOnceWhetherTheirRowChangedOrNot) {
  deployment.add_members(1, 20);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  deployment.add_members(21, 23);
  deployment.sql("UPDATE members SET email_opt_in = false WHERE id = 1");
  deployment.stop_stibee();
  ASSERT_EQ(deployment.syncd({"sync", "--timeout", "1s"}).exit_code, 75);
  auto mirror = plan();
  EXPECT_EQ(operations(mirror, "subscribe"), 3);
  EXPECT_EQ(operations(mirror, "unsubscribe"), 1);
  EXPECT_EQ(number(mirror, "queued"), 4);
  EXPECT_FALSE(flag(mirror, "upper_bounds")) << "the list was taken over";
  EXPECT_EQ(deployment.syncd({"plan", "--detailed-exitcode"}).exit_code, 2);
  deployment.sql("UPDATE members SET name = 'newer' WHERE id = 21");
  mirror = plan();
  EXPECT_EQ(operations(mirror, "subscribe"), 3) << "p21 waits, and the row changed: one person";
}

TEST_P(PlanTest, BesideADaemonItBorrowsTheCalls) {
  list_without_state();
  // A paused mirror's list is not taken over.
  ASSERT_EQ(deployment.syncd({"pause"}).exit_code, 0);
  deployment.start_daemon();
  for (int i = 0; i < 3; ++i) {
    const auto mirror = plan();
    EXPECT_EQ(operations(mirror, "subscribe"), 0);
    EXPECT_EQ(number(at(mirror, "list"), "opted_out"), 10);
  }
  deployment.stop_stibee();
  EXPECT_TRUE(flag(plan(), "upper_bounds"));
}

TEST_P(PlanTest, ACallAtATimeWhenStibeeWantsNoneIsNotRepeated) {
  list_without_state();
  deployment.stibee_post(
      "/_sim/faults",
      R"({"rules":[{"kind":"status","status":429,"retry_after":600,"endpoint":"v2.*","probability":1}]})");
  const auto calls = deployment.stat("calls");
  const auto mirror = plan();
  EXPECT_TRUE(flag(mirror, "upper_bounds"));
  EXPECT_NE(text(mirror, "upper_bounds_because").find("Stibee wants no calls before"), std::string::npos)
      << text(mirror, "upper_bounds_because");
  EXPECT_EQ(deployment.stat("calls"), calls + 1);
}

TEST_P(PlanTest, WarnsOfAFirstStartThatWouldUnsubscribeTheList) {
  list_without_state();
  const auto warning = "the first start would unsubscribe 290 of the 300 people in the list";
  deployment.sql("UPDATE members SET email_opt_in = false");
  EXPECT_NE(json::to_string(at(plan(), "warnings")).find(warning), std::string::npos);
  EXPECT_NE(deployment.syncd({"plan"}).out.find(warning), std::string::npos);
  deployment.sql("UPDATE members SET email_opt_in = id > 60");
  EXPECT_TRUE(items(plan(), "warnings").empty()) << "50 are no more than a sixth";
}

TEST_P(PlanTest, WhoIsShownInFullIsLoggedByTheDaemonOrSaid) {
  deployment.add_members(1, 3);
  const auto alone = deployment.syncd({"plan", "--reveal"});
  EXPECT_NE(alone.out.find("p1@example.com"), std::string::npos) << alone.out;
  EXPECT_NE(alone.err.find("by `plan --reveal`: 3 people"), std::string::npos) << alone.err;
  ASSERT_EQ(deployment.syncd({"pause"}).exit_code, 0);
  const auto& daemon = deployment.start_daemon();
  const auto beside = deployment.syncd({"plan", "--reveal"});
  EXPECT_EQ(beside.err, "");
  EXPECT_TRUE(eventually(std::chrono::seconds(10), [&] {
    return daemon.err().find(R"("revealed":3,"command":"plan")") != std::string::npos;
  })) << daemon.err();
}

INSTANTIATE_TEST_SUITE_P(Apis, PlanTest, ::testing::Values("v1", "v2"),
                         [](const ::testing::TestParamInfo<std::string>& api) { return api.param; });

TEST(CheckWithoutADaemon, DoesNotCallWhileStibeeWantsNoCalls) {
  Deployment deployment;
  deployment.add_members(1, 5);
  deployment.stibee_post(
      "/_sim/faults",
      R"({"rules":[{"kind":"status","status":429,"retry_after":600,"endpoint":"v1.*","probability":1}]})");
  deployment.start_daemon();
  ASSERT_TRUE(eventually(std::chrono::seconds(30), [&] {
    const auto status = deployment.report({"status"});
    return text(status, "problem").find("wants no calls") != std::string::npos;
  })) << deployment.daemon().err();
  deployment.daemon().send(SIGTERM);
  ASSERT_EQ(deployment.daemon().wait(std::chrono::seconds(20)).exit_code, 0);
  deployment.stibee_post("/_sim/faults", R"({"rules":[]})");
  const auto calls = deployment.stat("calls");
  const auto checked = deployment.syncd({"check"});
  EXPECT_EQ(checked.exit_code, 69) << checked.out;
  EXPECT_NE(checked.out.find("Stibee wants no calls before"), std::string::npos) << checked.out;
  EXPECT_EQ(deployment.stat("calls"), calls);
}

}  // namespace
}  // namespace stibee_sync::e2e

#include "integration/e2e/deployment.hpp"

#include <csignal>

#include <gtest/gtest.h>

// `groups: create_missing`, by the real program.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view by_number = "groups: {gold: 11, silver: 12}";
constexpr std::string_view by_name = "groups: create_missing";

class GroupsOn : public ::testing::Test {
 protected:
  explicit GroupsOn(const std::string& api) : deployment_(with_api(api)) {}

  static DeploymentOptions with_api(const std::string& api) {
    DeploymentOptions options;
    options.api = api;
    return options;
  }
  void make_groups() {
    auto config = deployment_.config_text();
    config.replace(config.find(by_number), by_number.size(), by_name);
    deployment_.write_config(config);
  }
  void stop_daemon() {
    deployment_.daemon().send(SIGTERM);
    ASSERT_EQ(deployment_.daemon().wait(20s).exit_code, 0);
  }
  /// Of all groups of that name.
  std::size_t people_in(const std::string& group) {
    const auto dump = json::parse(deployment_.dump());
    const auto& listed = at(at(*dump, "lists"), "1234");
    std::map<std::string, std::string> names;
    for (const auto& [id, name] : *at(listed, "groups").if_object())
      names[id] = *name.if_string();
    std::size_t count = 0;
    for (const auto& person : items(listed, "people")) {
      for (const auto& id : items(person, "groups"))
        count += names[std::to_string(*id.if_integer())] == group ? 1 : 0;
    }
    return count;
  }
  bool comes_to(const std::string& group, std::size_t people) {
    return eventually(60s, [&] { return people_in(group) == people; });
  }
  std::size_t calls_to(const std::string& endpoint) {
    const auto journal = deployment_.stibee("/_sim/journal?limit=100000");
    std::size_t count = 0;
    for (const auto& call : items(journal, "calls"))
      count += text(call, "endpoint") == endpoint ? 1 : 0;
    return count;
  }
  std::size_t people_sent() {
    return calls_to("v1.subscribe") + calls_to("v2.add") + calls_to("v2.bulk") + calls_to("v2.update");
  }

  Deployment deployment_;
};

class Groups : public GroupsOn, public ::testing::WithParamInterface<const char*> {
 protected:
  Groups() : GroupsOn(GetParam()) {}
};

/// Where what is sent and the groups are of two APIs, so that one may be held alone.
class GroupsOnV1 : public GroupsOn {
 protected:
  GroupsOnV1() : GroupsOn("v1") {}
};

TEST_P(Groups, AreMadeOnceAReloadAsksForThem) {
  deployment_.add_members(1, 12);
  deployment_.sql("UPDATE members SET grade = 'platinum' WHERE id > 10");
  const auto& daemon = deployment_.start_daemon();
  ASSERT_TRUE(eventually(60s, [&] { return deployment_.subscribed() == 12; })) << daemon.err();
  const auto gold = std::stoul(deployment_.value("SELECT count(*) FROM members WHERE grade = 'gold'"));
  ASSERT_TRUE(comes_to("gold", gold)) << daemon.err();
  EXPECT_EQ(people_in("platinum"), 0U);
  const auto sent = people_sent();
  make_groups();
  ASSERT_EQ(deployment_.syncd({"reload"}).exit_code, 0) << daemon.err();
  EXPECT_TRUE(comes_to("platinum", 2)) << daemon.err();
  EXPECT_EQ(people_in("gold"), gold) << "by its name it is the same";
  EXPECT_EQ(calls_to("v2.group_create"), 1U);
  EXPECT_EQ(people_sent(), sent) << "nobody is sent again";

  deployment_.write_config(deployment_.config_text());
  ASSERT_EQ(deployment_.syncd({"reload"}).exit_code, 0) << daemon.err();
  EXPECT_TRUE(comes_to("platinum", 0)) << daemon.err();
  EXPECT_EQ(people_in("gold"), gold);
}

TEST_F(GroupsOnV1, NoReadWaitsUntilStibeeWantsToBeAskedForThem) {
  make_groups();
  deployment_.add_members(1, 12);
  auto& first = deployment_.start_daemon();
  ASSERT_TRUE(eventually(60s, [&] { return deployment_.subscribed() == 12; })) << first.err();
  stop_daemon();
  deployment_.stibee_post(
      "/_sim/faults",
      R"({"rules":[{"kind":"status","status":429,"retry_after":3600,"endpoint":"v2.groups"}]})");
  auto& second = deployment_.start_daemon();
  ASSERT_TRUE(eventually(60s, [&] {
    return second.err().find("the list's groups cannot be read") != std::string::npos;
  })) << second.err();
  stop_daemon();

  // The next one knows that Stibee wants no such calls.
  const auto& daemon = deployment_.start_daemon();
  deployment_.sql("UPDATE members SET email_opt_in = false WHERE id = 3");
  EXPECT_TRUE(eventually(60s, [&] { return deployment_.subscribed() == 11; })) << daemon.err();
  EXPECT_NE(daemon.err().find("\"reason\":\"not_in_time\""), std::string::npos);
}

TEST_P(Groups, OneThatIsDeletedAtStibeeIsMadeAnew) {
  make_groups();
  deployment_.add_members(1, 12);
  deployment_.sql("UPDATE members SET grade = 'gold'");
  const auto delete_gold = [&] {
    const auto dump = json::parse(deployment_.dump());
    const auto& groups = *at(at(at(*dump, "lists"), "1234"), "groups").if_object();
    for (const auto& [id, name] : groups) {
      if (*name.if_string() != "gold") continue;
      // Stibee gives no number twice; the simulator takes the next after the highest.
      deployment_.stibee_post("/_sim/people", R"({"list":"1234","action":"add_group","group":")" +
                                                  std::to_string(std::stoul(id) + 50) + "\"}");
      deployment_.stibee_post("/_sim/people",
                              R"({"list":"1234","action":"remove_group","group":")" + id + "\"}");
    }
  };
  ASSERT_EQ(deployment_.syncd({"sync"}).exit_code, 0);
  ASSERT_EQ(people_in("gold"), 12U);
  delete_gold();
  deployment_.sql("INSERT INTO members VALUES (98, 'late@example.com', true, 'x', 'y', 'gold')");
  const auto synced = deployment_.syncd({"sync"});
  EXPECT_EQ(synced.exit_code, 0) << synced.err;
  EXPECT_EQ(people_in("gold"), 13U);

  const auto& daemon = deployment_.start_daemon();
  delete_gold();
  deployment_.sql("INSERT INTO members VALUES (99, 'later@example.com', true, 'x', 'y', 'gold')");
  EXPECT_TRUE(comes_to("gold", 14)) << daemon.err();
  EXPECT_EQ(calls_to("v2.group_create"), 2U);
}

TEST_F(GroupsOnV1, ASyncWhoseCallsNameOneThatIsGoneReadsTheTableOnceMore) {
  make_groups();
  deployment_.add_members(1, 12);
  deployment_.sql("UPDATE members SET grade = 'gold'");
  ASSERT_EQ(deployment_.syncd({"sync"}).exit_code, 0);
  deployment_.stibee_post("/_sim/faults", R"({"rules":[{"kind":"503","endpoint":"v1.subscribe"}]})");
  deployment_.sql("INSERT INTO members VALUES (98, 'late@example.com', true, 'x', 'y', 'gold')");
  ASSERT_EQ(deployment_.syncd({"sync", "--timeout", "2s"}).exit_code, 75);
  deployment_.stibee_post("/_sim/faults", "{}");
  deployment_.stibee_post("/_sim/people",
                          R"([{"list":"1234","action":"remove_group","group":"11"},
                              {"list":"1234","action":"add_group","group":"77","group_name":"gold"}])");
  EXPECT_TRUE(eventually(60s, [&] { return deployment_.syncd({"sync"}).exit_code == 0; }));
  EXPECT_EQ(people_in("gold"), 13U);
  EXPECT_EQ(calls_to("v2.group_create"), 0U);
}

INSTANTIATE_TEST_SUITE_P(BothApis, Groups, ::testing::Values("v1", "v2"),
                         [](const auto& shown) { return std::string(shown.param); });

}  // namespace
}  // namespace stibee_sync::e2e

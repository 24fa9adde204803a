#include "integration/e2e/deployment.hpp"

#include <algorithm>
#include <csignal>

#include <gtest/gtest.h>

// Several mirrors: commands for one of them, and mirrors that come, go and change their names.

namespace stibee_sync::e2e {
namespace {

DeploymentOptions two_lists() {
  DeploymentOptions options;
  options.simulator_arguments = {"--list", "1234", "--list", "5678"};
  return options;
}

class MirrorsTest : public ::testing::Test {
 protected:
  MirrorsTest() : deployment(two_lists()) {
    deployment.sql("CREATE TABLE others (id bigint PRIMARY KEY, email text)");
    deployment.write_config(both());
  }

  std::string both() const { return deployment.config_text() + other("others"); }
  static std::string other(const std::string& name, int list_id = 5678) {
    return "  - name: " + name + "\n    list_id: " + std::to_string(list_id) +
           "\n    source: {table: public.others, key: id, email: email}\n    poll_interval: 100ms\n";
  }
  void add_others(int from, int to) {
    deployment.sql("INSERT INTO others SELECT i, 'o' || i || '@example.com' FROM generate_series(" +
                   std::to_string(from) + "," + std::to_string(to) + ") i");
  }
  /// Twenty in each list, and one of the others says no at Stibee.
  void run_with_an_opt_out() {
    deployment.add_members(1, 20);
    add_others(1, 20);
    deployment.start_daemon();
    ASSERT_TRUE(arrives("5678", 20) && arrives("1234", 20));
    deployment.stibee_post("/_sim/people",
                           R"({"list":"5678","action":"unsubscribe","emails":["o7@example.com"]})");
    ASSERT_EQ(deployment.syncd({"reconcile", "--mirror", "others"}).exit_code, 0) << "puts it on record";
  }
  std::int64_t subscribed(const std::string& list) {
    return number(at(at(deployment.stibee("/_sim/stats"), "lists"), list), "subscribed");
  }
  bool arrives(const std::string& list, std::int64_t people) {
    return eventually(std::chrono::seconds(30), [&] { return subscribed(list) == people; });
  }
  std::size_t lines(const std::string& event) { return event_lines(deployment.daemon(), event).size(); }
  /// Of the first line of an event.
  std::string field_of(const std::string& event, const std::string& field) {
    return text(json::parse(event_lines(deployment.daemon(), event).front()).value(), field);
  }
  std::string state_of(const std::string& mirror) {
    const auto report = deployment.report({"status"});
    for (const auto& one : items(report, "mirrors")) {
      if (text(one, "name") == mirror) return text(one, "state");
    }
    return "none";
  }
  void reload() {
    const auto before = lines("daemon.reload");
    deployment.daemon().send(SIGHUP);
    ASSERT_TRUE(eventually(std::chrono::seconds(30), [&] { return lines("daemon.reload") > before; }))
        << deployment.daemon().err();
  }
  void stop() {
    deployment.daemon().send(SIGTERM);
    EXPECT_EQ(deployment.daemon().wait(std::chrono::seconds(20)).exit_code, 0);
  }
  /// Of how many people a call was made that the list had as they are already.
  std::int64_t repeated() { return deployment.stat("repeated_people"); }

  Deployment deployment;
};

TEST_F(MirrorsTest, ATableThatCannotBeReadKeepsNobodyElseWaitingInASync) {
  deployment.add_members(1, 10);
  add_others(1, 5);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  add_others(6, 8);
  deployment.sql("ALTER TABLE members RENAME TO elsewhere");
  const auto finished = deployment.syncd({"sync"});
  EXPECT_NE(finished.exit_code, 0);
  EXPECT_NE(finished.err.find("members"), std::string::npos) << finished.err;
  EXPECT_EQ(subscribed("5678"), 8) << finished.err;
}

TEST_F(MirrorsTest, AnUnknownMirrorIsAnsweredWithThoseThereAre) {
  const auto ask = [&](const std::string& command) {
    const auto finished = deployment.syncd({command, "--mirror", "membrs"});
    EXPECT_EQ(finished.exit_code, 66) << command << finished.out << finished.err;
    EXPECT_NE(finished.err.find("there are: members, others"), std::string::npos) << command << finished.err;
  };
  for (const std::string command : {"plan", "failures", "retry", "reconcile", "pause", "resume"})
    ask(command);
  deployment.start_daemon();
  for (const std::string command : {"plan", "failures", "retry", "reconcile", "pause", "resume", "sync-now"})
    ask(command);
}

TEST_F(MirrorsTest, PausingOneLeavesTheOtherFlowing) {
  deployment.add_members(1, 10);
  add_others(1, 10);
  deployment.start_daemon();
  ASSERT_TRUE(arrives("1234", 10) && arrives("5678", 10)) << deployment.daemon().err();
  for (int i = 0; i < 2; ++i)
    ASSERT_EQ(deployment.syncd({"pause", "--mirror", "members"}).exit_code, 0);
  ASSERT_EQ(lines("mirror.paused"), 1u) << "a pause of a paused mirror is no event";
  const auto since = field_of("mirror.paused", "since");
  deployment.add_members(11, 20);
  add_others(11, 20);
  EXPECT_TRUE(arrives("5678", 20));
  EXPECT_EQ(subscribed("1234"), 10);
  EXPECT_EQ(state_of("members"), "paused");
  EXPECT_EQ(state_of("others"), "ok");
  const auto asked = deployment.syncd({"sync-now", "--mirror", "members"});
  EXPECT_EQ(asked.exit_code, 0);
  EXPECT_NE(asked.out.find("members is paused"), std::string::npos) << asked.out;

  stop();
  deployment.start_daemon();
  EXPECT_EQ(lines("mirror.paused"), 0u) << "a start is no change";
  add_others(21, 30);
  EXPECT_TRUE(arrives("5678", 30));
  EXPECT_EQ(subscribed("1234"), 10);
  for (int i = 0; i < 2; ++i)
    ASSERT_EQ(deployment.syncd({"resume", "--mirror", "members"}).exit_code, 0);
  EXPECT_TRUE(arrives("1234", 20));
  ASSERT_EQ(lines("mirror.resumed"), 1u);
  EXPECT_EQ(field_of("mirror.resumed", "since"), since) << "since when it was paused";
}

TEST_F(MirrorsTest, WithoutADaemonAPauseIsOneEventToo) {
  deployment.add_members(1, 2);
  const auto first = deployment.syncd({"pause", "--mirror", "others"});
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_NE(first.err.find("\"event\":\"mirror.paused\""), std::string::npos) << first.err;
  EXPECT_NE(first.err.find("\"mirror\":\"others\""), std::string::npos) << first.err;
  EXPECT_NE(first.err.find("\"since\":\""), std::string::npos) << first.err;
  EXPECT_EQ(deployment.syncd({"pause", "--mirror", "others"}).err.find("mirror.paused"), std::string::npos);
  // That no daemon runs is the worse news, and so the state of both.
  const auto status = deployment.report({"status"});
  for (const auto& mirror : items(status, "mirrors"))
    EXPECT_EQ(at(mirror, "paused_since").is_null(), text(mirror, "name") == "members");
}

TEST_F(MirrorsTest, ReportsForOneMirrorSpeakOfItAlone) {
  deployment.add_members(1, 5);
  add_others(1, 5);
  deployment.sql("INSERT INTO members VALUES (9001, 'broken address')");
  deployment.sql("INSERT INTO others VALUES (9001, 'broken address')");
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  const auto speak = [&] {
    const auto only = [](const json::Value& report, const char* list, const char* key) {
      ASSERT_EQ(items(report, list).size(), 1u) << json::to_string(report);
      EXPECT_EQ(text(items(report, list).front(), key), "others");
    };
    only(deployment.report({"failures", "--mirror", "others"}), "people", "mirror");
    only(deployment.report({"plan", "--mirror", "others"}), "mirrors", "name");
    only(deployment.report({"reconcile", "--mirror", "others"}), "mirrors", "name");
    EXPECT_EQ(items(deployment.report({"failures"}), "people").size(), 2u);
  };
  speak();
  deployment.start_daemon();
  speak();
}

TEST_F(MirrorsTest, ABrokenTableOfAnotherMirrorDoesNotKeepAPlanFromBeingMade) {
  deployment.add_members(1, 5);
  deployment.sql("DROP TABLE others");
  EXPECT_EQ(deployment.syncd({"plan"}).exit_code, 78);
  EXPECT_EQ(deployment.syncd({"plan", "--mirror", "members"}).exit_code, 0);
}

TEST_F(MirrorsTest, ARepairOfOneMirrorSendsNothingForAnother) {
  deployment.add_members(1, 5);
  add_others(1, 5);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  deployment.add_members(6, 9);
  deployment.stibee_post("/_sim/people", R"({"list":"5678","action":"purge","emails":["o1@example.com"]})");
  deployment.stibee_post("/_sim/people", R"({"list":"1234","action":"purge","emails":["p1@example.com"]})");
  EXPECT_EQ(deployment.syncd({"reconcile", "--repair", "--mirror", "others"}).exit_code, 0);
  EXPECT_EQ(subscribed("5678"), 5);
  EXPECT_EQ(subscribed("1234"), 4);
}

TEST_F(MirrorsTest, ARenamedMirrorGoesOnWithItsState) {
  ASSERT_NO_FATAL_FAILURE(run_with_an_opt_out());
  const auto repeated_before = repeated();

  deployment.write_config(deployment.config_text() + other("shop"));
  reload();
  EXPECT_EQ(lines("mirror.unconfigured"), 1u) << deployment.daemon().err();
  EXPECT_NE(deployment.daemon().err().find("\"was\":\"others\""), std::string::npos);
  add_others(21, 21);
  EXPECT_TRUE(arrives("5678", 20)) << "19 and the new one; who opted out stays so";
  EXPECT_EQ(state_of("shop"), "ok");
  EXPECT_EQ(state_of("others"), "none");

  stop();
  deployment.write_config(both());
  deployment.start_daemon();
  EXPECT_EQ(lines("mirror.unconfigured"), 1u);
  deployment.sql("UPDATE others SET email = 'moved@example.com' WHERE id = 7");
  add_others(22, 22);
  EXPECT_TRUE(arrives("5678", 21)) << "an opt-out goes with the member to the next address";
  EXPECT_EQ(repeated(), repeated_before);
  EXPECT_EQ(subscribed("1234"), 20);
}

// As if both had begun anew, a pause would end, and whoever leaves then would stay in the list.
TEST_F(MirrorsTest, TwoThatSwapTheirNamesGoOnWithTheirListsPausesAndOptOuts) {
  ASSERT_NO_FATAL_FAILURE(run_with_an_opt_out());
  ASSERT_EQ(deployment.syncd({"pause", "--mirror", "others"}).exit_code, 0);
  deployment.sql("DELETE FROM others WHERE id = 8");
  const auto repeated_before = repeated();

  auto swapped = deployment.config_text();
  swapped.replace(swapped.find("- name: members"), 15, "- name: others");
  deployment.write_config(swapped + other("members"));
  reload();
  EXPECT_EQ(lines("mirror.unconfigured"), 2u) << deployment.daemon().err();
  EXPECT_EQ(state_of("members"), "paused") << "it was the other one's name";
  deployment.add_members(21, 21);
  EXPECT_TRUE(arrives("1234", 21)) << deployment.daemon().err();
  EXPECT_EQ(subscribed("5678"), 19);

  add_others(21, 22);
  ASSERT_EQ(deployment.syncd({"resume", "--mirror", "members"}).exit_code, 0);
  EXPECT_TRUE(arrives("5678", 20)) << "two came, one left, and one had opted out";
  EXPECT_EQ(subscribed("1234"), 21);
  EXPECT_EQ(repeated(), repeated_before);
}

TEST_F(MirrorsTest, ATableThatIsAnotherOneUnderASwappedNameIsHeldByTheGuard) {
  deployment.add_members(1, 60);
  add_others(1, 60);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  auto swapped = deployment.config_text();
  swapped.replace(swapped.find("list_id: 1234"), 13, "list_id: 5678");
  deployment.write_config(swapped + other("others", 1234));
  const auto finished = deployment.syncd({"sync"});
  EXPECT_EQ(finished.exit_code, 76) << finished.out << finished.err;
  const auto dump = json::parse(deployment.dump());
  ASSERT_TRUE(dump);
  for (const auto& [list, initial] : {std::pair{"1234", 'p'}, std::pair{"5678", 'o'}}) {
    std::int64_t stayed = 0;
    for (const auto& person : items(at(at(*dump, "lists"), list), "people"))
      stayed += text(person, "status") == "subscribed" && text(person, "email").front() == initial ? 1 : 0;
    EXPECT_EQ(stayed, 60) << list;
  }
}

TEST_F(MirrorsTest, WhatTheFileNamesNoMoreIsSaidAtStartReloadCheckAndPlan) {
  deployment.add_members(1, 3);
  add_others(1, 2);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  deployment.write_config(deployment.config_text());
  const auto words = [](const std::string& said) {
    return said.find("others") != std::string::npos && said.find("5678") != std::string::npos &&
           said.find("2 people") != std::string::npos;
  };
  const auto planned = deployment.syncd({"plan"});
  EXPECT_EQ(planned.exit_code, 0);
  EXPECT_TRUE(words(planned.out)) << planned.out;
  ASSERT_EQ(items(deployment.report({"plan"}), "warnings").size(), 1u);
  const auto checked = deployment.syncd({"check"});
  EXPECT_EQ(checked.exit_code, 0) << checked.err;
  EXPECT_TRUE(words(checked.out)) << checked.out;

  deployment.start_daemon();
  ASSERT_EQ(lines("mirror.unconfigured"), 1u);
  const auto line = json::parse(event_lines(deployment.daemon(), "mirror.unconfigured").front());
  ASSERT_TRUE(line) << deployment.daemon().err();
  EXPECT_EQ(text(*line, "level"), "warn");
  EXPECT_EQ(text(*line, "mirror"), "others");
  EXPECT_EQ(number(*line, "list_id"), 5678);
  EXPECT_EQ(number(*line, "people"), 2);
  EXPECT_FALSE(text(*line, "cure").empty());
  reload();
  EXPECT_EQ(lines("mirror.unconfigured"), 2u);
  deployment.write_config(both());
  reload();
  EXPECT_EQ(lines("mirror.unconfigured"), 2u) << "it is named again";
  EXPECT_EQ(subscribed("5678"), 2);
}

// Nobody heard what happened in its list meanwhile.
TEST_F(MirrorsTest, AMirrorThatComesBackReadsItsListBeforeItSends) {
  deployment.add_members(1, 20);
  deployment.start_daemon();
  ASSERT_TRUE(arrives("1234", 20));
  const auto with_members = both();
  deployment.write_config(with_members.substr(0, with_members.find("mirrors:\n")) + "mirrors:\n" +
                          other("others"));
  reload();
  deployment.stibee_post("/_sim/people",
                         R"({"list":"1234","action":"unsubscribe","emails":["p7@example.com"]})");
  deployment.sql("UPDATE members SET name = 'another' WHERE id IN (7, 8)");
  const auto next_call = deployment.stat("calls") + 1;

  deployment.write_config(with_members);
  reload();
  deployment.add_members(21, 21);
  EXPECT_TRUE(arrives("1234", 20)) << "the new one, and not who opted out";
  ASSERT_TRUE(eventually(std::chrono::seconds(30), [&] { return state_of("members") == "ok"; }));
  const auto journal = deployment.stibee("/_sim/journal?from=" + std::to_string(next_call) + "&limit=100000");
  EXPECT_EQ(json::to_string(journal).find("p7@example.com"), std::string::npos) << json::to_string(journal);
  const auto explained = deployment.report({"explain", "--mirror", "members", "p7@example.com"});
  EXPECT_EQ(text(items(explained, "mirrors").front(), "rule"), "opted_out");
}

TEST_F(MirrorsTest, AnotherListUnderTheSameNameStartsAfresh) {
  deployment.add_members(1, 3);
  add_others(1, 4);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  deployment.restart_stibee({"--list", "1234", "--list", "5678", "--list", "99"});
  deployment.write_config(deployment.config_text() + other("others", 99));
  deployment.start_daemon();
  EXPECT_TRUE(arrives("99", 4)) << deployment.daemon().err();
  EXPECT_EQ(lines("mirror.unconfigured"), 1u);
}

}  // namespace
}  // namespace stibee_sync::e2e

#include "integration/e2e/deployment.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include <gtest/gtest.h>

// Taking a list over, comparing it with the table, mending it: through the program, as ops do it.

namespace stibee_sync::e2e {
namespace {

struct Found {
  std::string cause;
  std::string repair;
  bool done = false;
};

bool flag(const json::Value& value, const std::string& key) {
  const auto* found = at(value, key).if_bool();
  if (found == nullptr) throw std::runtime_error("\"" + key + "\" is no flag");
  return *found;
}

class ReconcileTest : public ::testing::Test {
 protected:
  /// `--json` report of one run; the exit code lands in `code`.
  json::Value reconcile(Deployment& deployment, bool repair) {
    std::vector<std::string> command{"reconcile", "--json"};
    if (repair) command.emplace_back("--repair");
    const auto finished = deployment.syncd(command);
    code = finished.exit_code;
    auto parsed = json::parse(finished.out);
    if (!parsed) throw std::runtime_error("no JSON: " + finished.out + finished.err);
    return std::move(*parsed);
  }

  /// By address and kind, of the only mirror.
  static std::map<std::string, Found> differences(const json::Value& report) {
    std::map<std::string, Found> found;
    for (const auto& one : items(items(report, "mirrors").front(), "differences")) {
      found[text(one, "email") + " " + text(one, "kind")] = {text(one, "cause"), text(one, "repair"),
                                                             flag(one, "done")};
    }
    return found;
  }

  static void edit(Deployment& deployment, const std::string& action, const std::string& email,
                   const std::string& more = {}) {
    deployment.stibee_post("/_sim/people", R"({"list":"1234","action":")" + action + R"(","emails":[")" +
                                               email + R"("])" + more + "}");
  }

  static std::string status_of(Deployment& deployment, const std::string& email) {
    const auto dumped = json::parse(deployment.dump());
    for (const auto& person : items(at(at(*dumped, "lists"), "1234"), "people")) {
      if (text(person, "email") == email) return text(person, "status");
    }
    return "nobody";
  }

  /// One of each kind of drift, made by hand at Stibee, for a list in step with p1…p100.
  static void drift_of_each_kind(Deployment& deployment) {
    edit(deployment, "purge", "p1@example.com");
    edit(deployment, "add", "stray@example.com");
    edit(deployment, "unsubscribe", "p2@example.com");
    edit(deployment, "resubscribe", "p99@example.com");
    edit(deployment, "auto_delete", "p3@example.com");
    edit(deployment, "edit", "p4@example.com", R"(,"fields":{"name":"By Hand"})");
    edit(deployment, "release_group", "p6@example.com", R"(,"group":11)");
    edit(deployment, "assign_group", "p7@example.com", R"(,"group":11)");
    edit(deployment, "assign_group", "p8@example.com", R"(,"group":99)");  // not ours
  }

  /// `opt_out_known`: by an earlier reading, which had put it on record; then it is no difference.
  static void expect_each_kind(const std::map<std::string, Found>& found, bool mended,
                               bool opt_out_known = false) {
    const std::string opt_out = "p2@example.com opted_out_there";
    std::map<std::string, std::pair<std::string, std::string>> expected{
        {"p1@example.com missing_there", {"deleted_there_or_call_lost", "subscribe"}},
        {"stray@example.com stray_there", {"not_in_table", "none"}},
        {opt_out, {"unsubscribed_there", "record"}},
        {"p99@example.com subscribed_there", {"resubscribed_there", "unsubscribe"}},
        {"p3@example.com auto_deleted", {"bounced", "record"}},
        {"p4@example.com fields_differ", {"edited_there", "update"}},
        {"p6@example.com groups_differ", {"groups_edited_there", "groups"}},
        {"p7@example.com groups_differ", {"groups_edited_there", "groups"}}};
    if (opt_out_known) expected.erase(opt_out);
    EXPECT_EQ(found.size(), expected.size());
    for (const auto& [who, what] : expected) {
      const auto one = found.find(who);
      if (one == found.end()) {
        ADD_FAILURE() << who << " was not found";
        continue;
      }
      EXPECT_EQ(one->second.cause, what.first) << who;
      EXPECT_EQ(one->second.repair, what.second) << who;
      EXPECT_EQ(one->second.done, (mended && what.second != "none") || who == opt_out) << who;
    }
  }

  static json::Value mirror_of(Deployment& deployment) {
    return items(deployment.report({"status"}), "mirrors").front();
  }

  /// p1…p100, of whom p99 said no after having been sent.
  static void in_step(Deployment& deployment) {
    deployment.add_members(1, 100);
    ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
    deployment.sql("UPDATE members SET email_opt_in = false WHERE id = 99");
    ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
    ASSERT_EQ(status_of(deployment, "p99@example.com"), "unsubscribed");
  }

  int code = 0;
};

TEST_F(ReconcileTest, FindsNothingWhereTheListIsInStep) {
  Deployment deployment;
  in_step(deployment);
  const auto report = reconcile(deployment, false);
  EXPECT_EQ(code, 0);
  const auto& mirror = items(report, "mirrors").front();
  EXPECT_EQ(text(mirror, "name"), "members");
  EXPECT_EQ(number(mirror, "compared"), 100);
  EXPECT_TRUE(items(mirror, "differences").empty());
  EXPECT_EQ(number(at(mirror, "counts"), "missing_there"), 0);
}

TEST_F(ReconcileTest, NamesEachKindOfDriftAndChangesNothingButThatOptOutsAreOnRecord) {
  Deployment deployment;
  in_step(deployment);
  drift_of_each_kind(deployment);
  const auto list_before = deployment.dump();
  expect_each_kind(differences(reconcile(deployment, false)), false);
  EXPECT_EQ(code, 2);
  const auto before = mirror_of(deployment);
  EXPECT_EQ(number(at(before, "people"), "opted_out"), 1);
  const auto again = differences(reconcile(deployment, false));
  expect_each_kind(again, false, true);
  EXPECT_EQ(code, 2);
  EXPECT_EQ(deployment.dump(), list_before);
  const auto after = mirror_of(deployment);
  for (const char* part :
       {"people", "pending", "parked", "held", "suppressed", "last_success", "last_delivery"})
    EXPECT_EQ(json::to_string(at(after, part)), json::to_string(at(before, part))) << part;
  EXPECT_EQ(number(after, "drift"), static_cast<std::int64_t>(again.size()));
}

TEST_F(ReconcileTest, MendsEachKindWithoutADaemonAndLeavesStrays) {
  Deployment deployment;
  in_step(deployment);
  drift_of_each_kind(deployment);
  expect_each_kind(differences(reconcile(deployment, true)), true);
  EXPECT_EQ(code, 2) << "the stray remains";
  EXPECT_EQ(status_of(deployment, "p1@example.com"), "subscribed");
  EXPECT_EQ(status_of(deployment, "p2@example.com"), "unsubscribed");
  EXPECT_EQ(status_of(deployment, "p99@example.com"), "unsubscribed");
  EXPECT_EQ(status_of(deployment, "stray@example.com"), "subscribed");
  // What is left: the stray, who said no, and who bounced.
  const std::set<std::string> left{"p2@example.com is missing", "p3@example.com is missing",
                                   "stray@example.com is not in the table"};
  const auto differs = deployment.differences();
  EXPECT_EQ(std::set<std::string>(differs.begin(), differs.end()), left);
  const auto again = differences(reconcile(deployment, false));
  EXPECT_EQ(again.size(), 2U);
  EXPECT_TRUE(again.contains("stray@example.com stray_there"));
  EXPECT_TRUE(again.contains("p3@example.com auto_deleted"));
  EXPECT_EQ(deployment.stat("violations"), 0);
}

TEST_F(ReconcileTest, MendsEachKindBesideADaemonOnRequest) {
  DeploymentOptions options;
  options.mirror_extra = "    reconcile: {interval: 1h, mode: report}\n";
  Deployment deployment(options);
  in_step(deployment);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  drift_of_each_kind(deployment);
  expect_each_kind(differences(reconcile(deployment, false)), false);
  EXPECT_EQ(code, 2);
  const auto metrics = deployment.admin("/metrics").body;
  EXPECT_NE(metrics.find(R"(stibee_reconcile_drift{kind="groups_differ",mirror="members"} 2)"),
            std::string::npos);
  expect_each_kind(differences(reconcile(deployment, true)), true, true);
  EXPECT_EQ(status_of(deployment, "p1@example.com"), "subscribed");
  EXPECT_EQ(status_of(deployment, "p99@example.com"), "unsubscribed");
  const auto& log = deployment.daemon().err();
  EXPECT_NE(log.find("reconcile.finished"), std::string::npos);
  EXPECT_NE(log.find("reconcile.drift"), std::string::npos);
  EXPECT_EQ(log.find("stray@example.com"), std::string::npos) << "an address in the log";
  const auto shown = deployment.syncd({"reconcile"});
  EXPECT_EQ(shown.exit_code, 2);
  EXPECT_NE(shown.out.find("stray_there  stray@example.com"), std::string::npos) << shown.out;
  // What is left is no news of the daemon's life: a restart does not make it look mended.
  const auto left = number(items(deployment.report({"status"}), "mirrors").front(), "drift");
  EXPECT_GT(left, 0);
  deployment.start_daemon();
  const auto after = deployment.admin("/metrics").body;
  EXPECT_NE(after.find("stibee_reconcile_remaining{mirror=\"members\"} " + std::to_string(left) + "\n"),
            std::string::npos);
  EXPECT_EQ(after.find("stibee_reconcile_last_timestamp_seconds{mirror=\"members\"} 0\n"), std::string::npos);
}

TEST_F(ReconcileTest, MendsEachKindAndTakesTheListOverOnV2) {
  DeploymentOptions options;
  options.api = "v2";
  Deployment deployment(options);
  in_step(deployment);
  drift_of_each_kind(deployment);
  expect_each_kind(differences(reconcile(deployment, true)), true);
  EXPECT_EQ(code, 2);
  EXPECT_EQ(status_of(deployment, "p1@example.com"), "subscribed");
  EXPECT_EQ(status_of(deployment, "p99@example.com"), "unsubscribed");
  std::filesystem::remove_all(deployment.state());
  const auto people = deployment.stat("people");
  EXPECT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  EXPECT_EQ(deployment.stat("people"), people) << "somebody was sent again";
  EXPECT_EQ(status_of(deployment, "p2@example.com"), "unsubscribed");
  EXPECT_EQ(deployment.stat("violations"), 0);
}

TEST_F(ReconcileTest, MendsOnItsScheduleInModeRepair) {
  DeploymentOptions options;
  options.mirror_extra = "    reconcile: {interval: 1s, mode: repair}\n";
  Deployment deployment(options);
  deployment.add_members(1, 50);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  edit(deployment, "purge", "p1@example.com");
  edit(deployment, "edit", "p4@example.com", R"(,"fields":{"name":"By Hand"})");
  EXPECT_TRUE(deployment.converges()) << deployment.daemon().err();
}

TEST_F(ReconcileTest, TakesAListOverWithoutSendingAnybodyAgain) {
  Deployment deployment;
  in_step(deployment);
  edit(deployment, "unsubscribe", "p2@example.com");
  deployment.sql("DELETE FROM members WHERE id = 50");
  std::filesystem::remove_all(deployment.state());
  const auto calls = deployment.stat("people");
  const auto synced = deployment.syncd({"sync"});
  EXPECT_EQ(synced.exit_code, 0) << synced.err;
  EXPECT_EQ(deployment.stat("people"), calls) << "somebody was sent again";
  EXPECT_EQ(status_of(deployment, "p2@example.com"), "unsubscribed");
  const auto found = differences(reconcile(deployment, false));
  EXPECT_EQ(found.size(), 1U);
  ASSERT_TRUE(found.contains("p50@example.com stray_there"));
  EXPECT_EQ(found.at("p50@example.com stray_there").cause, "not_in_table");
  // A later change of the row does not bring back who said no there.
  deployment.sql("UPDATE members SET name = 'Changed' WHERE id = 2");
  EXPECT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  EXPECT_EQ(status_of(deployment, "p2@example.com"), "unsubscribed");
}

TEST_F(ReconcileTest, TakesAListOverInTheDaemonAndSendsOnlyWhatDiffers) {
  Deployment deployment;
  in_step(deployment);
  std::filesystem::remove_all(deployment.state());
  deployment.sql("UPDATE members SET name = 'Changed' WHERE id = 10");
  deployment.add_members(101, 105);
  const auto people = deployment.stat("people");
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  EXPECT_LE(deployment.stat("people") - people, 6 + 4) << "five who are new, one change, groups of the new";
  EXPECT_NE(deployment.daemon().err().find("the list was taken over"), std::string::npos);
}

TEST_F(ReconcileTest, KeepsPeopleFromBeingMailedWhoUnsubscribedBeforeTheyCameIntoTheTable) {
  Deployment deployment;
  edit(deployment, "add", "p7@example.com");
  edit(deployment, "unsubscribe", "p7@example.com");
  deployment.add_members(1, 5);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  deployment.add_members(6, 8);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  EXPECT_EQ(status_of(deployment, "p7@example.com"), "unsubscribed");
  EXPECT_EQ(status_of(deployment, "p8@example.com"), "subscribed");
  EXPECT_TRUE(differences(reconcile(deployment, false)).empty()) << "a known opt-out is no difference";
  EXPECT_EQ(code, 0);
}

TEST_F(ReconcileTest, SendsEverybodyOnceWhereTheKeyMayNotReadTheList) {
  DeploymentOptions options;
  options.simulator_arguments = {"--switch", "v2_key=too_old"};
  Deployment deployment(options);
  edit(deployment, "add", "p1@example.com");
  deployment.add_members(1, 20);
  const auto synced = deployment.syncd({"sync"});
  EXPECT_EQ(synced.exit_code, 0) << synced.err;
  EXPECT_NE(synced.err.find("cannot be read back"), std::string::npos) << synced.err;
  EXPECT_TRUE(deployment.differences().empty());
  const auto refused = deployment.syncd({"reconcile"});
  EXPECT_EQ(refused.exit_code, 77) << refused.out << refused.err;
}

TEST_F(ReconcileTest, TakesNoUnknownShapeForAnEmptyList) {
  Deployment deployment;
  in_step(deployment);
  deployment.stibee_post("/_sim/switches", R"({"v2_wrapper":"unknown"})");
  const auto finished = deployment.syncd({"reconcile", "--repair"});
  EXPECT_EQ(finished.exit_code, 69) << finished.out << finished.err;
  EXPECT_NE(finished.out.find("NOT COMPARED"), std::string::npos) << finished.out;
}

TEST_F(ReconcileTest, UnsubscribesNoCrowdByItself) {
  Deployment deployment;
  deployment.add_members(1, 100);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  deployment.sql("UPDATE members SET email_opt_in = false WHERE id <= 20");
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  deployment.sql("UPDATE members SET email_opt_in = false WHERE id <= 30");
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  for (int i = 1; i <= 30; ++i)
    edit(deployment, "resubscribe", "p" + std::to_string(i) + "@example.com");
  const auto report = reconcile(deployment, true);
  EXPECT_EQ(code, 2);
  EXPECT_EQ(number(items(report, "mirrors").front(), "held_back"), 30);
  EXPECT_EQ(status_of(deployment, "p1@example.com"), "subscribed");
}

TEST_F(ReconcileTest, AsksForASyncFirstWhereNothingWasSentYet) {
  Deployment deployment;
  deployment.add_members(1, 3);
  const auto finished = deployment.syncd({"reconcile"});
  EXPECT_EQ(finished.exit_code, 75) << finished.out << finished.err;
  ASSERT_EQ(deployment.syncd({"pause"}).exit_code, 0);
  EXPECT_EQ(deployment.syncd({"reconcile"}).exit_code, 75) << "nobody has looked at a paused mirror either";
}

}  // namespace
}  // namespace stibee_sync::e2e

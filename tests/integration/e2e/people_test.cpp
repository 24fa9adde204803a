#include "integration/e2e/deployment.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

// Who cannot be sent, who is held, and whom nothing may be kept of: as ops ask.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Names of the state's files that hold those bytes.
std::vector<std::string> files_with(const Deployment& deployment, const std::string& bytes) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(deployment.state())) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    if (has(content, bytes)) names.push_back(entry.path().filename().string());
  }
  return names;
}

/// Somebody whose key and address are found in a file if they are there.
constexpr const char* marked =
    "INSERT INTO members VALUES (5432881851904845171, 'left-behind@example.com', true)";
const std::string address = "left-behind@example.com";
const std::string key_bytes = "KeyBytes";  // the same number, as the file has it

// ---- failures --------------------------------------------------------------------------------------------

/// p7 is refused, a row has no address, and one bears another's.
void park_some(Deployment& deployment) {
  deployment.add_members(1, 20);
  deployment.sql("INSERT INTO members VALUES (901, NULL), (902, 'p5@example.com'), (903, NULL)");
  deployment.stibee_post(
      "/_sim/faults",
      R"({"rules":[{"kind":"person","address":"p7@example.com","result":"failWrongEmail"}]})");
}

void expect_failures(Deployment& deployment) {
  const auto shown = deployment.syncd({"failures"});
  EXPECT_EQ(shown.out.find("members  1 duplicate_address\n    merge the rows"), 0u) << shown.out;
  EXPECT_TRUE(has(shown.out, "members  2 null_email\n    give the row an address")) << shown.out;
  EXPECT_TRUE(has(shown.out, "key 7  p***@example.com")) << shown.out;
  EXPECT_TRUE(has(shown.out, "(key 5 is sent)")) << shown.out;
  EXPECT_FALSE(has(shown.out, "p7@")) << shown.out;

  const auto report = deployment.report({"failures"});
  EXPECT_EQ(number(report, "total"), 4);
  ASSERT_EQ(items(report, "people").size(), 4u);
  EXPECT_EQ(items(report, "reasons").size(), 3u);

  const auto duplicates = deployment.report({"failures", "--reason", "duplicate_address"});
  ASSERT_EQ(items(duplicates, "people").size(), 1u);
  EXPECT_EQ(text(items(duplicates, "people").front(), "key"), "902");
  EXPECT_EQ(text(items(duplicates, "people").front(), "sent_instead"), "5");
  EXPECT_EQ(text(items(duplicates, "people").front(), "email"), "p***@example.com");
  EXPECT_EQ(items(duplicates, "reasons").size(), 1u);

  const auto refused = deployment.report({"failures", "--reason", "wrong_email", "--reveal"});
  ASSERT_EQ(items(refused, "people").size(), 1u);
  EXPECT_EQ(text(items(refused, "people").front(), "email"), "p7@example.com");

  const auto few = deployment.syncd({"failures", "--limit", "1"});
  EXPECT_TRUE(has(few.out, "and 3 more")) << few.out;
  EXPECT_TRUE(items(deployment.report({"failures", "--reason", "no_such_reason"}), "people").empty());
}

TEST(People, FailuresBeginWithReasonsAndCuresAndMaskAddresses) {
  Deployment deployment;
  park_some(deployment);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  expect_failures(deployment);
  EXPECT_TRUE(has(deployment.syncd({"failures", "--reveal"}).err, "2 people")) << "of which some have none";
}

TEST(People, FailuresAreTheSameBesideADaemonWhichLogsAReveal) {
  Deployment deployment;
  park_some(deployment);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(eventually(60s, [&] { return number(deployment.report({"failures"}), "total") == 4; }));
  expect_failures(deployment);
  EXPECT_TRUE(eventually(10s, [&] { return has(daemon.err(), "\"command\":\"failures\""); }));
  EXPECT_TRUE(has(daemon.err(), "\"user\":\"")) << daemon.err();
}

// ---- guard show ------------------------------------------------------------------------------------------

TEST(People, AHeldUpdateShowsWhatChangesAndValuesOnlyToWhoAsks) {
  Deployment deployment;
  deployment.add_members(1, 100);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  deployment.sql("UPDATE members SET grade = 'gold' WHERE id = 1");  // of silver
  deployment.sql("UPDATE members SET name = 'fresh' WHERE id BETWEEN 2 AND 60");
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 76);
  const auto digest = text(items(deployment.report({"guard"}), "held").front(), "digest");
  const auto expect_changes = [&] {
    const auto masked = deployment.report({"guard", "show", digest});
    for (const auto& person : items(masked, "people")) {
      const auto& changes = at(person, "changes");
      const bool grade = text(person, "key") == "1";
      EXPECT_EQ(*at(changes, "fields").if_bool(), !grade) << text(person, "key");
      EXPECT_EQ(items(changes, "groups_assigned").size(), grade ? 1u : 0u);
      EXPECT_EQ(items(changes, "groups_released").size(), grade ? 1u : 0u);
      EXPECT_EQ(changes.find("values"), nullptr);
      EXPECT_EQ(text(person, "ref").size(), 12u);
    }
    EXPECT_EQ(items(masked, "people").size(), 60u);
    const auto shown = deployment.syncd({"guard", "show", digest, "--reveal"});
    EXPECT_TRUE(has(shown.out, "p2@example.com  fields: name=fresh")) << shown.out;
  };
  expect_changes();
  deployment.start_daemon();
  expect_changes();
}

// ---- forget ----------------------------------------------------------------------------------------------

void expect_forgotten(Deployment& deployment) {
  const auto still_there = deployment.syncd({"forget", address});
  EXPECT_EQ(still_there.exit_code, 75) << still_there.err;
  EXPECT_TRUE(has(still_there.err, "the table still has them (key 5432881851904845171)")) << still_there.err;
  EXPECT_EQ(deployment.syncd({"forget", "stranger@example.com"}).exit_code, 66);
  EXPECT_EQ(deployment.syncd({"forget", "no address"}).exit_code, 64);
}

TEST(People, WhoeverLeftIsForgottenInEveryFile) {
  Deployment deployment;
  deployment.add_members(1, 30);
  deployment.sql(marked);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  EXPECT_FALSE(files_with(deployment, address).empty());
  EXPECT_FALSE(files_with(deployment, key_bytes).empty());
  expect_forgotten(deployment);
  deployment.sql("DELETE FROM members WHERE id = 5432881851904845171");
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  const auto forgotten = deployment.syncd({"forget", "Left-Behind@example.com"});
  EXPECT_EQ(forgotten.exit_code, 0) << forgotten.err;
  EXPECT_TRUE(has(forgotten.err, "privacy.erased")) << forgotten.err;
  EXPECT_EQ(files_with(deployment, address), std::vector<std::string>{});
  EXPECT_EQ(files_with(deployment, key_bytes), std::vector<std::string>{});
  EXPECT_EQ(deployment.syncd({"forget", address}).exit_code, 66);
  EXPECT_EQ(deployment.syncd({"explain", address}).exit_code, 66);
}

TEST(People, BesideADaemonToo) {
  DeploymentOptions options;
  options.log_level = "info";
  Deployment deployment(options);
  deployment.add_members(1, 30);
  deployment.sql(marked);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  expect_forgotten(deployment);
  deployment.sql("DELETE FROM members WHERE id = 5432881851904845171");
  ASSERT_TRUE(eventually(60s, [&] { return deployment.syncd({"forget", address}).exit_code == 0; }));
  EXPECT_TRUE(eventually(10s, [&] { return has(daemon.err(), "(`forget`)"); })) << daemon.err();
  EXPECT_FALSE(has(daemon.err(), address));
  EXPECT_TRUE(eventually(30s, [&] {
    return files_with(deployment, address).empty() && files_with(deployment, key_bytes).empty();
  }));
}

TEST(People, OfSomebodyWhoOptedOutAKeyedHashStaysAndTheyAreNotMailedWhenTheyComeBack) {
  DeploymentOptions options;
  options.mirror_extra = "    on_leave: delete\n";
  Deployment deployment(options);
  deployment.add_members(1, 30);
  deployment.sql(marked);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  deployment.stibee_post("/_sim/people",
                         R"({"list":"1234","action":"unsubscribe","emails":[")" + address + R"("]})");
  deployment.syncd({"reconcile"});
  deployment.sql("DELETE FROM members WHERE id = 5432881851904845171");
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  const auto forgotten = deployment.syncd({"forget", address});
  EXPECT_TRUE(forgotten.exit_code == 0 || forgotten.exit_code == 66) << forgotten.err;
  EXPECT_EQ(files_with(deployment, address), std::vector<std::string>{});
  EXPECT_EQ(files_with(deployment, key_bytes), std::vector<std::string>{});
  deployment.sql(marked);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  EXPECT_EQ(deployment.subscribed(), 30);
  const auto explained = deployment.report({"explain", address});
  EXPECT_EQ(text(items(explained, "mirrors").front(), "rule"), "opted_out");
}

TEST(People, WhereThereIsNoLeaderButThisHostItsWordIsNoneToGoBy) {
  Deployment deployment;
  deployment.add_members(1, 30);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  deployment.sql("DELETE FROM members WHERE id = 7");
  deployment.stop_stibee();
  ASSERT_EQ(deployment.syncd({"sync", "--timeout", "1s"}).exit_code, 75);
  const auto refused = deployment.syncd({"forget", "--forgotten-by-leader", "p7@example.com"});
  EXPECT_EQ(refused.exit_code, 75) << refused.err;
  EXPECT_TRUE(has(refused.err, "Stibee still has to be told that they left")) << refused.err;
}

TEST(People, WhoeverIsHeldByTheGuardCannotBeForgottenYet) {
  Deployment deployment;
  deployment.add_members(1, 100);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  deployment.sql("DELETE FROM members WHERE id <= 60");
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 76);
  EXPECT_EQ(deployment.syncd({"forget", "p7@example.com"}).exit_code, 75);
}

}  // namespace
}  // namespace stibee_sync::e2e

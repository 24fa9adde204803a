#include "integration/e2e/deployment.hpp"

#include <filesystem>
#include <fstream>
#include <sys/stat.h>

#include <gtest/gtest.h>

// A copy of the state, and the way back.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

unsigned mode_of(const fs::path& path) {
  struct stat info{};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 0777u;
}

void opt_out_at_stibee(Deployment& deployment, const std::string& email) {
  deployment.stibee_post("/_sim/people",
                         R"({"list":"1234","action":"unsubscribe","emails":[")" + email + R"("]})");
}

fs::path backup_of(Deployment& deployment, const std::string& name = "copy") {
  const auto target = deployment.directory() / name;
  const auto result = deployment.syncd({"backup", target.string()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return target;
}

/// The list has everybody at the time of the copy.
fs::path backup_after_syncing(Deployment& deployment, int members) {
  deployment.add_members(1, members);
  const auto result = deployment.syncd({"sync"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return backup_of(deployment);
}

TEST(Backup, BesideTheDaemonItIsWholeAndClosedToOthers) {
  Deployment deployment;
  deployment.add_members(1, 300);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  const auto target = deployment.directory() / "backups" / "monday";  // neither is there yet
  const auto report = deployment.report({"backup", target.string()});
  EXPECT_EQ(number(report, "version"), 1);
  EXPECT_EQ(number(items(report, "mirrors").front(), "people"), 300);
  EXPECT_EQ(mode_of(target), 0700u);
  EXPECT_EQ(mode_of(target / "state.sqlite"), 0600u);
  EXPECT_EQ(mode_of(target / "suppressions.sqlite"), 0600u);
  EXPECT_EQ(std::distance(fs::directory_iterator(target), fs::directory_iterator{}), 2);
  const auto again = deployment.syncd({"backup", target.string()});
  EXPECT_EQ(again.exit_code, 74) << "it overwrites nothing";
  EXPECT_NE(again.err.find("is not empty"), std::string::npos) << again.err;
  const auto beside = deployment.syncd({"restore", target.string()});
  EXPECT_EQ(beside.exit_code, 75);
  EXPECT_NE(beside.err.find("stop it first"), std::string::npos) << beside.err;
}

TEST(Backup, IsRestoredAndGoesOnWhereItWas) {
  Deployment deployment;
  const auto target = backup_after_syncing(deployment, 300);
  fs::remove_all(deployment.state());
  const auto restored = deployment.syncd({"restore", target.string()});
  ASSERT_EQ(restored.exit_code, 0) << restored.err;
  EXPECT_NE(restored.out.find("members -> list 1234: 300 people"), std::string::npos) << restored.out;
  EXPECT_EQ(mode_of(deployment.state()), 0700u);
  EXPECT_EQ(mode_of(deployment.state() / "state.sqlite"), 0600u);
  const auto repeated = deployment.stat("repeated_people");
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  EXPECT_EQ(deployment.differences(), std::vector<std::string>{});
  EXPECT_EQ(deployment.stat("repeated_people"), repeated) << "nobody is sent again";
  backup_of(deployment, "of-the-restored");
}

TEST(Backup, AnOlderStateKeepsTheOptOutsThatCameAfterIt) {
  Deployment deployment;
  const auto target = backup_after_syncing(deployment, 100);
  opt_out_at_stibee(deployment, "p5@example.com");
  ASSERT_EQ(deployment.syncd({"reconcile"}).exit_code, 0);
  const auto restored = deployment.report({"restore", target.string()});
  const auto* kept = at(restored, "opt_outs_kept").if_bool();
  ASSERT_NE(kept, nullptr);
  EXPECT_TRUE(*kept) << "the file that was there knows more";
  EXPECT_EQ(items(restored, "set_aside").size(), 1u);
  deployment.sql("UPDATE members SET name = 'changed' WHERE id IN (5, 6)");
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  EXPECT_EQ(deployment.subscribed(), 99) << "the one who opted out stays so";
}

TEST(Backup, OptOutsSinceThenAreFoundInTheListThoughBothFilesWereLost) {
  Deployment deployment;
  const auto target = backup_after_syncing(deployment, 100);
  opt_out_at_stibee(deployment, "p5@example.com");
  fs::remove_all(deployment.state());
  ASSERT_EQ(deployment.syncd({"restore", target.string()}).exit_code, 0);
  deployment.sql("UPDATE members SET name = 'changed' WHERE id IN (5, 6)");
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  EXPECT_EQ(deployment.subscribed(), 99);
  EXPECT_EQ(number(items(deployment.report({"status"}), "mirrors").front(), "suppressed"), 1);
}

TEST(Backup, FilesThatDoNotBelongTogetherAreRefusedAndNothingIsChanged) {
  Deployment deployment;
  const auto first = backup_after_syncing(deployment, 10);
  const auto second = backup_of(deployment, "second");
  fs::copy_file(first / "suppressions.sqlite", second / "suppressions.sqlite",
                fs::copy_options::overwrite_existing);
  const auto mixed = deployment.syncd({"restore", second.string()});
  EXPECT_EQ(mixed.exit_code, 74);
  EXPECT_NE(mixed.err.find("do not belong together"), std::string::npos) << mixed.err;

  fs::remove(second / "suppressions.sqlite");
  const auto half = deployment.syncd({"restore", second.string()});
  EXPECT_EQ(half.exit_code, 74);
  EXPECT_NE(half.err.find("has no suppressions.sqlite"), std::string::npos) << half.err;
  EXPECT_EQ(deployment.syncd({"restore", (second / "nowhere").string()}).exit_code, 66);

  // A damaged page in the middle.
  {
    std::fstream file(first / "state.sqlite", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096 * 2);
    file << std::string(4096, '\x5a');
  }
  const auto damaged = deployment.syncd({"restore", first.string()});
  EXPECT_EQ(damaged.exit_code, 74);
  EXPECT_NE(damaged.err.find("is damaged"), std::string::npos) << damaged.err;
  for (const auto& entry : fs::directory_iterator(deployment.state()))
    EXPECT_EQ(entry.path().string().find("restoring"), std::string::npos) << entry.path();
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0) << "the state is as it was";
}

TEST(Backup, TheOptOutsOfAnotherStateAreNotLostToARestore) {
  Deployment one;
  const auto target = backup_after_syncing(one, 10);
  Deployment other;
  other.add_members(1, 10);
  ASSERT_EQ(other.syncd({"sync"}).exit_code, 0);
  opt_out_at_stibee(other, "p5@example.com");
  ASSERT_EQ(other.syncd({"reconcile"}).exit_code, 0);
  const auto refused = other.syncd({"restore", target.string()});
  EXPECT_EQ(refused.exit_code, 74);
  EXPECT_NE(refused.err.find("opt-outs of another state"), std::string::npos) << refused.err;
}

TEST(Backup, WithoutAStateThereIsNothingToCopy) {
  Deployment deployment;
  const auto target = deployment.directory() / "copy";
  EXPECT_EQ(deployment.syncd({"backup", target.string()}).exit_code, 66);
  EXPECT_FALSE(fs::exists(target));
}

}  // namespace
}  // namespace stibee_sync::e2e

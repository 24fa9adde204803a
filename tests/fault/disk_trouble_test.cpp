#include "fault/world.hpp"

#include <cerrno>
#include <csignal>
#include <fstream>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <gtest/gtest.h>

// A disk that is full, read-only, broken, or has no room for one file more: it is said, nothing is sent that
// is not on disk, and all goes on when it ends.
namespace stibee_sync::fault {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class DiskTrouble : public ::testing::Test {
 protected:
  DiskTrouble() {
    world_.deployment().add_members(1, 12);
    EXPECT_EQ(world_.deployment().syncd({"sync"}).exit_code, 0);
    world_.remember();
  }
  void start_settled() {
    world_.start();
    ASSERT_TRUE(world_.settles()) << world_.daemon().err();
  }
  bool is_ready(int status) {
    try {
      return world_.deployment().admin("/readyz").status == status;
    } catch (const std::runtime_error&) {
      return false;
    }
  }
  /// Changes come while there is trouble.
  void expect_that_it_is_said_and_nothing_is_sent() {
    auto& deployment = world_.deployment();
    const auto calls = deployment.stat("calls");
    deployment.sql(
        "UPDATE members SET name = 'another' WHERE id = 1; UPDATE members SET email_opt_in = false WHERE id "
        "= 2");
    ASSERT_TRUE(world_.until([&] { return !e2e::event_lines(world_.daemon(), "store.failed").empty(); }))
        << world_.daemon().err();
    const auto body = R"({"id":"1234","action":"UNSUBSCRIBED","eventOccurredBy":"SUBSCRIBER","subscribers":[)"
                      R"({"email":"p5@example.com"}]})";
    EXPECT_EQ(
        e2e::http(deployment.webhook_port(), "POST", "/webhook/" + e2e::Deployment::webhook_secret(), body)
            .status,
        500)
        << "it is not on disk";
    // What could not be written is known to it from then on.
    EXPECT_TRUE(world_.until([&] { return is_ready(503); }, 20s));
    EXPECT_EQ(deployment.admin("/livez").status, 200);
    EXPECT_EQ(deployment.stat("calls"), calls) << "what is not on disk was sent";
  }
  void expect_that_all_goes_on() {
    ASSERT_TRUE(world_.settles()) << world_.daemon().err();
    EXPECT_TRUE(is_ready(200));
    world_.opted_out("p2@example.com");
    EXPECT_EQ(world_.wrongs(), std::vector<std::string>{});
    world_.stop();
  }
  void run(std::int32_t error, std::uint32_t kinds) {
    world_.begin();
    start_settled();
    world_.faults().fail_from_now(error, kinds);
    expect_that_it_is_said_and_nothing_is_sent();
    EXPECT_GT(world_.faults().struck(), 0U);
    // A command that cannot be kept says why, as the daemon does.
    const auto paused = world_.deployment().syncd({"pause"});
    EXPECT_EQ(paused.exit_code, 74) << paused.out << paused.err;
    EXPECT_NE(paused.err.find("paused, but only until this daemon ends: "), std::string::npos) << paused.err;
    EXPECT_NE(paused.err.find(world_.deployment().state().string()), std::string::npos) << paused.err;
    world_.faults().heal();
    EXPECT_EQ(world_.deployment().syncd({"resume"}).exit_code, 0);
    expect_that_all_goes_on();
  }

  World world_;
};

constexpr std::uint32_t what_grows = kind_write | kind_create | kind_nameless;

TEST_F(DiskTrouble, AFullDiskIsSaidAndEnds) {
  run(ENOSPC, what_grows);
}
TEST_F(DiskTrouble, AQuotaThatIsUsedUpIsSaidAndEnds) {
  run(EDQUOT, what_grows);
}
TEST_F(DiskTrouble, AFileSystemThatBecomesReadOnlyIsSaidAndEnds) {
  run(EROFS, every_kind & ~kind_sync);
}
TEST_F(DiskTrouble, WritesThatFailAreSaidAndEnd) {
  run(EIO, kind_write | kind_truncate);
}
TEST_F(DiskTrouble, SyncsThatFailAreSaidAndEnd) {
  run(EIO, kind_sync);
}

TEST_F(DiskTrouble, AStartWithoutADiskEndsWithTheReasonAndTheNextOneGoesOn) {
  for (const std::int32_t error : {ENOSPC, EROFS, EIO}) {
    SCOPED_TRACE(error);
    world_.begin();
    const auto calls = world_.deployment().stat("calls");
    world_.faults().fail_from_now(error, every_kind);
    e2e::Process daemon({e2e::syncd_program(), "--config", world_.deployment().config().string(), "run"},
                        world_.faults().environment(),
                        (world_.deployment().directory() / "refused").string());
    const auto ended = daemon.wait(30s);
    EXPECT_TRUE(ended.exit_code == 74 || ended.exit_code == 69 || ended.exit_code == 75)
        << ended.exit_code << ended.err;
    EXPECT_NE(ended.err.find(world_.deployment().state().string()), std::string::npos) << ended.err;
    EXPECT_EQ(world_.deployment().stat("calls"), calls);
    world_.faults().heal();
    start_settled();
    world_.stop();
  }
}

/// A small file system of its own at the state directory, in a mount namespace that ends with this process.
class SmallDisk : public DiskTrouble {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can mount a small file system";
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      GTEST_SKIP() << "no mount namespace here";
    fs::create_directories(state());
    ASSERT_EQ(::mount("tmpfs", state().c_str(), "tmpfs", 0, "size=4m,nr_inodes=24,mode=0700"), 0);
  }
  void TearDown() override { ::umount2(state().c_str(), MNT_DETACH); }
  fs::path state() { return world_.deployment().state(); }
};

TEST_F(SmallDisk, WithoutRoomIsSaidAndEnds) {
  start_settled();
  {
    std::ofstream ballast(state() / "ballast", std::ios::binary);
    const std::string page(4096, 'x');
    while (ballast.write(page.data(), 4096).flush()) {
    }
  }
  expect_that_it_is_said_and_nothing_is_sent();
  fs::remove(state() / "ballast");
  expect_that_all_goes_on();
}

TEST_F(SmallDisk, ThatBecomesReadOnlyIsSaidAndEnds) {
  start_settled();
  world_.stop();
  ASSERT_EQ(::mount("tmpfs", state().c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, "size=4m"), 0);
  const auto calls = world_.deployment().stat("calls");
  e2e::Process daemon({e2e::syncd_program(), "--config", world_.deployment().config().string(), "run"}, {},
                      (world_.deployment().directory() / "refused").string());
  const auto ended = daemon.wait(30s);
  EXPECT_TRUE(ended.exit_code == 74 || ended.exit_code == 69) << ended.exit_code << ended.err;
  EXPECT_EQ(world_.deployment().stat("calls"), calls);
  ASSERT_EQ(::mount("tmpfs", state().c_str(), "tmpfs", MS_REMOUNT, "size=4m"), 0);
  start_settled();
  world_.stop();
}

TEST_F(SmallDisk, WithoutInodesIsSaidAndEnds) {
  start_settled();
  world_.stop();
  for (int i = 0; std::ofstream(state() / ("ballast" + std::to_string(i))).is_open(); ++i) {
  }
  const auto calls = world_.deployment().stat("calls");
  e2e::Process daemon({e2e::syncd_program(), "--config", world_.deployment().config().string(), "run"}, {},
                      (world_.deployment().directory() / "refused").string());
  const auto ended = daemon.wait(30s);
  EXPECT_TRUE(ended.exit_code == 74 || ended.exit_code == 69) << ended.exit_code << ended.err;
  EXPECT_EQ(world_.deployment().stat("calls"), calls);
  for (int i = 0; fs::remove(state() / ("ballast" + std::to_string(i))); ++i) {
  }
  start_settled();
  world_.stop();
}

}  // namespace
}  // namespace stibee_sync::fault

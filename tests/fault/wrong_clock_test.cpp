#include "fault/world.hpp"

#include <csignal>
#include <cstdlib>

#include <gtest/gtest.h>

// Our clock is wrong, steps, or stands still: nobody waits for ever, no limit is exceeded, and no consent
// becomes newer by it. PostgreSQL and Stibee have the true time.
namespace stibee_sync::fault {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t years = 10LL * 365 * 86'400 * second;

class WrongClock : public ::testing::Test {
 protected:
  WrongClock() { world_.remember(); }
  void begin(std::int64_t offset) {
    world_.begin();
    move(offset);
  }
  void move(std::int64_t offset) { world_.faults().move_clocks(offset, 0, 0); }
  bool arrives() {
    return world_.until([&] { return world_.differences().empty(); }, 120s);
  }
  void expect_that_all_arrive() {
    ASSERT_TRUE(arrives()) << world_.daemon().err();
    EXPECT_EQ(world_.deployment().stat("violations"), 0);
  }
  /// Several calls are refused, so that people wait for another attempt.
  void some_wait(int from, int to) {
    const auto before = world_.deployment().stat("calls");
    world_.deployment().stibee_post("/_sim/faults",
                                    R"({"rules":[{"kind":"503","endpoint":"v1.subscribe","times":2}]})");
    world_.deployment().add_members(from, to);
    ASSERT_TRUE(world_.until([&] { return world_.deployment().stat("calls") > before; }))
        << world_.daemon().err();
  }

  World world_;
};

TEST_F(WrongClock, FromTheStartLetsEverybodyArrive) {
  for (const auto offset : {years, -years}) {
    begin(offset);
    world_.deployment().add_members(1, 12);
    world_.start();
    expect_that_all_arrive();
    world_.stop();
    // It is right again at the next start.
    move(0);
    world_.deployment().sql("UPDATE members SET name = 'another' WHERE id < 4");
    world_.start();
    expect_that_all_arrive();
    world_.stop();
  }
}

TEST_F(WrongClock, ThatStepsWhilePeopleWaitLetsNobodyWaitForEver) {
  for (const auto offset : {years, -years, 3'600 * second, -3'600 * second}) {
    begin(0);
    world_.deployment().add_members(1, 12);
    world_.start();
    expect_that_all_arrive();
    some_wait(13, 20);
    move(offset);
    expect_that_all_arrive();
    some_wait(21, 30);
    move(0);
    expect_that_all_arrive();
    world_.stop();
  }
}

TEST_F(WrongClock, ASuspensionIsNoBurstAndNoStall) {
  begin(0);
  world_.deployment().add_members(1, 12);
  world_.start();
  expect_that_all_arrive();
  some_wait(13, 20);
  // While it is suspended the monotonic clock stands still, and the others go on for eight hours.
  world_.daemon().send(SIGSTOP);
  world_.faults().move_clocks(28'800 * second, 0, 28'800 * second);
  world_.deployment().add_members(21, 60);
  world_.daemon().send(SIGCONT);
  expect_that_all_arrive();
  world_.stop();
}

TEST_F(WrongClock, ASwitchToSummerTimeIsNoMatter) {
  ::setenv("TZ", "America/New_York", 1);
  // Two seconds before the switch of 2027.
  const auto now = std::chrono::system_clock::now().time_since_epoch() / std::chrono::seconds(1);
  begin((1'805'007'598 - now) * second);
  world_.deployment().add_members(1, 12);
  world_.start();
  expect_that_all_arrive();
  world_.deployment().sql("UPDATE members SET name = 'another' WHERE id < 4");
  expect_that_all_arrive();
  world_.stop();
  ::unsetenv("TZ");
}

TEST_F(WrongClock, MakesNoOldConsentNewer) {
  auto& deployment = world_.deployment();
  deployment.sql("ALTER TABLE members ADD consented_at timestamptz DEFAULT '2022-05-01Z'");
  for (const auto offset : {years, -years}) {
    begin(offset);
    auto config = deployment.config_text();
    const std::string subscribed = "      subscribed: email_opt_in\n";
    config.insert(config.find(subscribed) + subscribed.size(), "      consented_at: consented_at\n");
    deployment.write_config(config);
    deployment.sql("INSERT INTO members SELECT i, 'p' || i || '@example.com' FROM generate_series(1, 5) i");
    world_.start();
    expect_that_all_arrive();
    deployment.stibee_post("/_sim/people",
                           R"({"list":"1234","action":"unsubscribe","emails":["p1@example.com"]})");
    ASSERT_TRUE(world_.until([&] { return !e2e::event_lines(world_.daemon(), "suppression.added").empty(); }))
        << world_.daemon().err();
    world_.opted_out("p1@example.com");
    deployment.sql("UPDATE members SET name = 'another' WHERE id < 3");
    expect_that_all_arrive();
    move(0);
    deployment.sql("UPDATE members SET name = 'yet another' WHERE id < 3");
    expect_that_all_arrive();
    world_.stop();
    EXPECT_EQ(world_.wrongs(100), std::vector<std::string>{});
    // Of the two clocks the later one dates an opt-out: one that was years ahead keeps them out until then.
    if (offset > 0) continue;
    // A consent that is newer by the true time brings them back.
    world_.opted_in_again("p1@example.com");
    world_.start();
    deployment.sql("UPDATE members SET consented_at = now() WHERE id = 1");
    expect_that_all_arrive();
    EXPECT_EQ(world_.status_at_stibee("p1@example.com"), "subscribed");
    world_.stop();
  }
}

}  // namespace
}  // namespace stibee_sync::fault

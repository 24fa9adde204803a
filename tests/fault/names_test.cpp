#include "fault/world.hpp"

#include <csignal>

#include <gtest/gtest.h>

// A name server that fails, hangs, or says something else than before: nobody is lost, nothing else stands
// still, it is said, and it ends by itself.
namespace stibee_sync::fault {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t second = 1'000'000'000;

class NamesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    world_.remember();
    world_.begin();
    deployment().add_members(1, 12);
  }
  e2e::Deployment& deployment() { return world_.deployment(); }
  Faults& faults() { return world_.faults(); }

  void call_by_name() { replace("https://127.0.0.1:", "https://stibee.test:"); }
  /// The same server; what libpq takes for the name's address is the folder of its socket.
  void read_by_name() {
    const auto text = deployment().config_text();
    const auto from = text.find("?host=") + 6;
    replace(text.substr(from, text.find('&', from) - from), "database.test");
  }
  void read_over_the_socket() { deployment().write_config(deployment().config_text()); }
  void replace(const std::string& old, const std::string& fresh) {
    auto text = deployment().config_text();
    text.replace(text.find(old), old.size(), fresh);
    deployment().write_config(text);
  }
  void expect_that_all_arrive() {
    ASSERT_TRUE(world_.settles(90s)) << world_.daemon().err();
    EXPECT_EQ(deployment().stat("violations"), 0);
    EXPECT_EQ(deployment().stat("repeated_people"), 0);
  }
  bool has_said(const std::string& words) {
    return world_.until([&] { return world_.daemon().err().find(words) != std::string::npos; });
  }

  World world_;
};

TEST_F(NamesTest, OfStibeeThatAreNotFoundAreSaidAndNobodyIsLost) {
  call_by_name();
  faults().look_up(Lookup::Fails);
  world_.start();
  ASSERT_TRUE(has_said("stibee.test")) << world_.daemon().err();
  EXPECT_TRUE(world_.until([&] { return deployment().syncd({"status"}).exit_code == 1; }));
  const auto status = deployment().syncd({"status"}).out;
  EXPECT_NE(status.find("stibee.test"), std::string::npos) << status;
  EXPECT_EQ(deployment().stat("calls"), 0);
  faults().look_up(Lookup::Found);
  expect_that_all_arrive();
  world_.stop();
}

TEST_F(NamesTest, OfStibeeThatHangStopNeitherTheTableNorTheListenersNorTheEnd) {
  call_by_name();
  faults().look_up(Lookup::Hangs);
  world_.start();
  ASSERT_TRUE(world_.until([&] { return faults().lookups() > 0; }));
  // The table is read all the same.
  ASSERT_TRUE(world_.until([&] {
    const auto report = deployment().report({"status"});
    return e2e::number(e2e::at(e2e::items(report, "mirrors").front(), "pending"), "upsert") == 12;
  })) << world_.daemon().err();
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(deployment().admin("/livez").status, 200);
  world_.stop();
  // As does a second life, whose lookup ends.
  world_.start();
  ASSERT_TRUE(world_.until([&] { return faults().lookups() > 1; }));
  faults().look_up(Lookup::Found);
  expect_that_all_arrive();
  world_.stop();
}

TEST_F(NamesTest, OfStibeeThatMoveAreFollowed) {
  call_by_name();
  faults().look_up(Lookup::Found, 9);  // nobody listens there
  world_.start();
  ASSERT_TRUE(has_said("refused")) << world_.daemon().err();
  EXPECT_EQ(deployment().stat("calls"), 0);
  faults().look_up(Lookup::Found);
  faults().move_clocks(0, 60 * second, 60 * second);  // what was found is believed for half a minute
  expect_that_all_arrive();
  // What was found before serves while the name server is away.
  faults().look_up(Lookup::Fails);
  faults().move_clocks(0, 120 * second, 120 * second);
  const auto lookups = faults().lookups();
  deployment().add_members(13, 20);
  expect_that_all_arrive();
  EXPECT_GT(faults().lookups(), lookups);
  world_.stop();
}

TEST_F(NamesTest, OfPostgresqlThatAreNotFoundOrHangRemoveNobodyAndEnd) {
  world_.start();
  expect_that_all_arrive();
  world_.stop();
  read_by_name();
  for (const auto trouble : {Lookup::Fails, Lookup::Hangs}) {
    faults().look_up(trouble);
    world_.start();
    const auto lookups = faults().lookups();
    ASSERT_TRUE(world_.until([&] { return faults().lookups() > lookups; }));
    for (int i = 0; i < 20; ++i)
      EXPECT_EQ(deployment().admin("/livez").status, 200);
    if (trouble == Lookup::Fails) {
      ASSERT_TRUE(has_said("database.test")) << world_.daemon().err();
      EXPECT_EQ(deployment().syncd({"status"}).exit_code, 1);
    }
    EXPECT_EQ(deployment().subscribed(), 12);
    world_.stop();
  }
  // Nor does either outlast its cause.
  world_.start();
  const auto lookups = faults().lookups();
  ASSERT_TRUE(world_.until([&] { return faults().lookups() > lookups; }));
  faults().look_up(Lookup::Fails);
  ASSERT_TRUE(has_said("database.test")) << world_.daemon().err();
  read_over_the_socket();
  world_.daemon().send(SIGHUP);
  deployment().add_members(13, 14);
  expect_that_all_arrive();
  world_.stop();
}

}  // namespace
}  // namespace stibee_sync::fault

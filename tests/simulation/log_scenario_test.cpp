#include "simulation/scenario.hpp"

// What an hour of the daemon leaves in its log.

namespace stibee_sync::simulation {
namespace {

class Logged : public Scenario {
 protected:
  /// From now on only what follows is counted.
  void turn_the_page() { read_so_far_ = daemon_->log_text().size(); }
  std::size_t lines_with(std::string_view what) const {
    const auto& log = daemon_->log_text();
    std::size_t count = 0;
    for (auto at = log.find(what, read_so_far_); at != std::string::npos; at = log.find(what, at + 1))
      ++count;
    return count;
  }
  std::size_t lines_above_debug() const {
    return lines_with(R"("level":"info")") + lines_with(R"("level":"warn")") +
           lines_with(R"("level":"error")");
  }
  void fill_and_deliver(std::int64_t people) {
    fill(people);
    start();
    daemon_->run_for(1min);
    ASSERT_EQ(subscribed(), static_cast<std::size_t>(people));
    turn_the_page();
  }

 private:
  std::size_t read_so_far_ = 0;
};

TEST_F(Logged, AHealthyQuietHourIsSilent) {
  fill_and_deliver(100);
  daemon_->run_for(1h);
  EXPECT_EQ(lines_above_debug(), 0U) << daemon_->log_text().substr(daemon_->log_text().size() - 2000);
}

TEST_F(Logged, ABusyHourSaysWhatWasDelivered) {
  fill_and_deliver(100);
  for (std::int64_t i = 1; i <= 6; ++i) {
    rows_[i].name = "another";
    daemon_->run_for(10min);
  }
  EXPECT_EQ(lines_with(R"("event":"delivery.finished")"), 6U);
  EXPECT_EQ(lines_with(R"("update":1)"), 6U);
  EXPECT_EQ(lines_with(R"("event":"sync.finished")"), 6U);
  EXPECT_EQ(lines_above_debug(), 12U);
}

TEST_F(Logged, AnHourWithoutStibeeIsALineWhenItBeginsOneAMinuteAndOneWhenItEnds) {
  fill_and_deliver(100);
  far_end_.model.set_faults(R"({"rules":[{"kind":"503"}]})");
  for (std::int64_t i = 1; i <= 20; ++i)
    rows_[i].name = "another";
  daemon_->run_for(1h);
  const auto told = lines_with(R"("event":"api.request_failed")");
  EXPECT_GE(told, 10U) << "it is said again while it lasts, as often as something is tried";
  EXPECT_LE(told, 61U) << "one a minute";
  EXPECT_EQ(lines_with(R"("event":"api.circuit_open")"), 1U);
  EXPECT_EQ(lines_with(R"("event":"api.recovered")"), 0U);
  far_end_.model.set_faults("{}");
  daemon_->run_for(10min);
  EXPECT_EQ(pending(), 0U);
  EXPECT_EQ(lines_with(R"("event":"api.recovered")"), 1U);
  EXPECT_EQ(lines_with(R"("event":"api.circuit_closed")"), 1U);
}

TEST_F(Logged, ADatabaseThatComesAndGoesIsNoLineARead) {
  fill_and_deliver(100);
  source::SourceError away;
  away.kind = source::SourceError::Kind::Unreachable;
  away.message = "nothing listens there";
  for (int i = 0; i < 60; ++i) {
    database_error_ = away;
    daemon_->run_for(30s);
    database_error_.reset();
    daemon_->run_for(30s);
  }
  EXPECT_LE(lines_with(R"("event":"source.lost")"), 61U);
  EXPECT_LE(lines_with(R"("event":"source.connected")"), lines_with(R"("event":"source.lost")"));
  EXPECT_LE(lines_with(R"("event":"sync.failed")"), 61U);
  EXPECT_GE(lines_with(R"("event":"source.lost")"), 29U);
}

}  // namespace
}  // namespace stibee_sync::simulation

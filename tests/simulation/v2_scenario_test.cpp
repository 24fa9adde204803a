#include "simulation/scenario.hpp"
#include "stibee_sync/delivery/v2_reading.hpp"

#include <algorithm>
#include <set>

#include <boost/asio/co_spawn.hpp>

// Stories of API v2: which call is made when.

namespace stibee_sync::simulation {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::microseconds;

// A fraction of v2's limits, with as many people the less: the twin of the store is slow.
constexpr std::size_t bulk_calls = 2;
constexpr std::size_t single_calls = 100;

class OnV2 : public Scenario {
 protected:
  OnV2() {
    api_ = Api::V2;
    limits_[delivery::LimiterClass::Bulk] = {bulk_calls, 1min};
    limits_[delivery::LimiterClass::Other] = {single_calls, 1min};
    auto with_limits = setup();
    with_limits.v2_bulk = {bulk_calls, 1min};
    with_limits.v2_other = {single_calls, 1min};
    far_end_.model = stibee_sim::StibeeModel(with_limits);
    mirror_.poll_interval = 1h;  // one read is enough; `sync_now` asks for another
  }

  void read_again() { daemon_->ingest().sync_now(); }
  /// Calls to an endpoint, from then on.
  std::size_t calls_since(std::size_t first, const std::string& endpoint) const {
    const auto& journal = far_end_.model.journal();
    return static_cast<std::size_t>(
        std::count_if(journal.begin() + static_cast<std::ptrdiff_t>(first), journal.end(),
                      [&](const auto& call) { return call.endpoint == endpoint; }));
  }
  Clock last_call() const { return far_end_.model.journal().back().time.time_since_epoch(); }
  Clock first_call() const { return far_end_.model.journal().front().time.time_since_epoch(); }
};

class OnBoth : public OnV2 {
 protected:
  OnBoth() { api_ = Api::Both; }
};

TEST_F(OnV2, ABacklogDrainsAsFastAsBothBudgetsTogetherAllow) {
  fill(4'150);
  start();
  daemon_->run_for(3min);
  EXPECT_EQ(subscribed(), 4'150U);
  EXPECT_EQ(violations(), 0U);
  // Two bulk calls and 85 single ones at once, the rest when the window turns.
  EXPECT_EQ(calls_to("v2.bulk"), 4U);
  EXPECT_GE(calls_to("v2.add"), 85U);
  EXPECT_LE(last_call() - first_call(), 60s * 1.05);
}

TEST_F(OnV2, ALoneChangeLeavesAtOnceByASingleCallAndNoBulkSlotIsWasted) {
  fill(100);
  start();
  daemon_->run_for(90s);
  auto before = calls();
  rows_[7].name = "new";
  rows_[8].name = "new";
  read_again();
  daemon_->run_for(700ms);
  EXPECT_EQ(calls(), before + 2);
  EXPECT_EQ(calls_since(before, "v2.bulk"), 0U);
  EXPECT_EQ(far_end_.model.find(list, rows_[7].email)->fields.at("name"), "new");
  // Nor does it wait for a bulk slot when there is none.
  fill(2'050);
  read_again();
  before = calls();
  daemon_->run_for(3s);
  EXPECT_EQ(subscribed(), 2'050U);
  EXPECT_EQ(calls_since(before, "v2.bulk"), bulk_calls);
  rows_[3'000].email = "late@example.com";
  before = calls();
  read_again();
  daemon_->run_for(700ms);
  EXPECT_EQ(calls_since(before, "v2.add"), 1U);
}

TEST_F(OnV2, AnOptOutTakesTheNextSlotThoughAllOthersAreSpent) {
  mirror_.guard.max_removals = 1'000'000;
  fill(6'000);
  start();
  daemon_->run_for(30s);  // by now the window's calls are made
  const auto in_window = calls();
  daemon_->run_for(2s);
  EXPECT_EQ(calls(), in_window) << "nobody else may go";
  const auto subscribed_now = std::find_if(rows_.begin(), rows_.end(), [&](const auto& row) {
    return far_end_.model.find(list, row.second.email).has_value();
  });
  subscribed_now->second.subscribed = false;
  read_again();
  daemon_->run_for(2500ms);
  EXPECT_EQ(status_of(subscribed_now->first), stibee_sim::Status::Unsubscribed);
  daemon_->run_for(10min);
  EXPECT_EQ(violations(), 0U);
  EXPECT_EQ(subscribed(), 5'999U);
}

TEST_F(OnV2, AnImportLeavesATenthOfTheSingleCallsToWhatIsNone) {
  mirror_.on_leave = settings::OnLeave::Delete;
  fill(6'000);
  start();
  daemon_->run_for(30s);
  const auto of_import = calls_to("v2.add");
  EXPECT_EQ(of_import, single_calls - single_calls / 20 - single_calls / 10);
  const auto there = std::find_if(rows_.begin(), rows_.end(), [&](const auto& row) {
    return far_end_.model.find(list, row.second.email).has_value();
  });
  const auto email = there->second.email;
  rows_.erase(there);
  read_again();
  daemon_->run_for(2500ms);
  EXPECT_FALSE(far_end_.model.find(list, email)) << "the window of the import's calls has not turned yet";
  daemon_->run_for(10min);
  EXPECT_EQ(violations(), 0U);
  EXPECT_EQ(subscribed(), 5'999U);
}

TEST_F(OnV2, GroupCallsDoNotKeepNewPeopleWaitingNorBulkSlotsIdle) {
  mirror_.source.groups = {"grade"};
  mirror_.groups = {{"gold", 11}, {"silver", 12}};
  fill(400);
  for (auto& [key, row] : rows_)
    row.grade = key % 2 == 0 ? "gold" : "silver";
  start();
  daemon_->run_for(30s);
  EXPECT_EQ(subscribed(), 400U) << "by bulk calls, at once";
  EXPECT_EQ(calls_to("v2.add"), 0U) << "every single slot is needed for the groups";
  rows_[9'000].email = "new@example.com";
  read_again();
  daemon_->run_for(5s);
  EXPECT_TRUE(far_end_.model.find(list, "new@example.com").has_value());
  daemon_->run_for(6min);
  far_end_.model.each_person(list, [&](const stibee_sim::Person& person) {
    if (person.address == "new@example.com") return;
    EXPECT_EQ(person.groups.size(), 1U) << person.address;
  });
  EXPECT_EQ(violations(), 0U);
  EXPECT_EQ(pending(), 0U);
}

TEST_F(OnV2, ABulkCallThatIsRefusedForOneIsHalvedUntilTheyAreAlone) {
  fill(200);
  far_end_.model.set_faults(R"({"rules":[{"kind":"refuse_batch","address":"p77@example.com"}]})");
  start();
  daemon_->run_for(10min);
  EXPECT_EQ(subscribed(), 199U);
  EXPECT_EQ(violations(), 0U);
  const auto parked = daemon_->store().parked(daemon_->plan().id, 10);
  ASSERT_EQ(parked.size(), 1U);
  EXPECT_EQ(parked[0].email, "p77@example.com");
}

TEST_F(OnV2, TheLimitsHoldAcrossRestarts) {
  fill(6'000);
  start();
  for (int i = 0; i < 12; ++i) {
    daemon_->run_for(std::chrono::milliseconds(400 + 731 * i));
    kill();
    start();
  }
  daemon_->run_for(10min);
  EXPECT_EQ(subscribed(), 6'000U);
  EXPECT_EQ(violations(), 0U);
}

TEST_F(OnV2, ARefusedKeyStopsEverythingButOneProbeInThirtySeconds) {
  fill(2'000);
  start("wrong-key");
  daemon_->run_for(5min);
  EXPECT_TRUE(daemon_->dispatch().condition().key_refused);
  EXPECT_LE(calls(), 8U + 10U + 1U);
  EXPECT_EQ(pending(), 2'000U);
  EXPECT_NE(daemon_->log_text().find("api.unauthorised"), std::string::npos);
}

TEST_F(OnV2, ABlockedMirrorIsNotServedAndNotShownAsPaused) {
  fill(10);
  start();
  daemon_->dispatch().set_blocked(0, true);
  daemon_->run_for(1min);
  EXPECT_EQ(calls(), 0U);
  EXPECT_FALSE(daemon_->store().paused(daemon_->plan().id));
  daemon_->dispatch().set_blocked(0, false);
  daemon_->run_for(5s);
  EXPECT_EQ(subscribed(), 10U);
}

TEST_F(OnV2, WithoutV1NobodyIsResubscribed) {
  mirror_.poll_interval = 1s;
  fill(3);
  start();
  daemon_->run_for(5s);
  rows_[2].subscribed = false;
  daemon_->run_for(5s);
  EXPECT_EQ(status_of(2), stibee_sim::Status::Unsubscribed);
  rows_[2].subscribed = true;
  daemon_->run_for(30s);
  EXPECT_EQ(status_of(2), stibee_sim::Status::Unsubscribed);
  const auto parked = daemon_->store().parked(daemon_->plan().id, 10);
  ASSERT_EQ(parked.size(), 1U);
  EXPECT_EQ(parked[0].reason, "resubscribe_unsupported");
}

TEST_F(OnBoth, AResubscribeGoesByV1AndEverythingElseByV2) {
  mirror_.poll_interval = 1s;
  fill(3);
  start();
  daemon_->run_for(5s);
  rows_[2].subscribed = false;
  daemon_->run_for(5s);
  rows_[2].subscribed = true;
  daemon_->run_for(5s);
  EXPECT_EQ(status_of(2), stibee_sim::Status::Subscribed);
  EXPECT_EQ(calls_to("v1.subscribe"), 1U);
  EXPECT_EQ(calls_to("v1.unsubscribe"), 0U);
}

// ---- whoever else asks ---------------------------------------------------------------------------------

using OnV1 = Scenario;

pipeline::Reply ask(SimulatedDaemon& daemon, const delivery::ApiRequest& request,
                    std::chrono::seconds within) {
  std::optional<pipeline::Reply> reply;
  boost::asio::co_spawn(daemon.context(), daemon.dispatch().ask(request),
                        [&](std::exception_ptr error, pipeline::Reply got) {
                          EXPECT_FALSE(error);
                          reply = std::move(got);
                        });
  daemon.run_for(within);
  EXPECT_TRUE(reply.has_value()) << "no answer within " << within.count() << " s";
  return reply.value_or(pipeline::Reply());
}

TEST_F(OnV1, AListIsReadByV2UnderItsOwnLimits) {
  fill(5);
  start();
  daemon_->run_for(5s);
  const auto count = ask(*daemon_, delivery::v2::count_request(1234), 2s);
  ASSERT_FALSE(count.no_answer());
  const auto total = delivery::v2::read_count(count.answer());
  ASSERT_TRUE(std::holds_alternative<std::size_t>(total));
  EXPECT_EQ(std::get<std::size_t>(total), 5U);
  // A hundred pages a minute and not one more, also if a new daemon reads.
  for (int i = 0; i < 60; ++i)
    ask(*daemon_, delivery::v2::list_request(1234, 0, 1000), 1s);
  kill();
  start();
  for (int i = 0; i < 60; ++i)
    ask(*daemon_, delivery::v2::list_request(1234, 0, 1000), 61s);
  EXPECT_EQ(violations(), 0U);
}

TEST_F(OnV1, AKeyThatV2RefusesDoesNotStopTheWritesOfV1) {
  far_end_.model.set_switch("v2_key", "too_old");
  mirror_.poll_interval = 1s;
  fill(5);
  start();
  const auto reply = ask(*daemon_, delivery::v2::count_request(1234), 2s);
  ASSERT_FALSE(reply.no_answer());
  const auto read = delivery::v2::read_count(reply.answer());
  ASSERT_TRUE(std::holds_alternative<delivery::CallResult>(read));
  EXPECT_EQ(std::get<delivery::CallResult>(read).verdict, delivery::CallVerdict::Unauthorised);
  EXPECT_FALSE(daemon_->dispatch().condition().key_refused);
  EXPECT_EQ(daemon_->dispatch().condition().circuit, delivery::CircuitBreaker::State::Closed);
  EXPECT_EQ(daemon_->dispatch().condition().problem, "");
  rows_[9].email = "nine@example.com";
  daemon_->run_for(5s);
  EXPECT_EQ(subscribed(), 6U);
}

TEST_F(OnV1, WhoAsksADaemonThatStopsIsToldSo) {
  start();
  daemon_->run_for(1s);
  daemon_->dispatch().stop();
  const auto reply = ask(*daemon_, delivery::v2::count_request(1234), 1s);
  ASSERT_TRUE(reply.no_answer());
  EXPECT_EQ(reply.no_answer()->cause, domain::Reason::Stopping);
}

}  // namespace
}  // namespace stibee_sync::simulation

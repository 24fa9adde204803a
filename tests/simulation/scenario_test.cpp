#include "simulation/scenario.hpp"

#include "stibee_sync/json/value.hpp"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

// One story each, on virtual time, with no chance in it but the latencies.

namespace stibee_sync::simulation {
namespace {

using namespace std::chrono_literals;

TEST_F(Scenario, AnImportUsesAsFewCallsAsTheLimitsOfACallAllow) {
  fill(10'000);
  start();
  daemon_->run_for(10s);
  EXPECT_EQ(subscribed(), 10'000u);
  EXPECT_EQ(calls(), 5u);
  EXPECT_EQ(violations(), 0u);
  EXPECT_EQ(pending(), 0u);
}

TEST_F(Scenario, ALargeFirstReadThatIsCommittedInPartsIsSentInFullCalls) {
  fill(25'000);
  start();
  daemon_->run_for(10s);
  EXPECT_EQ(subscribed(), 25'000u);
  EXPECT_EQ(calls(), 13u);
  EXPECT_EQ(violations(), 0u);
  EXPECT_EQ(pending(), 0u);
}

TEST_F(Scenario, WhatACallDidIsKeptThoughTheDiskWasFullWhenItsAnswerCame) {
  fill(10);
  start();
  while (calls() == 0)
    daemon_->run_for(1ms);
  disk_->fail(test_disk::SimulatedDisk::Trouble::Full, 0, 1'000'000);
  daemon_->run_for(1s);
  EXPECT_EQ(subscribed(), 10u);
  EXPECT_EQ(pending(), 10u) << "applied, but not settled";
  for (auto& [key, row] : rows_)
    row.subscribed = false;
  disk_->end_trouble();
  daemon_->run_for(1min);
  EXPECT_EQ(subscribed(), 0u);
  EXPECT_EQ(pending(), 0u);
}

TEST_F(Scenario, WhileNothingCanBeSentTheRestOfALargeFirstReadIsCommittedAllTheSame) {
  fill(25'000);
  start("a wrong key");
  daemon_->run_for(5s);
  EXPECT_EQ(pending(), 25'000u);
  EXPECT_NE(daemon_->store().source_facts(daemon_->plan().id).last_success, std::nullopt);
}

TEST_F(Scenario, AfterACrashBetweenTwoPartsAnotherMappingReachesEverybody) {
  mirror_.source.groups = {"grade"};
  mirror_.groups = {{"gold", 11}};
  mirror_.guard.max_update_percent = 100;
  first_part_ = 200;
  fill(2'000);
  for (auto& [key, row] : rows_)
    row.grade = "gold";
  disk_->fail(test_disk::SimulatedDisk::Trouble::Full, 250, 1'000'000);
  start();
  daemon_->run_for(500ms);
  EXPECT_EQ(daemon_->store().source_facts(daemon_->plan().id).last_success, std::nullopt);
  EXPECT_GT(subscribed() + pending(), 0u) << "a part was committed";
  EXPECT_LT(subscribed() + pending(), 2'000u) << "not all were";
  kill();
  disk_->end_trouble();
  mirror_.groups = {{"gold", 12}};
  start();
  daemon_->run_for(1min);
  std::size_t in_new = 0;
  std::size_t in_old = 0;
  far_end_.model.each_person(list, [&](const stibee_sim::Person& person) {
    in_new += static_cast<std::size_t>(std::count(person.groups.begin(), person.groups.end(), 12));
    in_old += static_cast<std::size_t>(std::count(person.groups.begin(), person.groups.end(), 11));
  });
  EXPECT_EQ(in_new, 2'000u);
  EXPECT_EQ(in_old, 0u);
  EXPECT_EQ(pending(), 0u);
}

TEST_F(Scenario, ValuesThatWereTakenBackWhileTheirCommitWasCutShortAreForgotten) {
  mirror_.guard.max_update_percent = 100;
  first_part_ = 200;
  fill(2'000);
  start();
  daemon_->run_for(1min);
  ASSERT_EQ(pending(), 0u);
  const auto table = rows_;
  for (auto& [key, row] : rows_)
    row.name = "another";
  disk_->fail(test_disk::SimulatedDisk::Trouble::Full, 60, 1'000'000);
  daemon_->run_for(3s);
  const auto waiting = pending();
  kill();
  disk_->end_trouble();
  ASSERT_GT(waiting, 0u) << "a part was committed";
  ASSERT_LT(waiting, 2'000u) << "not all of it was";
  rows_ = table;
  start();
  daemon_->run_for(1min);
  EXPECT_EQ(pending(), 0u);
  std::size_t with_another = 0;
  far_end_.model.each_person(list, [&](const stibee_sim::Person& person) {
    with_another += person.fields.at("name") == "another" ? 1u : 0u;
  });
  EXPECT_EQ(with_another, 0u);
}

TEST_F(Scenario, WordsOfStibeeThatQuoteAValueAreKeptWithoutIt) {
  fill(1);
  rows_[1].name = "홍길동전";
  far_end_.model.set_faults(
      R"({"rules":[{"kind":"ok_false","endpoint":"v1.subscribe","message":"value 홍길동전 of name is invalid"}]})");
  start();
  daemon_->run_for(5min);
  const auto parked = daemon_->store().parked(daemon_->plan().id, 10);
  ASSERT_EQ(parked.size(), 1u);
  EXPECT_NE(parked[0].message.find("of name is invalid"), std::string::npos) << parked[0].message;
  EXPECT_EQ(parked[0].message.find("홍길동전"), std::string::npos) << parked[0].message;
  EXPECT_EQ(daemon_->log_text().find("홍길동전"), std::string::npos);
}

TEST_F(Scenario, NobodyWaitsForASenderThatDoesNotRun) {
  fill(25'000);
  start("sim-key", false);
  daemon_->run_for(100ms);
  EXPECT_EQ(pending(), 25'000u);
}

TEST_F(Scenario, WhoIsTooLargeForACallIsParkedAndSaidAndNobodyElseWaits) {
  fill(50);
  rows_[7].name = std::string(300'000, 'x');
  start();
  daemon_->run_for(10s);
  EXPECT_EQ(subscribed(), 49u);
  EXPECT_EQ(pending(), 0u);
  const auto parked = daemon_->store().parked(daemon_->plan().id, 10);
  ASSERT_EQ(parked.size(), 1u);
  EXPECT_EQ(parked[0].reason, "too_large");
  EXPECT_NE(daemon_->log_text().find(R"("event":"person.parked")"), std::string::npos);
  EXPECT_EQ(daemon_->log_text().find(rows_[7].email), std::string::npos);
}

TEST_F(Scenario, ALoneChangeLeavesAtOnce) {
  fill(100);
  start();
  daemon_->run_for(5s);
  const auto before = calls();
  rows_[7].name = "new";
  daemon_->ingest().sync_now();
  daemon_->run_for(400ms);
  EXPECT_EQ(calls(), before + 1);
  EXPECT_EQ(far_end_.model.find(list, rows_[7].email)->fields.at("name"), "new");
}

TEST_F(Scenario, AnOptOutOvertakesAnImport) {
  mirror_.poll_interval = 1h;  // one read is enough
  fill(60'000);
  mirror_.guard.max_removals = 1'000'000;
  start();
  daemon_->run_for(1500ms);
  const auto email = far_end_.model.journal().front().addresses.front();
  std::int64_t key = 0;
  for (const auto& [id, row] : rows_) {
    if (row.email == email) key = id;
  }
  ASSERT_GT(key, 0);
  rows_[key].subscribed = false;
  const auto before = calls();
  const auto in_flight = daemon_->dispatch().condition().in_flight;
  daemon_->ingest().sync_now();
  daemon_->run_for(10s);
  std::size_t at = 0;
  const auto& journal = far_end_.model.journal();
  for (std::size_t i = before; i < journal.size() && at == 0; ++i) {
    if (journal[i].endpoint == "v1.unsubscribe") at = i;
  }
  ASSERT_GT(at, 0u) << "no unsubscribe was sent";
  // Only what was on its way, and at most one claimed while the table was read, may come before.
  EXPECT_LE(at - before, in_flight + 1);
  EXPECT_GT(journal.size(), at + 5) << "the import was over too early for this to prove anything";
  EXPECT_EQ(status_of(key), stibee_sim::Status::Unsubscribed);
}

TEST_F(Scenario, TheCulpritOfARefusedBatchIsFoundAndParkedAlone) {
  mirror_.poll_interval = 1h;  // one read is enough
  fill(2'000);
  far_end_.model.set_faults(R"({"rules":[{"kind":"refuse_batch","address":"p777@example.com"}]})");
  start();
  daemon_->run_for(10min);
  EXPECT_EQ(subscribed(), 1'999u);
  const auto parked = daemon_->store().parked(daemon_->plan().id, 10);
  ASSERT_EQ(parked.size(), 1u);
  EXPECT_EQ(parked[0].email, "p777@example.com");
  EXPECT_FALSE(parked[0].reason.empty());
  EXPECT_LE(calls(), 30u);  // 2 + 2 log2(2000), and some slack for batches that met
  EXPECT_EQ(pending(), 0u);

  far_end_.model.set_faults(R"({"rules":[]})");
  EXPECT_EQ(daemon_->retry("", "p777@example.com"), 1u);
  daemon_->run_for(10s);
  EXPECT_EQ(subscribed(), 2'000u);
}

TEST_F(Scenario, AFirewallThatDislikesOnePersonStopsNobodyElse) {
  mirror_.poll_interval = 1h;  // one read is enough
  fill(2'000);
  far_end_.model.set_faults(
      R"({"rules":[{"kind":"403","shape":"html","endpoint":"v1.*","address":"p777@example.com"}]})");
  start();
  daemon_->run_for(10min);
  EXPECT_EQ(subscribed(), 1'999u);
  EXPECT_FALSE(daemon_->dispatch().condition().key_refused);
  const auto parked = daemon_->store().parked(daemon_->plan().id, 10);
  ASSERT_EQ(parked.size(), 1u);
  EXPECT_EQ(parked[0].email, "p777@example.com");
  EXPECT_EQ(parked[0].reason, "http_403");
  EXPECT_EQ(pending(), 0u);
}

TEST_F(Scenario, RetryAfterIsAFloorForEveryCall) {
  mirror_.poll_interval = 1h;  // one read is enough
  fill(6'000);
  far_end_.model.set_faults(R"({"script":{"v1.subscribe":[{"kind":"429","retry_after":20}]}})");
  start();
  daemon_->run_for(60s);
  const auto& journal = far_end_.model.journal();
  ASSERT_GT(journal.size(), 3u);
  EXPECT_EQ(journal[0].status, 429);
  // What was in flight when the answer came may arrive; nothing is sent after it for 20 s.
  for (const auto& call : journal) {
    const auto later = call.time - journal[0].time;
    EXPECT_TRUE(later < 500ms || later >= 20s) << "a call came " << later.count() << " us later";
  }
  daemon_->run_for(5min);
  EXPECT_EQ(subscribed(), 6'000u);
  EXPECT_EQ(violations(), 0u);
  EXPECT_NE(daemon_->log_text().find("api.throttled"), std::string::npos);
}

TEST_F(Scenario, ARefusedKeyStopsEverythingButOneProbeInThirtySeconds) {
  mirror_.poll_interval = 1h;  // one read is enough
  fill(10'000);
  start("wrong-key");
  daemon_->run_for(5min);
  EXPECT_EQ(subscribed(), 0u);
  EXPECT_TRUE(daemon_->dispatch().condition().key_refused);
  EXPECT_LE(calls(), 5u + 10u + 1u);  // the first burst, then one per 30 s
  EXPECT_EQ(pending(), 10'000u);
  EXPECT_NE(daemon_->log_text().find("api.unauthorised"), std::string::npos);
  EXPECT_EQ(daemon_->log_text().find("wrong-key"), std::string::npos);
  kill();
  start("sim-key");
  daemon_->run_for(10s);
  EXPECT_EQ(subscribed(), 10'000u);
}

TEST_F(Scenario, AnUnreachableStibeeLosesNothing) {
  mirror_.poll_interval = 1h;  // one read is enough
  fill(3'000);
  start();
  daemon_->transport().refuse_connections(true);
  daemon_->run_for(20min);
  EXPECT_EQ(calls(), 0u);
  EXPECT_EQ(pending(), 3'000u);
  EXPECT_EQ(daemon_->dispatch().condition().circuit, delivery::CircuitBreaker::State::Open);
  daemon_->transport().refuse_connections(false);
  daemon_->run_for(2min);
  EXPECT_EQ(subscribed(), 3'000u);
  EXPECT_EQ(daemon_->dispatch().condition().circuit, delivery::CircuitBreaker::State::Closed);
}

TEST_F(Scenario, TheLimitHoldsAcrossRestarts) {
  mirror_.poll_interval = 1h;  // one read is enough
  fill(60'000);
  start();
  for (int i = 0; i < 20; ++i) {
    daemon_->run_for(std::chrono::milliseconds(37 + 21 * i));
    kill();
    start();
  }
  daemon_->run_for(2min);
  EXPECT_EQ(subscribed(), 60'000u);
  EXPECT_EQ(violations(), 0u);
}

TEST_F(Scenario, AReadThatEndsEarlyChangesNothing) {
  fill(1'000);
  start();
  daemon_->run_for(5s);
  const auto before = calls();
  database_error_.emplace();
  database_error_->kind = source::SourceError::Kind::Unreachable;
  database_error_->message = "the server closed the connection";
  daemon_->run_for(10min);
  EXPECT_EQ(calls(), before);
  EXPECT_EQ(subscribed(), 1'000u);
  EXPECT_EQ(daemon_->ingest().condition(0).last, pipeline::CycleOutcome::Failed);
  database_error_.reset();
  rows_[1'001].email = "late@example.com";
  daemon_->run_for(2min);
  EXPECT_EQ(subscribed(), 1'001u);
  EXPECT_EQ(daemon_->ingest().condition(0).last, pipeline::CycleOutcome::Applied);
}

TEST_F(Scenario, ATruncatedTableRemovesNobodyAndNewRowsStillFlow) {
  fill(1'000);
  start();
  daemon_->run_for(5s);
  rows_.clear();
  daemon_->run_for(10s);
  EXPECT_EQ(calls_to("v1.unsubscribe"), 0u);
  auto holds = daemon_->store().holds(daemon_->plan().id);
  ASSERT_EQ(holds.size(), 1u);
  EXPECT_EQ(holds[0].change_class, "removals");
  EXPECT_EQ(holds[0].count, 1'000u);
  const auto digest = holds[0].digest;
  rows_[5'000].email = "new@example.com";
  daemon_->run_for(10s);
  EXPECT_EQ(calls_to("v1.unsubscribe"), 0u);
  EXPECT_EQ(status_of(5'000), stibee_sim::Status::Subscribed);
  holds = daemon_->store().holds(daemon_->plan().id);
  ASSERT_EQ(holds.size(), 1u);
  EXPECT_EQ(holds[0].digest, digest) << "the change set is the same, so must be its digest";
  EXPECT_EQ(daemon_->ingest().condition(0).last, pipeline::CycleOutcome::Held);
  EXPECT_NE(daemon_->log_text().find("guard.held"), std::string::npos);
}

TEST_F(Scenario, AHoldIsGoneWhenTheTableRecovers) {
  fill(1'000);
  start();
  daemon_->run_for(5s);
  auto saved = rows_;
  rows_.clear();
  daemon_->run_for(5s);
  rows_ = saved;
  daemon_->run_for(5s);
  EXPECT_TRUE(daemon_->store().holds(daemon_->plan().id).empty());
  EXPECT_EQ(subscribed(), 1'000u);
  EXPECT_NE(daemon_->log_text().find("guard.cleared"), std::string::npos);
}

TEST_F(Scenario, AnApprovedHoldIsAppliedOnceAndAnotherDigestReleasesNothing) {
  fill(1'000);
  start();
  daemon_->run_for(5s);
  for (std::int64_t i = 1; i <= 600; ++i)
    rows_.erase(i);
  daemon_->run_for(3s);
  const auto holds = daemon_->store().holds(daemon_->plan().id);
  ASSERT_EQ(holds.size(), 1u);
  daemon_->approve("0000000000000000");
  daemon_->run_for(3s);
  EXPECT_EQ(subscribed(), 1'000u);
  daemon_->approve(holds[0].digest);
  daemon_->run_for(10s);
  EXPECT_EQ(subscribed(), 400u);
  EXPECT_TRUE(daemon_->store().holds(daemon_->plan().id).empty());
  EXPECT_FALSE(daemon_->store().approved(daemon_->plan().id, holds[0].digest, utc()));
}

TEST_F(Scenario, NobodyWhoLeftAndCameBackIsAddedAnew) {
  fill(100);
  start();
  daemon_->run_for(5s);
  const auto row = rows_[5];
  rows_.erase(5);
  daemon_->run_for(5s);
  EXPECT_EQ(far_end_.model.find(list, row.email)->status, stibee_sim::Status::Unsubscribed);
  rows_[5] = row;
  daemon_->run_for(5s);
  EXPECT_EQ(status_of(5), stibee_sim::Status::Subscribed);
}

TEST_F(Scenario, DeleteAfterUnsubscribesNowAndDeletesThen) {
  mirror_.on_leave = settings::OnLeave::Unsubscribe;
  mirror_.delete_after = std::chrono::hours(24 * 30);
  fill(100);
  start();
  daemon_->run_for(5s);
  const auto email = rows_[5].email;
  rows_.erase(5);
  daemon_->run_for(5s);
  ASSERT_TRUE(far_end_.model.find(list, email).has_value());
  EXPECT_EQ(far_end_.model.find(list, email)->status, stibee_sim::Status::Unsubscribed);
  mirror_.poll_interval = 1s;
  kill();
  now_ += std::chrono::hours(24 * 29);
  start();
  daemon_->run_for(5s);
  EXPECT_TRUE(far_end_.model.find(list, email).has_value());
  kill();
  now_ += std::chrono::hours(25);
  start();
  daemon_->run_for(5s);
  EXPECT_FALSE(far_end_.model.find(list, email).has_value());
}

TEST_F(Scenario, NobodyNamedInALogIsAPerson) {
  fill(50);
  rows_[51].email = "not an address";
  far_end_.model.set_faults(
      R"({"rules":[{"kind":"person","address":"p7@example.com","result":"failWrongEmail"}]})");
  start();
  daemon_->run_for(10s);
  EXPECT_NE(daemon_->log_text().find("person.parked"), std::string::npos);
  EXPECT_EQ(daemon_->log_text().find("example.com"), std::string::npos);
  EXPECT_EQ(daemon_->log_text().find("not an address"), std::string::npos);
}

}  // namespace
}  // namespace stibee_sync::simulation

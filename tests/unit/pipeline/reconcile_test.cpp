#include "reconciler_fixture.hpp"

namespace stibee_sync::pipeline {
namespace {

TEST_F(ReconcilerTest, ReportsDriftAndChangesNothingButThatOptOutsAreOnRecord) {
  in_step(20);
  edit("purge", "p1@example.com");
  edit("edit", "p2@example.com", "By Hand");
  edit("unsubscribe", "p3@example.com");
  edit("auto_delete", "p4@example.com");
  edit("add", "stray@example.com", "S");
  edit("assign_group", "p5@example.com", "", 11);
  const auto& report = compared(false);
  EXPECT_TRUE(report.problem.empty()) << report.problem;
  EXPECT_EQ(report.compared, 21U);
  for (const auto kind : {DriftKind::MissingThere, DriftKind::FieldsDiffer, DriftKind::OptedOutThere,
                          DriftKind::AutoDeleted, DriftKind::StrayThere, DriftKind::GroupsDiffer})
    EXPECT_EQ(count(report, kind), 1U) << telemetry::name(kind);
  EXPECT_EQ(report.remaining(), 5U);
  EXPECT_EQ(pending(), 0U);
  EXPECT_EQ(status_of("p3@example.com"), RemoteStatus::OptedOut);
  EXPECT_EQ(store->suppressed(plan.id), 1U);
  EXPECT_EQ(logged("suppression.added"), 1U);
  EXPECT_EQ(changed, 1);
  EXPECT_EQ(logged("reconcile.drift"), 7U) << "one a kind, and that so many were sent lately";
  EXPECT_EQ(logged("@"), 0U) << log_text;
  EXPECT_NE(metrics.text().find(R"(stibee_reconcile_drift{kind="stray_there",mirror="members"} 1)"),
            std::string::npos)
      << metrics.text();
}

TEST_F(ReconcilerTest, RepairsUntilWhatWasMendedIsDelivered) {
  in_step(20);
  edit("purge", "p1@example.com");
  edit("unsubscribe", "p3@example.com");
  edit("add", "stray@example.com", "S");
  deliver = [this] {
    std::map<std::string, std::string> names;
    for (int i = 1; i <= 20; ++i)
      names["p" + std::to_string(i) + "@example.com"] = "N" + std::to_string(i);
    commit(names);  // the values come with the next read
    deliver_all();
  };
  const auto& report = compared(true);
  EXPECT_TRUE(report.problem.empty()) << report.problem;
  EXPECT_EQ(report.remaining(), 1U);
  for (const auto& difference : report.differences)
    EXPECT_EQ(difference.done, difference.drift.kind != DriftKind::StrayThere) << difference.drift.cause;
  EXPECT_TRUE(model.find("1234", "p1@example.com").has_value());
  EXPECT_EQ(status_of("p3@example.com"), RemoteStatus::OptedOut);
  EXPECT_EQ(store->suppressed(plan.id), 1U);
  const auto& again = compared(false);
  EXPECT_EQ(again.all(), 1U);
}

TEST_F(ReconcilerTest, GivesUpWaitingForWhatIsNotDelivered) {
  in_step(5);
  edit("purge", "p1@example.com");
  EXPECT_TRUE(reconciler->request(true, {0}));
  run_for(30s);
  EXPECT_EQ(reconciler->report(0).phase, Phase::Delivering);
  run_for(15min);
  EXPECT_FALSE(reconciler->running(0));
  EXPECT_EQ(reconciler->report(0).remaining(), 1U);
  EXPECT_TRUE(reconciler->report(0).differences.front().mended);
}

TEST_F(ReconcilerTest, CountsNobodyWhoseRowChangedWhileTheListWasRead) {
  in_step(20);
  edit("purge", "p1@example.com");
  edit("unsubscribe", "p2@example.com");
  asker.before = [&](int call) -> std::optional<Reply> {
    if (call != 3) return std::nullopt;
    // Meanwhile a webhook told of the one, and the other left the table.
    opts_out("p2@example.com");
    opts_out("p1@example.com");
    return std::nullopt;
  };
  const auto& report = compared(true);
  EXPECT_EQ(report.all(), 0U);
  EXPECT_EQ(changed, 0);
}

TEST_F(ReconcilerTest, ComparesOnScheduleAcrossRestarts) {
  in_step(3);
  run_for(50min);
  EXPECT_EQ(logged("the list was compared"), 0U) << "first one interval after taking over";
  run_for(11min);
  EXPECT_EQ(logged("the list was compared"), 1U);
  end_life();
  start();
  run_for(40min);
  EXPECT_EQ(logged("the list was compared"), 1U) << "a restart is no reason to read again";
  run_for(20min);
  EXPECT_EQ(logged("the list was compared"), 2U);
}

TEST_F(ReconcilerTest, TriesAgainSoonAfterAComparisonThatFailed) {
  in_step(3);
  asker.before = [](int) -> std::optional<Reply> { return Reply(404, "", std::nullopt); };
  run_for(61min);
  EXPECT_EQ(logged("could not be compared"), 1U);
  EXPECT_EQ(reconciler->report(0).failed, ListReadEnd::NoSuchList);
  asker.before = nullptr;
  run_for(16min);
  EXPECT_EQ(logged("the list was compared"), 1U);
}

TEST_F(ReconcilerTest, AnOptOutIsPutOnRecordThoughSomethingWaitsToBeSentToThem) {
  in_step(3);
  edit("unsubscribe", "p2@example.com");
  commit({{"p1@example.com", "N1"}, {"p2@example.com", "Renamed"}, {"p3@example.com", "N3"}});
  EXPECT_EQ(pending(), 1U);
  const auto& report = compared(false);
  EXPECT_EQ(count(report, DriftKind::OptedOutThere), 1U);
  EXPECT_EQ(status_of("p2@example.com"), RemoteStatus::OptedOut);
  EXPECT_EQ(store->suppressed(plan.id), 1U);
  EXPECT_EQ(pending(), 0U);
}

TEST_F(ReconcilerTest, AMissedEventMakesTheListBeReadWithinAMinute) {
  in_step(5);
  edit("unsubscribe", "p2@example.com");
  reconciler->event_missed(0);
  reconciler->event_missed(0);  // Stibee tries it again
  run_for(1min);
  EXPECT_EQ(status_of("p2@example.com"), RemoteStatus::OptedOut);
  EXPECT_EQ(store->suppressed(plan.id), 1U);
  const auto calls = asker.calls;
  run_for(30min);
  EXPECT_EQ(asker.calls, calls) << "once";
}

TEST_F(ReconcilerTest, AfterAMissedEventTheListIsReadOnceThoughThatIsOff) {
  plan.reconcile.mode = settings::ReconcileMode::Off;
  in_step(5);
  edit("unsubscribe", "p2@example.com");
  edit("edit", "p3@example.com", "By Hand");
  reconciler->event_missed(0);
  run_for(1min);
  EXPECT_EQ(status_of("p2@example.com"), RemoteStatus::OptedOut);
  EXPECT_EQ(pending(), 0U) << "nothing else is mended";
  const auto calls = asker.calls;
  run_for(48h);
  EXPECT_EQ(asker.calls, calls);
}

TEST_F(ReconcilerTest, WhatIsMissedWhileTheListIsReadIsLookedForOnceMore) {
  in_step(5);
  reconciler->event_missed(0);
  bool missed = false;
  asker.before = [&](int) -> std::optional<Reply> {
    if (!std::exchange(missed, true)) reconciler->event_missed(0);
    return std::nullopt;
  };
  run_for(2min);
  EXPECT_EQ(logged("the list was compared"), 2U);
}

TEST_F(ReconcilerTest, AMissedEventIsNotForgottenWhileStibeeCannotBeAsked) {
  in_step(5);
  edit("unsubscribe", "p2@example.com");
  bool down = true;
  asker.before = [&](int) -> std::optional<Reply> {
    if (down) return Reply(503, "", std::nullopt);
    return std::nullopt;
  };
  reconciler->event_missed(0);
  run_for(10min);
  EXPECT_TRUE(reconciler->misses_event(0));
  down = false;
  run_for(5min);
  EXPECT_EQ(status_of("p2@example.com"), RemoteStatus::OptedOut);
}

TEST_F(ReconcilerTest, AMissedEventMakesNobodyAskForAListThatTheKeyMayNotRead) {
  in_step(5);
  asker.key = "wrong";
  plan.reconcile.mode = settings::ReconcileMode::Off;
  reconciler->event_missed(0);
  run_for(1h);
  EXPECT_EQ(asker.calls, 1);
}

TEST_F(ReconcilerTest, APausedMirrorLooksForAMissedEventWhenThePauseEnds) {
  in_step(5);
  edit("unsubscribe", "p2@example.com");
  paused = true;
  reconciler->event_missed(0);
  run_for(10min);
  EXPECT_EQ(asker.calls, 0);
  paused = false;
  reconciler->wake();
  run_for(10s);
  EXPECT_EQ(status_of("p2@example.com"), RemoteStatus::OptedOut);
}

TEST_F(ReconcilerTest, RunsOneComparisonAtATime) {
  in_step(3);
  EXPECT_TRUE(reconciler->request(false, {0}));
  EXPECT_FALSE(reconciler->request(true, {0}));
  run_for(5s);
  EXPECT_TRUE(reconciler->request(true, {0}));
  run_for(5s);
}

TEST_F(ReconcilerTest, SaysThatAListIsNotTakenOverYet) {
  start();
  run_for(5s);
  EXPECT_TRUE(reconciler->request(false, {0}));
  EXPECT_FALSE(reconciler->running(0));
  EXPECT_FALSE(reconciler->report(0).problem.empty());
}

TEST_F(ReconcilerTest, CountsAllAndKeepsTheFirstTenThousand) {
  in_step(3);
  stibee_sim::WebEdit wish;
  wish.list = "1234";
  wish.action = "add";
  for (int i = 0; i < 10'500; ++i)
    wish.emails.push_back("s" + std::to_string(i) + "@example.com");
  model.edit(wish, sim_time(clock));
  const auto& report = compared(false);
  EXPECT_EQ(count(report, DriftKind::StrayThere), 10'500U);
  EXPECT_EQ(report.differences.size(), most_differences_kept);
  EXPECT_EQ(report.remaining(), 10'500U);
}

TEST_F(ReconcilerTest, StopsInTheMiddleOfAList) {
  in_step(3);
  for (int i = 0; i < 5; ++i)
    edit("add", "s" + std::to_string(i) + "@example.com");
  EXPECT_TRUE(reconciler->request(true, {0}));
  run_for(800ms);
  end_life();
}

}  // namespace
}  // namespace stibee_sync::pipeline

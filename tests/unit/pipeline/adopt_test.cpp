#include "reconciler_fixture.hpp"

// How a list is taken over before anything is sent to it.
namespace stibee_sync::pipeline {
namespace {

TEST_F(ReconcilerTest, TakesAListOverOnceTheTableWasCommitted) {
  edit("add", "same@example.com", "Same");
  edit("add", "other@example.com", "Old");
  edit("add", "gone@example.com", "No");
  edit("unsubscribe", "gone@example.com");
  edit("add", "stray@example.com", "S");
  start();
  run_for(1min);
  EXPECT_FALSE(reconciler->adopted(0)) << "there are no rows yet that it could settle";
  commit({{"same@example.com", "Same"},
          {"other@example.com", "New"},
          {"gone@example.com", "No"},
          {"new@example.com", "N"}});
  run_for(1s);
  EXPECT_TRUE(reconciler->adopted(0));
  EXPECT_EQ(served, 1);
  EXPECT_TRUE(store->adopted(plan.id).has_value());
  EXPECT_EQ(status_of("same@example.com"), RemoteStatus::Subscribed);
  EXPECT_EQ(status_of("gone@example.com"), RemoteStatus::OptedOut);
  EXPECT_EQ(store->suppressed(plan.id), 1U);
  EXPECT_EQ(pending(), 2U) << "who is new, and whose name differs";
  EXPECT_FALSE(store->find(plan.id, address("stray@example.com")).row);
  EXPECT_EQ(logged("the list was taken over"), 1U);
}

TEST_F(ReconcilerTest, AListThatIsNeverStillIsNotTakenForAnEmptyOne) {
  edit("add", "same@example.com", "Same");
  int next = 0;
  asker.before = [&](int) -> std::optional<Reply> {
    edit("add", "q" + std::to_string(next++) + "@example.com");
    return std::nullopt;
  };
  start();
  run_for(1min);
  EXPECT_EQ(logged("the list is taken over as it was seen last"), 1U);
  EXPECT_EQ(served, 0);
  EXPECT_FALSE(store->adopted(plan.id));
  commit({{"same@example.com", "Same"}});
  run_for(1s);
  EXPECT_EQ(served, 1);
  EXPECT_EQ(status_of("same@example.com"), RemoteStatus::Subscribed);
}

TEST_F(ReconcilerTest, LetsAnEmptyListBeServedAtOnceAndTakesItOverWithTheTable) {
  start();
  run_for(2s);
  EXPECT_EQ(served, 1) << "there is nobody that a row could settle";
  EXPECT_FALSE(store->adopted(plan.id)) << "before the table is read, a restart is to look again";
  commit({{"new@example.com", "N"}});
  run_for(2s);
  EXPECT_TRUE(reconciler->adopted(0));
  EXPECT_EQ(asker.calls, 1);
  EXPECT_EQ(pending(), 1U);
}

/// A state that knows somebody subscribed whose row bears another address since.
class Moved : public ReconcilerTest {
 protected:
  Moved() {
    commit({{"a-old@example.com", "Same"}});
    change([&](store::Transaction& transaction) {
      const auto before = transaction.find(plan.id, address("a-old@example.com"));
      auto after = before;
      after.row->confirmed.status = RemoteStatus::Subscribed;
      after.row->confirmed.fields = after.row->wanted.fields;
      transaction.write(plan.id, address("a-old@example.com"), before,
                        ledger::placed_again(after, plan.policy, clock.utc()));
    });
    commit({{"z-new@example.com", "Same"}});
    edit("add", "a-old@example.com", "Same");
    edit("unsubscribe", "a-old@example.com");
    run_for(1min);
  }
};

TEST_F(Moved, ByAnotherDaemonHasNotOptedOut) {
  edit("add", "z-new@example.com", "Same");
  start();
  run_for(1min);
  ASSERT_TRUE(reconciler->adopted(0));
  EXPECT_EQ(status_of("z-new@example.com"), RemoteStatus::Subscribed);
  EXPECT_EQ(store->suppressed(plan.id), 0U);
  EXPECT_EQ(pending(), 0U);
}

TEST_F(Moved, AndNotSubscribedAnewMayHaveSaidNo) {
  start();
  run_for(1min);
  ASSERT_TRUE(reconciler->adopted(0));
  EXPECT_EQ(store->suppressed(plan.id), 2U) << "the address and the member";
  EXPECT_EQ(status_of("z-new@example.com"), RemoteStatus::OptedOut);
  EXPECT_EQ(pending(), 1U) << "the table's no to the old address, which may be newer than what is shown";
}

/// And that they had said no, but not that another daemon brought them back before the move.
class BroughtBackAndMoved : public Moved {
 protected:
  BroughtBackAndMoved() {
    change([&](store::Transaction& transaction) {
      const auto before = transaction.find(plan.id, address("a-old@example.com"));
      Consequence said_no;
      said_no.suppress = ledger::Suppression{known_since, "unknown", ""};
      said_no.confirmed = ledger::with_observed(before.row->confirmed, before.row->wanted,
                                                RemoteStatus::OptedOut, known_since);
      carry_out(transaction, plan.id, address("a-old@example.com"), before, said_no, plan.policy,
                clock.utc());
    });
    edit("resubscribe", "a-old@example.com");
    edit("unsubscribe", "a-old@example.com");
  }
  domain::UtcTime no_on_record() {
    const auto suppression = store->find(plan.id, address("z-new@example.com")).suppression;
    return suppression ? suppression->at : domain::UtcTime{};
  }
  // Before the first thing that happened at Stibee, whose clock begins in 1970 here.
  static constexpr domain::UtcTime known_since{1s};
};

// Found by pairs 21 and 35: the unsubscribe of the move counted as one more no, newer than their yes.
TEST_F(BroughtBackAndMoved, SaysNoMoreByTheMove) {
  ASSERT_EQ(status_of("z-new@example.com"), RemoteStatus::OptedOut);
  edit("add", "z-new@example.com", "Same");
  start();
  run_for(1min);
  ASSERT_TRUE(reconciler->adopted(0));
  EXPECT_EQ(no_on_record(), known_since);
}

TEST_F(BroughtBackAndMoved, MayHaveSaidNoAnewWhereNobodySubscribedThemAfterTheMove) {
  start();
  run_for(1min);
  ASSERT_TRUE(reconciler->adopted(0));
  EXPECT_GT(no_on_record(), known_since);
}

TEST_F(ReconcilerTest, WhoSaidNoWhileAnotherDaemonWorkedIsToldToTheTable) {
  plan.writeback["unsubscribed"] = "UPDATE …";
  in_step(2);
  run_for(30min);
  reconciler->stand_by();
  edit("unsubscribe", "p1@example.com");
  run_for(1min);
  reconciler->lead();
  reconciler->table_was_read(0);
  run_for(1min);
  ASSERT_TRUE(reconciler->adopted(0));
  EXPECT_EQ(status_of("p1@example.com"), RemoteStatus::OptedOut);
  const auto waiting = store->writebacks(plan.id, clock.utc(), clock.utc() + 5min, 10);
  ASSERT_EQ(waiting.size(), 1U);
  EXPECT_EQ(waiting[0].email, address("p1@example.com"));
  EXPECT_EQ(waiting[0].request.event, "unsubscribed");
  EXPECT_TRUE(store->find(plan.id, address("p1@example.com")).row->no_is_ours);
}

TEST_F(ReconcilerTest, TakingOverAnewDoesNotPutOffTheNextComparison) {
  in_step(3);
  run_for(40min);
  reconciler->stand_by();
  run_for(1min);
  reconciler->lead();
  reconciler->table_was_read(0);
  run_for(1min);
  ASSERT_TRUE(reconciler->adopted(0));
  ASSERT_EQ(logged("\"mode\":\"report\""), 0U);
  edit("purge", "p3@example.com");
  run_for(30min);
  EXPECT_EQ(count(reconciler->report(0), DriftKind::MissingThere), 1U) << "an hour after the one before";
}

TEST_F(ReconcilerTest, TakesAListOverOnlyOnce) {
  commit({{"new@example.com", "N"}});
  start();
  run_for(2s);
  end_life();
  start();
  run_for(2s);
  EXPECT_TRUE(reconciler->adopted(0));
  EXPECT_EQ(asker.calls, 1);
}

TEST_F(ReconcilerTest, WaitsWithEverythingWhileStibeeCannotBeAsked) {
  commit({{"new@example.com", "N"}});
  bool down = true;
  asker.before = [&](int) -> std::optional<Reply> {
    if (down) return Reply(503, "", std::nullopt);
    return std::nullopt;
  };
  start();
  run_for(30min);
  EXPECT_FALSE(reconciler->adopted(0));
  EXPECT_EQ(logged("nothing is sent before the list was read once"), 1U) << "said once, not over and over";
  down = false;
  run_for(10min);
  EXPECT_TRUE(reconciler->adopted(0));
}

// Found by a simulated day: three odd answers within a second, and everybody was sent over the opt-outs in
// the list.
TEST_F(ReconcilerTest, WaitsWhileAnswersAreOddForMinutes) {
  commit({{"new@example.com", "N"}});
  bool odd = true;
  asker.before = [&](int) -> std::optional<Reply> {
    if (odd) return Reply(200, "<html>Please wait</html>", std::nullopt);
    return std::nullopt;
  };
  start();
  run_for(8min);
  EXPECT_FALSE(reconciler->adopted(0));
  EXPECT_EQ(logged("nothing is sent before the list was read once"), 1U) << "said once, not over and over";
  odd = false;
  run_for(1min);
  EXPECT_TRUE(reconciler->adopted(0));
  EXPECT_EQ(logged("cannot be read back"), 0U);
}

TEST_F(ReconcilerTest, GoesOnWithoutAListThatHasOnlyOddAnswers) {
  commit({{"new@example.com", "N"}});
  asker.before = [](int) { return std::optional<Reply>(Reply(404, "", std::nullopt)); };
  start();
  run_for(9min);
  EXPECT_FALSE(reconciler->adopted(0));
  run_for(3min);
  EXPECT_TRUE(reconciler->adopted(0));
  EXPECT_EQ(logged("cannot be read back"), 1U);
}

TEST_F(ReconcilerTest, GoesOnWithoutTheListWhereTheKeyWorksOnV1Only) {
  commit({{"new@example.com", "N"}});
  model.set_switch("v2_key", "too_old");
  start();
  run_for(1min);
  EXPECT_TRUE(reconciler->adopted(0));
  EXPECT_EQ(asker.targets.back(), "/v1/lists");
  EXPECT_EQ(logged("cannot be read back"), 1U);
}

TEST_F(ReconcilerTest, WaitsForAKeyThatWorksWhereItWorksNowhere) {
  commit({{"p@example.com", "N"}});
  edit("add", "p@example.com", "N");
  asker.key = "wrong";
  start();
  run_for(1h);
  EXPECT_FALSE(reconciler->adopted(0)) << "the list would be sent over what is there";
  asker.key = "sim-key";
  run_for(1min);
  EXPECT_TRUE(reconciler->adopted(0));
  EXPECT_EQ(pending(), 0U);
}

TEST_F(ReconcilerTest, DoesNotAskWhileTheMirrorIsPausedOrReadingBackIsOff) {
  paused = true;
  start();
  run_for(1h);
  EXPECT_EQ(asker.calls, 0);
  end_life();
  paused = false;
  plan.reconcile.mode = settings::ReconcileMode::Off;
  start();
  run_for(24h * 7);
  EXPECT_TRUE(reconciler->adopted(0));
  EXPECT_EQ(asker.calls, 0);
}

}  // namespace
}  // namespace stibee_sync::pipeline

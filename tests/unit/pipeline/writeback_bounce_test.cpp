#include "writeback_world.hpp"

// The row change that a write-back makes comes back with the next read, and must not go to Stibee again.

namespace stibee_sync::pipeline {
namespace {

using namespace std::chrono_literals;
using domain::RemoteStatus;

class WritebackBounce : public WritebackWorld {
 protected:
  void fill(int people) {
    for (int i = 1; i <= people; ++i)
      table_[i] = {address(i)};
    ASSERT_EQ(read(), CycleOutcome::Applied);
    everybody_is_delivered();
    ASSERT_EQ(store().pending(plan().id), 0U);
  }
  static std::string address(int number) { return "p" + std::to_string(number) + "@example.com"; }
  store::LedgerEntry entry(int number) {
    return store().find(plan().id, domain::EmailAddress::from_normalised(address(number))).value();
  }

  void opts_out(int number) {
    observe(address(number), [&](const store::RemoteView& view) {
      store::RemoteChange change;
      change.confirmed =
          delivery::with_observed(view.ledger->confirmed, view.ledger->wanted, RemoteStatus::OptedOut, utc());
      change.suppress = store::Suppression{utc(), "subscriber", ""};
      change.writeback = request("unsubscribed");
      return change;
    });
    writeback().wake();
  }
  void comes_back(int number) {
    observe(address(number), [&](const store::RemoteView& view) {
      store::RemoteChange change;
      change.confirmed = delivery::with_observed(view.ledger->confirmed, view.ledger->wanted,
                                                 RemoteStatus::Subscribed, utc());
      change.wanted = view.ledger->wanted;
      change.wanted->intent = domain::Intent::Subscribed;
      change.wanted->opted_in_at = utc();
      change.lift = true;
      change.writeback = request("resubscribed");
      return change;
    });
    writeback().wake();
  }
};

TEST_F(WritebackBounce, OptOutsAtStibeeAreNoMassOptOutOfTheTable) {
  fill(100);
  for (int i = 1; i <= 60; ++i)
    opts_out(i);
  run_for(1s);
  EXPECT_FALSE(table_[60].subscribed);
  EXPECT_EQ(read(), CycleOutcome::Applied) << log_;
  EXPECT_EQ(store().pending(plan().id), 0U);
  EXPECT_EQ(entry(1).wanted.intent, domain::Intent::Unsubscribed);
  EXPECT_EQ(entry(1).confirmed.status, RemoteStatus::OptedOut);
}

TEST_F(WritebackBounce, GuardStillHoldsTheOptOutsThatWouldBeSent) {
  fill(100);
  for (int i = 1; i <= 60; ++i)
    opts_out(i);
  run_for(1s);
  for (int i = 61; i <= 81; ++i)
    table_[i].subscribed = false;
  EXPECT_EQ(read(), CycleOutcome::Held);
  const auto holds = store().holds(plan().id);
  ASSERT_EQ(holds.size(), 1U);
  EXPECT_EQ(holds[0].change_class, "optouts");
  EXPECT_EQ(holds[0].count, 21U);
  EXPECT_EQ(entry(1).wanted.intent, domain::Intent::Subscribed) << "waits with its class";
  EXPECT_EQ(store().pending(plan().id), 0U);
}

TEST_F(WritebackBounce, TableThatSaysNoForEverybodyForAMomentBringsNobodyBack) {
  statements_.clear();  // the rows of those who opted out at Stibee still say yes
  end_life();
  begin_life();
  fill(100);
  for (int i = 1; i <= 10; ++i)
    opts_out(i);
  run_for(1s);
  for (auto& [key, row] : table_)
    row.subscribed = false;
  EXPECT_EQ(read(), CycleOutcome::Held);
  for (auto& [key, row] : table_)
    row.subscribed = true;
  EXPECT_EQ(read(), CycleOutcome::Applied);
  EXPECT_EQ(store().pending(plan().id), 0U);
  EXPECT_EQ(entry(1).confirmed.status, RemoteStatus::OptedOut);
}

TEST_F(WritebackBounce, ResubscriptionsAtStibeeAreNoMassResubscriptionOfTheTable) {
  fill(100);
  for (int i = 1; i <= 60; ++i)
    opts_out(i);
  run_for(1s);
  EXPECT_EQ(read(), CycleOutcome::Applied);
  for (int i = 1; i <= 60; ++i)
    comes_back(i);
  EXPECT_EQ(store().pending(plan().id), 0U) << "the person's word counts before it is written back";
  run_for(1s);
  EXPECT_TRUE(table_[60].subscribed);
  EXPECT_EQ(read(), CycleOutcome::Applied) << log_;
  EXPECT_EQ(store().pending(plan().id), 0U);
  EXPECT_EQ(entry(1).wanted.intent, domain::Intent::Subscribed);
  EXPECT_EQ(entry(1).confirmed.status, RemoteStatus::Subscribed);
}

TEST_F(WritebackBounce, OptOutAndReturnBetweenTwoReadsChangeNothing) {
  fill(3);
  opts_out(1);
  run_for(1s);
  comes_back(1);
  run_for(1s);
  EXPECT_EQ(executed().size(), 2U);
  EXPECT_EQ(read(), CycleOutcome::Applied);
  EXPECT_EQ(store().pending(plan().id), 0U);
  EXPECT_EQ(entry(1).confirmed.status, RemoteStatus::Subscribed);
}

TEST_F(WritebackBounce, ResubscriptionThatMatchedNoRowFollowsTheTable) {
  fill(3);
  table_[1].subscribed = false;
  read();
  everybody_is_delivered();
  answer_ = [](const auto&, const auto&) { return std::size_t{0}; };
  comes_back(1);
  run_for(1s);
  read();
  EXPECT_EQ(entry(1).wanted.intent, domain::Intent::Unsubscribed);
  EXPECT_EQ(store().pending(plan().id), 1U) << "the table says no, so the person is unsubscribed";
}

TEST_F(WritebackBounce, FieldsThatWereWrittenBackAreNotSent) {
  fill(3);
  ask_for(address(1), "updated", {{"name", "Lee"}});
  run_for(1s);
  EXPECT_EQ(table_[1].name, "Lee");
  EXPECT_EQ(read(), CycleOutcome::Applied);
  EXPECT_EQ(store().pending(plan().id), 0U);
}

TEST_F(WritebackBounce, FieldsThatTheTableHasOtherwiseAreSent) {
  fill(3);
  answer_ = [this](const std::string& event, const source::WriteValues& values) {
    auto result = apply(event, values);
    table_[1].name = "Park";  // a trigger, or somebody who was quicker
    return result;
  };
  ask_for(address(1), "updated", {{"name", "Lee"}});
  run_for(1s);
  EXPECT_EQ(read(), CycleOutcome::Applied);
  EXPECT_EQ(store().pending(plan().id), 1U);
  EXPECT_TRUE(entry(1).has_values);
}

TEST_F(WritebackBounce, StatementThatDoesNotWriteTheFieldsLeavesThemToReconcile) {
  statements_["updated"] = "UPDATE members SET checked_at = :occurred_at WHERE email = :email";
  end_life();
  begin_life();
  fill(3);
  answer_ = [](const auto&, const auto&) { return std::size_t{1}; };
  ask_for(address(1), "updated", {{"name", "Lee"}});
  run_for(1s);
  EXPECT_EQ(read(), CycleOutcome::Applied);
  EXPECT_EQ(store().pending(plan().id), 0U) << "an edit made at Stibee is not undone by itself";
}

}  // namespace
}  // namespace stibee_sync::pipeline

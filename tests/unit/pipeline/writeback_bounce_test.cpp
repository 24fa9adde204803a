#include "stibee_sync/pipeline/outbound_queue.hpp"
#include "stibee_sync/pipeline/remote_event.hpp"
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
    ASSERT_EQ(pending(), 0U);
  }
  static std::string address(int number) { return "p" + std::to_string(number) + "@example.com"; }
  ledger::LedgerRow row(int number) {
    return store().find(plan().id, domain::EmailAddress::from_normalised(address(number))).row.value();
  }

  bool something_is_due() {
    return store::in_transaction([&](store::Transaction& transaction) {
      const auto capacity = [](const store::QueueLine&) { return std::size_t{100}; };
      return most_urgent(transaction, {plan().id}, {utc(), true}, capacity).has_value();
    })(store());
  }
  domain::Fingerprint print(const std::string& name) {
    return domain::fingerprint_of({{"name", name}}, store().key());
  }
  void is_renamed(int number, const std::string& name) { tell(webhook::Action::Updated, number, name); }
  void comes_back(int number) { tell(webhook::Action::Resubscribed, number); }
  void opts_out(int number) { tell(webhook::Action::Unsubscribed, number); }
  /// As the webhook does it.
  void tell(webhook::Action action, int number, const std::string& name = "") {
    webhook::EventPerson person;
    if (!name.empty()) person.fields = {{"name", name}};
    RemoteEvent event;
    event.action = action;
    event.actor = webhook::Actor::Subscriber;
    event.person = &person;
    observe(address(number), [&](const ledger::RemoteView& view) {
      return verdict_of(event, view, plan(), store().key(), utc()).change;
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
  EXPECT_EQ(pending(), 0U);
  EXPECT_EQ(row(1).wanted.intent, domain::Intent::Unsubscribed);
  EXPECT_EQ(row(1).confirmed.status, RemoteStatus::OptedOut);
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
  EXPECT_EQ(row(1).wanted.intent, domain::Intent::Subscribed) << "waits with its class";
  EXPECT_EQ(pending(), 0U);
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
  EXPECT_EQ(pending(), 0U);
  EXPECT_EQ(row(1).confirmed.status, RemoteStatus::OptedOut);
}

TEST_F(WritebackBounce, ResubscriptionsAtStibeeAreNoMassResubscriptionOfTheTable) {
  fill(100);
  for (int i = 1; i <= 60; ++i)
    opts_out(i);
  run_for(1s);
  EXPECT_EQ(read(), CycleOutcome::Applied);
  for (int i = 1; i <= 60; ++i)
    comes_back(i);
  EXPECT_EQ(pending(), 0U) << "the person's word counts before it is written back";
  run_for(1s);
  EXPECT_TRUE(table_[60].subscribed);
  EXPECT_EQ(read(), CycleOutcome::Applied) << log_;
  EXPECT_EQ(pending(), 0U);
  EXPECT_EQ(row(1).wanted.intent, domain::Intent::Subscribed);
  EXPECT_EQ(row(1).confirmed.status, RemoteStatus::Subscribed);
}

TEST_F(WritebackBounce, OptOutAndReturnBetweenTwoReadsChangeNothing) {
  fill(3);
  opts_out(1);
  run_for(1s);
  comes_back(1);
  run_for(1s);
  EXPECT_EQ(executed().size(), 2U);
  EXPECT_EQ(read(), CycleOutcome::Applied);
  EXPECT_EQ(pending(), 0U);
  EXPECT_EQ(row(1).confirmed.status, RemoteStatus::Subscribed);
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
  EXPECT_EQ(row(1).wanted.intent, domain::Intent::Unsubscribed);
  EXPECT_EQ(pending(), 1U) << "the table says no, so the person is unsubscribed";
}

TEST_F(WritebackBounce, FieldsThatWereWrittenBackAreNotSent) {
  fill(3);
  is_renamed(1, "Lee");
  EXPECT_EQ(pending(), 0U);
  run_for(1s);
  EXPECT_EQ(table_[1].name, "Lee");
  EXPECT_EQ(read(), CycleOutcome::Applied);
  EXPECT_EQ(pending(), 0U);
  EXPECT_EQ(row(1).wanted.fields, print("Lee"));
  EXPECT_FALSE(row(1).values);
}

TEST_F(WritebackBounce, FieldsThatTheTableHasOtherwiseAreSent) {
  fill(3);
  answer_ = [this](const std::string& event, const source::WriteValues& values) {
    auto result = apply(event, values);
    table_[1].name = "Park";  // a trigger, or somebody who was quicker
    return result;
  };
  is_renamed(1, "Lee");
  run_for(1s);
  EXPECT_EQ(read(), CycleOutcome::Applied);
  EXPECT_EQ(pending(), 1U);
  EXPECT_TRUE(row(1).values);
}

TEST_F(WritebackBounce, FieldsThatMatchedNoRowAreNotTakenForTheTables) {
  fill(3);
  answer_ = [](const auto&, const auto&) { return std::size_t{0}; };
  is_renamed(1, "Lee");
  run_for(1s);
  EXPECT_FALSE(something_is_due()) << "nothing goes out before the row was looked at";
  EXPECT_EQ(read(), CycleOutcome::Applied);
  EXPECT_EQ(pending(), 1U) << "the row never changed, and is the truth";
  EXPECT_EQ(row(1).wanted.fields, print("Kim"));
}

TEST_F(WritebackBounce, TableThatChangedWhileItWasWrittenBackCounts) {
  fill(3);
  answer_ = [](const auto&, const auto&) { return failure(source::WriteFailure::Scope::Statement); };
  is_renamed(1, "Lee");
  run_for(1s);
  table_[1].name = "Park";
  read();
  EXPECT_EQ(row(1).wanted.fields, print("Park"));
  answer_ = [](const auto&, const auto&) { return std::size_t{0}; };
  run_for(5min);
  EXPECT_EQ(waiting(), 0U);
  read();
  EXPECT_EQ(row(1).wanted.fields, print("Park"));
  EXPECT_TRUE(row(1).values);
}

TEST_F(WritebackBounce, StatementThatDoesNotWriteTheFieldsLeavesThemToReconcile) {
  statements_["updated"] = "UPDATE members SET checked_at = :occurred_at WHERE email = :email";
  end_life();
  begin_life();
  fill(3);
  answer_ = [](const auto&, const auto&) { return std::size_t{1}; };
  is_renamed(1, "Lee");
  run_for(1s);
  EXPECT_EQ(read(), CycleOutcome::Applied);
  EXPECT_EQ(pending(), 0U) << "an edit made at Stibee is not undone by itself";
  EXPECT_EQ(row(1).wanted.fields, print("Kim"));
}

}  // namespace
}  // namespace stibee_sync::pipeline

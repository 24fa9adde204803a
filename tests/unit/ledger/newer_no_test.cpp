#include "ledger_rows.hpp"
#include "stibee_sync/ledger/transitions.hpp"

#include <gtest/gtest.h>

// Whose no it is that the table says after an opt-out at Stibee: a write-back of ours makes it say one. And
// what is left of a person's past when a rule changes.

namespace stibee_sync::ledger {
namespace {

using namespace testing_support;
using domain::Lane;

Person with(const Wanted& what, const Confirmed& known) {
  Person person;
  person.row.emplace();
  person.row->wanted = what;
  person.row->confirmed = known;
  person.row->values.emplace();
  return placed_again(std::move(person), {}, now);
}

Person decided(Person person, const Wanted& what) {
  AddressDecision decision;
  decision.wanted = what;
  decision.values.emplace();
  return after_decision(std::move(person), decision, {}, now);
}

// An opt-out at Stibee that is to be written back.
Person opted_out(Person person) {
  RemoteChange change;
  change.confirmed = confirmed(RemoteStatus::OptedOut);
  change.no_is_ours = true;
  return after_observation(std::move(person), change, {}, now);
}

TEST(NoOfOurs, IsAwaitedThoughTheRowChangesBeforeItIsWritten) {
  auto person = opted_out(with(wanted(Intent::Subscribed), confirmed(RemoteStatus::Subscribed)));
  auto renamed = wanted(Intent::Subscribed);
  renamed.fields = print(2);
  person = decided(person, renamed);
  EXPECT_TRUE(person.row->no_is_ours);
  renamed.intent = Intent::Unsubscribed;
  person = decided(person, renamed);
  EXPECT_FALSE(person.row->confirmed.owes_no);
  EXPECT_FALSE(person.row->lane);
}

TEST(NoOfOurs, IsNoneAnyMoreOnceTheTableSaidYesAfterIt) {
  auto person = opted_out(with(wanted(Intent::Unsubscribed), confirmed(RemoteStatus::Unsubscribed)));
  person = decided(person, wanted(Intent::Subscribed));
  EXPECT_FALSE(person.row->no_is_ours);
  person = decided(person, wanted(Intent::Unsubscribed));
  EXPECT_TRUE(person.row->confirmed.owes_no) << "the next one is the table's own";
  EXPECT_EQ(person.row->lane, Lane::Optout);
}

TEST(NoOfOurs, IsAwaitedNoMoreOnceTheTableSaidNo) {
  auto ours = opted_out(with(wanted(Intent::Subscribed), confirmed(RemoteStatus::Subscribed)));
  ours = decided(ours, wanted(Intent::Unsubscribed));
  EXPECT_FALSE(ours.row->no_is_ours);
  auto tables = with(wanted(Intent::Subscribed), confirmed(RemoteStatus::OptedOut));
  tables = decided(tables, wanted(Intent::Unsubscribed));
  EXPECT_TRUE(tables.row->confirmed.owes_no);
  EXPECT_FALSE(tables.row->no_is_ours);
}

// ---- what a rule forbade -------------------------------------------------------------------------------

TEST(Forbidden, NoMoreBeginsWithoutTheFailuresOfBefore) {
  auto person = with(wanted(Intent::Subscribed), confirmed(RemoteStatus::Unsubscribed));
  person.row->attempts = 3;
  person.row->not_before = now + 1h;
  person.row->batch_limit = 7;
  person.row->error = domain::Reason::Failed;
  person.row->message = "no";
  Policy policy;
  policy.can_resubscribe = false;
  person = placed_again(person, policy, now);
  ASSERT_TRUE(person.row->parked_by_rule);
  EXPECT_EQ(person.row->pending_since, UtcTime{}) << "who is not in the queue waits since never";
  EXPECT_EQ(person.row->due, UtcTime{});
  EXPECT_EQ(person.row->shape, "");
  EXPECT_EQ(person.row->attempts, 3) << "a human may want to see them";
  person = placed_again(person, {}, now);
  EXPECT_EQ(person, with(wanted(Intent::Subscribed), confirmed(RemoteStatus::Unsubscribed)));
}

}  // namespace
}  // namespace stibee_sync::ledger

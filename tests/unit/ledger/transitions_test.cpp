#include "store/ledger_row.hpp"

#include "contract/store_world.hpp"

#include <gtest/gtest.h>

// The finer points of the ledger's rules; the contract tests show the rest.
namespace stibee_sync::store {
namespace {

using namespace store_tests;
using domain::Intent;

PlaceRule always(Placement placement) {
  return [placement](const domain::Wanted&, const domain::Confirmed&, UtcTime) { return placement; };
}

Placement in_lane(Lane lane, UtcTime due) {
  Placement placement;
  placement.lane = lane;
  placement.shape = "shape";
  placement.due = due;
  return placement;
}

LedgerRow subscribed_row() {
  LedgerRow row;
  row.wanted.intent = Intent::Subscribed;
  row.values.emplace();
  return row;
}

TEST(LedgerRow, APostponementThatEndsByANewRuleIsPendingFromNowOn) {
  auto row = subscribed_row();
  place_again(row, always(in_lane(Lane::Delete, start + day)), start);
  EXPECT_EQ(row.due, start + day);
  place_again(row, always(in_lane(Lane::Delete, start + second)), start + second);
  EXPECT_EQ(row.due, start + second);
}

TEST(LedgerRow, ANewPostponementPutsTheRowBack) {
  auto row = subscribed_row();
  place_again(row, always(in_lane(Lane::Delete, start)), start);
  place_again(row, always(in_lane(Lane::Delete, start + day)), start + second);
  EXPECT_EQ(row.due, start + day);
}

TEST(LedgerRow, AnotherLaneIsAnotherWait) {
  auto row = subscribed_row();
  place_again(row, always(in_lane(Lane::Upsert, start)), start);
  place_again(row, always(in_lane(Lane::Upsert, start + second)), start + second);
  EXPECT_EQ(row.pending_since, start);
  place_again(row, always(in_lane(Lane::Optout, start + 2 * second)), start + 2 * second);
  EXPECT_EQ(row.pending_since, start + 2 * second);
}

TEST(LedgerRow, WhoIsNotToBeSubscribedKeepsNoValues) {
  auto row = subscribed_row();
  row.wanted.intent = Intent::Unsubscribed;
  place_again(row, always(in_lane(Lane::Optout, start)), start);
  EXPECT_FALSE(row.values);
}

TEST(LedgerRow, OnlyWhoStibeeMayKnowLeavesATrace) {
  LedgerRow row;
  EXPECT_FALSE(trace_of(row));
  row.confirmed.maybe_subscribed = true;
  EXPECT_EQ(trace_of(row)->status, RemoteStatus::Subscribed);
  row.confirmed.status = RemoteStatus::OptedOut;
  EXPECT_EQ(trace_of(row)->status, RemoteStatus::OptedOut);
}

TEST(LedgerRow, TheDoubtOfACrashEndsWithTheNextAnswer) {
  auto row = subscribed_row();
  place_again(row, always(in_lane(Lane::Upsert, start)), start);
  mark_in_doubt(row);
  EXPECT_TRUE(row.in_doubt);
  EXPECT_TRUE(row.confirmed.maybe_subscribed);
  Settlement settlement;
  settlement.confirmed.status = RemoteStatus::Subscribed;
  apply_settlement(row, settlement, {}, always({}), start);
  EXPECT_FALSE(row.in_doubt);
  EXPECT_FALSE(row.confirmed.maybe_subscribed);
}

TEST(LedgerRow, ACrashDoesNotCastDoubtOnWhoWasSettled) {
  auto row = subscribed_row();
  mark_in_doubt(row);
  EXPECT_FALSE(row.in_doubt);
  EXPECT_FALSE(row.confirmed.maybe_subscribed);
}

TEST(LedgerRow, AnUnsubscribeInDoubtIsSaidAgainWhenTheRowChangesItsMindTwice) {
  auto row = subscribed_row();
  row.confirmed.status = RemoteStatus::Subscribed;
  row.wanted.intent = Intent::Unsubscribed;
  place_again(row, always(in_lane(Lane::Optout, start)), start);
  Settlement refused;
  refused.confirmed = row.confirmed;
  refused.next = Settlement::Next::Retry;
  apply_settlement(row, refused, {}, always(in_lane(Lane::Optout, start)), start);
  AddressDecision yes;
  yes.wanted.intent = Intent::Subscribed;
  Placement unsupported;
  unsupported.impossible = "resubscribe_unsupported";
  apply_decision(row, yes, false, nullptr, always(unsupported), start);
  EXPECT_EQ(row.confirmed.status, RemoteStatus::Unsubscribed) << "so that they are subscribed again";
  EXPECT_TRUE(row.confirmed.maybe_subscribed) << "and if they say no before that, they are told so again";
}

TEST(LedgerRow, OnlyAHumanEndsTheDoubtAboutAConfirmationMail) {
  auto row = subscribed_row();
  row.confirmed.maybe_subscribed = true;
  const auto rule = [](const domain::Wanted&, const domain::Confirmed& confirmed, domain::UtcTime) {
    Placement placement;
    if (confirmed.maybe_subscribed) {
      placement.impossible = "confirmation_in_doubt";
    } else {
      placement.lane = Lane::Upsert;
    }
    return placement;
  };
  place_again(row, rule, start);
  EXPECT_EQ(row.parked, "confirmation_in_doubt");
  place_again(row, rule, start);
  EXPECT_EQ(row.parked, "confirmation_in_doubt");
  unpark(row, rule, start);
  EXPECT_EQ(row.parked, "");
  EXPECT_EQ(row.lane, Lane::Upsert);
}

TEST(LedgerRow, OnlyUsableRowsOfASharedAddressAreShadowed) {
  const BearerRow usable{key(1), true, false, {}, {}};
  const BearerRow rejected{key(2), true, true, {}, {}};
  EXPECT_EQ(shadowed_flags({usable}), std::vector<bool>{false});
  EXPECT_EQ(shadowed_flags({usable, rejected}), (std::vector<bool>{true, false}));
  EXPECT_EQ(shadowed_flags({usable, usable}), (std::vector<bool>{true, true}));
  EXPECT_TRUE(shadowed_flags({}).empty());
}

}  // namespace
}  // namespace stibee_sync::store

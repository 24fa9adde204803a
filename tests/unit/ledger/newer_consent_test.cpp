#include "ledger_rows.hpp"
#include "stibee_sync/ledger/confirmed.hpp"

#include <gtest/gtest.h>

// What counts as a consent that is newer than an opt-out.

namespace stibee_sync::ledger {
namespace {

using namespace testing_support;

const UtcTime opted_out_at = now - 24h;

Wanted consenting(std::optional<UtcTime> consented_at, std::optional<UtcTime> opted_in_at = {}) {
  auto result = wanted(Intent::Subscribed);
  result.consented_at = consented_at;
  result.opted_in_at = opted_in_at;
  return result;
}

bool newer(const Wanted& what, const Confirmed& known = confirmed(RemoteStatus::OptedOut)) {
  return newer_consent(what, known, now);
}

TEST(NewerConsent, IsLaterThanTheOptOut) {
  EXPECT_TRUE(newer(consenting(opted_out_at + 1ms)));
  EXPECT_FALSE(newer(consenting(opted_out_at)));
  EXPECT_FALSE(newer(consenting(opted_out_at - 1ms)));
  EXPECT_FALSE(newer(consenting({})));
}

TEST(NewerConsent, OfARowThatTurnedTrueIsLaterThanTheOptOut) {
  EXPECT_TRUE(newer(consenting({}, opted_out_at + 1ms)));
  EXPECT_FALSE(newer(consenting({}, opted_out_at)));
  EXPECT_FALSE(newer(consenting({}, opted_out_at - 1ms)));
}

TEST(NewerConsent, IsNotLaterThanNowButForAClockThatIsALittleAhead) {
  EXPECT_TRUE(newer(consenting(now)));
  EXPECT_TRUE(newer(consenting(now + 5min)));
  EXPECT_FALSE(newer(consenting(now + 5min + 1ms)));
  EXPECT_FALSE(newer(consenting(now + 9h))) << "the time of Seoul, taken for UTC";
}

TEST(NewerConsent, IsAnotherOneThanTheTableShowedWhenTheOptOutWasLearnt) {
  auto known = confirmed(RemoteStatus::OptedOut);
  known.consent_then = now - 1h;  // it was ahead of the clock then
  EXPECT_FALSE(newer(consenting(now - 1h), known));
  EXPECT_TRUE(newer(consenting(now - 1h + 1ms), known));
  EXPECT_TRUE(newer(consenting(now - 2h), known)) << "mended since";
}

TEST(NewerConsent, IsTheColumnSeenTurningTrueWhereNoTimeIsMapped) {
  EXPECT_TRUE(newer(consenting({}, opted_out_at + 1s)));
  EXPECT_FALSE(newer(consenting({}, opted_out_at - 1s)));
  EXPECT_FALSE(newer(consenting(opted_out_at - 1h, opted_out_at + 1h))) << "the time of the row counts";
}

TEST(NewerConsent, ThereIsNoneOfAnOptOutOfUnknownTime) {
  auto known = confirmed(RemoteStatus::OptedOut);
  known.since.reset();
  EXPECT_FALSE(newer(consenting(now), known));
  EXPECT_FALSE(newer(consenting({}, now), known));
}

TEST(NewerConsent, AnOptOutRemembersWhatTheTableShowed) {
  const auto what = consenting(now + 9h);
  const auto known = with_observed(confirmed(RemoteStatus::Subscribed), what, RemoteStatus::OptedOut, now);
  EXPECT_EQ(known.consent_then, now + 9h);
  EXPECT_FALSE(newer_consent(what, known, now));
  EXPECT_FALSE(newer_consent(what, known, now + 10h)) << "nor when its time has come";
}

}  // namespace
}  // namespace stibee_sync::ledger

#include "stibee_sync/ledger/opt_out.hpp"

#include "ledger_rows.hpp"
#include "stibee_sync/domain/backoff.hpp"
#include "stibee_sync/ledger/transitions.hpp"

#include <gtest/gtest.h>

// Opt-outs on record: which of two counts, and what they make of what is confirmed.

namespace stibee_sync::ledger {
namespace {

using namespace testing_support;

const Suppression opt_out{now - 1h, "subscriber", "too much", now - 48h};

Confirmed since(RemoteStatus status, std::optional<UtcTime> at) {
  auto result = confirmed(status);
  result.since = at;
  return result;
}

TEST(OptOutOnRecord, TheLaterOfTwoCountsAndOfTwoAtOnceTheOneLearntLast) {
  Suppression other{opt_out.at, "manual", ""};
  EXPECT_EQ(newer_of(opt_out, other), other);
  EXPECT_EQ(newer_of(other, opt_out), opt_out);
  other.at = opt_out.at - 1s;
  EXPECT_EQ(newer_of(opt_out, other), opt_out);
  EXPECT_EQ(newer_of(other, opt_out), opt_out);
}

TEST(OptOutOnRecord, IsWhatIsKnownOfSomebodyWhoHasNoRow) {
  EXPECT_EQ(known_before({}, {}), std::nullopt);
  const auto trace = confirmed(RemoteStatus::Unsubscribed, {1});
  EXPECT_EQ(known_before(trace, {}), trace);
  const auto known = known_before(trace, opt_out).value();
  EXPECT_EQ(known.status, RemoteStatus::OptedOut);
  EXPECT_EQ(known.since, opt_out.at) << "though it is later than the trace";
  EXPECT_EQ(known.consent_then, opt_out.consent);
  EXPECT_EQ(known.groups, domain::GroupSet{1});
  EXPECT_EQ(known_before(since(RemoteStatus::Subscribed, now), opt_out)->since, opt_out.at)
      << "a time of another status tells nothing of the opt-out";
}

TEST(OptOutOnRecord, DoesNotMakeALaterOneOlder) {
  auto later = since(RemoteStatus::OptedOut, opt_out.at + 1s);
  later.consent_then = now - 5h;
  EXPECT_EQ(known_before(later, opt_out), later);
  later.since = opt_out.at;
  EXPECT_EQ(known_before(later, opt_out)->consent_then, opt_out.consent);
}

TEST(OptOutOfAMember, IsNewsUnlessTheAddressIsOutSinceThenOrMovedAway) {
  EXPECT_TRUE(is_news(opt_out, confirmed(RemoteStatus::Subscribed)));
  EXPECT_TRUE(is_news(opt_out, confirmed(RemoteStatus::AutoDeleted)));
  EXPECT_TRUE(is_news(opt_out, Confirmed{}));
  EXPECT_FALSE(is_news(opt_out, confirmed(RemoteStatus::Moved)));
  EXPECT_FALSE(is_news(opt_out, since(RemoteStatus::OptedOut, opt_out.at)));
  EXPECT_FALSE(is_news(opt_out, since(RemoteStatus::OptedOut, opt_out.at + 1s)));
  EXPECT_TRUE(is_news(opt_out, since(RemoteStatus::OptedOut, opt_out.at - 1s)));
  EXPECT_FALSE(is_news(opt_out, since(RemoteStatus::OptedOut, std::nullopt)));
}

TEST(OptOutOfAMember, IsToBeSaidWhereTheyMayBeSubscribed) {
  for (const auto status : {RemoteStatus::Subscribed, RemoteStatus::Ready}) {
    EXPECT_TRUE(inheriting(confirmed(status), opt_out).owes_no) << domain::name(status);
    EXPECT_EQ(inheriting(confirmed(status), opt_out).status, RemoteStatus::OptedOut);
  }
  for (const auto status : {RemoteStatus::Unknown, RemoteStatus::Unsubscribed, RemoteStatus::AutoDeleted,
                            RemoteStatus::Purged, RemoteStatus::OptedOut})
    EXPECT_FALSE(inheriting(confirmed(status), opt_out).owes_no) << domain::name(status);
  auto owing = confirmed(RemoteStatus::Unsubscribed);
  owing.owes_no = true;
  EXPECT_TRUE(inheriting(owing, opt_out).owes_no) << "what is owed is owed";
  EXPECT_EQ(inheriting(confirmed(RemoteStatus::Moved), opt_out), confirmed(RemoteStatus::Moved));
}

TEST(OptOutByAnAnswer, IsAddedWithWhatIsKnownOfWhoAndWhy) {
  auto after = since(RemoteStatus::OptedOut, now - 1min);
  after.consent_then = now - 3h;
  const auto before = confirmed(RemoteStatus::Subscribed);
  EXPECT_EQ(suppression_after_answer({}, before, after, now),
            (Suppression{now - 1min, "unknown", "", now - 3h}));
  EXPECT_EQ(suppression_after_answer(opt_out, before, after, now),
            (Suppression{now - 1min, "subscriber", "too much", now - 3h}));
  after.since = opt_out.at - 1min;
  EXPECT_EQ(suppression_after_answer(opt_out, before, after, now)->at, opt_out.at) << "the later one";
  after.since.reset();
  EXPECT_EQ(suppression_after_answer({}, before, after, now)->at, now);
}

TEST(OptOutByAnAnswer, ThatWasKnownChangesNothing) {
  const auto out = since(RemoteStatus::OptedOut, now - 3h);
  EXPECT_EQ(suppression_after_answer({}, out, out, now), std::nullopt);
  EXPECT_EQ(suppression_after_answer(opt_out, out, out, now), opt_out);
  EXPECT_EQ(suppression_after_answer(opt_out, out, since(RemoteStatus::OptedOut, now), now)->at, now)
      << "but one anew does";
  EXPECT_EQ(suppression_after_answer(opt_out, since(RemoteStatus::Subscribed, now - 3h), out, now)->consent,
            std::nullopt)
      << "as does one that is of the same time as another status";
}

TEST(OptOutOvercome, IsOnRecordNoMore) {
  const auto out = confirmed(RemoteStatus::OptedOut);
  for (const auto back : {RemoteStatus::Subscribed, RemoteStatus::Ready})
    EXPECT_EQ(suppression_after_answer(opt_out, out, confirmed(back), now), std::nullopt)
        << domain::name(back);
  for (const auto other : {RemoteStatus::Unknown, RemoteStatus::Unsubscribed, RemoteStatus::Purged})
    EXPECT_EQ(suppression_after_answer(opt_out, out, confirmed(other), now), opt_out) << domain::name(other);
  EXPECT_EQ(suppression_after_answer(opt_out, confirmed(RemoteStatus::Unsubscribed),
                                     confirmed(RemoteStatus::Subscribed), now),
            opt_out)
      << "who was not out under this address did not come back";
}

// ---- a clock that was wrong ----------------------------------------------------------------------------

TEST(ABackoff, ThatEndsLaterThanAnyCanIsOver) {
  Person person;
  person.row.emplace();
  person.row->wanted = wanted(Intent::Subscribed);
  person.row->values.emplace();
  person.row->attempts = 2;
  const auto longest = now + domain::longest_backoff(2);
  const auto placed = [&](UtcTime not_before) {
    person.row->not_before = not_before;
    return placed_again(person, {}, now).row->not_before;
  };
  EXPECT_EQ(placed(longest), longest);
  EXPECT_EQ(placed(longest + 1ms), now);
  person.row->attempts = 0;
  EXPECT_EQ(placed(longest + 24h), longest + 24h) << "nobody waits for it";
}

}  // namespace
}  // namespace stibee_sync::ledger

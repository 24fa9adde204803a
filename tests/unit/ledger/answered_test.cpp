#include "ledger_rows.hpp"
#include "stibee_sync/ledger/transitions.hpp"

#include <gtest/gtest.h>

// What an answer leaves in the row of the attempts before it, and of what Stibee said.

namespace stibee_sync::ledger {
namespace {

using namespace testing_support;
using domain::Reason;

Person after_a_failure(const Wanted& what) {
  Person person;
  person.row.emplace();
  person.row->wanted = what;
  person.row->values.emplace();
  person = placed_again(std::move(person), {}, now);
  Settlement failure;
  failure.next = Settlement::Next::Retry;
  failure.attempts = 3;
  failure.not_before = now + 1h;
  failure.batch_limit = 7;
  failure.reason = Reason::http(503);
  failure.message = "come back later";
  return after_answer(std::move(person), failure, {}, now);
}

TEST(Answered, TheNextCallBeginsWithoutTheFailuresOfTheOneThatSucceeded) {
  auto person = after_a_failure(wanted(Intent::Subscribed, {4}));
  ASSERT_EQ(person.row->due, now + 1h);
  Settlement success;
  success.confirmed = confirmed(RemoteStatus::Subscribed);
  person = after_answer(person, success, {}, now);
  EXPECT_EQ(person.row->shape, "group_assign:4");
  EXPECT_EQ(person.row->due, now);
  EXPECT_EQ(person.row->attempts, 0);
  EXPECT_EQ(person.row->batch_limit, 0U);
  EXPECT_FALSE(person.row->error);
  EXPECT_EQ(person.row->message, "");
}

TEST(Answered, WhoIsRefusedIsParkedWithWhatStibeeSaidAndHowOftenItWasAsked) {
  auto person = after_a_failure(wanted(Intent::Subscribed));
  Settlement refusal;
  refusal.next = Settlement::Next::Park;
  refusal.attempts = 4;
  refusal.reason = Reason::WrongEmail;
  refusal.message = "no such address";
  person = after_answer(person, refusal, {}, now);
  EXPECT_EQ(person.row->parked, Reason::WrongEmail);
  EXPECT_EQ(person.row->message, "no such address");
  EXPECT_EQ(person.row->attempts, 4);
  EXPECT_FALSE(person.row->error) << "of the attempt before";
}

}  // namespace
}  // namespace stibee_sync::ledger

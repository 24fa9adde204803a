#include "delivery/roster.hpp"

#include "recipients.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::delivery {
namespace {

using domain::OutcomeKind;
using domain::RemoteStatus;
using testing_support::operation;
using testing_support::recipients;

const std::vector<Recipient> a_and_b =
    recipients(operation(domain::OperationKind::Subscribe), {"a@example.com", "b@example.com"});
const std::vector<Recipient> only_a = {a_and_b.front()};

Roster::Rule rule(OutcomeKind kind, std::optional<RemoteStatus> observed = {}) {
  return [=](const Recipient&, const NamedPerson&) {
    domain::Outcome outcome;
    outcome.kind = kind;
    outcome.observed = observed;
    return outcome;
  };
}

json::Value parsed(std::string_view text) {
  return json::parse(text).value();
}

TEST(Roster, of_two_outcomes_for_one_person_the_worse_counts_in_whatever_order_they_come) {
  const OutcomeKind from_best_to_worst[] = {
      OutcomeKind::Delivered, OutcomeKind::AlreadyInState, OutcomeKind::Unknown,     OutcomeKind::Transient,
      OutcomeKind::Throttled, OutcomeKind::Rejected,       OutcomeKind::Unauthorised};
  for (std::size_t first = 0; first < std::size(from_best_to_worst); ++first) {
    for (std::size_t second = 0; second < std::size(from_best_to_worst); ++second) {
      Roster roster(only_a);
      roster.take_list(parsed(R"("a@example.com")"), rule(from_best_to_worst[first]));
      roster.take_list(parsed(R"("a@example.com")"), rule(from_best_to_worst[second]));
      EXPECT_EQ(roster.outcomes().at(0).kind, from_best_to_worst[std::max(first, second)])
          << first << ' ' << second;
    }
  }
}

TEST(Roster, what_was_observed_last_is_kept_whichever_outcome_counts) {
  Roster roster(only_a);
  const auto a = parsed(R"("a@example.com")");
  roster.take_list(a, rule(OutcomeKind::Rejected, RemoteStatus::OptedOut));
  roster.take_list(a, rule(OutcomeKind::Delivered));
  EXPECT_EQ(roster.outcomes().at(0).observed, RemoteStatus::OptedOut);
  roster.take_list(a, rule(OutcomeKind::Delivered, RemoteStatus::Ready));
  EXPECT_EQ(roster.outcomes().at(0).observed, RemoteStatus::Ready);
  EXPECT_EQ(roster.outcomes().at(0).kind, OutcomeKind::Rejected);
}

TEST(Roster, a_person_is_named_by_any_of_several_members) {
  for (const char* entry :
       {R"("b@example.com")", R"({"email":"b@example.com"})", R"({"$email":"B@EXAMPLE.COM"})",
        R"({"address":"b@example.com"})", R"({"subscriber":"b@example.com"})",
        R"({"subscriber":{"email":"b@example.com"}})", R"({"email":7,"address":"b@example.com"})",
        R"({"email":"","address":"b@example.com"})", R"([{"email":" b@example.com "}])"}) {
    Roster roster(a_and_b);
    roster.take_list(parsed(entry), rule(OutcomeKind::Delivered));
    EXPECT_FALSE(roster.is_named(0)) << entry;
    EXPECT_TRUE(roster.is_named(1)) << entry;
    EXPECT_TRUE(roster.anybody_named()) << entry;
  }
}

TEST(Roster, what_names_nobody_of_the_call_is_passed_over) {
  for (const char* entry : {"7", "null", "[]", "[7]", R"("c@example.com")", R"("not an address")", "{}",
                            R"({"email":"b"})", R"({"subscriber":7})"}) {
    Roster roster(a_and_b);
    roster.take_list(parsed(entry), rule(OutcomeKind::Delivered));
    EXPECT_FALSE(roster.anybody_named()) << entry;
  }
}

TEST(Roster, who_is_named_by_nothing_is_the_only_person_of_the_call) {
  for (const char* entry : {"{}", R"("")", R"({"email":7})", R"({"subscriber":{}})"}) {
    Roster roster(only_a);
    roster.take_list(parsed(entry), rule(OutcomeKind::Delivered));
    EXPECT_TRUE(roster.is_named(0)) << entry;
  }
}

TEST(Roster, the_rest_is_settled_without_those_who_are_named) {
  Roster roster(a_and_b);
  roster.take_list(parsed(R"(["b@example.com"])"), rule(OutcomeKind::Rejected));
  EXPECT_EQ(roster.outcomes().at(0), domain::Outcome{});
  domain::Outcome rest;
  rest.kind = OutcomeKind::Throttled;
  roster.settle_rest(rest);
  EXPECT_EQ(roster.outcomes().at(0).kind, OutcomeKind::Throttled);
  EXPECT_EQ(roster.outcomes().at(1).kind, OutcomeKind::Rejected);
}

TEST(Roster, a_person_is_read_with_status_and_words) {
  const auto entry =
      parsed(R"({"email":"a@example.com","$status":"구독 대기","$message":"","$reason":"why"})");
  const auto person = named_person(entry).value();
  EXPECT_EQ(person.address, "a@example.com");
  EXPECT_EQ(person.status, RemoteStatus::Ready);
  EXPECT_EQ(person.words, "why");
  const auto other = parsed(R"({"email":"a@example.com","$error":"because"})");
  EXPECT_EQ(named_person(other).value().words, "because");
  EXPECT_EQ(named_person(other).value().status, std::nullopt);
}

TEST(StatusFrom, knows_every_spelling) {
  const std::pair<RemoteStatus, std::vector<const char*>> statuses[] = {
      {RemoteStatus::Subscribed, {"subscribed", "Subscribe", "S", "구독중", "구독"}},
      {RemoteStatus::OptedOut, {"unsubscribed", "unsubscribe", "U", "수신거부", "수신 거부"}},
      {RemoteStatus::AutoDeleted,
       {"deleted", "delete", "auto-deleted", "archived", "archive", "D", "A", "자동삭제"}},
      {RemoteStatus::Ready, {"ready", "R", "pending", "구독대기", "대기"}}};
  for (const auto& [status, words] : statuses) {
    for (const char* word : words)
      EXPECT_EQ(status_from(word), status) << word;
  }
  for (const char* word : {"", "x", "subscribing", "1"})
    EXPECT_EQ(status_from(word), std::nullopt) << word;
}

}  // namespace
}  // namespace stibee_sync::delivery

#include "delivery/refusal_code.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

// Whom a refusal speaks of.

namespace stibee_sync::delivery {
namespace {

Blame blame(std::string_view code, std::string_view message = {}, int status = 400) {
  return blame_of(code, message, status);
}

// A code within longer ones: what stands before it and behind it may be anything.
std::vector<std::string> with_surroundings(const std::string& code) {
  return {code, "Errors.Some." + code, code + "Again", "Errors.Some." + code + "Again"};
}

TEST(RefusalCode, of_a_list_that_is_gone_stands_alone) {
  for (const std::string code : {"LIST_NOT_FOUND", "List.NotExist", "List.NotExists", "LIST_DELETED"}) {
    for (const auto& told : {code, "Errors." + code, "stberror.Errors." + code}) {
      EXPECT_TRUE(says_list_missing(told)) << told;
      EXPECT_EQ(blame(told), Blame::Mirror) << told;
    }
    // "List.NotExistEmail" begins like "List.NotExist".
    for (const auto& told : {"Some." + code, code + "Again"})
      EXPECT_FALSE(says_list_missing(told)) << told;
  }
}

TEST(RefusalCode, that_ends_with_the_list_is_of_one_that_is_gone) {
  for (const std::string code :
       {"NoSuchList", "NotExistList", "NOT_EXISTS_LIST", "NotFoundList", "UNKNOWN_LIST", "InvalidList",
        "InvalidListId", "ADDRESS_BOOK_NOT_FOUND", "NoSuchAddressBook"}) {
    for (const auto& told : {code, "List." + code}) {
      EXPECT_TRUE(says_list_missing(told)) << told;
      EXPECT_EQ(blame(told), Blame::Mirror) << told;
    }
    EXPECT_FALSE(says_list_missing(code + "Again")) << code;
  }
  for (const char* code : {"", "List", "NoSuchGroup"})
    EXPECT_FALSE(says_list_missing(code)) << code;
}

TEST(RefusalCode, of_a_group_that_is_gone) {
  for (const char* code :
       {"NoSuchGroup", "NotExistGroup", "NOT_EXISTS_GROUP", "GROUP_NOT_FOUND", "GroupNotExist",
        "NotFoundGroup", "UNKNOWN_GROUP", "InvalidGroup", "GROUP_DELETED"}) {
    for (const auto& told : with_surroundings(code)) {
      EXPECT_TRUE(says_group_missing(told)) << told;
      EXPECT_EQ(blame(told), Blame::Mirror) << told;
    }
  }
  for (const char* code : {"", "TooManyGroups", "Group", "LIST_NOT_FOUND"})
    EXPECT_FALSE(says_group_missing(code)) << code;
}

TEST(RefusalCode, of_the_account_or_its_plan) {
  for (const char* code :
       {"ExceededSubscribers", "ExceedSubscribers", "SUBSCRIBERS_EXCEEDED", "SubscriberExceeded",
        "SubscriberLimitExceeded", "NeedProPlan", "NeedStandardPlan", "NeedEnterprisePlan", "NeedPlan",
        "NeedPaidPlan", "PLAN_REQUIRED", "PlanExpired", "PAYMENT_REQUIRED", "NotPermittedSenderDomain"}) {
    for (const auto& told : with_surroundings(code))
      EXPECT_EQ(blame(told), Blame::Mirror) << told;
  }
  EXPECT_EQ(blame("", "", 402), Blame::Mirror);
  EXPECT_EQ(blame("List.InvalidEmail", "", 402), Blame::Mirror) << "the status is plain enough";
  EXPECT_EQ(blame("", "", 401), Blame::Open);
  EXPECT_EQ(blame("", "", 403), Blame::Open);
}

TEST(RefusalCode, of_a_person) {
  for (const char* code : {"InvalidEmail", "WRONG_EMAIL", "NotExistEmail", "NoSuchEmail", "EMAIL_NOT_FOUND",
                           "EmailNotExist", "SUBSCRIBER_NOT_FOUND", "AlreadyExistEmail"}) {
    for (const auto& told : with_surroundings(code))
      EXPECT_EQ(blame(told), Blame::Person) << told;
  }
  EXPECT_EQ(blame("List.InvalidEmail", "구독자가 초과 하였습니다."), Blame::Person)
      << "the code outweighs words";
}

TEST(RefusalCode, words_alone_speak_of_the_plan_only_where_they_are_plain) {
  for (const char* message : {"구독자가 초과 하였습니다.", "Exceeded subscribers of the plan",
                              "Subscribers exceed 500", "number of subscribers exceeds"})
    EXPECT_EQ(blame("UNKNOWN", message), Blame::Mirror) << message;
  for (const char* message :
       {"", "구독자", "초과", "한 번에 보낼 수 있는 구독자를 초과", "한번에 구독자 초과",
        "subscribers exceed what can be sent at once", "구독자 요청 초과"})
    EXPECT_EQ(blame("UNKNOWN", message), Blame::Open) << message;
  EXPECT_EQ(blame("API_LIMIT", "구독자가 초과 하였습니다."), Blame::Open) << "a limit of calls, by its code";
}

}  // namespace
}  // namespace stibee_sync::delivery

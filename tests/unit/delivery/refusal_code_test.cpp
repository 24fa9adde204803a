#include "delivery/refusal_code.hpp"

#include <gtest/gtest.h>

// Whom a refusal speaks of.

namespace stibee_sync::delivery {
namespace {

Blame blame(std::string_view code, std::string_view message = {}, int status = 400) {
  return blame_of(code, message, status);
}

TEST(RefusalCode, of_a_list_that_is_gone) {
  for (const char* code :
       {"LIST_NOT_FOUND", "List.NotExist", "List.NotExists", "LIST_DELETED", "Errors.List.NoSuchList",
        "List.NotExistList", "NotExistsList", "NotFoundList", "UNKNOWN_LIST", "InvalidList", "InvalidListId",
        "ADDRESS_BOOK_NOT_FOUND", "NoSuchAddressBook", "stberror.Errors.List.NotFound"}) {
    EXPECT_TRUE(says_list_missing(code)) << code;
    EXPECT_EQ(blame(code), Blame::Mirror) << code;
  }
  for (const char* code : {"", "List.NotFoundEmail", "MAILING_LIST_NOT_FOUND", "UnknownListener", "List"})
    EXPECT_FALSE(says_list_missing(code)) << code;
}

TEST(RefusalCode, of_a_group_that_is_gone) {
  for (const char* code :
       {"List.NoSuchGroup", "NotExistGroup", "NOT_EXISTS_GROUP", "GROUP_NOT_FOUND", "GroupNotExist",
        "NotFoundGroup", "UNKNOWN_GROUP", "InvalidGroupId", "GROUP_DELETED"}) {
    EXPECT_TRUE(says_group_missing(code)) << code;
    EXPECT_EQ(blame(code), Blame::Mirror) << code;
  }
  for (const char* code : {"", "TooManyGroups", "Group", "LIST_NOT_FOUND"})
    EXPECT_FALSE(says_group_missing(code)) << code;
}

TEST(RefusalCode, of_the_account_or_its_plan) {
  for (const char* code :
       {"List.ExceededSubscribers", "ExceedSubscribers", "SUBSCRIBERS_EXCEEDED", "SubscriberExceeded",
        "SubscriberLimitExceeded", "Service.NeedProPlan", "NeedStandardPlan", "NeedEnterprisePlan",
        "NeedPlan", "NeedPaidPlan", "PLAN_REQUIRED", "PlanExpired", "PAYMENT_REQUIRED",
        "List.NotPermittedSenderDomain"})
    EXPECT_EQ(blame(code), Blame::Mirror) << code;
  EXPECT_EQ(blame("", "", 402), Blame::Mirror);
  EXPECT_EQ(blame("List.InvalidEmail", "", 402), Blame::Mirror) << "the status is plain enough";
  EXPECT_EQ(blame("", "", 401), Blame::Open);
  EXPECT_EQ(blame("", "", 403), Blame::Open);
}

TEST(RefusalCode, of_a_person) {
  for (const char* code :
       {"List.InvalidEmail", "WRONG_EMAIL", "List.NotExistEmail", "NoSuchEmail", "EMAIL_NOT_FOUND",
        "EmailNotExist", "SUBSCRIBER_NOT_FOUND", "stberror.Errors.List.AlreadyExistEmail"})
    EXPECT_EQ(blame(code), Blame::Person) << code;
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

#include "recipients.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stibee_sync::delivery {
namespace {

using namespace std::chrono_literals;
using domain::ConsentRide;
using domain::OperationKind;
using testing::Each;
using testing::ElementsAre;
using testing_support::recipients;
using testing_support::texts;

const std::vector<std::string> a_b_c = {"a@example.com", "b@example.com", "c@example.com"};

domain::Operation operation(OperationKind kind, ConsentRide consent = ConsentRide::NotSent) {
  domain::Operation result;
  result.kind = kind;
  result.consent = consent;
  if (kind == OperationKind::AssignGroup || kind == OperationKind::ReleaseGroup) result.groups = {9};
  return result;
}

CallResult read(const std::vector<Recipient>& people, int status, std::string_view body,
                std::optional<domain::Duration> retry_after = {}) {
  return testing_support::read(*make_v2(), people, status, body, retry_after);
}
CallResult read_one(OperationKind kind, int status, std::string_view body) {
  return read(recipients(operation(kind), {"a@example.com"}), status, body);
}
CallResult read_bulk(std::string_view body, OperationKind kind = OperationKind::Subscribe) {
  return read(recipients(operation(kind), a_b_c), 200, body);
}

TEST(V2Answer, ok_in_any_form_delivers_the_only_person) {
  for (const char* body :
       {"ok", "OK\n", "\"ok\"", "true", R"({"Ok":true,"Value":null})", R"({"message":"ok"})", "{}"}) {
    for (const auto kind : {OperationKind::Unsubscribe, OperationKind::Update, OperationKind::Delete,
                            OperationKind::AssignGroup}) {
      const auto result = read_one(kind, 200, body);
      EXPECT_EQ(result.verdict, CallVerdict::Answered);
      EXPECT_THAT(texts(result), ElementsAre("delivered")) << body;
    }
  }
}

TEST(V2Answer, nothing_behind_a_2xx_proves_no_end_of_a_subscription) {
  for (const char* body : {"", "\r\n"}) {
    for (const int status : {200, 204}) {
      for (const auto kind : {OperationKind::Update, OperationKind::AssignGroup})
        EXPECT_THAT(texts(read_one(kind, status, body)), ElementsAre("delivered"));
      for (const auto kind : {OperationKind::Unsubscribe, OperationKind::Delete}) {
        const auto result = read_one(kind, status, body);
        EXPECT_EQ(result.verdict, CallVerdict::Answered) << "Stibee answers: no trouble for the circuit";
        EXPECT_THAT(texts(result), ElementsAre("unknown:empty_answer"));
      }
    }
  }
  EXPECT_THAT(texts(read(recipients(operation(OperationKind::Delete), a_b_c), 200, "")),
              Each("unknown:empty_answer"));
}

TEST(V2Answer, the_page_of_a_firewall_refuses_the_call_and_not_the_key) {
  for (const int status : {401, 403, 406}) {
    const auto result = read_one(OperationKind::Unsubscribe, status, "<html>Forbidden</html>");
    EXPECT_EQ(result.verdict, CallVerdict::BatchRefused);
    EXPECT_THAT(texts(result), ElementsAre("rejected:http_" + std::to_string(status)));
  }
}

TEST(V2Answer, the_status_of_an_add_tells_new_people_from_known_ones) {
  EXPECT_THAT(texts(read_one(OperationKind::Subscribe, 200, "ok")), ElementsAre("delivered"));
  EXPECT_THAT(texts(read_one(OperationKind::Subscribe, 201, "ok")), ElementsAre("delivered:updated"));
  const auto update = recipients(operation(OperationKind::Update, ConsentRide::Alone), {"a@example.com"});
  EXPECT_THAT(texts(read(update, 201, "ok")), ElementsAre("delivered"));
  EXPECT_THAT(texts(read(update, 200, "ok")), ElementsAre("delivered:created"));
}

TEST(V2Answer, whatever_is_not_ok_proves_nothing) {
  for (const char* body : {"nope", "<html>ok</html>", "[]", "7", "null", "false", R"({"Ok":tr)"}) {
    const auto result = read_one(OperationKind::Subscribe, 200, body);
    EXPECT_EQ(result.verdict, CallVerdict::ServerTrouble) << body;
    EXPECT_EQ(result.outcomes[0].kind, domain::OutcomeKind::Unknown) << body;
  }
}

TEST(V2Answer, a_false_ok_or_a_failure_list_on_a_2xx_is_a_failure) {
  EXPECT_THAT(texts(read_one(OperationKind::Subscribe, 200, R"({"Ok":false,"Error":{"Code":"X_Y"}})")),
              ElementsAre("rejected:refused"));
  EXPECT_THAT(texts(read_one(OperationKind::Subscribe, 200, R"({"failInvalidFields":["a@example.com"]})")),
              ElementsAre("rejected:invalid_fields"));
}

TEST(V2Answer, a_bulk_call_answers_with_lists_of_addresses) {
  EXPECT_THAT(
      texts(read_bulk(R"({"createdSubscribers":["a@example.com"],"updatedSubscribers":["B@Example.com"],
                                  "failAlreadyExists":null,"failInvalidEmails":["c@example.com"]})")),
      ElementsAre("delivered", "delivered:updated", "rejected:wrong_email"));
  EXPECT_THAT(
      texts(read_bulk(R"({"createdSubscribers":["a@example.com"],"updatedSubscribers":["b@example.com"]})",
                      OperationKind::Update)),
      ElementsAre("delivered:created", "delivered", "unknown:not_named"));
  EXPECT_THAT(
      texts(read_bulk(R"({"failAlreadyExists":["a@example.com"],"failDuplicatedEmails":["b@example.com"],
                                  "failNoEmails":[],"failInvalidSubscriberStatus":["c@example.com"]})")),
      ElementsAre("already_in_state:exist_email", "transient:duplicated_email",
                  "rejected:invalid_subscriber_status"));
  EXPECT_THAT(texts(read_bulk(R"({"Ok":true,"Value":{"CreatedSubscribers":["a@example.com","b@example.com"],
                                  "failInvalidFields":[{"email":"c@example.com"}]}})")),
              ElementsAre("delivered", "delivered", "rejected:invalid_fields"));
}

TEST(V2Answer, a_bulk_answer_that_names_nobody_proves_nothing) {
  for (const char* body : {"ok", "", "{}", "[]", R"({"createdSubscribers":null})"}) {
    const auto result = read_bulk(body);
    EXPECT_EQ(result.verdict, CallVerdict::ServerTrouble) << body;
    EXPECT_EQ(result.outcomes[0].kind, domain::OutcomeKind::Unknown);
  }
}

TEST(V2Answer, what_the_key_may_not_do_is_no_refusal_of_the_key) {
  const auto verdict = [](int status, const char* code) {
    const auto body = std::string(R"({"code":"stberror.Errors.Authorization.)") + code + R"("})";
    const auto result = read_one(OperationKind::Unsubscribe, status, body);
    EXPECT_EQ(result.outcomes[0].kind, domain::OutcomeKind::Unauthorised) << code;
    return result.verdict;
  };
  for (const int status : {400, 401, 403}) {
    EXPECT_EQ(verdict(status, "PermissionDenied"), CallVerdict::Forbidden);
    EXPECT_EQ(verdict(status, "NoToken"), CallVerdict::Unauthorised);
  }
}

TEST(V2Answer, codes_are_read_with_and_without_their_prefix) {
  for (const std::string prefix : {"", "stberror.", "Errors.", "stberror.Errors."}) {
    const auto with_code = [&](const char* code) {
      std::string body = R"({"code":")";
      return body.append(prefix).append(code).append(R"(","httpStatusCode":400})");
    };
    EXPECT_THAT(texts(read_one(OperationKind::Subscribe, 400, with_code("List.InvalidEmail"))),
                ElementsAre("rejected:list_invalid_email"));
    EXPECT_EQ(read_one(OperationKind::Subscribe, 400, with_code("Authorization.NoToken")).verdict,
              CallVerdict::Unauthorised);
    EXPECT_EQ(read_one(OperationKind::Subscribe, 400, with_code("List.LimitExceeded")).verdict,
              CallVerdict::Throttled);
    EXPECT_EQ(read_one(OperationKind::Subscribe, 400, with_code("Data.LimitExceeded")).verdict,
              CallVerdict::Throttled);
    for (const char* code : {"List.TooLongData", "Data.TooLongData", "List.TooManySubscribers"}) {
      const auto result = read(recipients(operation(OperationKind::Subscribe), a_b_c), 400, with_code(code));
      EXPECT_EQ(result.verdict, CallVerdict::BatchRefused) << code;
    }
  }
}

TEST(V2Answer, somebody_missing_is_read_by_what_was_asked) {
  const char* body =
      R"({"code":"stberror.Errors.List.NotExistEmail","httpStatusCode":400,"message":"존재하지 않는 이메일 주소 입니다."})";
  EXPECT_THAT(texts(read_one(OperationKind::Update, 400, body)),
              ElementsAre("already_in_state:not_found>purged"));
  EXPECT_THAT(texts(read_one(OperationKind::AssignGroup, 400, body)),
              ElementsAre("already_in_state:not_found>purged"));
  EXPECT_THAT(texts(read_one(OperationKind::Unsubscribe, 400, body)),
              ElementsAre("already_in_state:not_found>unknown"));
  EXPECT_THAT(texts(read_one(OperationKind::Delete, 400, body)), ElementsAre("already_in_state:not_found"));
}

TEST(V2Answer, errors_that_are_none_to_a_mirror) {
  EXPECT_THAT(
      texts(read_one(OperationKind::Subscribe, 400, R"({"code":"stberror.Errors.List.AlreadyExistEmail"})")),
      ElementsAre("already_in_state:already_subscribed"));
  EXPECT_THAT(
      texts(read_one(OperationKind::AssignGroup, 400, R"({"code":"stberror.Errors.Data.Duplicated"})")),
      ElementsAre("already_in_state:already_assigned"));
  EXPECT_THAT(
      texts(read_one(OperationKind::ReleaseGroup, 400, R"({"code":"stberror.Errors.List.NoSuchGroup"})")),
      ElementsAre("already_in_state:group_not_found"));
  EXPECT_THAT(
      texts(read_one(OperationKind::AssignGroup, 400, R"({"code":"stberror.Errors.List.NoSuchGroup"})")),
      ElementsAre("rejected:list_no_such_group"));
}

TEST(V2Answer, throttling_and_trouble_are_told_apart) {
  EXPECT_EQ(read_one(OperationKind::Subscribe, 429, "").verdict, CallVerdict::Throttled);
  EXPECT_EQ(read(recipients(operation(OperationKind::Subscribe), a_b_c), 503, "", 5s).verdict,
            CallVerdict::Throttled);
  EXPECT_THAT(
      texts(read_one(OperationKind::Subscribe, 500, R"({"code":"Errors.Internal","httpStatusCode":500})")),
      Each("unknown:internal"));
}

TEST(V2Answer, the_probe_asks_whether_the_key_is_accepted) {
  const auto v2 = make_v2();
  EXPECT_EQ(v2->probe().target, "/v2/auth-check");
  EXPECT_EQ(v2->read_probe(ApiAnswer{200, "ok", {}}).verdict, CallVerdict::Answered);
  EXPECT_EQ(
      v2->read_probe(ApiAnswer{400, R"({"code":"Errors.Authorization.NoToken","httpStatusCode":400})", {}})
          .verdict,
      CallVerdict::Unauthorised);
  EXPECT_EQ(v2->read_probe(ApiAnswer{200, "<html>", {}}).verdict, CallVerdict::ServerTrouble);
}

TEST(V2Answer, nobody_has_no_outcome) {
  const auto result = read({}, 500, "");
  EXPECT_EQ(result.verdict, CallVerdict::Answered);
  EXPECT_TRUE(result.outcomes.empty());
}

TEST(V2Answer, an_ok_with_more_behind_it_is_none) {
  EXPECT_THAT(texts(read_one(OperationKind::Update, 200, "ok" + std::string(14, ' '))),
              ElementsAre("delivered"));
  EXPECT_THAT(texts(read_one(OperationKind::Update, 200, "ok" + std::string(15, ' '))),
              ElementsAre("unknown:unreadable_answer"));
  EXPECT_THAT(texts(read_one(OperationKind::Update, 200, R"("no")")),
              ElementsAre("unknown:unreadable_answer"));
}

TEST(V2Answer, a_page_that_speaks_of_a_limit_behind_a_200_is_throttling) {
  const auto result = read_one(OperationKind::Update, 200, "Too Many Requests");
  EXPECT_EQ(result.verdict, CallVerdict::Throttled);
  EXPECT_EQ(result.outcomes.at(0).kind, domain::OutcomeKind::Throttled);
  EXPECT_EQ(read_one(OperationKind::Update, 200, R"({"message":"Too Many Requests"})").verdict,
            CallVerdict::Answered)
      << "a document says by its status, or an error, that it is none";
}

TEST(V2Answer, who_is_asked_to_confirm_is_told_by_no_status_whether_they_were_there) {
  auto confirm = operation(OperationKind::Subscribe);
  confirm.confirm = true;
  EXPECT_THAT(texts(read(recipients(confirm, {"a@example.com"}), 201, "ok")), ElementsAre("delivered"));
}

TEST(V2Answer, who_is_asked_to_confirm_and_is_subscribed_already_is_seen_so) {
  auto confirm = operation(OperationKind::Subscribe);
  confirm.confirm = true;
  const char* body = R"({"success":[{"email":"a@example.com","$status":"subscribed"}]})";
  EXPECT_THAT(texts(read(recipients(confirm, {"a@example.com"}), 200, body)),
              ElementsAre("delivered>subscribed"));
  EXPECT_THAT(texts(read_one(OperationKind::Subscribe, 200, body)), ElementsAre("delivered"))
      << "which is expected of the others";
}

TEST(V2Answer, lists_of_the_delivered_in_every_spelling) {
  for (const char* list : {"update", "updated", "updatedSubscribers"}) {
    const auto body = std::string(R"({")") + list + R"(":["a@example.com"]})";
    EXPECT_THAT(texts(read_one(OperationKind::Subscribe, 200, body)), ElementsAre("delivered:updated"))
        << list;
    EXPECT_THAT(texts(read_one(OperationKind::Update, 200, body)), ElementsAre("delivered")) << list;
  }
  for (const char* list : {"success", "created", "createdSubscribers"}) {
    const auto body = std::string(R"({")") + list + R"(":["a@example.com"]})";
    EXPECT_THAT(texts(read_one(OperationKind::Subscribe, 200, body)), ElementsAre("delivered")) << list;
    EXPECT_THAT(texts(read_one(OperationKind::Update, 200, body)), ElementsAre("delivered:created")) << list;
    EXPECT_THAT(texts(read_one(OperationKind::AssignGroup, 200, body)), ElementsAre("delivered")) << list;
  }
}

TEST(V2Answer, every_failure_list_has_its_outcome) {
  const std::pair<const char*, const char*> lists[] = {
      {"failAlreadyExists", "already_in_state:exist_email"},
      {"failDuplicatedEmails", "transient:duplicated_email"},
      {"failDuplicatedEmail", "transient:duplicated_email"},
      {"failInvalidEmails", "rejected:wrong_email"},
      {"failInvalidFields", "rejected:invalid_fields"},
      {"failInvalidSubscriberStatus", "rejected:invalid_subscriber_status"},
      {"failNoEmails", "rejected:no_email"},
      {"failNotExist", "rejected:not_exist"},
  };
  for (const auto& [list, expected] : lists) {
    const auto body = std::string(R"({")") + list + R"(":["a@example.com"]})";
    EXPECT_THAT(texts(read_bulk(body)), ElementsAre(expected, "unknown:not_named", "unknown:not_named"))
        << list;
  }
}

TEST(V2Answer, a_single_call_that_names_its_person_in_a_list_is_read_by_the_list) {
  for (const char* body : {R"({"failSomething":[{"email":"a@example.com","$message":"why"}]})",
                           R"({"Ok":true,"Value":{"failSomething":[{"$message":"why"}]}})"}) {
    const auto result = read_one(OperationKind::Unsubscribe, 200, body);
    EXPECT_THAT(texts(result), ElementsAre("rejected:failed"));
    EXPECT_EQ(result.outcomes.at(0).message, "failSomething: why");
  }
}

TEST(V2Answer, a_code_and_words_are_told_with_a_colon_only_where_there_are_both) {
  const auto message = [](const char* body) { return read_one(OperationKind::Subscribe, 400, body).message; };
  EXPECT_EQ(message(R"({"code":"Moody","message":"go away"})"), "Moody: go away");
  EXPECT_EQ(message(R"({"code":"Moody"})"), "Moody");
  EXPECT_EQ(message(R"({"message":"go away"})"), "go away");
  EXPECT_EQ(message("{}"), "");
}

TEST(V2Answer, the_words_about_a_person_are_told_where_they_are_refused) {
  const auto message = [](const std::string& list) {
    return read_bulk(R"({")" + list + R"(":[{"email":"a@example.com","$message":"why"}]})")
        .outcomes.at(0)
        .message;
  };
  EXPECT_EQ(message("failWrongEmail"), "why");
  EXPECT_EQ(message("failNew"), "failNew: why");
  EXPECT_EQ(message("failUnknown"), "") << "it passes";
  EXPECT_EQ(message("failAlreadyExists"), "") << "it is no failure";
}

TEST(V2Answer, a_failure_that_is_harmless_to_one_call_is_none_to_another) {
  const auto outcome = [](OperationKind kind, const char* list) {
    return texts(read_one(kind, 200, std::string(R"({")") + list + R"(":["a@example.com"]})")).at(0);
  };
  EXPECT_EQ(outcome(OperationKind::Delete, "fail"), "already_in_state:not_found");
  EXPECT_EQ(outcome(OperationKind::Delete, "failNotExist"), "rejected:not_exist");
  EXPECT_EQ(outcome(OperationKind::Delete, "failDeny"), "rejected:deny");
  EXPECT_EQ(outcome(OperationKind::Unsubscribe, "fail"), "rejected:failed");
  EXPECT_EQ(outcome(OperationKind::Unsubscribe, "failExistEmail"), "rejected:exist_email");
  EXPECT_EQ(outcome(OperationKind::Subscribe, "failOrAlreadyUnsubscribe"), "rejected:already_unsubscribed");
  EXPECT_EQ(outcome(OperationKind::AssignGroup, "fail"), "rejected:failed");
}

TEST(V2Answer, an_error_that_is_harmless_to_one_call_is_none_to_another) {
  const auto outcome = [](OperationKind kind, const char* code) {
    return texts(read_one(kind, 400, std::string(R"({"code":")") + code + R"("})")).at(0);
  };
  EXPECT_EQ(outcome(OperationKind::ReleaseGroup, "Data.Duplicated"), "rejected:data_duplicated");
  EXPECT_EQ(outcome(OperationKind::Unsubscribe, "List.AlreadyExistEmail"),
            "rejected:list_already_exist_email");
  EXPECT_EQ(outcome(OperationKind::ReleaseGroup, "List.NotExistEmail"), "already_in_state:not_found>purged");
  EXPECT_EQ(outcome(OperationKind::ReleaseGroup, "List.InvalidEmail"), "rejected:list_invalid_email");
  const auto batch =
      read(recipients(operation(OperationKind::Delete), a_b_c), 400, R"({"code":"List.AlreadyExistEmail"})");
  EXPECT_EQ(batch.reason, domain::Reason::ListAlreadyExistEmail) << "of no call that adds people";
}

}  // namespace
}  // namespace stibee_sync::delivery

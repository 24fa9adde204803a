#include "recipients.hpp"
#include "stibee_sync/ledger/placement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stibee_sync::delivery {
namespace {

using namespace std::chrono_literals;
using domain::OperationKind;
using domain::OutcomeKind;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing_support::address;
using testing_support::operation;
using testing_support::recipient;
using testing_support::recipients;
using testing_support::texts;

const std::vector<std::string> a_and_b = {"a@example.com", "b@example.com"};

CallResult read(const std::vector<Recipient>& people, int status, std::string_view body,
                std::optional<domain::Duration> retry_after = {}) {
  return testing_support::read(*make_v1(), people, status, body, retry_after);
}

std::vector<Recipient> two(OperationKind kind) {
  return recipients(operation(kind, kind == OperationKind::AssignGroup || kind == OperationKind::ReleaseGroup
                                        ? domain::GroupSet{1}
                                        : domain::GroupSet{}),
                    a_and_b);
}
std::vector<Recipient> one(OperationKind kind) {
  auto people = two(kind);
  people.pop_back();
  return people;
}

// "unknown:http_503".
std::string http(std::string kind, int status) {
  return kind.append(":http_").append(std::to_string(status));
}

// ---- people ------------------------------------------------------------------------------------------

TEST(V1Answer, each_person_gets_the_outcome_of_the_list_that_names_them) {
  const auto result = read(two(OperationKind::Subscribe), 200, R"({"Ok":true,"Error":null,"Value":{
      "success":[{"email":"b@example.com","name":"x"}],"update":[{"email":"a@example.com"}],
      "failWrongEmail":[],"failUnknown":null}})");
  EXPECT_EQ(result.verdict, CallVerdict::Answered);
  EXPECT_THAT(texts(result), ElementsAre("delivered:updated", "delivered"));
}

TEST(V1Answer, keys_are_read_regardless_of_case_and_people_may_be_bare_addresses) {
  const auto result =
      read(two(OperationKind::Subscribe), 200,
           R"({"ok":true,"value":{"SUCCESS":["A@Example.com"],"Update":[{"EMAIL":" b@example.com "}]}})");
  EXPECT_THAT(texts(result), ElementsAre("delivered", "delivered:updated"));
}

TEST(V1Answer, a_resubscribe_is_believed_only_as_far_as_the_answer_goes) {
  const auto result = read(
      recipients(operation(OperationKind::Resubscribe),
                 {"a@example.com", "b@example.com", "c@example.com", "d@example.com", "e@example.com"}),
      200,
      R"({"Ok":true,"Value":{"success":["a@example.com",{"email":"b@example.com","$status":"unsubscribed"}],
      "update":["c@example.com",{"email":"d@example.com","$status":"subscribed"},
                {"email":"e@example.com","$status":"deleted"}]}})");
  EXPECT_THAT(texts(result),
              ElementsAre("delivered", "delivered>opted_out", "rejected:resubscribe_unsupported",
                          "delivered:updated", "delivered:updated>auto_deleted"));
}

TEST(V1Answer, an_update_that_found_nobody_to_update_is_told_apart) {
  EXPECT_THAT(texts(read(two(OperationKind::Update), 200,
                         R"({"Ok":true,"Value":{"success":["a@example.com"],"update":["b@example.com"]}})")),
              ElementsAre("delivered:created", "delivered"));
}

TEST(V1Answer, somebody_named_nowhere_is_unknown) {
  for (
      const char* body :
      {R"({"Ok":true,"Error":null,"Value":{"success":["a@example.com"]}})",
       R"({"Ok":true,"Value":{"success":["a@example.com",7,null,"c@example.com"],"other":["b@example.com"]}})"}) {
    EXPECT_THAT(texts(read(two(OperationKind::Subscribe), 200, body)),
                ElementsAre("delivered", "unknown:not_named"))
        << body;
  }
  for (const char* body : {R"({"Ok":true,"Error":null,"Value":null})", R"({"Ok":true})",
                           R"({"Ok":true,"Value":[]})", R"({"Ok":true,"Value":{"success":2}})"}) {
    const auto result = read(two(OperationKind::Subscribe), 200, body);
    EXPECT_EQ(result.verdict, CallVerdict::Answered);
    EXPECT_THAT(texts(result), Each("unknown:not_named")) << body;
  }
}

TEST(V1Answer, every_failure_list_has_its_outcome) {
  const std::pair<const char*, const char*> lists[] = {
      {"failNoEmail", "rejected:no_email"},
      {"failExistEmail", "already_in_state:exist_email"},
      {"failExistPhone", "rejected:exist_phone"},
      {"failWrongEmail", "rejected:wrong_email"},
      {"failWrongPhone", "rejected:wrong_phone"},
      {"failDuplicatedEmail", "transient:duplicated_email"},
      {"failDuplicatedPhone", "rejected:duplicated_phone"},
      {"failUnknown", "transient:unknown_failure"},
      {"failDeny", "already_in_state:deny>opted_out"},
      {"failValidation", "rejected:validation"},
      {"failValidationDateTime", "rejected:validation_date_time"},
      {"failSomethingNew", "rejected:failed"},
      {"FAILWRONGEMAIL", "rejected:wrong_email"},
      {"fail", "rejected:failed"},
      {"fail_x@example.com", "rejected:failed"},
      {"fail01012345678", "rejected:failed"},
  };
  for (const auto& [list, expected] : lists) {
    const std::string body =
        std::string(R"({"Ok":true,"Value":{")") + list + R"(":[{"email":"a@example.com"}]}})";
    EXPECT_THAT(texts(read(one(OperationKind::Subscribe), 200, body)), ElementsAre(expected)) << list;
  }
}

TEST(V1Answer, of_somebody_named_in_two_lists_the_failure_counts) {
  EXPECT_THAT(
      texts(read(one(OperationKind::Subscribe), 200,
                 R"({"Ok":true,"Value":{"failWrongEmail":["a@example.com"],"success":["a@example.com"]}})")),
      ElementsAre("rejected:wrong_email"));
  EXPECT_THAT(
      texts(read(one(OperationKind::Subscribe), 200,
                 R"({"Ok":true,"Value":{"success":["a@example.com"],"failDeny":["a@example.com"]}})")),
      ElementsAre("already_in_state:deny>opted_out"));
}

TEST(V1Answer, an_entry_without_an_address_means_the_only_person_of_the_call) {
  EXPECT_THAT(texts(read(one(OperationKind::Subscribe), 200,
                         R"({"Ok":true,"Value":{"failNoEmail":[{"name":"x"}]}})")),
              ElementsAre("rejected:no_email"));
  EXPECT_THAT(texts(read(two(OperationKind::Subscribe), 200,
                         R"({"Ok":true,"Value":{"failNoEmail":[{"name":"x"}]}})")),
              Each("unknown:not_named"));
}

TEST(V1Answer, a_single_person_in_place_of_a_list_is_understood) {
  EXPECT_THAT(texts(read(one(OperationKind::Subscribe), 200,
                         R"({"Ok":true,"Value":{"success":{"email":"a@example.com"}}})")),
              ElementsAre("delivered"));
}

TEST(V1Answer, a_status_in_any_spelling_is_observed) {
  const std::pair<const char*, const char*> statuses[] = {{"subscribed", "delivered"},
                                                          {"S", "delivered"},
                                                          {"구독중", "delivered"},
                                                          {"구독 중", "delivered"},
                                                          {"U", "delivered>opted_out"},
                                                          {"unsubscribed", "delivered>opted_out"},
                                                          {"UNSUBSCRIBED", "delivered>opted_out"},
                                                          {"수신거부", "delivered>opted_out"},
                                                          {"deleted", "delivered>auto_deleted"},
                                                          {"archived", "delivered>auto_deleted"},
                                                          {"D", "delivered>auto_deleted"},
                                                          {"자동삭제", "delivered>auto_deleted"},
                                                          {"ready", "delivered>ready"},
                                                          {"R", "delivered>ready"},
                                                          {"something", "delivered"},
                                                          {"", "delivered"}};
  for (const auto& [status, expected] : statuses) {
    const std::string body =
        std::string(R"({"Ok":true,"Value":{"success":[{"email":"a@example.com","$status":")") + status +
        R"(","status":"U"}]}})";
    EXPECT_THAT(texts(read(one(OperationKind::Subscribe), 200, body)), ElementsAre(expected)) << status;
  }
}

TEST(V1Answer, a_status_in_the_answer_to_an_unsubscribe_or_delete_is_our_own_doing) {
  for (const auto kind : {OperationKind::Unsubscribe, OperationKind::Delete}) {
    EXPECT_THAT(texts(read(one(kind), 200,
                           R"({"Ok":true,"Value":{"success":[{"email":"a@example.com","$status":"U"}]}})")),
                ElementsAre("delivered"));
  }
}

TEST(V1Answer, unsubscribe_failed_or_was_so_already) {
  EXPECT_THAT(texts(read(two(OperationKind::Unsubscribe), 200,
                         R"({"Ok":true,"Error":null,"Value":{"success":["a@example.com"],
                             "failOrAlreadyUnsubscribe":["b@example.com"]}})")),
              ElementsAre("delivered", "already_in_state:already_unsubscribed"));
}

TEST(V1Answer, whom_a_deletion_does_not_find_is_gone_already) {
  EXPECT_THAT(
      texts(
          read(two(OperationKind::Delete), 200,
               R"({"Ok":true,"Error":null,"Value":{"success":["a@example.com"],"fail":["b@example.com"]}})")),
      ElementsAre("delivered", "already_in_state:not_found"));
}

TEST(V1Answer, a_deletion_that_failed_with_an_error_is_none_of_somebody_already_gone) {
  const auto result =
      read(two(OperationKind::Delete), 200,
           R"({"Ok":false,"Error":{"Code":"UNKNOWN"},"Value":{"success":[],"fail":["a@example.com"]}})");
  EXPECT_EQ(result.verdict, CallVerdict::BatchRefused);
  EXPECT_THAT(texts(result), Each("rejected:unknown"));
}

TEST(V1Answer, a_group_call_is_delivered_to_all_whom_no_failure_list_names) {
  for (const auto kind : {OperationKind::AssignGroup, OperationKind::ReleaseGroup}) {
    for (const char* body :
         {R"({"Ok":true,"Error":null,"Value":null})", R"({"Ok":true})",
          R"({"Ok":true,"Value":{"success":["a@example.com"]}})", R"({"Ok":true,"Value":"ok"})",
          R"({"Ok":true,"Error":{"Code":"","HttpStatusCode":0,"Message":""},"Value":[]})"})
      EXPECT_THAT(texts(read(two(kind), 200, body)), ElementsAre("delivered", "delivered")) << body;
    EXPECT_THAT(texts(read(two(kind), 200, R"({"Ok":true,"Value":{"failNotExist":["b@example.com"]}})")),
                ElementsAre("delivered", "rejected:not_exist"));
  }
  EXPECT_THAT(texts(read(one(OperationKind::AssignGroup), 200, "{}")), Each("unknown:unreadable_answer"));
}

TEST(V1Answer, lists_without_their_wrapper_are_understood) {
  EXPECT_THAT(texts(read(two(OperationKind::Subscribe), 200,
                         R"({"success":["a@example.com"],"failWrongEmail":["b@example.com"]})")),
              ElementsAre("delivered", "rejected:wrong_email"));
}

TEST(V1Answer, people_named_beside_a_false_ok_are_believed) {
  EXPECT_THAT(
      texts(read(two(OperationKind::Subscribe), 200,
                 R"({"Ok":false,"Error":{"Code":"PARTIAL"},"Value":{"failWrongEmail":["b@example.com"]}})")),
      ElementsAre("unknown:not_named", "rejected:wrong_email"));
}

// ---- the call as a whole -------------------------------------------------------------------------------

TEST(V1Answer, already_subscribed_is_no_error_of_the_only_person_and_splits_a_batch) {
  for (const int status : {200, 400, 409}) {
    const char* body = R"({"Ok":false,"Error":{"Code":"LIST_ALREADY_SUBSCRIBED","HttpStatusCode":0,
                           "Message":"이미 구독 중인 이메일 주소입니다."},"Value":null})";
    auto result = read(one(OperationKind::Resubscribe), status, body);
    EXPECT_EQ(result.verdict, CallVerdict::Answered);
    EXPECT_THAT(texts(result), ElementsAre("already_in_state:already_subscribed"));
    result = read(two(OperationKind::Resubscribe), status, body);
    EXPECT_EQ(result.verdict, CallVerdict::BatchRefused);
    EXPECT_THAT(texts(result), Each("rejected:already_subscribed"));
  }
}

TEST(V1Answer, http_200_with_ok_false_is_a_refusal) {
  const char* body =
      R"({"ok":false,"error":{"code":"UNKNOWN","httpStatusCode":0,"message":"json: cannot unmarshal array into Go value of type main.Request"},"value":null})";
  auto result = read(two(OperationKind::Subscribe), 200, body);
  EXPECT_EQ(result.verdict, CallVerdict::BatchRefused);
  EXPECT_EQ(result.reason, domain::Reason::Unknown);
  EXPECT_THAT(result.message, HasSubstr("cannot unmarshal array"));
  EXPECT_THAT(texts(result), Each("rejected:unknown"));
  EXPECT_THAT(texts(read(one(OperationKind::Subscribe), 200, body)), ElementsAre("rejected:unknown"));
}

TEST(V1Answer, the_status_inside_counts_where_http_says_200) {
  EXPECT_EQ(
      read(two(OperationKind::Subscribe), 200, R"({"Ok":false,"Error":{"HttpStatusCode":500}})").verdict,
      CallVerdict::ServerTrouble);
  EXPECT_EQ(
      read(two(OperationKind::Subscribe), 200, R"({"Ok":false,"Error":{"HttpStatusCode":429}})").verdict,
      CallVerdict::Throttled);
  EXPECT_EQ(
      read(two(OperationKind::Subscribe), 200, R"({"Ok":false,"Error":{"HttpStatusCode":"401"}})").verdict,
      CallVerdict::Unauthorised);
  EXPECT_EQ(read(one(OperationKind::Subscribe), 200, R"({"Ok":false,"Error":{"HttpStatusCode":404}})").reason,
            domain::Reason::http(404));
}

TEST(V1Answer, whatever_speaks_of_a_limit_is_throttling) {
  const struct {
    int status;
    const char* body;
    std::optional<domain::Duration> retry_after;
  } answers[] = {
      {429, "", {}},
      {429, "<html>", 7s},
      {503, "", 3s},
      {503, "Too Many Requests", {}},
      {503, R"({"message":"rate limit"})", {}},
      {400, R"({"code":"stberror.Errors.List.LimitExceeded","httpStatusCode":400})", {}},
      {400, R"({"Ok":false,"Error":{"Code":"X","Message":"API 요청 한도를 초과했습니다"}})", {}},
      {200, R"({"Ok":false,"Error":{"Code":"API_LIMIT","Message":""}})", {}},
      {200, R"({"Ok":false,"Error":{"Code":"","Message":"Too many calls"}})", {}},
      {403, R"({"Ok":false,"Error":{"Code":"Throttled"}})", {}},
      {500, R"({"Ok":false,"Error":{"Code":"TooManyRequests"}})", {}},
      {200, "Too Many Requests", {}},
  };
  for (const auto& answer : answers) {
    const auto result = read(two(OperationKind::Subscribe), answer.status, answer.body, answer.retry_after);
    EXPECT_EQ(name(result.verdict), "throttled") << answer.status << ' ' << answer.body;
    ASSERT_EQ(result.outcomes.size(), 2u);
    EXPECT_EQ(result.outcomes[0].kind, OutcomeKind::Throttled);
    EXPECT_EQ(result.outcomes[0].retry_after, answer.retry_after);
    EXPECT_EQ(result.retry_after, answer.retry_after);
  }
}

TEST(V1Answer, whatever_speaks_of_the_key_is_unauthorised) {
  const std::pair<int, const char*> answers[] = {
      {401, R"({"Ok":false,"Error":{"Code":"UNKNOWN"}})"},
      {403, R"({"code":"X_Y","httpStatusCode":403})"},
      {403, "<html>invalid API key</html>"},
      {400,
       R"({"code":"Errors.Authorization.NoToken","httpStatusCode":400,"message":"존재하지 않는 토큰 입니다."})"},
      {200, R"({"Ok":false,"Error":{"Code":"INVALID_ACCESS_TOKEN"}})"},
      {200, R"({"Ok":false,"Error":{"Code":"X","Message":"권한이 없습니다"}})"},
      {200, R"({"Ok":false,"Error":{"Code":"X","Message":"인증에 실패했습니다"}})"},
      {200, R"({"Ok":false,"Error":{"Code":"X","Message":"Unauthorized"}})"},
      {400, R"({"Ok":false,"Error":"AccessToken is wrong"})"},
  };
  for (const auto& [status, body] : answers) {
    const auto result = read(two(OperationKind::Subscribe), status, body);
    EXPECT_EQ(name(result.verdict), "unauthorised") << status << ' ' << body;
    EXPECT_EQ(result.outcomes[1].kind, OutcomeKind::Unauthorised);
  }
}

TEST(V1Answer, the_page_of_a_firewall_refuses_the_batch_and_not_the_key) {
  const std::pair<int, const char*> answers[] = {
      {401, ""},
      {401, "<html>Unauthorized</html>"},
      {403, "<html><title>403 Forbidden</title></html>"},
      {403, "Request blocked. 권한이 없습니다"},
      {403, R"({"message":"Forbidden"})"},
      {403, "[]"},
      {406, "<html>Not Acceptable! mod_security</html>"},
  };
  for (const auto& [status, body] : answers) {
    for (const auto kind : {OperationKind::Subscribe, OperationKind::Unsubscribe, OperationKind::Delete}) {
      const auto result = read(two(kind), status, body);
      EXPECT_EQ(name(result.verdict), "batch_refused") << status << ' ' << body;
      EXPECT_THAT(texts(result), Each("rejected:http_" + std::to_string(status)));
    }
  }
}

TEST(V1Answer, a_code_that_names_the_person_is_about_them_whatever_the_status) {
  for (const int status : {401, 403}) {
    const auto result = read(one(OperationKind::Subscribe), status,
                             R"({"code":"stberror.Errors.List.InvalidEmail","httpStatusCode":403})");
    EXPECT_EQ(name(result.verdict), "batch_refused");
    EXPECT_THAT(texts(result), ElementsAre("rejected:list_invalid_email"));
  }
}

TEST(V1Answer, a_decoder_that_stumbles_over_a_token_says_nothing_of_the_key) {
  EXPECT_EQ(read(two(OperationKind::Subscribe), 400,
                 R"({"Ok":false,"Error":{"Code":"UNKNOWN","Message":"Unexpected token < in JSON"}})")
                .verdict,
            CallVerdict::BatchRefused);
}

TEST(V1Answer, too_large_is_a_refusal_of_the_batch_though_it_speaks_of_a_limit) {
  EXPECT_EQ(read(two(OperationKind::Subscribe), 413, "").verdict, CallVerdict::BatchRefused);
  EXPECT_EQ(read(two(OperationKind::Subscribe), 400, R"({"code":"Errors.Data.TooLongData"})").verdict,
            CallVerdict::BatchRefused);
  EXPECT_EQ(read(two(OperationKind::Subscribe), 200,
                 R"({"Ok":false,"Error":{"Message":"request entity too large, limit 256KB"}})")
                .verdict,
            CallVerdict::BatchRefused);
}

TEST(V1Answer, other_4xx_refuse_the_batch_or_reject_the_only_person) {
  for (const int status : {400, 404, 405, 409, 415, 422}) {
    EXPECT_EQ(read(two(OperationKind::Subscribe), status, "nope").verdict, CallVerdict::BatchRefused);
    const auto result = read(one(OperationKind::Subscribe), status, "nope");
    EXPECT_EQ(result.verdict, CallVerdict::BatchRefused);
    EXPECT_THAT(texts(result), ElementsAre(http("rejected", status)));
  }
  EXPECT_THAT(
      texts(read(one(OperationKind::Subscribe), 400, R"({"code":"stberror.Errors.List.InvalidEmail"})")),
      ElementsAre("rejected:list_invalid_email"));
}

TEST(V1Answer, trouble_of_the_server_leaves_open_whether_the_call_was_applied) {
  for (const int status : {500, 502, 503, 504, 408, 599}) {
    const auto result = read(two(OperationKind::Subscribe), status, "<html>oops</html>");
    EXPECT_EQ(result.verdict, CallVerdict::ServerTrouble);
    EXPECT_THAT(texts(result), Each(http("unknown", status)));
  }
}

TEST(V1Answer, a_redirect_is_not_followed_and_nothing_was_applied) {
  const auto result = read(two(OperationKind::Subscribe), 302, "");
  EXPECT_EQ(result.verdict, CallVerdict::ServerTrouble);
  EXPECT_THAT(texts(result), Each("transient:http_302"));
}

TEST(V1Answer, a_body_that_cannot_be_understood_proves_nothing) {
  for (const int status : {200, 201, 204}) {
    for (const char* body : {"", " ", "ok", "<html><body>ok</body></html>", R"({"Ok":true,"Val)", "[]", "1",
                             "null", "\xff\xfe", R"({"hello":"world"})", "{}"}) {
      const auto result = read(two(OperationKind::Subscribe), status, body);
      EXPECT_EQ(result.verdict, CallVerdict::ServerTrouble) << body;
      for (const auto& outcome : result.outcomes)
        EXPECT_EQ(outcome.kind, OutcomeKind::Unknown) << body;
    }
  }
  EXPECT_THAT(texts(read(two(OperationKind::Subscribe), 200, "")), Each("unknown:empty_answer"));
}

TEST(V1Answer, an_error_that_says_the_person_is_missing_is_read_by_what_was_asked) {
  const char* body = R"({"Ok":false,"Error":{"Code":"SUBSCRIBER_NOT_FOUND"}})";
  EXPECT_THAT(texts(read(one(OperationKind::Delete), 404, body)), ElementsAre("already_in_state:not_found"));
  EXPECT_THAT(texts(read(one(OperationKind::Unsubscribe), 404, body)),
              ElementsAre("already_in_state:not_found>unknown"));
  EXPECT_THAT(texts(read(one(OperationKind::AssignGroup), 404, body)),
              ElementsAre("already_in_state:not_found>purged"));
  EXPECT_EQ(read(two(OperationKind::Delete), 404, body).verdict, CallVerdict::BatchRefused);
}

TEST(V1Answer, messages_carry_nothing_of_the_people) {
  std::vector<Recipient> people = {
      recipient("kim@example.com", operation(OperationKind::Subscribe),
                {{"name", "김철수"}, {"phone", "010-1234-5678"}, {"memo", "abc"}})};
  const auto result = read(
      people, 400,
      R"({"Ok":false,"Error":{"Code":"UNKNOWN","Message":)"
      R"("bad row for 김철수 <Kim@Example.com>,\n phone 010-1234-5678 / 01098765432 / lee%40x.com year 2024"}})");
  EXPECT_EQ(result.message, "bad row for * [address] phone * / [number] / [address] year 2024");
  EXPECT_EQ(result.outcomes[0].message, result.message);
}

TEST(V1Answer, a_code_or_list_that_we_do_not_know_is_told_in_the_message) {
  auto result = read(one(OperationKind::Subscribe), 400,
                     R"({"code":"stberror.Errors.List.Moody","message":"기분이 나쁩니다."})");
  EXPECT_THAT(texts(result), ElementsAre("rejected:http_400"));
  EXPECT_EQ(result.outcomes[0].message, "stberror.Errors.List.Moody: 기분이 나쁩니다.");
  result = read(one(OperationKind::Subscribe), 200, R"({"Ok":false,"Error":{"Code":"kim@example.com"}})");
  EXPECT_THAT(texts(result), ElementsAre("rejected:refused"));
  EXPECT_EQ(result.message, "[address]");
  result = read(one(OperationKind::Subscribe), 200,
                R"({"Ok":true,"Value":{"failMoody":[{"email":"a@example.com","$message":"no"}]}})");
  EXPECT_EQ(result.outcomes[0].message, "failMoody: no");
  result = read(one(OperationKind::Subscribe), 400, R"({"code":"List.InvalidEmail","message":"no"})");
  EXPECT_EQ(result.message, "no");
}

TEST(V1Answer, long_messages_are_cut_at_whole_characters) {
  std::string words;
  for (int i = 0; i < 300; ++i)
    words += "가";
  const auto result = read(one(OperationKind::Subscribe), 400,
                           R"({"Ok":false,"Error":{"Code":"X","Message":")" + words + R"("}})");
  EXPECT_EQ(result.message.size(), 198u);
}

TEST(V1Answer, no_answer_is_unknown_if_it_may_have_been_applied_and_transient_if_not) {
  auto result = read_no_answer(2, NoAnswer{true, domain::Reason::Timeout});
  EXPECT_EQ(result.verdict, CallVerdict::ServerTrouble);
  EXPECT_THAT(texts(result), ElementsAre("unknown:timeout", "unknown:timeout"));
  EXPECT_EQ(result.reason, domain::Reason::Timeout);
  result = read_no_answer(1, NoAnswer{false, domain::Reason::Connect});
  EXPECT_THAT(texts(result), ElementsAre("transient:connect"));
}

TEST(V1Answer, the_probe_tells_a_refused_key_from_an_odd_answer) {
  const auto dialect = make_v1();
  const auto probe = [&](int status, std::string_view body) {
    return dialect->read_probe(ApiAnswer{status, body, {}}).verdict;
  };
  EXPECT_EQ(probe(200, R"({"Ok":true,"Value":[]})"), CallVerdict::Answered);
  EXPECT_EQ(probe(401, ""), CallVerdict::Unauthorised);
  EXPECT_EQ(probe(403, "<html>Forbidden</html>"), CallVerdict::ServerTrouble) << "nobody's values are in it";
  EXPECT_EQ(probe(406, "<html>"), CallVerdict::ServerTrouble);
  EXPECT_EQ(probe(200, R"({"Ok":false,"Error":{"Code":"NoToken"}})"), CallVerdict::Unauthorised);
  EXPECT_EQ(probe(404, ""), CallVerdict::BatchRefused);
  EXPECT_EQ(probe(200, "<html>"), CallVerdict::ServerTrouble);
  EXPECT_EQ(probe(500, ""), CallVerdict::ServerTrouble);
}

TEST(V1Answer, reading_2000_people_gives_everyone_their_own_outcome) {
  std::vector<Recipient> people;
  std::string success;
  for (int i = 0; i < 2000; ++i) {
    people.push_back(recipient(address(i), operation(OperationKind::Subscribe)));
    if (i % 2 == 0)
      success += std::string(success.empty() ? "\"" : ",\"").append(people.back().email.text()).append("\"");
  }
  const auto result = read(people, 200, R"({"Ok":true,"Value":{"success":[)" + success + "]}}");
  ASSERT_EQ(result.outcomes.size(), 2000u);
  for (std::size_t i = 0; i < 2000; ++i)
    ASSERT_EQ(result.outcomes[i].kind, i % 2 == 0 ? OutcomeKind::Delivered : OutcomeKind::Unknown);
}

// ---- whose fault it is ---------------------------------------------------------------------------------

std::string error(const std::string& code, const std::string& message) {
  return R"({"Ok":false,"Error":{"Code":")" + code + R"(","HttpStatusCode":0,"Message":")" + message +
         R"("},"Value":null})";
}

TEST(V1Answer, what_speaks_of_the_plan_the_list_or_a_group_is_the_mirrors_fault) {
  for (const char* code :
       {"List.ExceededSubscribers", "stberror.Errors.List.ExceededSubscribers", "LIST_EXCEEDED_SUBSCRIBERS",
        "LIST_NOT_FOUND", "Errors.List.NoSuchList", "GROUP_NOT_FOUND", "stberror.Errors.List.NoSuchGroup",
        "Errors.Service.NeedProPlan", "List.NotPermittedSenderDomain"}) {
    for (const char* message : {"", "구독자가 초과 하였습니다."}) {
      for (const auto& body : {error(code, message),
                               R"({"code":")" + std::string(code) + R"(","message":")" + message + R"("})"}) {
        for (const int status : {200, 400, 403, 404}) {
          const auto result = read(two(OperationKind::Subscribe), status, body);
          EXPECT_EQ(result.verdict, CallVerdict::BatchRefused) << status << body;
          EXPECT_EQ(result.blame, Blame::Mirror) << status << body;
          EXPECT_THAT(result.outcomes, Each(testing::Field(&domain::Outcome::kind, OutcomeKind::Rejected)));
        }
      }
    }
  }
}

TEST(V1Answer, nobody_is_in_a_group_that_is_not_there_however_many_are_released) {
  for (const char* code : {"GROUP_NOT_FOUND", "stberror.Errors.List.NoSuchGroup"}) {
    const auto result = read(two(OperationKind::ReleaseGroup), 400, error(code, ""));
    EXPECT_EQ(result.verdict, CallVerdict::Answered) << code;
    EXPECT_THAT(result.outcomes, Each(testing::Field(&domain::Outcome::kind, OutcomeKind::AlreadyInState)));
  }
}

TEST(V1Answer, words_tell_the_limit_of_people_from_that_of_calls_where_no_code_does) {
  const auto plan = read(two(OperationKind::Subscribe), 400, error("UNKNOWN", "구독자가 초과 하였습니다."));
  EXPECT_EQ(plan.verdict, CallVerdict::BatchRefused);
  EXPECT_EQ(plan.blame, Blame::Mirror);
  for (const auto& [code, message] : {std::pair{"UNKNOWN", "API 요청 횟수를 초과하였습니다."},
                                      std::pair{"Errors.Data.LimitExceeded", "구독자 요청이 초과되었습니다."},
                                      std::pair{"Errors.Data.LimitExceeded", "구독자가 초과 하였습니다."},
                                      std::pair{"TOO_MANY_REQUESTS", ""}}) {
    EXPECT_EQ(read(two(OperationKind::Subscribe), 400, error(code, message)).verdict, CallVerdict::Throttled)
        << code << message;
  }
}

TEST(V1Answer, a_code_of_a_person_that_begins_like_one_of_the_list_is_a_persons) {
  for (const char* code : {"Errors.List.NotExistEmail", "List.InvalidEmail", "LIST_ALREADY_EXIST_EMAIL"})
    EXPECT_EQ(read(two(OperationKind::Delete), 400, error(code, "")).blame, Blame::Person) << code;
  for (const char* code :
       {"INVALID_REQUEST", "UNKNOWN", "List.InvalidSubscriberVar", "Errors.List.InvalidData"})
    EXPECT_EQ(read(two(OperationKind::Subscribe), 400, error(code, "")).blame, Blame::Open) << code;
}

TEST(V1Answer, the_reason_of_a_list_or_group_that_is_gone_is_named) {
  EXPECT_THAT(texts(read(one(OperationKind::Subscribe), 200, error("LIST_NOT_FOUND", ""))),
              ElementsAre("rejected:list_not_found"));
  EXPECT_THAT(texts(read(one(OperationKind::AssignGroup), 200, error("GROUP_NOT_FOUND", ""))),
              ElementsAre("rejected:group_not_found"));
}

TEST(V1Answer, nobody_has_no_outcome) {
  const auto result = read({}, 500, "");
  EXPECT_EQ(result.verdict, CallVerdict::Answered);
  EXPECT_TRUE(result.outcomes.empty());
}

TEST(V1Answer, lists_beside_trouble_of_the_server_prove_nothing) {
  for (const int status : {500, 429}) {
    const auto result =
        read(two(OperationKind::Subscribe), status, R"({"Ok":false,"Value":{"success":["a@example.com"]}})");
    EXPECT_NE(result.verdict, CallVerdict::Answered);
    EXPECT_EQ(result.outcomes.at(0).kind, result.outcomes.at(1).kind) << status;
  }
}

TEST(V1Answer, a_group_call_without_an_ok_is_delivered_only_to_whom_it_names) {
  EXPECT_THAT(texts(read(two(OperationKind::AssignGroup), 200, R"({"success":["a@example.com"]})")),
              ElementsAre("delivered", "unknown:not_named"));
}

}  // namespace
}  // namespace stibee_sync::delivery

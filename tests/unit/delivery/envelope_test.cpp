#include "delivery/envelope.hpp"

#include <gtest/gtest.h>

// What an answer says of a call as a whole, in all the forms that its parts can have.

namespace stibee_sync::delivery {
namespace {

using namespace std::chrono_literals;
using domain::Reason;

Envelope envelope(int status, std::string_view body) {
  return Envelope(ApiAnswer{status, body, {}});
}

bool failed(int status, std::string_view body) {
  return envelope(status, body).failed();
}

CallVerdict verdict(int status, std::string_view body) {
  return envelope(status, body).verdict();
}

TEST(Envelope, ok_is_read_as_a_flag_a_word_or_a_number) {
  for (const char* yes : {"true", R"("true")", R"("TRUE")", "1", R"("1")"})
    EXPECT_EQ(envelope(200, std::string(R"({"Ok":)") + yes + "}").ok(), true) << yes;
  for (const char* no : {"false", R"("False")", R"("0")", "0"})
    EXPECT_EQ(envelope(200, std::string(R"({"Ok":)") + no + "}").ok(), false) << no;
  for (const char* neither : {"null", "2", R"("yes")", "[]", "{}", "1.5"})
    EXPECT_EQ(envelope(200, std::string(R"({"Ok":)") + neither + "}").ok(), std::nullopt) << neither;
  EXPECT_EQ(envelope(200, "{}").ok(), std::nullopt);
}

TEST(Envelope, a_false_ok_is_a_failure_and_a_true_one_outweighs_the_words_of_an_error) {
  EXPECT_TRUE(failed(200, R"({"Ok":"0"})"));
  EXPECT_FALSE(failed(200, R"({"Ok":"1","Error":{"Code":"UNKNOWN","Message":"x","HttpStatusCode":500}})"));
  EXPECT_TRUE(failed(500, R"({"Ok":true})")) << "but not HTTP's status";
}

TEST(Envelope, only_a_status_from_200_to_299_is_a_success) {
  EXPECT_TRUE(failed(199, "{}"));
  EXPECT_FALSE(failed(200, "{}"));
  EXPECT_FALSE(failed(299, "{}"));
  EXPECT_TRUE(failed(300, "{}"));
}

TEST(Envelope, a_code_that_means_success_is_no_error) {
  for (const char* code : {R"("OK")", R"("Success")", R"("0")", "200", "0", R"("")", "null", "[]", "1.5"})
    EXPECT_FALSE(failed(200, std::string(R"({"code":)") + code + R"(,"message":"done"})")) << code;
  for (const char* code : {R"("E")", R"("okay")", "100", "7"})
    EXPECT_TRUE(failed(200, std::string(R"({"code":)") + code + "}")) << code;
}

TEST(Envelope, an_error_is_one_if_it_says_something) {
  for (const char* error : {R"({"message":"no"})", R"({"msg":"no"})", R"({"Message":7})", R"("no")",
                            R"([{"message":"no"}])", R"(["no"])", R"({"errorCode":"E"})"}) {
    EXPECT_TRUE(failed(200, std::string(R"({"error":)") + error + "}")) << error;
    EXPECT_TRUE(failed(200, std::string(R"({"errors":)") + error + "}")) << error;
  }
  for (const char* error : {"null", "{}", "[]", R"("")", "7", "false", R"([7])", R"({"message":""})"})
    EXPECT_FALSE(failed(200, std::string(R"({"error":)") + error + "}")) << error;
  EXPECT_FALSE(failed(200, R"({"error":7,"message":"done"})")) << "the message is of the answer";
  EXPECT_FALSE(failed(200, R"({"message":"done"})"));
}

TEST(Envelope, the_first_error_of_several_speaks) {
  const auto two = envelope(400, R"({"errors":[{"code":"Errors.List.InvalidEmail","message":"first"},
                                               {"code":"Errors.List.NotFound","message":"second"}]})");
  EXPECT_EQ(two.reason(), Reason::ListInvalidEmail);
  EXPECT_EQ(two.words(), "first");
  EXPECT_EQ(envelope(400, R"({"error":"in words","message":"other"})").words(), "in words");
}

TEST(Envelope, a_status_inside_counts_only_where_http_speaks_of_success) {
  const auto status = [](int http, const char* inner) {
    return envelope(http, std::string(R"({"Ok":false,"httpStatusCode":)") + inner + "}").status();
  };
  EXPECT_EQ(status(200, "404"), 404);
  EXPECT_EQ(status(299, R"("500")"), 500);
  EXPECT_EQ(status(200, "300"), 300);
  EXPECT_EQ(status(200, "299"), 200) << "that speaks of no failure";
  EXPECT_EQ(status(300, "404"), 300);
  EXPECT_EQ(status(302, "404"), 302);
  EXPECT_EQ(status(500, "404"), 500);
  EXPECT_EQ(status(100, "404"), 100);
  EXPECT_EQ(status(199, "404"), 199);
  EXPECT_EQ(status(200, "599"), 599);
  for (const char* none :
       {"99", R"("099")", "600", R"("60x")", R"("4o4")", R"("0404")", "4040", R"("abc")", R"("")", "null"})
    EXPECT_EQ(status(200, none), 200) << none;
}

TEST(Envelope, a_status_inside_alone_makes_an_answer_a_failure_from_400_on) {
  EXPECT_TRUE(failed(200, R"({"httpStatusCode":400})"));
  EXPECT_FALSE(failed(200, R"({"httpStatusCode":399})"));
  EXPECT_TRUE(failed(200, R"({"status":"404"})"));
  EXPECT_FALSE(failed(200, R"({"status":"subscribed"})"));
}

TEST(Envelope, a_value_is_read_of_a_document_only) {
  EXPECT_EQ(envelope(200, "<html>").value(), nullptr);
  EXPECT_EQ(envelope(200, "{}").value(), nullptr);
  ASSERT_NE(envelope(200, R"({"VALUE":7})").value(), nullptr);
}

TEST(Envelope, stibees_own_forms_are_told_from_others_by_any_of_their_members) {
  for (const char* own : {R"({"ok":true})", R"({"code":"X"})", R"({"errorCode":7})",
                          R"({"httpStatusCode":403})", R"({"error":{"code":"X"}})"})
    EXPECT_TRUE(envelope(403, own).is_stibees()) << own;
  for (const char* other : {"<html>", "{}", "[]", R"({"message":"Forbidden"})", R"({"status":"no"})",
                            R"({"status":"4xx"})", R"({"error":"x"})", ""})
    EXPECT_FALSE(envelope(403, other).is_stibees()) << other;
}

TEST(Envelope, of_a_page_only_plain_words_speak_of_a_limit) {
  for (const char* page : {"Too Many Requests", "rate_limit", "rate limit", "ratelimit", "limit exceeded",
                           "limitexceeded", "Request was throttled", "요청이 초과되었습니다"})
    EXPECT_EQ(verdict(400, page), CallVerdict::Throttled) << page;
  for (const char* page : {"<p>no limit to your success</p>", "too many cooks", "nope"})
    EXPECT_EQ(verdict(400, page), CallVerdict::BatchRefused) << page;
  for (const char* message : {"speed limit", "Too many", "초과"})
    EXPECT_EQ(verdict(400, std::string(R"({"message":")") + message + R"("})"), CallVerdict::Throttled)
        << message;
  EXPECT_EQ(verdict(500, R"({"message":"time limit"})"), CallVerdict::ServerTrouble)
      << "a server's own limits are its trouble";
}

TEST(Envelope, a_503_is_throttling_only_with_a_time_to_come_back) {
  EXPECT_EQ(Envelope(ApiAnswer{503, "", 3s}).verdict(), CallVerdict::Throttled);
  EXPECT_EQ(Envelope(ApiAnswer{503, "", {}}).verdict(), CallVerdict::ServerTrouble);
  EXPECT_EQ(Envelope(ApiAnswer{502, "", 3s}).verdict(), CallVerdict::ServerTrouble);
  EXPECT_EQ(verdict(408, ""), CallVerdict::ServerTrouble);
  EXPECT_EQ(verdict(409, ""), CallVerdict::BatchRefused);
}

TEST(Envelope, only_statuses_of_an_answer_that_refuses_refuse_the_batch) {
  for (const int trouble : {0, 100, 199, 300, 399, 500})
    EXPECT_EQ(verdict(trouble, ""), CallVerdict::ServerTrouble) << trouble;
  for (const int refusal : {400, 404, 499})
    EXPECT_EQ(verdict(refusal, ""), CallVerdict::BatchRefused) << refusal;
}

TEST(Envelope, what_the_plan_refuses_refuses_the_batch_but_not_where_the_server_is_in_trouble) {
  constexpr auto body = R"({"code":"LIST_EXCEEDED_SUBSCRIBERS","message":"limit exceeded"})";
  for (const int status : {200, 400, 498, 499})
    EXPECT_EQ(verdict(status, body), CallVerdict::BatchRefused) << status;
  for (const int status : {500, 502})
    EXPECT_EQ(verdict(status, body), CallVerdict::Throttled) << status;
}

TEST(Envelope, words_of_size_are_of_the_batch_but_not_where_the_server_is_in_trouble) {
  for (const char* message : {"too long", "Too Large", "entity too big"})
    EXPECT_EQ(verdict(400, std::string(R"({"message":")") + message + R"(, limit 5"})"),
              CallVerdict::BatchRefused)
        << message;
  EXPECT_EQ(verdict(499, R"({"message":"too long, limit exceeded"})"), CallVerdict::BatchRefused);
  EXPECT_EQ(verdict(500, R"({"message":"too long, limit exceeded"})"), CallVerdict::Throttled);
}

// One member whose address was `token@…` stopped all calls.
TEST(Verdict, of_a_refusal_whose_code_tells_what_it_is_about_is_by_no_word_of_somebodys_values) {
  const auto told = [](const std::string& code, const std::string& message) {
    return verdict(400, R"({"code":")" + code + R"(","httpStatusCode":400,"message":")" + message + R"("})");
  };
  for (const char* value : {"token@shop.kr", "api key", "unlimited", "too many", "권한", "초과"}) {
    for (const char* code : {"Errors.List.InvalidEmail", "Data.InvalidRequest", "List.InvalidSubscriberVar"})
      EXPECT_EQ(told(code, std::string(value) + ": 이메일 상태를 확인 하세요."), CallVerdict::BatchRefused)
          << code << value;
  }
  EXPECT_EQ(told("Data.LimitExceeded", "unlimited"), CallVerdict::Throttled);
  EXPECT_EQ(told("List.LimitExceeded", ""), CallVerdict::Throttled);
  EXPECT_EQ(told("Authorization.NoToken", "x"), CallVerdict::Unauthorised);
}

TEST(Envelope, a_token_is_the_key_unless_it_is_one_of_a_decoder) {
  const auto says = [](const char* message) {
    return verdict(400, std::string(R"({"code":"X","message":")") + message + R"("})");
  };
  EXPECT_EQ(says("bad token"), CallVerdict::Unauthorised);
  EXPECT_EQ(says("unexpected token <"), CallVerdict::BatchRefused);
  EXPECT_EQ(says("invalid character 'x' looking for beginning of token"), CallVerdict::BatchRefused);
  EXPECT_EQ(says("nothing of the kind"), CallVerdict::BatchRefused);
}

TEST(Envelope, of_a_page_only_the_keys_name_speaks_of_the_key) {
  for (const char* page : {"invalid AccessToken", "access token", "API key", "apikey", "api_key"}) {
    EXPECT_EQ(verdict(403, page), CallVerdict::Unauthorised) << page;
    EXPECT_EQ(verdict(403, std::string(R"({"message":")") + page + R"("})"), CallVerdict::Unauthorised)
        << page;
  }
  EXPECT_EQ(verdict(403, "token"), CallVerdict::BatchRefused);
}

TEST(Envelope, a_401_or_403_of_stibees_refuses_the_key_unless_its_code_is_about_something_else) {
  const auto with_code = [](int status, const char* code) {
    return verdict(status, std::string(R"({"code":")") + code + R"("})");
  };
  for (const int status : {401, 403}) {
    EXPECT_EQ(with_code(status, "UNKNOWN"), CallVerdict::Unauthorised);
    EXPECT_EQ(with_code(status, "Internal"), CallVerdict::Unauthorised);
    EXPECT_EQ(with_code(status, "SOMETHING_NEW"), CallVerdict::Unauthorised);
    EXPECT_EQ(with_code(status, "Data.Duplicated"), CallVerdict::BatchRefused) << "about what is there";
    EXPECT_EQ(with_code(status, "List.InvalidData"), CallVerdict::BatchRefused);
    EXPECT_EQ(with_code(status, "Service.NeedProPlan"), CallVerdict::BatchRefused) << "about the plan";
  }
  EXPECT_EQ(with_code(402, "UNKNOWN"), CallVerdict::BatchRefused);
  EXPECT_EQ(with_code(404, "UNKNOWN"), CallVerdict::BatchRefused);
}

TEST(Envelope, the_reason_is_the_code_or_else_the_status) {
  EXPECT_EQ(envelope(404, "").reason(), Reason::http(404));
  EXPECT_EQ(envelope(199, "").reason(), Reason::http(199));
  EXPECT_EQ(envelope(300, "").reason(), Reason::http(300));
  EXPECT_EQ(envelope(200, R"({"Ok":false})").reason(), Reason::Refused);
  EXPECT_EQ(envelope(299, R"({"Ok":false})").reason(), Reason::Refused);
  EXPECT_EQ(envelope(400, R"({"code":"GROUP_DELETED"})").reason(), Reason::GroupNotFound);
  EXPECT_EQ(envelope(400, R"({"code":"LIST_DELETED"})").reason(), Reason::ListNotFound);
}

TEST(Envelope, every_code_that_is_known_is_the_reason) {
  const std::pair<const char*, Reason> codes[] = {
      {"UNKNOWN", Reason::Unknown},
      {"INVALID_REQUEST", Reason::InvalidRequest},
      {"LIST_ALREADY_SUBSCRIBED", Reason::ListAlreadySubscribed},
      {"NOT_FOUND", Reason::NotFound},
      {"Internal", Reason::Internal},
      {"Authorization.NoToken", Reason::AuthorizationNoToken},
      {"Authorization.PermissionDenied", Reason::AuthorizationPermissionDenied},
      {"Data.Duplicated", Reason::DataDuplicated},
      {"Data.InvalidRequest", Reason::DataInvalidRequest},
      {"Data.LimitExceeded", Reason::DataLimitExceeded},
      {"Data.TooLongData", Reason::DataTooLongData},
      {"List.AlreadyExistEmail", Reason::ListAlreadyExistEmail},
      {"List.AlreadyExistGroup", Reason::ListAlreadyExistGroup},
      {"List.ExceededSubscribers", Reason::ListExceededSubscribers},
      {"List.InvalidData", Reason::ListInvalidData},
      {"List.InvalidEmail", Reason::ListInvalidEmail},
      {"List.InvalidSubscriberVar", Reason::ListInvalidSubscriberVar},
      {"List.LimitExceeded", Reason::ListLimitExceeded},
      {"List.NoSuchGroup", Reason::ListNoSuchGroup},
      {"List.NotExistEmail", Reason::ListNotExistEmail},
      {"List.NotPermittedSenderDomain", Reason::ListNotPermittedSenderDomain},
      {"List.TooLongData", Reason::ListTooLongData},
      {"List.TooManyGroups", Reason::ListTooManyGroups},
      {"List.TooManySubscribers", Reason::ListTooManySubscribers},
      {"Service.NeedProPlan", Reason::ServiceNeedProPlan}};
  for (const auto& [code, reason] : codes) {
    for (const std::string prefix : {"", "Errors.", "stberror.Errors."}) {
      const auto body = R"({"code":")" + prefix + code + R"(","message":"x"})";
      EXPECT_EQ(envelope(400, body).reason(), reason) << body;
      EXPECT_EQ(envelope(400, body).words(), "x") << "the reason tells the code";
    }
  }
}

TEST(Envelope, of_a_page_that_never_ends_only_the_beginning_is_read) {
  EXPECT_EQ(verdict(400, std::string(4096 - 8, ' ') + "throttle"), CallVerdict::Throttled);
  EXPECT_EQ(verdict(400, std::string(4096 - 6, ' ') + "throttle"), CallVerdict::BatchRefused);
}

// ---- whole calls ---------------------------------------------------------------------------------------

TEST(FailedCall, after_a_redirect_nothing_was_applied_and_after_other_trouble_nobody_knows) {
  const std::vector<Recipient> somebody(1);
  const auto kind = [&](int status, const char* body = "") {
    const ApiAnswer answer{status, body, {}};
    return failed_call(Envelope(answer), somebody, answer).outcomes.at(0).kind;
  };
  for (const int redirect : {300, 301, 399})
    EXPECT_EQ(kind(redirect), domain::OutcomeKind::Transient) << redirect;
  for (const int trouble : {199, 500, 408})
    EXPECT_EQ(kind(trouble), domain::OutcomeKind::Unknown) << trouble;
  EXPECT_EQ(kind(299, R"({"Ok":false,"httpStatusCode":500})"), domain::OutcomeKind::Unknown);
}

TEST(FailedCall, a_value_is_hidden_wherever_it_stands_and_what_hides_it_is_not_looked_through_again) {
  std::vector<Recipient> people(1);
  people[0].fields = {{"name", "Kim Minsu"}, {"stars", "*abc"}, {"short", "abc"}};
  EXPECT_EQ(message_about("Kim Minsu is not Kim Minsu", people), "* is not *");
  EXPECT_EQ(message_about("*abcabc", people), "*abc");
  EXPECT_EQ(message_about("", people), "");
}

TEST(FailedCall, of_a_message_that_never_ends_the_first_two_kilobytes_are_shown_without_their_values) {
  std::vector<Recipient> people(1);
  people[0].fields = {{"note", std::string(2000, 'x')}};
  const auto message = people[0].fields[0].value + std::string(3000, 'y');
  EXPECT_EQ(message_about(message, people), "*" + std::string(2048 - 2000, 'y'));
}

TEST(FailedCall, of_a_value_that_the_end_of_a_long_message_tears_nothing_is_shown) {
  std::vector<Recipient> people(1);
  people[0].fields = {{"name", "Kim Minsu"}};
  for (std::size_t spaces = 2035; spaces < 2050; ++spaces)
    EXPECT_EQ(message_about(std::string(spaces, ' ') + "Kim Minsu is no good", people).find("Kim"),
              std::string::npos)
        << spaces;
  people[0].fields.push_back({"note", "so says Kim"});
  const auto both = std::string(2045 - 8, ' ') + "so says Kim Minsu of them";
  EXPECT_EQ(message_about(both, people), "") << "one torn value begins within the other";
  const auto longer = "bad: " + std::string(4000, ' ') + "Kim Minsu";
  EXPECT_EQ(message_about(longer, people), "bad:");
}

TEST(WholeCall, gives_everybody_the_same) {
  const auto result =
      whole_call(CallVerdict::Throttled, std::vector<Recipient>(2), Reason::http(429), "slow", 3s);
  EXPECT_EQ(result.verdict, CallVerdict::Throttled);
  EXPECT_EQ(result.reason, Reason::http(429));
  EXPECT_EQ(result.message, "slow");
  EXPECT_EQ(result.retry_after, 3s);
  domain::Outcome expected;
  expected.kind = domain::OutcomeKind::Throttled;
  expected.reason = Reason::http(429);
  expected.message = "slow";
  expected.retry_after = 3s;
  EXPECT_EQ(result.outcomes, (std::vector<domain::Outcome>{expected, expected}));
}

// ---- read_verdict, for a call that concerns nobody -----------------------------------------------------

TEST(ReadVerdict, tells_what_was_answered_from_what_failed) {
  const auto read = [](int status, std::string_view body) {
    return read_verdict(ApiAnswer{status, body, 4s});
  };
  EXPECT_EQ(read(200, "{}").verdict, CallVerdict::Answered);
  EXPECT_EQ(read(200, "anything").verdict, CallVerdict::Answered);
  EXPECT_TRUE(read(200, "{}").outcomes.empty());
  const auto trouble = read(502, "");
  EXPECT_EQ(trouble.verdict, CallVerdict::ServerTrouble);
  EXPECT_EQ(trouble.reason, Reason::http(502));
  EXPECT_EQ(trouble.retry_after, 4s);
  EXPECT_TRUE(trouble.outcomes.empty());
  EXPECT_EQ(read(401, "").verdict, CallVerdict::Unauthorised) << "nobody's values have set off a firewall";
  EXPECT_EQ(read(403, "").verdict, CallVerdict::ServerTrouble);
  EXPECT_EQ(read(200, R"({"Ok":false})").verdict, CallVerdict::BatchRefused);
}

TEST(ReadVerdict, what_the_key_may_not_do_is_the_mirrors_matter) {
  const auto result = read_verdict(ApiAnswer{403, R"({"code":"Errors.Authorization.PermissionDenied"})", {}});
  EXPECT_EQ(result.verdict, CallVerdict::Forbidden);
  EXPECT_EQ(result.blame, Blame::Mirror);
}

}  // namespace
}  // namespace stibee_sync::delivery

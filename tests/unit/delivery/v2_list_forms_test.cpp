#include "stibee_sync/delivery/v2_reading.hpp"

#include <gtest/gtest.h>

// What API v2 tells, in forms that are documented nowhere, and in such as are none.

namespace stibee_sync::delivery::v2 {
namespace {

using domain::Reason;

ApiAnswer answer(std::string_view body, int status = 200) {
  return ApiAnswer{status, body, {}};
}

ListedPerson person(const std::string& rest) {
  const std::string body = R"([{"email":"a@example.com",)" + rest + "}]";
  return std::get<ListPage>(read_list(answer(body))).people.at(0);
}

template <typename T>
CallResult failure(const Read<T>& read) {
  return std::get<CallResult>(read);
}

TEST(V2ListForms, consents_in_their_spellings) {
  const auto consent = [](const char* value) {
    return person(std::string(R"("fields":{"$AD_agreed":)") + value + "}").ad_agreed;
  };
  for (const char* yes : {R"("Y")", R"("yes")", R"("True")", R"("1")", "1", "true"})
    EXPECT_EQ(consent(yes), true) << yes;
  for (const char* no : {R"("N")", R"("No")", R"("false")", R"("0")", "0", "false", R"("")", "null"})
    EXPECT_EQ(consent(no), false) << no;
  for (const char* neither : {"2", R"("yy")", R"(["maybe"])", "1.5"})
    EXPECT_EQ(consent(neither), std::nullopt) << neither;
}

TEST(V2ListForms, groups_by_number_text_or_object_and_none_that_cannot_be_read) {
  EXPECT_EQ(person(R"("groupIds":[{"id":3},{"id":"1"},2,"4",2])").groups, (domain::GroupSet{1, 2, 3, 4}));
  EXPECT_EQ(person(R"("groupIds":[])").groups, domain::GroupSet{});
  for (const char* groups : {"[1,null]", "[{}]", R"(["x"])", R"([""])", R"(["1x"])",
                             R"(["99999999999999999999"])", "null", "7", R"({"id":1})", "[1.5]"})
    EXPECT_EQ(person(std::string(R"("groupIds":)") + groups).groups, std::nullopt) << groups;
}

TEST(V2ListForms, fields_and_times_of_another_type_are_not_shown) {
  EXPECT_TRUE(person(R"("fields":["x"])").fields.empty());
  EXPECT_TRUE(person(R"("fields":null)").fields.empty());
  EXPECT_EQ(person(R"("createdTime":7)").created, std::nullopt);
  EXPECT_EQ(person(R"("status":7)").status, std::nullopt);
  EXPECT_TRUE(person(R"("fields":{"$Other":"x"})").fields.empty());
  EXPECT_EQ(person(R"("fields":{"list":[1]})").fields, (domain::FieldValues{{"list", "[1]"}}));
}

TEST(V2ListForms, a_list_is_looked_for_two_wrappers_deep) {
  EXPECT_EQ(std::get<ListPage>(read_list(answer(R"({"data":{"items":null}})"))).entries, 0u);
  EXPECT_EQ(failure(read_list(answer(R"({"data":{"value":{"items":[]}}})"))).verdict,
            CallVerdict::ServerTrouble);
  EXPECT_EQ(failure(read_list(answer(R"({"data":7,"items":[7]})"))).verdict, CallVerdict::ServerTrouble);
}

TEST(V2ListForms, each_question_has_its_method_endpoint_and_limit) {
  const auto expect = [](const ApiRequest& request, const char* method, Endpoint endpoint,
                         LimiterClass limit) {
    EXPECT_EQ(request.method, method);
    EXPECT_EQ(name(request.endpoint), name(endpoint));
    EXPECT_EQ(name(request.limiter_class), name(limit));
  };
  expect(auth_check_request(), "GET", Endpoint::AuthCheck, LimiterClass::Other);
  expect(count_request(7), "GET", Endpoint::Count, LimiterClass::Other);
  expect(list_request(7, 0, 1), "GET", Endpoint::List, LimiterClass::List);
  expect(groups_request(7), "GET", Endpoint::Groups, LimiterClass::Other);
  expect(create_group_request(7, "x"), "POST", Endpoint::Groups, LimiterClass::Other);
  EXPECT_EQ(create_group_request(7, "x").target, "/v2/lists/7/groups");
}

TEST(V2ListForms, a_page_is_asked_for_with_one_entry_at_least) {
  EXPECT_TRUE(list_request(7, 0, 0).target.ends_with("&offset=0&limit=1"));
  EXPECT_TRUE(list_request(7, 1, 1001).target.ends_with("&offset=1&limit=1000"));
}

TEST(V2ListForms, every_read_tells_how_its_call_failed) {
  const auto list = failure(read_list(answer("", 502)));
  EXPECT_EQ(list.verdict, CallVerdict::ServerTrouble);
  EXPECT_EQ(list.reason, Reason::http(502));
  EXPECT_EQ(failure(read_count(answer("", 429))).verdict, CallVerdict::Throttled);
  EXPECT_EQ(failure(read_groups(answer(R"({"code":"LIST_NOT_FOUND"})", 404))).blame, Blame::Mirror);
  EXPECT_EQ(read_auth_check(answer(R"({"code":"Errors.Authorization.NoToken"})", 400)).verdict,
            CallVerdict::Unauthorised);
  const auto created = failure(read_created_group(answer(R"({"code":"Service.NeedProPlan"})", 403)));
  EXPECT_EQ(created.reason, Reason::ServiceNeedProPlan) << "no group of this name";
}

TEST(V2ListForms, the_key_is_accepted_by_any_document_and_by_ok) {
  for (const char* yes : {"ok", "OK", "{}", "true", "7", "[]", R"("x")"})
    EXPECT_EQ(read_auth_check(answer(yes)).verdict, CallVerdict::Answered) << yes;
  EXPECT_EQ(read_auth_check(answer("null")).verdict, CallVerdict::ServerTrouble);
  EXPECT_EQ(read_auth_check(answer("null")).reason, Reason::UnreadableAnswer);
  EXPECT_EQ(read_auth_check(answer("")).reason, Reason::EmptyAnswer);
  EXPECT_EQ(read_auth_check(answer("welcome")).reason, Reason::UnreadableAnswer);
}

TEST(V2ListForms, groups_without_an_id_or_a_name_are_no_list_of_groups) {
  for (const char* body : {R"([{"name":"gold"}])", R"([{"id":1}])", R"([{"id":"x","name":"gold"}])",
                           R"([{"id":1,"name":7}])", "[1]", "ok", "<html>", "7"}) {
    EXPECT_EQ(failure(read_groups(answer(body))).reason, Reason::UnreadableAnswer) << body;
  }
  EXPECT_EQ(failure(read_groups(answer(""))).reason, Reason::EmptyAnswer);
  EXPECT_TRUE(std::get<std::vector<Group>>(read_groups(answer("null"))).empty());
  EXPECT_EQ(std::get<std::vector<Group>>(read_groups(answer(R"({"groups":[{"ID":"5","Name":"x"}]})"))),
            (std::vector<Group>{{5, "x"}}));
}

TEST(V2ListForms, a_group_that_was_created_is_told_by_a_positive_id) {
  for (const char* body : {R"({"id":1})", R"({"Id":"1"})", R"({"Ok":true,"Value":{"id":1}})",
                           R"({"Ok":true,"Value":1})", "1", R"("1")"})
    EXPECT_EQ(std::get<domain::GroupId>(read_created_group(answer(body))), 1) << body;
  for (const char* body : {R"({"id":0})", R"({"id":-1})", "{}", "ok", "null", R"({"id":"x"})", "0", "1x"})
    EXPECT_EQ(failure(read_created_group(answer(body))).reason, Reason::UnreadableAnswer) << body;
}

TEST(V2ListForms, nobody_is_a_count_too) {
  EXPECT_EQ(std::get<std::size_t>(read_count(answer(R"({"total":0})"))), 0u);
  EXPECT_EQ(failure(read_count(answer(R"({"total":""})"))).reason, Reason::UnreadableAnswer);
  EXPECT_EQ(failure(read_count(answer(R"({"total":[]})"))).reason, Reason::UnreadableAnswer);
}

// ---- ListReader: rounds by hand ------------------------------------------------------------------------

class Reading : public ::testing::Test {
 protected:
  static constexpr std::size_t page_size = 3;

  ListReader::Step count(std::size_t total) {
    return reader_.take(answer(R"({"total":)" + std::to_string(total) + "}"), people_);
  }
  ListReader::Step page(const std::vector<std::string>& addresses) {
    std::string body = "[";
    for (const auto& address : addresses)
      body += std::string(body.size() > 1 ? "," : "") + R"({"email":")" + address + R"("})";
    return reader_.take(answer(body + "]"), people_);
  }
  bool asks_for_count() const { return reader_.request().endpoint == Endpoint::Count; }
  ListReader::Step round(std::size_t before, const std::vector<std::vector<std::string>>& pages,
                         std::size_t after, std::size_t distinct) {
    EXPECT_TRUE(asks_for_count());
    count(before);
    for (const auto& addresses : pages) {
      EXPECT_FALSE(asks_for_count());
      page(addresses);
    }
    EXPECT_TRUE(asks_for_count()) << "the pages are read";
    EXPECT_EQ(count(after), ListReader::Step::RoundEnded);
    return reader_.end_round(distinct);
  }

  ListReader reader_{7, page_size};
  std::vector<ListedPerson> people_;
};

using Step = ListReader::Step;

TEST_F(Reading, tells_how_far_it_is) {
  count(4);
  EXPECT_EQ(reader_.total(), 4u);
  EXPECT_EQ(page({"a@x.kr", "b@x.kr", "nobody"}), Step::More);
  EXPECT_EQ(people_.size(), 2u);
  EXPECT_EQ(reader_.entries_read(), 3u);
  EXPECT_TRUE(reader_.request().target.ends_with("&offset=3&limit=3"));
}

TEST_F(Reading, a_full_page_is_never_taken_for_the_last_though_the_count_agrees) {
  count(3);
  page({"a@x.kr", "b@x.kr", "c@x.kr"});
  EXPECT_FALSE(asks_for_count());
  page({});
  EXPECT_TRUE(asks_for_count());
}

TEST_F(Reading, a_short_page_is_the_last_only_where_the_count_agrees) {
  count(3);
  page({"a@x.kr", "b@x.kr"});
  EXPECT_FALSE(asks_for_count());
  page({"c@x.kr"});
  EXPECT_TRUE(asks_for_count());
}

TEST_F(Reading, a_list_that_grows_for_ever_is_given_up_beyond_twice_its_count_and_ten_pages) {
  count(1);
  const std::vector<std::string> full = {"a@x.kr", "b@x.kr", "c@x.kr"};
  for (std::size_t pages = 1; pages <= 10; ++pages) {
    page(full);
    EXPECT_FALSE(asks_for_count()) << pages;
  }
  page(full);  // 33 entries, and 2 · 1 + 10 · 3 is 32
  EXPECT_TRUE(asks_for_count());
}

TEST_F(Reading, entries_that_are_no_addresses_count_as_read) {
  EXPECT_EQ(round(3, {{"a@x.kr", "b@x.kr", "nobody"}, {}}, 3, 2), Step::Done);
}

TEST_F(Reading, a_total_that_moved_or_that_was_not_reached_starts_over) {
  EXPECT_EQ(round(2, {{"a@x.kr", "b@x.kr"}}, 3, 2), Step::StartOver);
  EXPECT_EQ(round(4, {{"a@x.kr", "b@x.kr"}, {}}, 4, 2), Step::StartOver) << "two are missing";
  EXPECT_EQ(round(2, {{"a@x.kr", "b@x.kr"}}, 2, 2), Step::Done);
}

TEST_F(Reading, the_same_shortfall_is_the_list_only_if_nothing_else_differs) {
  const std::vector<std::vector<std::string>> a_twice = {{"a@x.kr", "a@x.kr", "b@x.kr"}, {}};
  EXPECT_EQ(round(3, a_twice, 3, 2), Step::StartOver);
  EXPECT_EQ(round(3, {{"a@x.kr", "b@x.kr", "b@x.kr"}, {}}, 3, 2), Step::StartOver) << "other entries";
  EXPECT_EQ(round(4, {{"a@x.kr", "b@x.kr", "b@x.kr"}, {"b@x.kr"}}, 4, 2), Step::StartOver) << "another total";
  EXPECT_EQ(round(4, {{"a@x.kr", "b@x.kr", "b@x.kr"}, {"b@x.kr"}}, 4, 2), Step::Done);
}

TEST_F(Reading, a_round_that_did_not_hold_still_says_nothing_of_the_next) {
  const std::vector<std::vector<std::string>> a_twice = {{"a@x.kr", "a@x.kr", "b@x.kr"}, {}};
  EXPECT_EQ(round(2, a_twice, 3, 2), Step::StartOver);
  EXPECT_EQ(round(3, a_twice, 3, 2), Step::StartOver);
  EXPECT_EQ(round(3, a_twice, 3, 2), Step::Done);
}

TEST_F(Reading, another_number_of_people_in_the_same_entries_is_none_to_rely_on) {
  const std::vector<std::vector<std::string>> a_twice = {{"a@x.kr", "a@x.kr", "b@x.kr"}, {}};
  EXPECT_EQ(round(3, a_twice, 3, 2), Step::StartOver);
  EXPECT_EQ(round(3, a_twice, 3, 1), Step::StartOver);
}

TEST_F(Reading, gives_up_after_five_rounds) {
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(round(2, {{"a@x.kr", "b@x.kr"}}, 3, 2), Step::StartOver) << i;
  EXPECT_EQ(round(2, {{"a@x.kr", "b@x.kr"}}, 3, 2), Step::GaveUp);
}

TEST_F(Reading, reads_at_least_one_round_of_pages_of_at_least_one) {
  ListReader once(7, 0, 0);
  once.take(answer(R"({"total":5})"), people_);
  EXPECT_TRUE(once.request().target.ends_with("&limit=1"));
  once.take(answer("[]"), people_);
  EXPECT_EQ(once.take(answer(R"({"total":5})"), people_), Step::RoundEnded);
  EXPECT_EQ(once.end_round(0), Step::GaveUp);
}

}  // namespace
}  // namespace stibee_sync::delivery::v2

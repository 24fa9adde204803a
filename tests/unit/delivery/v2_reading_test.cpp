#include "stibee_sync/delivery/v2_reading.hpp"

#include <functional>
#include <set>

#include <gtest/gtest.h>

namespace stibee_sync::delivery::v2 {
namespace {

using namespace std::chrono_literals;
using domain::RemoteStatus;

ApiAnswer answer(std::string_view body, int status = 200) {
  ApiAnswer result;
  result.status = status;
  result.body = body;
  return result;
}

TEST(V2Count, asks_for_every_status_and_reads_the_total) {
  EXPECT_EQ(count_request(7).target,
            "/v2/lists/7/subscribers/count?statuses=subscribed,unsubscribed,archived,ready");
  EXPECT_EQ(count_request(7).limiter_class, LimiterClass::Other);
  for (const char* body : {R"({"total":12})", R"({"Total":"12"})", R"({"Ok":true,"Value":{"total":12}})",
                           R"({"Value":12})", "12"})
    EXPECT_EQ(std::get<std::size_t>(read_count(answer(body))), 12u) << body;
  for (const char* body : {"", "ok", "{}", R"({"total":-1})", R"({"total":"many"})", "null", "[]"})
    EXPECT_EQ(std::get<CallResult>(read_count(answer(body))).verdict, CallVerdict::ServerTrouble) << body;
  EXPECT_EQ(std::get<CallResult>(read_count(answer("", 429))).verdict, CallVerdict::Throttled);
}

TEST(V2List, a_page_is_asked_for_with_its_place_and_size) {
  const auto request = list_request(7, 3000, 5000);
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.target,
            "/v2/lists/7/subscribers?statuses=subscribed,unsubscribed,archived,ready&offset=3000&limit=1000");
  EXPECT_EQ(request.limiter_class, LimiterClass::List);
}

TEST(V2List, everything_that_is_shown_of_a_person_is_read) {
  const auto page = std::get<ListPage>(read_list(answer(R"([
    {"email":"Gildong@Stibee.com","status":"subscribed",
     "fields":{"$ad_agreed":"Y","age":"45","name":"고길동","n":7,"none":null,"$other":"x"},
     "createdTime":"2024-11-12 17:09:13 +0900 KST","modifiedTime":"2024-11-17 20:01:11.5 +0900 KST",
     "groupIds":[34,"12",34]}])")));
  ASSERT_EQ(page.people.size(), 1u);
  const ListedPerson& person = page.people[0];
  EXPECT_EQ(person.email.text(), "gildong@stibee.com");
  EXPECT_EQ(person.status, RemoteStatus::Subscribed);
  EXPECT_EQ(person.ad_agreed, true);
  EXPECT_EQ(person.fields,
            (domain::FieldValues{{"age", "45"}, {"name", "고길동"}, {"n", "7"}, {"none", ""}}));
  EXPECT_EQ(person.groups, (domain::GroupSet{12, 34}));
  EXPECT_EQ(person.created, parse_time("2024-11-12T08:09:13Z"));
  EXPECT_EQ(*person.modified - *person.created, 5 * 24h + 2h + 51min + 58s + 500ms);
}

TEST(V2List, what_is_not_shown_is_unknown_and_not_nothing) {
  const auto page =
      std::get<ListPage>(read_list(answer(R"([{"email":"a@example.com","status":"sleeping"}])")));
  EXPECT_FALSE(page.people[0].status);
  EXPECT_FALSE(page.people[0].groups);
  EXPECT_FALSE(page.people[0].ad_agreed);
  EXPECT_FALSE(page.people[0].created);
}

TEST(V2List, statuses_and_consents_in_their_spellings) {
  const auto person = [](const std::string& rest) {
    std::string body = R"([{"email":"a@example.com",)";
    return std::get<ListPage>(read_list(answer(body.append(rest).append("}]")))).people.at(0);
  };
  EXPECT_EQ(person(R"("status":"unsubscribed")").status, RemoteStatus::OptedOut);
  EXPECT_EQ(person(R"("status":"archived")").status, RemoteStatus::AutoDeleted);
  EXPECT_EQ(person(R"("status":"deleted")").status, RemoteStatus::AutoDeleted);
  EXPECT_EQ(person(R"("status":"ready")").status, RemoteStatus::Ready);
  EXPECT_EQ(person(R"("fields":{"$ad_agreed":""})").ad_agreed, false);
  EXPECT_EQ(person(R"("fields":{"$ad_agreed":"N"})").ad_agreed, false);
  EXPECT_EQ(person(R"("fields":{"$ad_agreed":true})").ad_agreed, true);
  EXPECT_EQ(person(R"("fields":{"$ad_agreed":"maybe"})").ad_agreed, std::nullopt);
}

TEST(V2List, known_wrappers_are_opened_and_an_unknown_shape_is_never_an_empty_list) {
  for (const char* wrapper : {"items", "subscribers", "data", "Value"}) {
    std::string body = R"({")";
    body.append(wrapper).append(R"(":[{"email":"a@example.com"}]})");
    EXPECT_EQ(std::get<ListPage>(read_list(answer(body))).people.size(), 1u) << wrapper;
  }
  EXPECT_EQ(std::get<ListPage>(read_list(answer(R"({"Ok":true,"Value":{"items":[]}})"))).entries, 0u);
  EXPECT_EQ(std::get<ListPage>(read_list(answer("null"))).entries, 0u);
  for (const char* body : {"{}", R"({"people":[]})", R"({"items":{"a":1}})", R"({"items":7})", "7", "ok", "",
                           "[1]", R"([{"name":"x"}])", R"([{"email":"a@example.com"})"}) {
    EXPECT_EQ(std::get<CallResult>(read_list(answer(body))).verdict, CallVerdict::ServerTrouble) << body;
  }
}

TEST(V2List, an_entry_whose_address_is_none_is_counted) {
  const auto page =
      std::get<ListPage>(read_list(answer(R"([{"email":"not an address"},{"email":"a@example.com"}])")));
  EXPECT_EQ(page.entries, 2u);
  EXPECT_EQ(page.people.size(), 1u);
}

TEST(V2Groups, are_listed_and_created_by_name) {
  EXPECT_EQ(groups_request(7).target, "/v2/lists/7/groups?offset=0&limit=1000");
  const std::vector<Group> expected = {{12, "gold"}, {34, "은"}};
  EXPECT_EQ(std::get<std::vector<Group>>(
                read_groups(answer(R"([{"id":12,"name":"gold"},{"id":"34","name":"은"}])"))),
            expected);
  EXPECT_EQ(std::get<CallResult>(read_groups(answer(R"({"x":1})"))).verdict, CallVerdict::ServerTrouble);
  EXPECT_EQ(create_group_request(7, "\"금\"").body, R"({"name":"\"금\""})");
  EXPECT_EQ(create_group_request(7, "x").method, "POST");
  EXPECT_EQ(std::get<domain::GroupId>(read_created_group(answer(R"({"id":1234})"))), 1234);
  const auto refused = std::get<CallResult>(read_created_group(
      answer(R"({"code":"stberror.Errors.List.AlreadyExistGroup","httpStatusCode":400})", 400)));
  EXPECT_EQ(refused.verdict, CallVerdict::BatchRefused);
  EXPECT_EQ(refused.reason, domain::Reason::ListAlreadyExistGroup);
}

TEST(V2Time, is_read_in_every_form) {
  const auto expected = parse_time("2024-11-12T08:09:13Z");
  ASSERT_TRUE(expected);
  for (const char* text :
       {"2024-11-12 17:09:13 +0900 KST", "2024-11-12 17:09:13 +0900", "2024-11-12 17:09:13",
        "2024-11-12T17:09:13+09:00", "2024-11-12 08:09:13 +0000 UTC", "2024-11-12 03:09:13.000 -0500 EST"})
    EXPECT_EQ(parse_time(text), expected) << text;
  EXPECT_EQ(*parse_time("2024-11-12 17:09:13.123456789 +0900 KST") - *expected, 123ms);
  for (const char* text :
       {"", "0001-13-01 00:00:00", "2024-11-31 00:00:00", "2024-11-12", "2024-11-12 25:00:00",
        "2024-11-12 17:09:13.", "2024-11-12 17:09:13 KST?", "yesterday", "2024-11-12 17:09:13 +9"})
    EXPECT_FALSE(parse_time(text)) << text;
}

// ---- ListReader ----------------------------------------------------------------------------------------

// A list as Stibee would page it; `before_call` may change it.
class List {
 public:
  std::vector<std::string> people;
  std::size_t server_page = 1000;
  std::function<void(int call)> before_call = [](int) {};
  int calls = 0;

  std::string exchange(const ApiRequest& request) {
    before_call(++calls);
    if (request.endpoint == Endpoint::Count) {
      std::string body = R"({"total":)";
      return body.append(std::to_string(people.size())).append("}");
    }
    const auto number_after = [&](std::string_view key) {
      return std::stoul(request.target.substr(request.target.find(key) + key.size()));
    };
    const std::size_t offset = number_after("offset=");
    const std::size_t limit = std::min<std::size_t>(number_after("limit="), server_page);
    std::string body = "[";
    for (std::size_t i = offset; i < std::min(people.size(), offset + limit); ++i) {
      if (body.size() > 1) body += ',';
      body.append(R"({"email":")").append(people[i]).append(R"("})");
    }
    return body + ']';
  }
};

std::vector<std::string> many(int count) {
  std::vector<std::string> people;
  for (int i = 0; i < count; ++i)
    people.push_back(std::string("p").append(std::to_string(i)).append("@example.com"));
  return people;
}

struct Result {
  ListReader::Step step;
  std::set<std::string> people;
};

Result read_all(List& list, std::size_t page_size = 10) {
  ListReader reader(7, page_size);
  std::set<std::string> kept;
  for (int i = 0; i < 10'000; ++i) {
    const std::string body = list.exchange(reader.request());
    std::vector<ListedPerson> people;
    auto step = reader.take(answer(body), people);
    for (const auto& person : people)
      kept.insert(person.email.text());
    if (step == ListReader::Step::RoundEnded) step = reader.end_round(kept.size());
    if (step == ListReader::Step::StartOver) kept.clear();
    if (step != ListReader::Step::More && step != ListReader::Step::StartOver) return {step, kept};
  }
  return {ListReader::Step::More, {}};
}

TEST(V2ListReader, reads_every_page_of_a_list_that_holds_still) {
  for (const int count : {0, 1, 9, 10, 11, 100, 1234}) {
    List list;
    list.people = many(count);
    const auto result = read_all(list);
    EXPECT_EQ(result.step, ListReader::Step::Done) << count;
    EXPECT_EQ(result.people.size(), static_cast<std::size_t>(count));
  }
}

TEST(V2ListReader, a_server_that_gives_smaller_pages_than_asked_for_is_read_to_the_end) {
  List list;
  list.people = many(95);
  list.server_page = 4;
  EXPECT_EQ(read_all(list).people.size(), 95u);
}

TEST(V2ListReader, starts_over_when_the_total_moved) {
  List list;
  list.people = many(50);
  list.before_call = [&](int call) {
    if (call == 3) list.people.insert(list.people.begin(), "new@example.com");
  };
  const auto result = read_all(list);
  EXPECT_EQ(result.step, ListReader::Step::Done);
  EXPECT_EQ(result.people.size(), 51u);
}

TEST(V2ListReader, notices_somebody_lost_between_pages_though_the_total_is_the_same) {
  List list;
  list.people = many(50);
  list.before_call = [&](int call) {
    if (call != 3) return;
    // One leaves from the pages read already, one comes at the end: everybody in between moves up one place.
    list.people.erase(list.people.begin());
    list.people.push_back("late@example.com");
    std::swap(list.people[9], list.people[20]);
    list.people.insert(list.people.begin() + 15, list.people[2]);
    list.people.pop_back();
  };
  const auto result = read_all(list);
  EXPECT_EQ(result.step, ListReader::Step::Done);
  EXPECT_EQ(result.people, std::set<std::string>(list.people.begin(), list.people.end()));
}

TEST(V2ListReader, two_spellings_of_one_address_are_accepted_when_they_stay) {
  List list;
  list.people = many(20);
  list.people.push_back("P3@Example.com");
  const auto result = read_all(list);
  EXPECT_EQ(result.step, ListReader::Step::Done);
  EXPECT_EQ(result.people.size(), 20u);
}

TEST(V2ListReader, a_shortfall_that_is_the_same_by_chance_is_not_taken_for_the_list) {
  List list;
  list.people = many(30);
  list.before_call = [&](int call) {
    // Rounds of six calls: the second page repeats the first, later the third repeats the second.
    list.people = many(30);
    if (call == 3) std::copy_n(list.people.begin(), 10, list.people.begin() + 10);
    if (call == 10) std::copy_n(list.people.begin() + 10, 10, list.people.begin() + 20);
  };
  const auto result = read_all(list);
  EXPECT_EQ(result.step, ListReader::Step::Done);
  EXPECT_EQ(result.people.size(), 30u);
  EXPECT_EQ(list.calls, 18);
}

TEST(V2ListReader, a_round_of_a_list_that_grows_for_ever_ends) {
  // Of 30 when it was counted: after 160 it has gone on for long enough.
  List list;
  list.people = many(30);
  list.before_call = [&](int call) {
    if (call > 1) list.people = many(10'000);
  };
  ListReader reader(7, 10);
  auto step = ListReader::Step::More;
  while (step == ListReader::Step::More) {
    std::vector<ListedPerson> people;
    step = reader.take(answer(list.exchange(reader.request())), people);
  }
  EXPECT_EQ(step, ListReader::Step::RoundEnded);
  EXPECT_EQ(list.calls, 1 + 17 + 1) << "160 are not enough, 170 are";
}

TEST(V2ListReader, gives_up_on_a_list_that_never_holds_still) {
  List list;
  list.people = many(20);
  list.before_call = [&](int call) {
    list.people.push_back(std::string("n").append(std::to_string(call)).append("@example.com"));
  };
  EXPECT_EQ(read_all(list).step, ListReader::Step::GaveUp);
}

TEST(V2ListReader, a_failed_call_changes_nothing_and_can_be_repeated) {
  ListReader reader(7, 10);
  std::vector<ListedPerson> people;
  EXPECT_EQ(reader.take(answer("", 503), people), ListReader::Step::CallFailed);
  EXPECT_EQ(reader.failure().verdict, CallVerdict::ServerTrouble);
  EXPECT_EQ(reader.take(answer(R"({"total":1})"), people), ListReader::Step::More);
  const std::string target = reader.request().target;
  EXPECT_EQ(reader.take(answer(R"({"unknown":[]})"), people), ListReader::Step::CallFailed);
  EXPECT_EQ(reader.request().target, target);
  EXPECT_EQ(reader.take(answer(R"([{"email":"a@example.com"}])"), people), ListReader::Step::More);
  EXPECT_EQ(reader.take(answer(R"({"total":1})"), people), ListReader::Step::RoundEnded);
  EXPECT_EQ(reader.end_round(1), ListReader::Step::Done);
}

}  // namespace
}  // namespace stibee_sync::delivery::v2

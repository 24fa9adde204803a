// What API v2 of the simulated Stibee keeps and answers.

#include "model_fixture.hpp"

namespace stibee_sim::testing {

class V2Test : public ModelTest {
 protected:
  HttpAnswer add(const std::string& person, const std::string& more = "") {
    return call("POST", "/v2/lists/1234/subscribers", R"({"subscriber":)" + person + more + "}");
  }
  HttpAnswer bulk(const std::string& people, bool update) {
    now += std::chrono::seconds{7};
    return call("POST", "/v2/lists/1234/subscribers/batch",
                R"({"subscribers":)" + people + R"(,"updateEnabled":)" + (update ? "true}" : "false}"));
  }
  HttpAnswer read(const std::string& query) { return call("GET", "/v2/lists/1234/subscribers" + query, ""); }
  std::int64_t total(const std::string& statuses) {
    const auto answer = call("GET", "/v2/lists/1234/subscribers/count?statuses=" + statuses, "");
    return json::parse(answer.body).at("total").as_int64();
  }
};

TEST_F(V2Test, TheKeyIsCheckedInPlainText) {
  const auto answer = call("GET", "/v2/auth-check", "");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "ok");
  EXPECT_EQ(answer.content_type, "text/plain; charset=utf-8");
  model.set_switch("v2_ok", "json_string");
  EXPECT_EQ(call("GET", "/v2/auth-check", "").body, "\"ok\"");
  model.set_switch("v2_ok", "envelope");
  EXPECT_TRUE(v1_ok(call("GET", "/v2/auth-check", "")));
  model.set_switch("v2_ok", "empty");
  EXPECT_EQ(call("GET", "/v2/auth-check", "").body, "");
}

TEST_F(V2Test, AddingOnceAnswers200AndUpdating201) {
  EXPECT_EQ(
      add(R"({"email":"a@x.kr","status":"subscribed","marketingAllowed":true,"fields":{"name":"고","phone":7}})")
          .status,
      200);
  EXPECT_TRUE(person("a@x.kr").ad_agreed);
  EXPECT_EQ(person("a@x.kr").fields.at("phone"), "7");
  const auto again = add(R"({"email":"A@x.kr","status":"subscribed"})");
  EXPECT_EQ(again.status, 400);
  EXPECT_EQ(v2_code(again), "stberror.Errors.List.AlreadyExistEmail");
  EXPECT_EQ(
      add(R"({"email":"a@x.kr","status":"unsubscribed","fields":{"name":"둘"}})", R"(,"updateEnabled":true)")
          .status,
      201);
  EXPECT_EQ(person("a@x.kr").fields.at("name"), "둘");
  EXPECT_EQ(person("a@x.kr").status, Status::Subscribed);
  EXPECT_TRUE(person("a@x.kr").ad_agreed);
}

TEST_F(V2Test, NothingResubscribes) {
  add(R"({"email":"a@x.kr","status":"unsubscribed"})");
  EXPECT_EQ(person("a@x.kr").status, Status::Unsubscribed);
  add(R"({"email":"a@x.kr","status":"subscribed"})", R"(,"updateEnabled":true)");
  bulk(R"([{"email":"a@x.kr","status":"subscribed"}])", true);
  EXPECT_EQ(person("a@x.kr").status, Status::Unsubscribed);
}

TEST_F(V2Test, ConsentOfSomebodyKnownFollowsTheSwitch) {
  add(R"({"email":"a@x.kr","status":"subscribed"})");
  add(R"({"email":"a@x.kr","status":"subscribed","marketingAllowed":true})", R"(,"updateEnabled":true)");
  EXPECT_TRUE(person("a@x.kr").ad_agreed);
  model.set_switch("v2_update_consent", "ignored");
  add(R"({"email":"a@x.kr","status":"subscribed","marketingAllowed":false})", R"(,"updateEnabled":true)");
  EXPECT_TRUE(person("a@x.kr").ad_agreed);
}

TEST_F(V2Test, BadPeopleAreRefusedWithTheDocumentedCodes) {
  EXPECT_EQ(v2_code(add(R"({"email":"no-at","status":"subscribed"})")), "stberror.Errors.List.InvalidEmail");
  EXPECT_EQ(v2_code(add(R"({"email":")" + std::string(60, 'a') + R"(@x.kr","status":"subscribed"})")),
            "stberror.Errors.List.InvalidEmail");
  EXPECT_EQ(v2_code(add(R"({"email":"a@x.kr","status":"happy"})")), "stberror.Errors.List.InvalidData");
  EXPECT_EQ(v2_code(add(R"({"email":"a@x.kr","status":"subscribed","fields":{"shoe":"42"}})")),
            "stberror.Errors.List.InvalidSubscriberVar");
  EXPECT_EQ(v2_code(add(R"({"email":"a@x.kr","status":"subscribed","fields":{"name":null}})")),
            "stberror.Errors.List.InvalidSubscriberVar");
  EXPECT_EQ(v2_code(add(R"({"email":7,"status":"subscribed"})")), "stberror.Errors.Data.InvalidRequest");
  EXPECT_EQ(v2_code(call("POST", "/v2/lists/1234/subscribers", "{")), "stberror.Errors.Data.InvalidRequest");
  EXPECT_EQ(model.people("1234"), 0U);
  model.set_switch("v2_unknown_field", "drop");
  EXPECT_EQ(add(R"({"email":"a@x.kr","status":"subscribed","fields":{"shoe":"42"}})").status, 200);
}

TEST_F(V2Test, CodesComeWithAndWithoutPrefixMessageAndCase) {
  model.set_switch("v2_code_prefix", "no");
  EXPECT_EQ(v2_code(add(R"({"email":"no-at","status":"subscribed"})")), "Errors.List.InvalidEmail");
  model.set_switch("v2_error_message", "no");
  model.set_switch("v2_error_keys", "upper");
  EXPECT_EQ(add(R"({"email":"no-at","status":"subscribed"})").body,
            R"({"Code":"Errors.List.InvalidEmail","HttpStatusCode":400})");
}

TEST_F(V2Test, ABulkAddSortsPeopleIntoLists) {
  add(R"({"email":"old@x.kr","status":"subscribed"})");
  const std::string people =
      R"([{"email":"a@x.kr","status":"subscribed"},{"email":"A@x.kr","status":"subscribed"},{"status":"subscribed"},)"
      R"({"email":"bad","status":"subscribed"},{"email":"b@x.kr","status":"subscribed","fields":{"shoe":"1"}},)"
      R"({"email":"c@x.kr"},{"email":"old@x.kr","status":"subscribed","fields":{"name":"new"}}])";
  const auto answer = bulk(people, false);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(in_result(answer, "createdSubscribers"), Addresses{"a@x.kr"});
  EXPECT_EQ(in_result(answer, "failDuplicatedEmails"), Addresses{"A@x.kr"});
  EXPECT_EQ(in_result(answer, "failNoEmails"), Addresses{""});
  EXPECT_EQ(in_result(answer, "failInvalidEmails"), Addresses{"bad"});
  EXPECT_EQ(in_result(answer, "failInvalidFields"), Addresses{"b@x.kr"});
  EXPECT_EQ(in_result(answer, "failInvalidSubscriberStatus"), Addresses{"c@x.kr"});
  EXPECT_EQ(in_result(answer, "failAlreadyExists"), Addresses{"old@x.kr"});
  EXPECT_EQ(in_result(bulk(people, true), "updatedSubscribers"), (Addresses{"a@x.kr", "old@x.kr"}));
  EXPECT_EQ(person("old@x.kr").fields.at("name"), "new");
}

TEST_F(V2Test, BulkTakesAThousandPeopleAndTenMegabytes) {
  std::string people = "[";
  for (int i = 0; i < 1001; ++i) {
    if (i > 0) people += ',';
    people += R"({"email":"u)" + std::to_string(i) + R"(@x.kr","status":"subscribed"})";
  }
  EXPECT_EQ(v2_code(bulk(people + "]", true)), "stberror.Errors.List.TooManySubscribers");
  EXPECT_EQ(v2_code(bulk(people + "]" + std::string(10U << 20U, ' '), true)),
            "stberror.Errors.Data.TooLongData");
  EXPECT_EQ(model.people("1234"), 0U);
}

TEST_F(V2Test, WhetherBulkCarriesConsentIsSwitched) {
  const std::string yes = R"([{"email":"a@x.kr","status":"subscribed","marketingAllowed":true}])";
  const std::string silent = R"([{"email":"a@x.kr","status":"subscribed"}])";
  bulk(yes, true);
  EXPECT_FALSE(person("a@x.kr").ad_agreed);
  model.set_switch("v2_bulk_consent", "honoured");
  bulk(yes, true);
  EXPECT_TRUE(person("a@x.kr").ad_agreed);
  bulk(silent, true);
  EXPECT_TRUE(person("a@x.kr").ad_agreed);
  model.set_switch("v2_bulk_consent", "reset");
  bulk(silent, true);
  EXPECT_FALSE(person("a@x.kr").ad_agreed);
}

TEST_F(V2Test, UpdatingTakesAnEncodedAddressAndFieldsOnly) {
  add(R"({"email":"a+b/c@x.kr","status":"subscribed"})");
  const std::string path = "/v2/lists/1234/subscribers/a%2Bb%2Fc%40x.kr";
  EXPECT_EQ(call("PUT", path, R"({"fields":{"name":"n"}})").status, 200);
  EXPECT_EQ(person("a+b/c@x.kr").fields.at("name"), "n");
  EXPECT_EQ(v2_code(call("PUT", "/v2/lists/1234/subscribers/nobody@x.kr", R"({"fields":{}})")),
            "stberror.Errors.List.NotExistEmail");
  EXPECT_EQ(call("PUT", path, R"({})").status, 400);
  EXPECT_EQ(call("PUT", "/v2/lists/1234/subscribers/a%zz", R"({"fields":{}})").status, 400);
}

TEST_F(V2Test, UnsubscribingIsIdempotentAndNeedsNoBody) {
  add(R"({"email":"a@x.kr","status":"subscribed"})");
  const std::string path = "/v2/lists/1234/subscribers/a%40x.kr/unsubscribe";
  EXPECT_EQ(call("POST", path, "").status, 200);
  EXPECT_EQ(call("POST", path, "").status, 200);
  EXPECT_EQ(person("a@x.kr").status, Status::Unsubscribed);
  EXPECT_EQ(model.totals().repeated_people, 1U);
  EXPECT_EQ(call("POST", "/v2/lists/1234/subscribers/nobody%40x.kr/unsubscribe", "").status, 400);
}

TEST_F(V2Test, DeletingTakesAHundredAddresses) {
  add(R"({"email":"a@x.kr","status":"subscribed"})");
  EXPECT_EQ(call("DELETE", "/v2/lists/1234/subscribers", R"({"subscribers":["a@x.kr","nobody@x.kr"]})").body,
            "ok");
  EXPECT_FALSE(in_list("a@x.kr"));
  std::string many_addresses = R"({"subscribers":["u@x.kr")";
  for (int i = 0; i < 100; ++i)
    many_addresses += R"(,"u@x.kr")";
  EXPECT_EQ(v2_code(call("DELETE", "/v2/lists/1234/subscribers", many_addresses + "]}")),
            "stberror.Errors.List.LimitExceeded");
  model.set_switch("v2_limit_namespace", "data");
  EXPECT_EQ(v2_code(call("DELETE", "/v2/lists/1234/subscribers", many_addresses + "]}")),
            "stberror.Errors.Data.LimitExceeded");
}

TEST_F(V2Test, DoubleOptInMakesPeopleReady) {
  const std::string body = R"({"subscriber":{"email":"a@x.kr","fields":{"name":"n"}}})";
  EXPECT_EQ(call("POST", "/v2/lists/1234/subscribers/double-optin", body).status, 200);
  EXPECT_EQ(person("a@x.kr").status, Status::Ready);
  EXPECT_EQ(v2_code(call("POST", "/v2/lists/1234/subscribers/double-optin", body)),
            "stberror.Errors.List.AlreadyExistEmail");
  EXPECT_EQ(model.totals().confirmation_mails, 1U);
  EXPECT_EQ(total("ready"), 1);
}

TEST_F(V2Test, GroupsOfAPersonChangeOneAtATime) {
  add(R"({"email":"a@x.kr","status":"subscribed"})");
  const std::string path = "/v2/lists/1234/groups/77/";
  EXPECT_EQ(call("POST", path + "assign", R"({"subscriber":"a@x.kr"})").status, 200);
  EXPECT_EQ(call("POST", path + "assign", R"({"subscriber":"a@x.kr"})").status, 200);
  EXPECT_EQ(person("a@x.kr").groups, std::vector<std::uint64_t>{77});
  EXPECT_EQ(v2_code(call("POST", path + "assign", R"({"subscriber":"nobody@x.kr"})")),
            "stberror.Errors.List.NotExistEmail");
  EXPECT_EQ(v2_code(call("POST", "/v2/lists/1234/groups/9/assign", R"({"subscriber":"a@x.kr"})")),
            "stberror.Errors.List.NoSuchGroup");
  EXPECT_EQ(call("POST", path + "release", R"({"subscriber":"a@x.kr"})").status, 200);
  EXPECT_EQ(call("POST", "/v2/lists/1234/groups/9/release", R"({"subscriber":"nobody@x.kr"})").status, 200);
  EXPECT_TRUE(person("a@x.kr").groups.empty());
}

TEST_F(V2Test, GroupsAreManagedFromProUp) {
  const std::string path = "/v2/lists/1234/groups";
  const auto created = call("POST", path, R"({"name":"bronze"})");
  EXPECT_EQ(json::parse(created.body).at("id").as_int64(), 79);
  EXPECT_EQ(v2_code(call("POST", path, R"({"name":"bronze"})")), "stberror.Errors.List.AlreadyExistGroup");
  EXPECT_EQ(v2_code(call("POST", path, R"({"name":""})")), "stberror.Errors.Data.InvalidRequest");
  EXPECT_EQ(call("PUT", path + "/79", R"({"name":"tin"})").status, 200);
  const auto groups =
      json::parse(call("GET", path + "?sortBy=name&sortOrder=asc&limit=2", "").body).as_array();
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].at("name").as_string(), "gold");
  add(R"({"email":"a@x.kr","status":"subscribed"})");
  call("POST", path + "/79/assign", R"({"subscriber":"a@x.kr"})");
  EXPECT_EQ(call("DELETE", path + "/79", "").status, 200);
  EXPECT_TRUE(person("a@x.kr").groups.empty());
  for (int i = 2; i < 50; ++i)
    EXPECT_EQ(call("POST", path, R"({"name":"g)" + std::to_string(i) + "\"}").status, 200);
  EXPECT_EQ(v2_code(call("POST", path, R"({"name":"one more"})")), "stberror.Errors.List.TooManyGroups");
  model.set_switch("plan", "standard");
  EXPECT_EQ(v2_code(call("GET", path, "")), "stberror.Errors.Authorization.PermissionDenied");
  EXPECT_EQ(call("POST", path + "/77/assign", R"({"subscriber":"a@x.kr"})").status, 200);
  EXPECT_EQ(call("GET", "/v2/lists", "").status, 400);
  model.set_switch("plan", "enterprise");
  EXPECT_EQ(json::parse(call("GET", "/v2/lists", "").body).as_array().size(), 2U);
}

TEST_F(V2Test, ReadingGivesPagesInEveryWrapper) {
  for (int i = 0; i < 25; ++i)
    add(R"({"email":"u)" + std::to_string(10 + i) + R"(@x.kr","status":"subscribed"})");
  EXPECT_EQ(json::parse(read("").body).as_array().size(), 20U);
  const auto page = json::parse(read("?statuses=subscribed&offset=20&limit=1000").body).as_array();
  ASSERT_EQ(page.size(), 5U);
  EXPECT_EQ(page[0].at("email").as_string(), "u30@x.kr");
  EXPECT_EQ(page[0].at("fields").at("$ad_agreed").as_string(), "");
  EXPECT_EQ(page[0].at("createdTime").as_string().subview(19), " +0900 KST");
  for (const char* wrapper : {"items", "subscribers", "data", "Value"}) {
    model.set_switch("v2_wrapper", wrapper);
    EXPECT_EQ(json::parse(read("?limit=3").body).at(wrapper).as_array().size(), 3U) << wrapper;
  }
  model.set_switch("v2_wrapper", "unknown");
  EXPECT_TRUE(json::parse(read("").body).at("result").is_object());
  model.set_switch("v2_wrapper", "array");
  model.set_switch("v2_empty_page", "null");
  EXPECT_EQ(read("?offset=25").body, "null");
}

TEST_F(V2Test, BadPageNumbersAreRefused) {
  EXPECT_EQ(v2_code(read("?offset=x")), "stberror.Errors.Data.InvalidRequest");
  EXPECT_EQ(v2_code(read("?offset=-1")), "stberror.Errors.Data.InvalidRequest");
  EXPECT_EQ(v2_code(read("?limit=0")), "stberror.Errors.Data.InvalidRequest");
  EXPECT_EQ(v2_code(read("?limit=1001")), "stberror.Errors.Data.LimitExceeded");
}

TEST_F(V2Test, StatusesFilterPagesAndCounts) {
  add(R"({"email":"s@x.kr","status":"subscribed"})");
  add(R"({"email":"u@x.kr","status":"unsubscribed"})");
  add(R"({"email":"p@x.kr","status":"subscribed"})");
  call("DELETE", "/v2/lists/1234/subscribers", R"({"subscribers":["p@x.kr"]})");
  EXPECT_EQ(total("subscribed"), 1);
  EXPECT_EQ(total("subscribed,unsubscribed,archived,ready,deleted"), 2);
  EXPECT_EQ(total("nonsense"), 0);
  EXPECT_EQ(json::parse(read("").body).as_array().size(), 1U);
  model.set_switch("v2_default_statuses", "all");
  EXPECT_EQ(json::parse(read("").body).as_array().size(), 2U);
  model.set_switch("v2_purged_listed", "yes");
  EXPECT_EQ(json::parse(read("?statuses=deleted").body).as_array().at(0).at("status").as_string(), "deleted");
}

TEST_F(V2Test, GroupsAndTimesOfAPersonReadFollowTheSwitches) {
  add(R"({"email":"a@x.kr","status":"subscribed"})");
  call("POST", "/v2/lists/1234/groups/77/assign", R"({"subscriber":"a@x.kr"})");
  EXPECT_NE(read("").body.find(R"("groupIds":[77])"), std::string::npos);
  model.set_switch("v2_group_ids", "strings");
  EXPECT_NE(read("").body.find(R"("groupIds":["77"])"), std::string::npos);
  model.set_switch("v2_group_ids", "absent");
  EXPECT_EQ(read("").body.find("groupIds"), std::string::npos);
  model.set_switch("v2_time", "kst_fraction");
  EXPECT_NE(read("").body.find("09:00:01.000000 +0900 KST"), std::string::npos);
  model.set_switch("v2_time", "utc");
  EXPECT_NE(read("").body.find("00:00:01 +0000 UTC"), std::string::npos);
}

TEST_F(V2Test, AnUnstableOrderDiffersFromCallToCall) {
  for (int i = 0; i < 30; ++i)
    add(R"({"email":"u)" + std::to_string(i) + R"(@x.kr","status":"subscribed"})");
  EXPECT_EQ(read("?limit=30").body, read("?limit=30").body);
  model.set_switch("v2_order", "unstable");
  EXPECT_NE(read("?limit=30").body, read("?limit=30").body);
  model.set_switch("v2_order", "email");
  EXPECT_EQ(json::parse(read("?limit=30").body).as_array().at(1).at("email").as_string(), "u10@x.kr");
}

}  // namespace stibee_sim::testing

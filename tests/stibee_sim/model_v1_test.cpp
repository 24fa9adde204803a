// What API v1 of the simulated Stibee keeps and answers.

#include "model_fixture.hpp"

namespace stibee_sim::testing {

class V1Test : public ModelTest {};

TEST_F(V1Test, SubscribingKeepsFieldsConsentAndGroups) {
  const auto answer = v1_subscribe(R"([{"email":"A@x.kr","name":"고길동","phone":"010","$ad_agreed":"Y"}])",
                                   R"(,"groupIds":["77"])");
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(v1_ok(answer));
  EXPECT_EQ(in_result(answer, "success"), Addresses{"A@x.kr"});
  const Person kept = person("a@X.KR");
  EXPECT_EQ(kept.status, Status::Subscribed);
  EXPECT_EQ(kept.fields, (std::map<std::string, std::string>{{"name", "고길동"}, {"phone", "010"}}));
  EXPECT_TRUE(kept.ad_agreed);
  EXPECT_EQ(kept.groups, std::vector<std::uint64_t>{77});
}

TEST_F(V1Test, ListsAreSeparate) {
  v1_subscribe(R"([{"email":"a@x.kr"}])");
  EXPECT_EQ(model.people("1234"), 1U);
  EXPECT_EQ(model.people("5678"), 0U);
}

TEST_F(V1Test, EveryDocumentedResultListIsInTheAnswer) {
  const auto value = json::parse(v1_subscribe(R"([{"email":"a@x.kr"}])").body).at("Value").as_object();
  for (const char* name :
       {"success", "update", "failNoEmail", "failExistEmail", "failExistPhone", "failWrongEmail",
        "failWrongPhone", "failDuplicatedEmail", "failDuplicatedPhone", "failUnknown"}) {
    EXPECT_TRUE(value.contains(name)) << name;
  }
}

TEST_F(V1Test, EmptyResultListsCanBeNullOrMissing) {
  model.set_switch("empty_lists", "null");
  EXPECT_TRUE(json::parse(v1_subscribe(R"([{"email":"a@x.kr"}])").body).at("Value").at("update").is_null());
  model.set_switch("empty_lists", "missing");
  EXPECT_FALSE(
      json::parse(v1_subscribe(R"([{"email":"b@x.kr"}])").body).at("Value").as_object().contains("update"));
}

TEST_F(V1Test, TheWrapperArrayOfTheDocumentIsRefusedInGosWords) {
  const auto answer = call("POST", "/v1/lists/1234/subscribers", R"([{"subscribers":[{"email":"a@x.kr"}]}])");
  EXPECT_EQ(answer.status, 200);
  EXPECT_FALSE(v1_ok(answer));
  EXPECT_EQ(v1_code(answer), "UNKNOWN");
  EXPECT_NE(answer.body.find("cannot unmarshal array"), std::string::npos);
  EXPECT_EQ(model.people("1234"), 0U);
}

TEST_F(V1Test, MalformedJsonIsRefused) {
  EXPECT_EQ(v1_code(call("POST", "/v1/lists/1234/subscribers", R"({"subscribers":[)")), "UNKNOWN");
  EXPECT_EQ(v1_code(call("POST", "/v1/lists/1234/subscribers", "<xml/>")), "UNKNOWN");
}

TEST_F(V1Test, ValuesAndGroupIdsMustBeStrings) {
  EXPECT_NE(v1_subscribe(R"([{"email":"a@x.kr","name":7}])").body.find("cannot unmarshal number"),
            std::string::npos);
  EXPECT_NE(v1_subscribe(R"([{"email":"a@x.kr","name":null}])").body.find("cannot unmarshal null"),
            std::string::npos);
  EXPECT_NE(v1_subscribe(R"([{"email":"a@x.kr"}])", R"(,"groupIds":[77])").body.find("groupIds"),
            std::string::npos);
  EXPECT_EQ(model.people("1234"), 0U);
  model.set_switch("v1_null_values", "empty");
  EXPECT_TRUE(v1_ok(v1_subscribe(R"([{"email":"a@x.kr","name":null}])")));
  EXPECT_EQ(person("a@x.kr").fields.at("name"), "");
}

TEST_F(V1Test, AnUnknownGroupRefusesTheWholeCall) {
  EXPECT_EQ(v1_code(v1_subscribe(R"([{"email":"a@x.kr"}])", R"(,"groupIds":["99"])")),
            "Errors.List.NoSuchGroup");
  EXPECT_FALSE(in_list("a@x.kr"));
}

TEST_F(V1Test, UnknownTagsVanishUnlessEveryTagIsTaken) {
  v1_subscribe(R"([{"email":"a@x.kr","shoe":"42"}])");
  EXPECT_FALSE(person("a@x.kr").fields.contains("shoe"));
  auto setup = two_lists();
  setup.any_field = true;
  model = StibeeModel{setup};
  v1_subscribe(R"([{"email":"a@x.kr","shoe":"42"}])");
  EXPECT_EQ(person("a@x.kr").fields.at("shoe"), "42");
}

TEST_F(V1Test, BadPeopleFailAloneEachInItsList) {
  const auto answer = v1_subscribe(
      R"([{"name":"x"},{"email":"no-at"},{"email":"a@x.kr"},{"email":"A@X.kr"},{"email":" b@x.kr"},)"
      R"({"email":"c@x.kr","birthday":"2026-1-3"},{"email":"d@x.kr","joined":"2026-01-03 25:00"},)"
      R"({"email":"e@x.kr","birthday":"2026-02-28","joined":"2026-01-03 09:30:00"},{"email":"f@localhost"}])");
  EXPECT_EQ(in_result(answer, "failNoEmail"), Addresses{""});
  EXPECT_EQ(in_result(answer, "failWrongEmail"), (Addresses{"no-at", " b@x.kr", "f@localhost"}));
  EXPECT_EQ(in_result(answer, "failDuplicatedEmail"), Addresses{"A@X.kr"});
  EXPECT_EQ(in_result(answer, "failValidationDateTime"), (Addresses{"c@x.kr", "d@x.kr"}));
  EXPECT_EQ(in_result(answer, "success"), (Addresses{"a@x.kr", "e@x.kr"}));
  EXPECT_EQ(model.people("1234"), 2U);
}

TEST_F(V1Test, BothOfADuplicateFailWhenSoSwitched) {
  model.set_switch("v1_duplicates", "all_fail");
  const auto answer = v1_subscribe(R"([{"email":"a@x.kr"},{"email":"a@x.kr"}])");
  EXPECT_EQ(in_result(answer, "failDuplicatedEmail").size(), 2U);
  EXPECT_FALSE(in_list("a@x.kr"));
}

TEST_F(V1Test, CaseCanMakeTwoPeople) {
  model.set_switch("address_case", "exact");
  EXPECT_EQ(in_result(v1_subscribe(R"([{"email":"a@x.kr"},{"email":"A@x.kr"}])"), "success").size(), 2U);
}

TEST_F(V1Test, ManualUpdatesValuesAndNeverTheStatus) {
  v1_subscribe(R"([{"email":"a@x.kr","name":"old","phone":"1"}])");
  v1_unsubscribe(R"(["a@x.kr"])");
  const auto answer = v1_subscribe(R"([{"email":"a@x.kr","name":"new"}])", R"(,"groupIds":["78"])");
  EXPECT_EQ(in_result(answer, "update"), Addresses{"a@x.kr"});
  const Person kept = person("a@x.kr");
  EXPECT_EQ(kept.status, Status::Unsubscribed);
  EXPECT_EQ(kept.fields.at("name"), "new");
  EXPECT_EQ(kept.fields.at("phone"), "1");
  EXPECT_EQ(kept.groups, std::vector<std::uint64_t>{78});
}

TEST_F(V1Test, ManualForSomebodyUnsubscribedCanBeDenied) {
  model.set_switch("v1_manual_unsubscribed", "fail_deny");
  v1_subscribe(R"([{"email":"a@x.kr","name":"old"}])");
  v1_unsubscribe(R"(["a@x.kr"])");
  EXPECT_EQ(in_result(v1_subscribe(R"([{"email":"a@x.kr","name":"new"}])"), "failDeny"), Addresses{"a@x.kr"});
  EXPECT_EQ(person("a@x.kr").fields.at("name"), "old");
}

TEST_F(V1Test, SubscriberLeavesSomebodySubscribedAsTheyAre) {
  v1_subscribe(R"([{"email":"a@x.kr","name":"old"}])");
  const auto answer = v1_by_subscriber(R"([{"email":"a@x.kr","name":"new"}])");
  EXPECT_EQ(v1_code(answer), "LIST_ALREADY_SUBSCRIBED");
  EXPECT_EQ(person("a@x.kr").fields.at("name"), "old");
  const auto mixed = v1_by_subscriber(R"([{"email":"a@x.kr"},{"email":"b@x.kr"}])");
  EXPECT_EQ(in_result(mixed, "failExistEmail"), Addresses{"a@x.kr"});
  EXPECT_EQ(in_result(mixed, "success"), Addresses{"b@x.kr"});
  model.set_switch("v1_already_subscribed", "fail_exist_email");
  EXPECT_EQ(in_result(v1_by_subscriber(R"([{"email":"a@x.kr"}])"), "failExistEmail"), Addresses{"a@x.kr"});
  model.set_switch("v1_already_subscribed", "update");
  EXPECT_EQ(in_result(v1_by_subscriber(R"([{"email":"a@x.kr","name":"z"}])"), "update"), Addresses{"a@x.kr"});
  EXPECT_EQ(person("a@x.kr").fields.at("name"), "old");
}

TEST_F(V1Test, OnlyTheSpellingThatCountsMakesItTheSubscribersOwnCall) {
  v1_subscribe(R"([{"email":"a@x.kr"}])");
  const auto resubscribe = [&](const std::string& actors) {
    v1_unsubscribe(R"(["a@x.kr"])");
    const auto answer =
        call("POST", "/v1/lists/1234/subscribers", "{" + actors + R"(,"subscribers":[{"email":"a@x.kr"}]})");
    const bool told = !in_result(answer, "success").empty();
    EXPECT_EQ(person("a@x.kr").status == Status::Subscribed, told);
    return told;
  };
  const std::string document = R"("eventOccurredBy":"SUBSCRIBER")";
  const std::string clients = R"("eventOccuredBy":"SUBSCRIBER")";
  EXPECT_TRUE(resubscribe(document));
  EXPECT_FALSE(resubscribe(clients));
  model.set_switch("v1_actor_key", "eventOccuredBy");
  EXPECT_FALSE(resubscribe(document)) << "an unknown key is the default, without an error";
  EXPECT_TRUE(resubscribe(clients));
  model.set_switch("v1_actor_key", "either");
  EXPECT_TRUE(resubscribe(document));
  EXPECT_TRUE(resubscribe(clients));
}

TEST_F(V1Test, SubscriberBringsBackTheUnsubscribedAndTheAutoDeleted) {
  v1_subscribe(R"([{"email":"a@x.kr","name":"old"},{"email":"b@x.kr"}])");
  v1_unsubscribe(R"(["a@x.kr"])");
  WebEdit bounce;
  bounce.list = "1234";
  bounce.action = "auto_delete";
  bounce.emails = {"b@x.kr"};
  model.edit(bounce, now);
  EXPECT_EQ(person("b@x.kr").status, Status::Archived);
  const auto answer = v1_by_subscriber(R"([{"email":"a@x.kr","name":"new"},{"email":"b@x.kr"}])");
  EXPECT_EQ(in_result(answer, "success").size(), 2U);
  EXPECT_EQ(person("a@x.kr").status, Status::Subscribed);
  EXPECT_EQ(person("a@x.kr").fields.at("name"), "new");
  EXPECT_EQ(person("b@x.kr").status, Status::Subscribed);
}

TEST_F(V1Test, ConsentIsYesNoOrUntouched) {
  v1_subscribe(
      R"([{"email":"y@x.kr","$ad_agreed":"Y"},{"email":"n@x.kr"},{"email":"w@x.kr","$ad_agreed":"yes"}])");
  EXPECT_TRUE(person("y@x.kr").ad_agreed);
  EXPECT_FALSE(person("n@x.kr").ad_agreed);
  EXPECT_FALSE(person("w@x.kr").ad_agreed);
  v1_subscribe(R"([{"email":"y@x.kr","$ad_agreed":"maybe"},{"email":"n@x.kr","$ad_agreed":"Y"}])");
  EXPECT_TRUE(person("y@x.kr").ad_agreed);
  EXPECT_TRUE(person("n@x.kr").ad_agreed);
  v1_subscribe(R"([{"email":"y@x.kr","$ad_agreed":"N"},{"email":"n@x.kr"}])");
  EXPECT_FALSE(person("y@x.kr").ad_agreed);
  EXPECT_TRUE(person("n@x.kr").ad_agreed);
}

TEST_F(V1Test, ConfirmationMailsMakePeopleReady) {
  const auto answer = v1_subscribe(R"([{"email":"a@x.kr"}])", R"(,"confirmEmailYN":"Y")");
  EXPECT_EQ(in_result(answer, "success"), Addresses{"a@x.kr"});
  EXPECT_EQ(person("a@x.kr").status, Status::Ready);
  EXPECT_EQ(person("a@x.kr").confirmation_mails, 1U);
  v1_subscribe(R"([{"email":"a@x.kr"}])", R"(,"confirmEmailYN":"Y")");
  EXPECT_EQ(model.totals().repeated_confirmation_mails, 1U);
  WebEdit confirm;
  confirm.list = "1234";
  confirm.action = "confirm";
  confirm.emails = {"a@x.kr"};
  EXPECT_EQ(model.edit(confirm, now), 1U);
  EXPECT_EQ(person("a@x.kr").status, Status::Subscribed);
}

TEST_F(V1Test, NobodyIsAddedWhenMoreThanTenAreToConfirm) {
  EXPECT_FALSE(v1_ok(v1_subscribe(many(11), R"(,"confirmEmailYN":"Y")")));
  EXPECT_EQ(model.people("1234"), 0U);
  model.set_switch("v1_confirm_too_many", "fail_unknown");
  EXPECT_EQ(in_result(v1_subscribe(many(11), R"(,"confirmEmailYN":"Y")"), "failUnknown").size(), 11U);
  EXPECT_EQ(model.people("1234"), 0U);
  EXPECT_TRUE(v1_ok(v1_subscribe(many(10), R"(,"confirmEmailYN":"Y")")));
  EXPECT_EQ(model.people("1234"), 10U);
}

TEST_F(V1Test, UnsubscribingNamesWhoWasAlreadyGone) {
  v1_subscribe(R"([{"email":"a@x.kr"},{"email":"b@x.kr"}])");
  v1_unsubscribe(R"(["a@x.kr"])");
  const auto answer = v1_unsubscribe(R"(["a@x.kr","b@x.kr","nobody@x.kr"])");
  EXPECT_EQ(in_result(answer, "success"), Addresses{"b@x.kr"});
  EXPECT_EQ(in_result(answer, "failOrAlreadyUnsubscribe"), (Addresses{"a@x.kr", "nobody@x.kr"}));
}

TEST_F(V1Test, DeletingRemovesForGood) {
  v1_subscribe(R"([{"email":"a@x.kr","name":"old"}])", R"(,"groupIds":["77"])");
  model.set_switch("v1_plain_lists", "objects");
  const auto answer = v1_delete(R"(["a@x.kr","nobody@x.kr"])");
  EXPECT_EQ(in_result(answer, "success"), Addresses{"a@x.kr"});
  EXPECT_EQ(in_result(answer, "fail"), Addresses{"nobody@x.kr"});
  EXPECT_FALSE(in_list("a@x.kr"));
  v1_subscribe(R"([{"email":"a@x.kr"}])");
  EXPECT_TRUE(person("a@x.kr").groups.empty());
  EXPECT_TRUE(person("a@x.kr").fields.empty());
}

TEST_F(V1Test, ArrayCallsTakeArraysOfStringsOnly) {
  EXPECT_EQ(v1_code(v1_delete(R"({"subscribers":["a@x.kr"]})")), "UNKNOWN");
  EXPECT_EQ(v1_code(v1_delete("[1]")), "UNKNOWN");
  EXPECT_FALSE(v1_ok(v1_delete("[]")));
}

TEST_F(V1Test, GroupsAreAssignedAndReleased) {
  v1_subscribe(R"([{"email":"a@x.kr"}])");
  const std::string path = "/v1/lists/1234/groups/77/subscribers/";
  const auto assigned = call("POST", path + "assign", R"(["a@x.kr","nobody@x.kr"])");
  EXPECT_TRUE(json::parse(assigned.body).at("Value").is_null());
  EXPECT_EQ(person("a@x.kr").groups, std::vector<std::uint64_t>{77});
  model.set_switch("v1_group_value", "success_fail");
  const auto released = call("POST", path + "release", R"(["a@x.kr","nobody@x.kr"])");
  EXPECT_EQ(in_result(released, "success"), Addresses{"a@x.kr"});
  EXPECT_EQ(in_result(released, "fail"), Addresses{"nobody@x.kr"});
  EXPECT_TRUE(person("a@x.kr").groups.empty());
  EXPECT_EQ(v1_code(call("POST", "/v1/lists/1234/groups/99/subscribers/assign", R"(["a@x.kr"])")),
            "Errors.List.NoSuchGroup");
  for (const char* value : {"null", "missing", "empty_object", "success_list", "text"}) {
    model.set_switch("v1_group_value", value);
    EXPECT_TRUE(v1_ok(call("POST", path + "assign", R"(["a@x.kr"])"))) << value;
  }
}

TEST_F(V1Test, ErrorsComeInEitherCaseAndStatus) {
  model.set_switch("v1_error_keys", "lower");
  model.set_switch("v1_failure_status", "400");
  model.set_switch("v1_inner_status", "200");
  const auto answer = v1_delete("[]");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(json::parse(answer.body).at("Error").at("httpStatusCode").as_int64(), 200);
  model.set_switch("v1_envelope_keys", "lower");
  EXPECT_FALSE(json::parse(v1_delete("[]").body).at("ok").as_bool());
}

TEST_F(V1Test, AnswersCanShowTheStoredPerson) {
  model.set_switch("v1_person_detail", "full");
  const auto body = json::parse(v1_subscribe(R"([{"email":"a@x.kr","name":"n","$ad_agreed":"Y"}])").body);
  const auto& shown = body.at("Value").at("success").as_array().at(0).as_object();
  EXPECT_TRUE(shown.at("stb_ad_agreement").as_bool());
  EXPECT_EQ(shown.at("$createdTime").as_string(), "2026-01-01 09:00:01 +0900 KST");
  model.set_switch("v1_person_detail", "email_only");
  EXPECT_EQ(json::parse(v1_subscribe(R"([{"email":"a@x.kr","name":"n"}])").body)
                .at("Value")
                .at("update")
                .as_array()
                .at(0)
                .as_object()
                .size(),
            1U);
}

TEST_F(V1Test, AddressesCanBeSpeltAsSentAsStoredOrLower) {
  v1_subscribe(R"([{"email":"Ab@x.kr"}])");
  EXPECT_EQ(in_result(v1_subscribe(R"([{"email":"aB@x.kr"}])"), "update"), Addresses{"aB@x.kr"});
  model.set_switch("echo_address", "stored");
  EXPECT_EQ(in_result(v1_subscribe(R"([{"email":"aB@x.kr"}])"), "update"), Addresses{"Ab@x.kr"});
  model.set_switch("echo_address", "lower");
  EXPECT_EQ(in_result(v1_subscribe(R"([{"email":"aB@x.kr"}])"), "update"), Addresses{"ab@x.kr"});
}

TEST_F(V1Test, TheListOfListsIsAsOddAsSwitched) {
  EXPECT_EQ(json::parse(call("GET", "/v1/lists", "").body).at("Value").as_array().size(), 2U);
  model.set_switch("v1_lists_read", "not_found");
  EXPECT_EQ(call("GET", "/v1/lists", "").status, 404);
  model.set_switch("v1_lists_read", "error");
  EXPECT_FALSE(v1_ok(call("GET", "/v1/lists", "")));
}

TEST_F(V1Test, RepeatedPeopleAreThoseWhoseAppliedValuesComeAgain) {
  v1_subscribe(R"([{"email":"a@x.kr","name":"1"},{"email":"b@x.kr","name":"1"}])");
  v1_subscribe(R"([{"email":"a@x.kr","name":"1"},{"email":"b@x.kr","name":"2"}])");
  EXPECT_EQ(model.totals().repeated_people, 1U);
  // Back to the first value is a change, not a repetition.
  v1_subscribe(R"([{"email":"b@x.kr","name":"1"}])");
  EXPECT_EQ(model.totals().repeated_people, 1U);
  v1_unsubscribe(R"(["a@x.kr"])");
  v1_unsubscribe(R"(["a@x.kr"])");
  EXPECT_EQ(model.totals().repeated_people, 2U);
  v1_delete(R"(["a@x.kr"])");
  v1_delete(R"(["a@x.kr"])");
  EXPECT_EQ(model.totals().repeated_people, 3U);
}

TEST_F(V1Test, TwoThousandPeopleTakeAFewMilliseconds) {
  const auto people = many(2000);
  const auto start = std::chrono::steady_clock::now();
  v1_subscribe(people);
  const auto spent = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(model.people("1234"), 2000U);
  // Generous: sanitizers and a busy machine must pass too; an accidental quadratic must not.
  EXPECT_LT(spent, std::chrono::milliseconds{500});
  RecordProperty("microseconds",
                 static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(spent).count()));
}

}  // namespace stibee_sim::testing

#include "integration/e2e/deployment.hpp"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

// Why one person is, or is not, on the list: `explain`, as ops ask it.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;

bool flag(const json::Value& value, const std::string& key) {
  const auto* found = at(value, key).if_bool();
  if (found == nullptr) throw std::runtime_error("\"" + key + "\" is no flag");
  return *found;
}

void edit(Deployment& deployment, const std::string& action, const std::string& email) {
  deployment.stibee_post("/_sim/people",
                         R"({"list":"1234","action":")" + action + R"(","emails":[")" + email + R"("]})");
}

json::Value explained(Deployment& deployment, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "explain");
  return items(deployment.report(std::move(arguments)), "mirrors").front();
}

std::string status_of(const json::Value& mirror) {
  return text(at(mirror, "confirmed"), "status");
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Explain, SomebodyInStepIsSettledAndNothingIsSent) {
  Deployment deployment;
  deployment.add_members(1, 30);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  const auto before = deployment.dump();
  const auto mirror = explained(deployment, {"P7@Example.com"});
  EXPECT_EQ(text(mirror, "name"), "members");
  EXPECT_TRUE(flag(mirror, "known"));
  EXPECT_EQ(text(mirror, "wanted"), "subscribed");
  EXPECT_EQ(status_of(mirror), "subscribed");
  EXPECT_EQ(text(mirror, "rule"), "settled");
  EXPECT_TRUE(at(at(mirror, "next_call"), "operation").is_null());
  const auto& row = items(at(mirror, "table"), "rows").front();
  EXPECT_EQ(text(row, "key"), "7");
  EXPECT_TRUE(flag(row, "read"));
  EXPECT_EQ(text(at(row, "fields"), "phone"), "***");
  EXPECT_EQ(text(at(mirror, "stibee"), "status"), "subscribed");
  EXPECT_EQ(deployment.dump(), before);
  EXPECT_EQ(deployment.stat("violations"), 0);
}

TEST(Explain, AddressesAndValuesAreMaskedUnlessRevealedAndThatIsSaid) {
  Deployment deployment;
  deployment.add_members(1, 10);
  for (const bool synced : {false, true}) {
    if (synced) {
      ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
    }
    const auto masked = deployment.syncd({"explain", "p7@example.com"});
    EXPECT_EQ(masked.exit_code, 0) << masked.err;
    EXPECT_TRUE(has(masked.out, "p***@example.com")) << masked.out;
    for (const std::string secret : {"p7@", "p7%40", "010-7", "이름"})
      EXPECT_FALSE(has(masked.out + masked.err, secret)) << secret << masked.out;
    const auto revealed = deployment.syncd({"explain", "p7@example.com", "--reveal"});
    EXPECT_TRUE(has(revealed.out, "p7@example.com")) << revealed.out;
    EXPECT_TRUE(has(revealed.out, "010-7")) << revealed.out;
    EXPECT_TRUE(has(revealed.err, "1 person")) << revealed.err;
  }
}

TEST(Explain, BeforeTheFirstReadTheNextCallIsTheSubscribe) {
  Deployment deployment;
  deployment.add_members(1, 10);
  const auto mirror = explained(deployment, {"p7@example.com", "--reveal"});
  EXPECT_EQ(text(mirror, "rule"), "subscribe_new");
  const auto& call = at(mirror, "next_call");
  EXPECT_EQ(text(call, "operation"), "subscribe");
  EXPECT_EQ(text(call, "method"), "POST");
  EXPECT_EQ(text(call, "path"), "/v1/lists/1234/subscribers");
  EXPECT_TRUE(has(text(call, "body"), R"("eventOccurredBy":"MANUAL")")) << text(call, "body");
  EXPECT_TRUE(has(text(call, "body"), R"("email":"p7@example.com")")) << text(call, "body");
  EXPECT_FALSE(flag(items(at(mirror, "table"), "rows").front(), "read"));
  EXPECT_FALSE(std::filesystem::exists(deployment.state() / "state.sqlite"));
  EXPECT_EQ(deployment.subscribed(), 0);
}

TEST(Explain, OptedOutAtStibeeIsOnRecordAndStaysSo) {
  Deployment deployment;
  deployment.add_members(1, 30);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  edit(deployment, "unsubscribe", "p7@example.com");
  deployment.syncd({"reconcile"});
  const auto mirror = explained(deployment, {"p7@example.com"});
  EXPECT_EQ(status_of(mirror), "opted_out");
  EXPECT_EQ(text(mirror, "rule"), "opted_out");
  EXPECT_TRUE(has(text(mirror, "rule_words"), "newer consent"));
  const auto& opt_outs = items(mirror, "opt_outs");
  ASSERT_EQ(opt_outs.size(), 2u);
  EXPECT_EQ(text(opt_outs[0], "of"), "address");
  EXPECT_EQ(text(opt_outs[1], "of"), "key 7");
  EXPECT_EQ(text(at(mirror, "stibee"), "status"), "opted_out");
  EXPECT_TRUE(has(text(at(mirror, "next_call"), "why_none"), "opted out"));
}

TEST(Explain, UnsubscribedByUsIsSubscribedAgainOnceTheRowSaysSo) {
  Deployment deployment;
  deployment.add_members(1, 30);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  deployment.sql("UPDATE members SET email_opt_in = false WHERE id = 7");
  auto mirror = explained(deployment, {"p7@example.com"});
  EXPECT_EQ(text(mirror, "rule"), "unsubscribe") << "the row was not read yet";
  EXPECT_EQ(text(at(mirror, "next_call"), "path"), "/v1/lists/1234/subscribers/unsubscribe");
  EXPECT_EQ(text(at(mirror, "next_call"), "body"), R"(["p***@example.com"])");
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  mirror = explained(deployment, {"p7@example.com"});
  EXPECT_EQ(status_of(mirror), "unsubscribed");
  EXPECT_EQ(text(mirror, "rule"), "settled");
  deployment.sql("UPDATE members SET email_opt_in = true WHERE id = 7");
  mirror = explained(deployment, {"p7@example.com"});
  EXPECT_EQ(text(mirror, "rule"), "resubscribe");
  EXPECT_TRUE(has(text(at(mirror, "next_call"), "body"), "SUBSCRIBER"));
}

TEST(Explain, ParkedIsShownWithStibeesWordsAndTheCure) {
  Deployment deployment;
  deployment.add_members(1, 20);
  deployment.stibee_post(
      "/_sim/faults",
      R"({"rules":[{"kind":"person","address":"p7@example.com","result":"failWrongEmail"}]})");
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  const auto mirror = explained(deployment, {"--key", "7"});
  EXPECT_EQ(text(at(mirror, "delivery"), "parked"), "wrong_email");
  EXPECT_TRUE(has(text(at(mirror, "next_call"), "why_none"), "correct the address"))
      << text(at(mirror, "next_call"), "why_none");
  EXPECT_FALSE(flag(at(mirror, "stibee"), "found"));
}

TEST(Explain, PurgedByHandIsLeftAlone) {
  DeploymentOptions options;
  options.webhook = true;
  Deployment deployment(options);
  deployment.add_members(1, 30);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  edit(deployment, "purge", "p7@example.com");
  ASSERT_TRUE(
      eventually(30s, [&] { return text(explained(deployment, {"p7@example.com"}), "rule") == "purged"; }));
  EXPECT_FALSE(flag(at(explained(deployment, {"p7@example.com"}), "stibee"), "found"));
}

TEST(Explain, WhoeverLeftGoesByOnLeave) {
  DeploymentOptions options;
  options.mirror_extra = "    on_leave: delete\n";
  Deployment deployment(options);
  deployment.add_members(1, 30);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  deployment.sql("DELETE FROM members WHERE id = 7");
  const auto mirror = explained(deployment, {"p7@example.com"});
  EXPECT_EQ(text(mirror, "wanted"), "absent");
  EXPECT_EQ(text(mirror, "rule"), "absent");
  EXPECT_EQ(text(at(mirror, "next_call"), "operation"), "delete");
  EXPECT_TRUE(has(text(mirror, "rule_words"), "on_leave: delete"));
}

TEST(Explain, ARowThatMovedLeavesTheOldAddressAndIsNewUnderTheOther) {
  Deployment deployment;
  deployment.add_members(1, 30);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  deployment.sql("UPDATE members SET email = 'moved@example.com' WHERE id = 7");
  deployment.sql("UPDATE members SET email = NULL WHERE id = 8");
  deployment.sql("UPDATE members SET email = 'no address' WHERE id = 9");
  auto mirror = explained(deployment, {"p7@example.com"});
  EXPECT_EQ(text(mirror, "rule"), "moved_on");
  EXPECT_EQ(text(at(mirror, "next_call"), "operation"), "unsubscribe");
  EXPECT_EQ(text(explained(deployment, {"moved@example.com"}), "rule"), "subscribe_new");
  mirror = explained(deployment, {"--key", "7", "--reveal"});
  EXPECT_EQ(text(mirror, "email"), "moved@example.com");
  EXPECT_EQ(text(explained(deployment, {"p8@example.com"}), "rule"), "address_taken");
  EXPECT_EQ(text(explained(deployment, {"p9@example.com"}), "rule"), "unusable_address");
  deployment.sql("INSERT INTO members VALUES (99, NULL)");
  mirror = explained(deployment, {"--key", "99"});
  EXPECT_EQ(text(items(at(mirror, "table"), "rows").front(), "reason"), "null_email");
  EXPECT_EQ(text(at(mirror, "next_call"), "why_none"), "the row has no usable address");
  EXPECT_FALSE(flag(at(mirror, "stibee"), "asked"));
}

TEST(Explain, OfSomebodyNobodyKnowsItSaysWhatWouldMakeThemKnown) {
  Deployment deployment;
  deployment.add_members(1, 30);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  const auto unknown = deployment.syncd({"explain", "nobody@example.com"});
  EXPECT_EQ(unknown.exit_code, 66);
  EXPECT_TRUE(has(unknown.err, "a row of public.members whose column \"email\"")) << unknown.err;
  EXPECT_EQ(deployment.syncd({"explain", "--key", "4711"}).exit_code, 66);
  EXPECT_EQ(deployment.syncd({"explain", "no address"}).exit_code, 64);
  EXPECT_EQ(deployment.syncd({"explain"}).exit_code, 64);
  EXPECT_EQ(deployment.syncd({"explain", "p7@example.com", "--mirror", "other"}).exit_code, 66);

  auto config = deployment.config_text();
  config.replace(config.find("key: id"), 7, "where: id <> 99\n      key: id");
  deployment.write_config(config);
  deployment.add_members(99, 99);
  const auto excluded = deployment.syncd({"explain", "p99@example.com"});
  EXPECT_EQ(excluded.exit_code, 66);
  EXPECT_TRUE(has(excluded.err, "key 99")) << excluded.err;
  EXPECT_TRUE(has(excluded.err, "`where` excludes it: id <> 99")) << excluded.err;
}

TEST(Explain, WhoeverIsHeldOrPausedIsToldWhatTheyWaitFor) {
  Deployment deployment;
  deployment.add_members(1, 100);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  deployment.sql("DELETE FROM members WHERE id <= 60");
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 76);
  ASSERT_EQ(deployment.syncd({"pause"}).exit_code, 0);
  const auto shown = deployment.syncd({"explain", "p7@example.com"});
  EXPECT_TRUE(has(shown.out, "the guard holds 60 removals")) << shown.out;
  EXPECT_TRUE(has(shown.out, "guard show ")) << shown.out;
  EXPECT_TRUE(has(shown.out, "the mirror is paused until `stibee-syncd resume`, since 2")) << shown.out;
  EXPECT_FALSE(has(deployment.syncd({"explain", "p77@example.com"}).out, "the guard holds"));
}

TEST(Explain, BesideADaemonItKnowsTheLastCallsAndTheRevealIsLogged) {
  DeploymentOptions options;
  options.log_level = "info";
  Deployment deployment(options);
  deployment.add_members(1, 20);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  const auto mirror = explained(deployment, {"p7@example.com", "--reveal"});
  const auto& calls = items(mirror, "calls");
  ASSERT_FALSE(calls.empty());
  EXPECT_EQ(text(calls.front(), "operation"), "subscribe");
  EXPECT_EQ(text(calls.front(), "outcome"), "delivered");
  EXPECT_EQ(text(at(mirror, "stibee"), "status"), "subscribed");
  EXPECT_TRUE(items(mirror, "waits").empty());
  ASSERT_TRUE(eventually(10s, [&] { return has(daemon.err(), "\"revealed\":1"); })) << daemon.err();
  EXPECT_TRUE(has(daemon.err(), "\"command\":\"explain\"")) << daemon.err();
  EXPECT_FALSE(has(daemon.err(), "p7@")) << "nobody is named in the log";
  EXPECT_EQ(deployment.syncd({"explain", "nobody@example.com"}).exit_code, 66);
  EXPECT_EQ(deployment.stat("violations"), 0);
}

TEST(Explain, OnApiV2TheCallIsItsOwn) {
  DeploymentOptions options;
  options.api = "v2";
  Deployment deployment(options);
  deployment.add_members(1, 3);
  const auto call = at(explained(deployment, {"p2@example.com", "--reveal"}), "next_call");
  EXPECT_EQ(text(call, "path"), "/v2/lists/1234/subscribers");
  EXPECT_TRUE(has(text(call, "body"), R"("updateEnabled":true)")) << text(call, "body");
}

TEST(Explain, WhatCannotBeAskedIsSaid) {
  Deployment deployment;
  deployment.add_members(1, 3);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  deployment.stop_stibee();
  deployment.sql("ALTER TABLE members RENAME TO elsewhere");
  const auto shown = deployment.syncd({"explain", "p2@example.com"});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_TRUE(has(shown.out, "the table cannot be read")) << shown.out;
  EXPECT_TRUE(has(shown.out, "not asked: ")) << shown.out;
  EXPECT_EQ(deployment.syncd({"explain", "nobody@example.com"}).exit_code, 69);
}

}  // namespace
}  // namespace stibee_sync::e2e

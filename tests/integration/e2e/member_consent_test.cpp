#include "integration/e2e/deployment.hpp"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

// Consent follows the member: through the real program, from the table and from Stibee.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;

DeploymentOptions options(const std::string& api = "v1", const std::string& mirror_extra = "") {
  DeploymentOptions made;
  made.webhook = true;
  made.api = api;
  made.mirror_extra = mirror_extra;
  return made;
}

void edit(Deployment& deployment, const std::string& action, const std::string& email,
          const std::string& more = {}) {
  deployment.stibee_post("/_sim/people", R"({"list":"1234","action":")" + action + R"(","emails":[")" +
                                             email + "\"]" + more + "}");
}

std::string status_at_stibee(Deployment& deployment, const std::string& email) {
  const auto dump = json::parse(deployment.dump());
  for (const auto& person : items(at(at(*dump, "lists"), "1234"), "people")) {
    if (text(person, "email") == email) return text(person, "status");
  }
  return "absent";
}

bool becomes(Deployment& deployment, const std::string& email, const std::string& status) {
  return eventually(30s, [&] { return status_at_stibee(deployment, email) == status; });
}

std::int64_t people(Deployment& deployment, const std::string& status) {
  return number(at(items(deployment.report({"status"}), "mirrors").front(), "people"), status);
}

/// A later change has arrived, so everything before it was read and sent.
bool all_is_sent(Deployment& deployment, int marker) {
  deployment.add_members(marker, marker);
  return becomes(deployment, "p" + std::to_string(marker) + "@example.com", "subscribed");
}

TEST(MemberConsent, WhoOptedOutAtStibeeBeginsAsOptedOutUnderTheirNextAddress) {
  for (const std::string api : {"v1", "v2"}) {
    Deployment deployment(options(api));
    deployment.add_members(1, 20);
    deployment.start_daemon();
    ASSERT_TRUE(deployment.converges());
    edit(deployment, "unsubscribe", "p5@example.com");
    ASSERT_TRUE(eventually(20s, [&] { return people(deployment, "opted_out") == 1; }));
    deployment.sql("UPDATE members SET email = 'new@example.com' WHERE id = 5");
    ASSERT_TRUE(all_is_sent(deployment, 21));
    EXPECT_EQ(status_at_stibee(deployment, "new@example.com"), "absent") << api;
    EXPECT_EQ(status_at_stibee(deployment, "p5@example.com"), "unsubscribed") << api;
    // … and under the one after it, though the daemon was killed in between.
    deployment.daemon().send(SIGKILL);
    deployment.daemon().wait(5s);
    deployment.sql("UPDATE members SET email = 'newer@example.com' WHERE id = 5");
    deployment.start_daemon();
    ASSERT_TRUE(all_is_sent(deployment, 22));
    EXPECT_EQ(status_at_stibee(deployment, "newer@example.com"), "absent") << api;
  }
}

TEST(MemberConsent, AnOptOutUnderTheAddressBeforeIsTheMembersToo) {
  Deployment deployment(options());
  deployment.add_members(1, 5);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  deployment.sql("UPDATE members SET email = 'new@example.com' WHERE id = 5");
  ASSERT_TRUE(becomes(deployment, "new@example.com", "subscribed"));
  ASSERT_TRUE(becomes(deployment, "p5@example.com", "unsubscribed"));
  // The letter that went to the old address is answered now.
  const auto event =
      R"({"id":"1234","action":"UNSUBSCRIBED","eventOccurredBy":"SUBSCRIBER","subscribers":[{"email":"p5@example.com"}]})";
  ASSERT_EQ(http(deployment.webhook_port(), "POST", "/webhook/" + Deployment::webhook_secret(), event).status,
            200);
  EXPECT_TRUE(becomes(deployment, "new@example.com", "unsubscribed"));
}

TEST(MemberConsent, WhoMovesOrLosesTheirAddressSayingNoIsNotKept) {
  Deployment deployment(options("v1", "    on_leave: keep\n"));
  deployment.add_members(1, 10);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  deployment.sql("UPDATE members SET email = 'anon-6@invalid.example', email_opt_in = false WHERE id = 6");
  deployment.sql("UPDATE members SET email = NULL, email_opt_in = false WHERE id = 7");
  deployment.sql("UPDATE members SET email = 'moved@example.com' WHERE id = 8");
  deployment.sql("DELETE FROM members WHERE id = 9");
  EXPECT_TRUE(becomes(deployment, "p6@example.com", "unsubscribed"));
  EXPECT_TRUE(becomes(deployment, "p7@example.com", "unsubscribed"));
  EXPECT_TRUE(becomes(deployment, "p8@example.com", "unsubscribed"));
  EXPECT_TRUE(becomes(deployment, "moved@example.com", "subscribed"));
  EXPECT_EQ(status_at_stibee(deployment, "anon-6@invalid.example"), "absent");
  EXPECT_EQ(status_at_stibee(deployment, "p9@example.com"), "subscribed") << "who left is kept";
}

TEST(MemberConsent, AnUnusableAddressLeavesTheLastGoodOneAndTheRowsOwnNoReachesIt) {
  Deployment deployment(options());
  deployment.add_members(1, 10);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  deployment.sql("UPDATE members SET email = 'no address at all' WHERE id = 3");
  ASSERT_TRUE(all_is_sent(deployment, 11));
  EXPECT_EQ(status_at_stibee(deployment, "p3@example.com"), "subscribed");
  EXPECT_EQ(items(deployment.report({"failures"}), "people").size(), 1u);
  deployment.sql("UPDATE members SET email_opt_in = false WHERE id = 3");
  EXPECT_TRUE(becomes(deployment, "p3@example.com", "unsubscribed"));
}

TEST(MemberConsent, AHeldSetShowsWhoIsInItAndAddressesOnlyToWhoAsks) {
  Deployment deployment(options());
  deployment.add_members(1, 100);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  deployment.sql("DELETE FROM members WHERE id > 60");
  ASSERT_TRUE(eventually(30s, [&] { return !items(deployment.report({"guard"}), "held").empty(); }));
  const auto digest = text(items(deployment.report({"guard"}), "held").front(), "digest");
  const auto masked = deployment.report({"guard", "show", digest});
  ASSERT_EQ(items(masked, "people").size(), 40u);
  EXPECT_EQ(text(items(masked, "people").front(), "operation"), "unsubscribe");
  EXPECT_EQ(text(items(masked, "people").front(), "email"), "p***@example.com");
  const auto revealed = deployment.report({"guard", "show", digest, "--reveal"});
  EXPECT_EQ(text(items(revealed, "people").front(), "email"), "p100@example.com");
  EXPECT_EQ(text(items(revealed, "people").front(), "key"), "100");
  EXPECT_EQ(deployment.syncd({"guard", "show", "0123456789abcdef"}).exit_code, 66);
  deployment.daemon().send(SIGTERM);
  deployment.daemon().wait(10s);
  EXPECT_EQ(items(deployment.report({"guard", "show", digest}), "people").size(), 40u);
}

TEST(MemberConsent, ANewerConsentAndTheEraseOfWhoLeftAreSaidInTheLog) {
  Deployment deployment(options("v1", "    on_leave: delete\n"));
  deployment.sql("ALTER TABLE members ADD consented_at timestamptz");
  auto config = deployment.config_text();
  config.replace(config.find("key: id"), 7, "key: id\n      consented_at: consented_at");
  deployment.write_config(config);
  deployment.add_members(1, 10);
  const auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  edit(deployment, "unsubscribe", "p5@example.com");
  ASSERT_TRUE(eventually(20s, [&] { return people(deployment, "opted_out") == 1; }));
  EXPECT_TRUE(event_lines(daemon, "suppression.lifted").empty());
  deployment.sql("UPDATE members SET consented_at = clock_timestamp() WHERE id = 5");
  EXPECT_TRUE(becomes(deployment, "p5@example.com", "subscribed"));
  EXPECT_TRUE(eventually(20s, [&] { return !event_lines(daemon, "suppression.lifted").empty(); }));
  EXPECT_TRUE(event_lines(daemon, "privacy.erased").empty());
  deployment.sql("DELETE FROM members WHERE id = 6");
  ASSERT_TRUE(eventually(20s, [&] { return !event_lines(daemon, "privacy.erased").empty(); }));
  const auto erased = event_lines(daemon, "privacy.erased").front();
  EXPECT_NE(erased.find("\"count\":1"), std::string::npos) << erased;
  EXPECT_EQ(erased.find("\"ref\""), std::string::npos)
      << "whose rows are erased is said of nobody: " << erased;
}

}  // namespace
}  // namespace stibee_sync::e2e

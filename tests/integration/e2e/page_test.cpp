#include "integration/e2e/deployment.hpp"

#include <algorithm>
#include <csignal>

#include <gtest/gtest.h>

// The status page as a browser shows it at once; tests/browser looks on.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;

/// The document after the browser has loaded it, as HTML; the console's lines go to `err`.
Finished browse(const Deployment& deployment, const std::string& path) {
  return run({"/usr/bin/chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
              "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
              "--disable-component-update", "--disable-sync", "--enable-logging=stderr",
              "--user-data-dir=" + (deployment.directory() / "browser").string(), "--dump-dom",
              "http://127.0.0.1:" + std::to_string(deployment.admin_port()) + path},
             {{"HOME", deployment.directory().string()}, {"LANG", "C.UTF-8"}});
}

TEST(Page, ShowsInABrowserWhatIsHeldAndHowToApproveIt) {
  Deployment deployment;
  deployment.add_members(1, 1'000);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());

  const auto well = browse(deployment, "/status?lang=en");
  ASSERT_EQ(well.exit_code, 0) << well.err;
  EXPECT_NE(well.out.find("<span class=\"state ok\">ok</span>"), std::string::npos) << well.out;
  EXPECT_NE(well.out.find("<dt>subscribed</dt><dd>1,000</dd>"), std::string::npos) << well.out;
  // Neither a script nor a style nor an address that the page's own policy refuses.
  EXPECT_EQ(well.err.find("CONSOLE"), std::string::npos) << well.err;

  deployment.sql("TRUNCATE members");
  std::string digest;
  ASSERT_TRUE(eventually(2min, [&] {
    const auto report = deployment.report({"status"});
    const auto& held = items(items(report, "mirrors").front(), "held");
    if (!held.empty()) digest = text(held.front(), "digest");
    return !held.empty();
  }));
  const auto held = browse(deployment, "/status?lang=en");
  ASSERT_EQ(held.exit_code, 0) << held.err;
  EXPECT_NE(held.out.find("needs attention"), std::string::npos) << held.out;
  EXPECT_NE(held.out.find("Held: <b>1,000</b> unsubscribes and deletions"), std::string::npos) << held.out;
  EXPECT_NE(held.out.find(">stibee-syncd guard approve " + digest + "</code>"), std::string::npos)
      << held.out;
  EXPECT_EQ(held.err.find("CONSOLE"), std::string::npos) << held.err;
  EXPECT_EQ(held.out.find("example.com"), std::string::npos) << "nobody is named";
}

std::int64_t sum_of(const json::Value& history, const std::string& key) {
  std::int64_t sum = 0;
  for (const auto& value : items(history, key))
    sum += *value.if_integer();
  return sum;
}

TEST(Page, RemembersTheLastDayAndWhatHappenedOverAReload) {
  Deployment deployment;
  deployment.add_members(1, 300);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  daemon.send(SIGHUP);
  ASSERT_TRUE(eventually(1min, [&] { return !event_lines(daemon, "daemon.reload").empty(); }));
  deployment.add_members(301, 350);
  ASSERT_TRUE(deployment.converges());

  json::Value report;
  ASSERT_TRUE(eventually(1min, [&] {
    report = deployment.report({"status"});
    return sum_of(at(items(report, "mirrors").front(), "history"), "changes") == 350;
  })) << json::to_string(report);
  const auto& history = at(items(report, "mirrors").front(), "history");
  EXPECT_GE(sum_of(history, "calls"), 2);
  EXPECT_EQ(number(history, "step_seconds"), 900);

  std::vector<std::string> happened;
  for (const auto& each : items(report, "happened"))
    happened.push_back(text(each, "event"));
  const auto has = [&](const char* event) { return std::ranges::find(happened, event) != happened.end(); };
  EXPECT_TRUE(has("daemon.ready") && has("delivery.finished") && has("daemon.reload"));
  EXPECT_FALSE(text(at(report, "daemon"), "version").empty());
  EXPECT_FALSE(text(at(report, "daemon"), "host").empty());
  EXPECT_GE(text(report, "now"), text(at(report, "daemon"), "started"));
}

TEST(Page, IsServedUnderItsOwnPolicyInTheLanguageThatIsAskedFor) {
  Deployment deployment;
  deployment.start_daemon();
  const auto korean = deployment.admin("/status", "Accept-Language: ko-KR,ko;q=0.9,en;q=0.8\r\n");
  EXPECT_NE(korean.body.find("<html lang=\"ko\">"), std::string::npos);
  EXPECT_NE(korean.head.find("script-src 'self'"), std::string::npos) << korean.head;
  EXPECT_NE(korean.head.find("default-src 'none'"), std::string::npos) << korean.head;
  EXPECT_EQ(korean.head.find("unsafe"), std::string::npos) << korean.head;
  EXPECT_EQ(korean.head.find("Set-Cookie"), std::string::npos) << korean.head;
  const auto english = deployment.admin("/status?lang=en", "Accept-Language: ko\r\n");
  EXPECT_NE(english.body.find("<html lang=\"en\">"), std::string::npos);
  EXPECT_NE(deployment.admin("/status?lang=xx", "Accept-Language: ko\r\n").body.find("lang=\"ko\""),
            std::string::npos);
  for (const auto* part : {"/status.css", "/status.js", "/status.svg"})
    EXPECT_EQ(deployment.admin(part).status, 200) << part;
  const auto head = http(deployment.admin_port(), "HEAD", "/status");
  EXPECT_EQ(head.status, 200);
  EXPECT_TRUE(head.body.empty());
}

}  // namespace
}  // namespace stibee_sync::e2e

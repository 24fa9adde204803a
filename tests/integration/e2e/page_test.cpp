#include "integration/e2e/deployment.hpp"

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
  EXPECT_NE(well.out.find("<span class=\"state ok\">healthy</span>"), std::string::npos) << well.out;
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
  EXPECT_NE(held.out.find("Needs attention"), std::string::npos) << held.out;
  EXPECT_NE(held.out.find("Held: <b>1,000</b> unsubscribes and deletions"), std::string::npos) << held.out;
  EXPECT_NE(held.out.find(">stibee-syncd guard approve " + digest + "</code>"), std::string::npos)
      << held.out;
  EXPECT_EQ(held.err.find("CONSOLE"), std::string::npos) << held.err;
  EXPECT_EQ(held.out.find("example.com"), std::string::npos) << "nobody is named";
}

}  // namespace
}  // namespace stibee_sync::e2e

#include "integration/e2e/deployment.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

// The status page in Chromium: page.mjs says what must hold, this is the deployment that it looks at.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;

std::string from_environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

TEST(StatusPage, HoldsInABrowser) {
  DeploymentOptions options;
  options.stibee_extra = "  rate_limit: 1/s\n";  // so that an import can be watched
  options.poll_interval = "1s";
  options.log_level = "info";
  Deployment deployment(std::move(options));
  deployment.add_members(1, 40'000);
  ASSERT_EQ(deployment.syncd({"pause"}).exit_code, 0);  // until the browser is there
  const auto& daemon = deployment.start_daemon();
  const auto finished =
      run({"/usr/bin/env", "node", STIBEE_BROWSER_SCRIPT},
          {{"PAGE_URL", "http://127.0.0.1:" + std::to_string(deployment.admin_port()) + "/status"},
           {"STIBEE_SYNCD", syncd_program()},
           {"STIBEE_CONFIG", deployment.config().string()},
           {"STIBEE_SIM_CONTROL", "http://127.0.0.1:" + std::to_string(deployment.control_port())},
           {"DAEMON_PID", std::to_string(daemon.pid())},
           {"SCREENSHOTS", from_environment("SCREENSHOTS", "")},
           {"HOME", deployment.directory().string()},
           {"PATH", from_environment("PATH", "/usr/bin:/bin")},
           {"LANG", "C.UTF-8"}},
          8min);
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err << daemon.err();
}

}  // namespace
}  // namespace stibee_sync::e2e

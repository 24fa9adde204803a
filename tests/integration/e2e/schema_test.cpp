#include "integration/e2e/deployment.hpp"

#include <filesystem>
#include <fstream>
#include <set>

#include <gtest/gtest.h>

// The JSON reports, held against docs/schemas.

namespace stibee_sync::e2e {
namespace {

namespace fs = std::filesystem;

const fs::path schemas = fs::path(STIBEE_SOURCE_DIR) / "docs/schemas";

/// What the schema has against the report; "": nothing.
std::string problem_of(const Deployment& deployment, const std::string& schema, const std::string& report) {
  const auto file = deployment.directory() / "report.json";
  std::ofstream(file) << report;
  const auto checked = run({"/usr/bin/python3", STIBEE_SOURCE_DIR "/tests/schemas/validate.py",
                            (schemas / (schema + ".schema.json")).string(), file.string()});
  return checked.exit_code == 0 ? std::string() : checked.out + checked.err;
}

TEST(Schemas, EachReportIsAsItsSchemaSays) {
  Deployment deployment;
  deployment.add_members(1, 200);
  deployment.sql("INSERT INTO members VALUES (9001, 'broken address')");
  std::set<std::string> seen;
  const auto holds = [&](const std::string& schema, std::vector<std::string> arguments) {
    arguments.push_back("--json");
    const auto finished = deployment.syncd(arguments);
    EXPECT_EQ(problem_of(deployment, schema, finished.out), "") << schema << finished.out << finished.err;
    seen.insert(schema);
  };
  holds("check", {"check"});
  holds("plan", {"plan"});
  holds("status", {"status"});
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  deployment.sql("DELETE FROM members WHERE id <= 100");
  ASSERT_EQ(deployment.syncd({"sync-now", "--wait"}).exit_code, 76);
  holds("status", {"status"});
  holds("guard", {"guard"});
  holds("plan", {"plan"});
  holds("failures", {"failures"});
  holds("reconcile", {"reconcile"});
  holds("backup", {"backup", (deployment.directory() / "copy").string()});
  for (const auto& entry : fs::directory_iterator(schemas)) {
    const auto name = entry.path().filename().string();
    EXPECT_TRUE(seen.contains(name.substr(0, name.find('.')))) << name << " is held against nothing";
  }
}

TEST(Schemas, RefuseWhatIsOtherwise) {
  const Deployment deployment;
  EXPECT_NE(problem_of(deployment, "guard", R"({"version":1,"held":[{"class":"removals"}]})"), "");
  EXPECT_NE(problem_of(deployment, "status", R"({"version":2})"), "");
}

}  // namespace
}  // namespace stibee_sync::e2e

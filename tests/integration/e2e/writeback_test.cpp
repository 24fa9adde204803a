#include "integration/e2e/deployment.hpp"

#include <gtest/gtest.h>

// Events at Stibee, carried into the member table by the real program.

namespace stibee_sync::e2e {
namespace {

DeploymentOptions with_statements(const std::string& lines) {
  DeploymentOptions options;
  options.mirror_extra = "    writeback:\n" + lines;
  return options;
}

TEST(Writeback, CheckPreparesEachStatementAndRunsNone) {
  Deployment deployment(with_statements(
      "      unsubscribed: UPDATE members SET email_opt_in = false WHERE lower(email) = :email\n"
      "      purged: DELETE FROM members WHERE id = :key\n"
      "      updated: UPDATE members SET name = coalesce(:field_name, name) WHERE id = :key\n"));
  deployment.add_members(1, 3);
  const auto finished = deployment.syncd({"check"});
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_NE(finished.out.find("writeback"), std::string::npos) << finished.out;
  EXPECT_EQ(deployment.value("SELECT count(*) FROM members WHERE email_opt_in"), "3");
}

TEST(Writeback, StatementThatCannotWorkIsRefusedAtItsLine) {
  const auto refused = [](const std::string& statement, const std::string& word) {
    Deployment deployment(with_statements("      deleted: " + statement + "\n"));
    for (const std::string command : {"check", "run"}) {
      const auto finished = deployment.syncd({command});
      EXPECT_EQ(finished.exit_code, 78) << command << ": " << statement;
      EXPECT_NE(finished.err.find("config.yaml:27:"), std::string::npos) << finished.err;
      EXPECT_NE(finished.err.find(word), std::string::npos) << finished.err;
    }
  };
  refused("UPDATE members SET bounced = true WHERE lower(email) = :email", "bounced");
  refused("UPDATE members SET name = 'x' WHERE lower(email) = :emial", "did you mean :email?");
  refused("UPDATE members SET name = ':email'", "names no parameter");
  refused("UPDATE members SET name = :field_name WHERE id = :key", "`updated`");
  refused("UPDATE members SET name = 'x'; DELETE FROM members WHERE id = :key", "several statements");
}

TEST(Writeback, MissingPrivilegeIsExit77) {
  Deployment deployment(with_statements("      purged: DELETE FROM secrets WHERE id = :key::int\n"));
  deployment.sql("CREATE TABLE secrets (id int)");
  deployment.sql("DROP ROLE IF EXISTS e2e_mirror");
  deployment.sql("CREATE ROLE e2e_mirror LOGIN");
  deployment.sql("GRANT SELECT ON members, secrets TO e2e_mirror");
  auto text = deployment.config_text();
  const auto at =
      text.find("postgres@") != std::string::npos ? text.find("postgres@") : text.find("user=postgres");
  ASSERT_NE(at, std::string::npos) << text;
  text.replace(text.find("postgres", at), 8, "e2e_mirror");
  deployment.write_config(text);
  const auto finished = deployment.syncd({"check"});
  EXPECT_EQ(finished.exit_code, 77) << finished.err;
  EXPECT_NE(finished.err.find("config.yaml:27:"), std::string::npos) << finished.err;
  EXPECT_NE(finished.err.find("GRANT"), std::string::npos) << finished.err;
  deployment.sql("DROP OWNED BY e2e_mirror; DROP ROLE e2e_mirror");
}

}  // namespace
}  // namespace stibee_sync::e2e

#include "integration/e2e/deployment.hpp"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sys/stat.h>

#include <gtest/gtest.h>

// Secrets that change while the daemon runs: as systemd hands them over, and from plain files.

namespace stibee_sync::e2e {
namespace {

/// The environment's variable while this is there; children inherit it.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~Variable() { ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

class CredentialsTest : public ::testing::Test {
 protected:
  static DeploymentOptions with_webhook() {
    DeploymentOptions options;
    options.webhook = true;
    return options;
  }

  CredentialsTest() : deployment(with_webhook()), handed_over(deployment.directory() / "credentials") {
    std::filesystem::create_directory(handed_over);
    deployment.add_members(1, 5);
  }

  static void put(const std::filesystem::path& file, const std::string& secret) {
    std::ofstream(file, std::ios::trunc) << secret << "\n";
    ::chmod(file.c_str(), 0600);
  }
  static void replace(std::string& text, const std::string& old, const std::string& fresh) {
    const auto at = text.find(old);
    ASSERT_NE(at, std::string::npos) << old;
    text.replace(at, old.size(), fresh);
  }
  std::vector<std::string> lines(const std::string& event) { return event_lines(deployment.daemon(), event); }
  bool logs(const std::string& event, std::size_t count = 1) {
    return eventually(std::chrono::seconds(30), [&] { return lines(event).size() >= count; });
  }
  /// The line of the reload.
  std::string reload() {
    const auto before = lines("daemon.reload").size();
    deployment.daemon().send(SIGHUP);
    if (!logs("daemon.reload", before + 1)) return {};
    return lines("daemon.reload").back();
  }

  Deployment deployment;
  std::filesystem::path handed_over;
};

bool has(const std::string& text, const std::string& word) {
  return text.find(word) != std::string::npos;
}

TEST_F(CredentialsTest, ARefusedKeyThatSystemdHandedOverNeedsARestart) {
  const Variable variable("CREDENTIALS_DIRECTORY", handed_over.string());
  auto config = deployment.config_text();
  replace(config, "api_key_file: key", "api_key_file: ${CREDENTIALS_DIRECTORY}/stibee_api_key");
  deployment.write_config(config);
  put(handed_over / "stibee_api_key", "outdated-key");
  deployment.start_daemon();
  ASSERT_TRUE(eventually(std::chrono::seconds(30), [&] {
    return *at(deployment.report({"status"}), "key_refused").if_bool();
  })) << deployment.daemon().err();
  ASSERT_TRUE(logs("api.unauthorised")) << deployment.daemon().err();
  EXPECT_TRUE(has(lines("api.unauthorised").front(), "systemctl restart stibee-syncd"))
      << lines("api.unauthorised").front();

  // The source of the credential was changed; the copy is as it was.
  auto line = reload();
  EXPECT_TRUE(has(line, "systemctl restart stibee-syncd")) << line;
  EXPECT_TRUE(has(line, "\"level\":\"warn\"")) << line;
  EXPECT_TRUE(has(line, "stibee.api_key_file")) << line;

  // Where the directory is a plain one, its file may change after all.
  put(handed_over / "stibee_api_key", "sim-key");
  line = reload();
  EXPECT_TRUE(has(line, "\"level\":\"info\"")) << line;
  EXPECT_TRUE(has(line, "\"new_secrets\":\"stibee.api_key_file\"")) << line;
  EXPECT_TRUE(deployment.converges());
  EXPECT_FALSE(has(deployment.daemon().err(), "sim-key"));
  EXPECT_FALSE(has(deployment.daemon().err(), "outdated-key"));
}

TEST_F(CredentialsTest, AKeyInAPlainFileIsTakenOverByAReload) {
  put(deployment.directory() / "key", "outdated-key");
  deployment.start_daemon();
  ASSERT_TRUE(eventually(std::chrono::seconds(30), [&] {
    return *at(deployment.report({"status"}), "key_refused").if_bool();
  })) << deployment.daemon().err();
  ASSERT_TRUE(logs("api.unauthorised"));
  EXPECT_TRUE(has(lines("api.unauthorised").front(), "systemctl reload"))
      << lines("api.unauthorised").front();
  EXPECT_FALSE(has(lines("api.unauthorised").front(), "restart"));
  auto line = reload();
  EXPECT_TRUE(has(line, "\"level\":\"warn\"") && has(line, "systemctl reload")) << line;
  EXPECT_TRUE(has(line, "\"new_secrets\":\"\"")) << line;
  put(deployment.directory() / "key", "sim-key");
  line = reload();
  EXPECT_TRUE(has(line, "\"new_secrets\":\"stibee.api_key_file\"")) << line;
  EXPECT_TRUE(deployment.converges());
}

/// A server that asks for a password.
class PasswordTest : public CredentialsTest {
 protected:
  PasswordTest() {
    server_.execute(
        "CREATE ROLE mirror LOGIN PASSWORD 'right-password'; CREATE TABLE members (id bigint PRIMARY KEY, "
        "email text, email_opt_in boolean, name text, phone text, grade text); INSERT INTO members VALUES "
        "(1, "
        "'p1@example.com', true); GRANT SELECT ON members TO mirror",
        database_);
  }
  static testing::ClusterOptions with_passwords() {
    testing::ClusterOptions options;
    options.tcp = true;
    return options;
  }
  void read_with_password_of(const std::string& file) {
    auto config = deployment.config_text();
    const auto begin = config.find("  url: ");
    config.replace(begin, config.find('\n', begin) - begin,
                   "  url: " + server_.tcp_url(database_, "mirror") + "\n  password_file: " + file);
    deployment.write_config(config);
  }
  bool subscribed(int people) {
    return eventually(std::chrono::seconds(30), [&] { return deployment.subscribed() == people; });
  }

  testing::PostgresCluster server_{with_passwords()};
  const std::string database_ = server_.create_database();
};

TEST_F(PasswordTest, ThatIsRefusedSaysWhatTakesOverAnotherOne) {
  const Variable variable("CREDENTIALS_DIRECTORY", handed_over.string());
  read_with_password_of("${CREDENTIALS_DIRECTORY}/db_password");
  put(handed_over / "db_password", "outdated-password");
  deployment.start_daemon();
  ASSERT_TRUE(logs("sync.failed")) << deployment.daemon().err();
  EXPECT_TRUE(has(lines("sync.failed").front(), "systemctl restart stibee-syncd"))
      << lines("sync.failed").front();
  auto line = reload();
  EXPECT_TRUE(has(line, "database.password_file") && has(line, "systemctl restart stibee-syncd")) << line;
  put(handed_over / "db_password", "right-password");
  line = reload();
  EXPECT_TRUE(has(line, "\"new_secrets\":\"database.password_file\"")) << line;
  EXPECT_TRUE(subscribed(1)) << deployment.daemon().err();
  EXPECT_FALSE(has(deployment.daemon().err(), "right-password"));
}

TEST_F(PasswordTest, ThatIsChangedUnderARunningDaemonStopsNothingUntilItsSessionEndsAndThenIsSaid) {
  read_with_password_of("db_password");
  put(deployment.directory() / "db_password", "right-password");
  deployment.start_daemon();
  ASSERT_TRUE(subscribed(1)) << deployment.daemon().err();
  server_.execute("ALTER ROLE mirror PASSWORD 'another-password'");
  server_.execute(
      "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = "
      "'stibee-syncd'");
  ASSERT_TRUE(logs("sync.failed")) << deployment.daemon().err();
  EXPECT_TRUE(eventually(std::chrono::seconds(30), [&] {
    const auto line = lines("sync.failed").back();
    return has(line, "password_file") && has(line, "systemctl reload stibee-syncd");
  })) << lines("sync.failed").back();
  EXPECT_EQ(deployment.syncd({"status"}).exit_code, 1);
  server_.execute("INSERT INTO members VALUES (2, 'p2@example.com', true)", database_);
  put(deployment.directory() / "db_password", "another-password");
  const auto line = reload();
  EXPECT_TRUE(has(line, "\"new_secrets\":\"database.password_file\"")) << line;
  EXPECT_TRUE(subscribed(2)) << deployment.daemon().err();
  EXPECT_FALSE(has(deployment.daemon().err(), "another-password"));
  EXPECT_EQ(deployment.stat("repeated_people"), 0);
}

TEST_F(CredentialsTest, ACallWithAnotherWebhookSecretSaysWhatTakesOverANewOne) {
  const Variable variable("CREDENTIALS_DIRECTORY", handed_over.string());
  put(handed_over / "webhook_secret", "the-secret-of-before");
  auto config = deployment.config_text();
  replace(config, "secret_file: webhook_secret", "secret_file: ${CREDENTIALS_DIRECTORY}/webhook_secret");
  deployment.write_config(config);
  deployment.start_daemon();
  const auto answer =
      http(deployment.webhook_port(), "POST", "/webhook/" + Deployment::webhook_secret(), "{}");
  EXPECT_EQ(answer.status, 404);
  ASSERT_TRUE(logs("webhook.rejected"));
  EXPECT_TRUE(has(lines("webhook.rejected").front(), "systemctl restart stibee-syncd"))
      << lines("webhook.rejected").front();
}

}  // namespace
}  // namespace stibee_sync::e2e

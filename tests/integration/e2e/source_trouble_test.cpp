#include "integration/e2e/deployment.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

// Tables and servers that are away, hide something or are not what they seem, and a file that has become bad.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;

std::string replaced(std::string text, const std::string& old, const std::string& fresh) {
  text.replace(text.find(old), old.size(), fresh);
  return text;
}

const json::Value& mirror_of(const json::Value& report) {
  return items(report, "mirrors").front();
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Holds a table as ALTER does until it is told to let go.
class Altering {
 public:
  explicit Altering(Deployment& deployment) : deployment_(deployment) {
    holder_ = std::thread([this] {
      try {
        deployment_.sql("BEGIN; ALTER TABLE members ADD COLUMN other text; SELECT pg_sleep(120)");
      } catch (const std::runtime_error&) {
        // Ended from outside.
      }
    });
    EXPECT_TRUE(eventually(30s, [this] { return lock("count(*)") == "1"; }));
  }
  ~Altering() { end(); }
  Altering(const Altering&) = delete;
  Altering& operator=(const Altering&) = delete;
  void end() {
    if (!holder_.joinable()) return;
    lock("pg_terminate_backend(pid)");
    holder_.join();
  }

 private:
  std::string lock(const std::string& what) {
    return deployment_.value("SELECT " + what +
                             " FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = "
                             "'members'::regclass");
  }
  Deployment& deployment_;
  std::thread holder_;
};

TEST(SourceTrouble, ATableThatIsAwayAtTheStartIsWaitedFor) {
  Deployment deployment;
  deployment.add_members(1, 20);
  deployment.sql("ALTER TABLE members RENAME TO elsewhere");
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(eventually(
      30s, [&] { return text(mirror_of(deployment.report({"status"})), "state") == "untrusted"; }));
  EXPECT_EQ(deployment.syncd({"status"}).exit_code, 1);
  EXPECT_TRUE(
      has(text(mirror_of(deployment.report({"status"})), "problem"), "public.members does not exist"));
  EXPECT_EQ(deployment.admin("/readyz").status, 200);
  EXPECT_EQ(deployment.syncd({"check"}).exit_code, 78);
  deployment.sql("ALTER TABLE elsewhere RENAME TO members");
  EXPECT_TRUE(deployment.converges());
  daemon.send(SIGTERM);
  EXPECT_EQ(daemon.wait(20s).exit_code, 0);
}

TEST(SourceTrouble, ATableThatIsLockedAtTheStartIsWaitedForAndSignalsAreHeeded) {
  Deployment deployment;
  deployment.add_members(1, 20);
  Altering altering(deployment);
  auto& first = deployment.start_daemon();
  EXPECT_EQ(deployment.admin("/readyz").status, 200);
  first.send(SIGTERM);
  EXPECT_EQ(first.wait(20s).exit_code, 0);

  auto& daemon = deployment.start_daemon();
  const auto checked = deployment.syncd({"check"});
  EXPECT_EQ(checked.exit_code, 69) << checked.err;
  EXPECT_TRUE(has(checked.out, "locked by another session")) << checked.out;
  ASSERT_TRUE(eventually(60s, [&] { return has(daemon.err(), "locked by another session"); }))
      << daemon.err();
  altering.end();
  EXPECT_TRUE(deployment.converges());
}

TEST(SourceTrouble, AServerThatIsAwayAtTheStartIsWaitedFor) {
  Deployment deployment;
  deployment.add_members(1, 20);
  const auto good = deployment.config_text();
  const auto url = good.find("  url: ");
  auto away = good;
  away.replace(url, good.find('\n', url) - url, "  url: postgresql://mirror@127.0.0.1:1/shop");
  deployment.write_config(away);
  EXPECT_EQ(deployment.syncd({"check"}).exit_code, 69);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(eventually(30s, [&] { return has(daemon.err(), "nothing listens there"); })) << daemon.err();
  EXPECT_EQ(deployment.syncd({"status"}).exit_code, 1);
  deployment.write_config(good);
  daemon.send(SIGHUP);
  EXPECT_TRUE(deployment.converges());
}

TEST(SourceTrouble, AForeignServerThatIsAwayIsNamedAndWaitedFor) {
  Deployment deployment;
  deployment.add_members(1, 20);
  deployment.sql(
      "ALTER TABLE members RENAME TO near; CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA "
      "WRAPPER "
      "postgres_fdw OPTIONS (host '127.0.0.1', port '1'); CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS "
      "(user 'u', password 'p'); CREATE FOREIGN TABLE members (id bigint, email text, email_opt_in boolean, "
      "name "
      "text, phone text, grade text) SERVER far");
  const auto checked = deployment.syncd({"check"});
  EXPECT_EQ(checked.exit_code, 69) << checked.err;
  EXPECT_TRUE(has(checked.out, "foreign server")) << checked.out;
  EXPECT_FALSE(has(checked.out, "$1")) << checked.out;
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(eventually(30s, [&] { return has(daemon.err(), "foreign server"); })) << daemon.err();
  deployment.sql("DROP FOREIGN TABLE members; ALTER TABLE near RENAME TO members");
  EXPECT_TRUE(deployment.converges());
}

TEST(SourceTrouble, ATableWithoutRowsAtTheFirstReadIsUntrusted) {
  Deployment deployment;
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(eventually(30s, [&] { return has(daemon.err(), "source.untrusted"); })) << daemon.err();
  const auto report = deployment.report({"status"});
  EXPECT_EQ(text(mirror_of(report), "state"), "untrusted");
  EXPECT_TRUE(has(text(mirror_of(report), "problem"), "no rows"));
  EXPECT_EQ(*at(report, "healthy").if_bool(), false);
  EXPECT_TRUE(has(deployment.syncd({"plan"}).out, "warning: the source has no rows"));
  deployment.add_members(1, 20);
  ASSERT_TRUE(deployment.converges());
  EXPECT_TRUE(
      eventually(30s, [&] { return text(mirror_of(deployment.report({"status"})), "state") == "ok"; }));
}

std::size_t times(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

TEST(SourceTrouble, AGroupValueThatIsNotMappedIsSpokenOfOnceThoughItsRowIsLookedAtInEveryRead) {
  Deployment deployment;
  deployment.add_members(1, 3);
  deployment.sql("INSERT INTO members VALUES (4, 'p3@example.com', true, '', '', 'platinum')");
  deployment.start_daemon();
  const auto reads = [&](std::size_t count) {
    return eventually(30s, [&] { return times(deployment.daemon().err(), "reading the table") >= count; });
  };
  const auto warnings = [&] { return times(deployment.daemon().err(), "without an entry under `groups`"); };
  ASSERT_TRUE(reads(10)) << deployment.daemon().err();
  EXPECT_EQ(warnings(), 1u) << "one at the start";
  deployment.sql("UPDATE members SET grade = 'copper' WHERE id = 1");
  ASSERT_TRUE(eventually(30s, [&] { return warnings() == 2; })) << "another value is news";
  ASSERT_TRUE(reads(times(deployment.daemon().err(), "reading the table") + 10));
  EXPECT_EQ(warnings(), 2u);
}

TEST(SourceTrouble, RowsThatAreHeldBackAreSpokenOfOnceThoughEveryReadFindsThem) {
  Deployment deployment;
  deployment.add_members(1, 500);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  deployment.start_daemon();
  deployment.sql("UPDATE members SET email = NULL WHERE id <= 200");
  ASSERT_TRUE(eventually(30s, [&] { return has(deployment.daemon().err(), "guard.held"); }));
  const auto reads = [&] { return times(deployment.daemon().err(), "reading the table"); };
  ASSERT_TRUE(eventually(30s, [&, seen = reads()] { return reads() >= seen + 10; }));
  EXPECT_EQ(times(deployment.daemon().err(), "a row cannot be sent"), 20u);
  EXPECT_EQ(times(deployment.daemon().err(), "more rows cannot be sent"), 1u);
}

TEST(SourceTrouble, TheSameTroubleAtEveryPollIsOneLineAMinute) {
  Deployment deployment;
  deployment.add_members(1, 3);
  // Not under a read, which would meet it in the midst, as another trouble.
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  deployment.sql("ALTER TABLE members RENAME COLUMN email TO elsewhere");
  deployment.start_daemon();
  const auto tried = [&](std::size_t count) {
    return eventually(30s, [&] { return times(deployment.daemon().err(), "reading the table") >= count; });
  };
  ASSERT_TRUE(eventually(30s, [&] { return has(deployment.daemon().err(), "source.untrusted"); }));
  ASSERT_TRUE(tried(times(deployment.daemon().err(), "reading the table") + 50));
  EXPECT_EQ(times(deployment.daemon().err(), "source.untrusted"), 1u) << deployment.daemon().err();
  const auto reads = times(deployment.daemon().err(), "the table was read");
  deployment.sql("ALTER TABLE members RENAME COLUMN elsewhere TO email");
  EXPECT_TRUE(eventually(30s, [&] {
    return times(deployment.daemon().err(), "the table was read") == reads + 1;
  })) << "the end of it is said";
}

TEST(SourceTrouble, RowLevelSecurityIsAWarningOfCheckAndPlan) {
  Deployment deployment;
  deployment.add_members(1, 5);
  EXPECT_FALSE(has(deployment.syncd({"check"}).out, "row level security"));
  deployment.sql(
      "DROP ROLE IF EXISTS e2e_policed; CREATE ROLE e2e_policed LOGIN; GRANT SELECT ON members TO "
      "e2e_policed; "
      "ALTER TABLE members ENABLE ROW LEVEL SECURITY");
  auto config = deployment.config_text();
  const auto user = std::min(config.find("postgres@"), config.find("user=postgres"));
  ASSERT_NE(user, std::string::npos) << config;
  config.replace(config.find("postgres", user), 8, "e2e_policed");
  deployment.write_config(config);
  const auto checked = deployment.syncd({"check"});
  EXPECT_EQ(checked.exit_code, 0) << checked.err;
  EXPECT_TRUE(has(checked.out, "row level security of public.members")) << checked.out << checked.err;
  EXPECT_TRUE(has(checked.out, "warning")) << checked.out;
  EXPECT_TRUE(has(deployment.syncd({"plan"}).out, "row level security of public.members"));
  EXPECT_TRUE(has(json::to_string(deployment.report({"plan"})), "row level security"));
  deployment.sql("DROP OWNED BY e2e_policed; DROP ROLE e2e_policed");
}

TEST(SourceTrouble, AConsentThatIsNotMappedIsAWarningOfCheckAndPlan) {
  Deployment deployment;
  deployment.add_members(1, 5);
  const auto without = replaced(deployment.config_text(), "      subscribed: email_opt_in\n", "");
  deployment.write_config(without);
  for (const std::string command : {"check", "plan"}) {
    const auto finished = deployment.syncd({command});
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    EXPECT_TRUE(has(finished.out, "warning")) << finished.out;
    EXPECT_TRUE(has(finished.out, "\"email_opt_in\" looks like a consent")) << finished.out;
    EXPECT_TRUE(has(finished.out, "subscribed: email_opt_in")) << finished.out;
  }
  deployment.write_config(replaced(without, "      key: id\n", "      key: id\n      where: email_opt_in\n"));
  EXPECT_FALSE(has(deployment.syncd({"check"}).out, "looks like a consent")) << "the condition decides";
}

TEST(SourceTrouble, CheckNamesAKeyThatIsNone) {
  Deployment deployment;
  deployment.add_members(1, 5);
  const auto config = replaced(deployment.config_text(), "key: id", "key: grade");
  deployment.write_config(config);
  const auto checked = deployment.syncd({"check"});
  EXPECT_EQ(checked.exit_code, 78) << checked.out;
  EXPECT_TRUE(has(checked.out, "column \"grade\"")) << checked.out;
  EXPECT_TRUE(has(checked.out, "cannot be the key")) << checked.out;
}

TEST(SourceTrouble, CheckOnV1AsksForTheListAndTellsAnOutage) {
  Deployment deployment;
  deployment.add_members(1, 5);
  const auto good = deployment.syncd({"check"});
  EXPECT_EQ(good.exit_code, 0) << good.err;
  EXPECT_TRUE(has(good.out, "list 1234 has")) << good.out;
  deployment.write_config(replaced(deployment.config_text(), "list_id: 1234", "list_id: 9999"));
  const auto unknown = deployment.syncd({"check"});
  EXPECT_EQ(unknown.exit_code, 78) << unknown.out;
  EXPECT_TRUE(has(unknown.out, "list 9999")) << unknown.out;
  deployment.write_config(deployment.config_text());
  deployment.stibee_post("/_sim/faults", R"({"rules":[{"kind":"503","probability":1}]})");
  const auto away = deployment.syncd({"check"});
  EXPECT_EQ(away.exit_code, 69) << away.out << away.err;
}

TEST(SourceTrouble, ABadFileBesideAHealthyDaemonIsAWarning) {
  Deployment deployment;
  deployment.add_members(1, 20);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  for (const std::string& bad :
       {"nonsense: 1\n" + deployment.config_text(), deployment.config_text() + "   oops: [1\n"}) {
    deployment.write_config(bad);
    for (const std::vector<std::string>& command : {std::vector<std::string>{"status"},
                                                    {"guard"},
                                                    {"failures"},
                                                    {"retry"},
                                                    {"pause"},
                                                    {"resume"},
                                                    {"sync-now"}}) {
      const auto finished = deployment.syncd(command);
      EXPECT_TRUE(finished.exit_code == 0 || command.front() == "status") << command.front() << finished.err;
      EXPECT_TRUE(has(finished.err, "warning: ")) << finished.err;
      EXPECT_TRUE(has(finished.err, "config.yaml:")) << finished.err;
    }
    EXPECT_EQ(*at(deployment.report({"status"}), "running").if_bool(), true);
    EXPECT_EQ(deployment.syncd({"check"}).exit_code, 78);
  }
  deployment.daemon().send(SIGTERM);
  deployment.daemon().wait(20s);
  const auto status = deployment.syncd({"status"});
  EXPECT_EQ(status.exit_code, 1) << status.err;
  EXPECT_TRUE(has(status.out, "not running")) << status.out;
  EXPECT_TRUE(has(status.err, "config.yaml:")) << status.err;
  EXPECT_EQ(deployment.syncd({"failures"}).exit_code, 78);
}

TEST(SourceTrouble, AStartAsksSystemdForTimeBeforeItIsReady) {
  Deployment deployment;
  const auto path = (deployment.directory() / "notify").string();
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  Process daemon({syncd_program(), "--config", deployment.config().string(), "run"},
                 {{"NOTIFY_SOCKET", path}}, (deployment.directory() / "notified").string());
  std::string heard;
  const auto listened = eventually(60s, [&] {
    char buffer[1024];
    for (;;) {
      const auto count = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
      if (count <= 0) break;
      heard.append(buffer, static_cast<std::size_t>(count)).append("\n");
    }
    return has(heard, "READY=1");
  });
  ::close(fd);
  ASSERT_TRUE(listened) << daemon.err();
  EXPECT_LT(heard.find("EXTEND_TIMEOUT_USEC=30000000"), heard.find("READY=1")) << heard;
}

}  // namespace
}  // namespace stibee_sync::e2e

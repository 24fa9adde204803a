#include "integration/e2e/deployment.hpp"

#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>

// A file that is bad, or not there, must not lead a command to the daemon of another instance.

namespace stibee_sync::e2e {
namespace {

constexpr const char* garbage = "state: [\n: {\n";

/// A daemon at the usual socket, which only the commands of these tests see there.
class OtherInstance : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can mount";
    if (run(seeing_usual_socket({"/bin/true"})).exit_code != 0) GTEST_SKIP() << "no mount namespace here";
    deployment_.add_members(1, 5);
    deployment_.start_daemon();
    ASSERT_TRUE(deployment_.converges());
  }

  std::vector<std::string> seeing_usual_socket(const std::vector<std::string>& command) const {
    std::vector<std::string> whole{"/usr/bin/unshare",
                                   "--mount",
                                   "/bin/sh",
                                   "-c",
                                   "mount -t tmpfs none /run && mkdir /run/stibee-syncd && ln -s \"$0\" "
                                   "/run/stibee-syncd/control.sock && exec \"$@\"",
                                   (deployment_.state() / "control.sock").string()};
    whole.insert(whole.end(), command.begin(), command.end());
    return whole;
  }
  Finished syncd(const std::filesystem::path& config, const std::vector<std::string>& arguments) {
    std::vector<std::string> command{syncd_program(), "--config", config.string()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run(seeing_usual_socket(command));
  }
  std::filesystem::path file(const std::string& name, const std::string& content) {
    std::ofstream(deployment_.directory() / name) << content;
    return deployment_.directory() / name;
  }
  std::string state() { return text(items(deployment_.report({"status"}), "mirrors").front(), "state"); }

  Deployment deployment_;
};

TEST_F(OtherInstance, ChangesNothingForAFileThatIsNotItsOwn) {
  const std::vector<std::filesystem::path> bad{
      deployment_.directory() / "missing.yaml", file("empty.yaml", ""), file("garbage.yaml", garbage),
      file("elsewhere.yaml", "state: {directory: " + (deployment_.directory() / "b").string() + "}\n")};
  const std::vector<std::vector<std::string>> commands{
      {"pause"},    {"resume"},    {"retry"},  {"forget", "p1@example.com"}, {"guard", "approve", "d"},
      {"sync-now"}, {"reconcile"}, {"reload"}, {"pause", "--for", "1h"}};
  for (const auto& config : bad) {
    for (const auto& command : commands) {
      const auto finished = syncd(config, command);
      EXPECT_EQ(finished.exit_code, 78) << config << command.front() << finished.out << finished.err;
      EXPECT_NE(finished.err.find(config.filename().string()), std::string::npos) << finished.err;
      EXPECT_NE(finished.err.find("runs with " + deployment_.config().string() + ", and not with this file"),
                std::string::npos)
          << finished.err;
    }
  }
  EXPECT_EQ(state(), "ok") << "nobody paused it";
}

TEST_F(OtherInstance, ItsReportsSayWhoseTheyAre) {
  for (const std::string command : {"status", "guard", "failures"}) {
    const auto finished = syncd(deployment_.directory() / "missing.yaml", {command});
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    EXPECT_NE(finished.err.find("warning: the daemon on /run/stibee-syncd/control.sock runs with " +
                                deployment_.config().string()),
              std::string::npos)
        << finished.err;
  }
}

TEST_F(OtherInstance, TheDaemonOfTheFileItselfIsFoundThoughNothingInItCanBeRead) {
  deployment_.write_config(garbage);
  std::filesystem::create_symlink(deployment_.config(), deployment_.directory() / "link.yaml");
  for (const auto& config : {deployment_.config(), deployment_.directory() / "link.yaml"}) {
    for (const std::string command : {"pause", "resume", "status", "retry"}) {
      const auto finished = syncd(config, {command});
      EXPECT_EQ(finished.exit_code, 0) << command << finished.err;
      EXPECT_NE(finished.err.find("warning: the daemon runs with what the file was before"),
                std::string::npos)
          << finished.err;
    }
    const auto waited = syncd(config, {"sync-now", "--wait", "--timeout", "30s"});
    EXPECT_EQ(waited.exit_code, 0) << waited.err;
  }
}

TEST_F(OtherInstance, NoBackupIsMadeOfOrPutBackIntoItsState) {
  const auto folder = (deployment_.directory() / "backup").string();
  ASSERT_EQ(deployment_.syncd({"backup", folder}).exit_code, 0);
  for (const auto& config : {deployment_.directory() / "missing.yaml", file("garbage.yaml", garbage)}) {
    for (const std::string command : {"backup", "restore"}) {
      const auto finished = syncd(config, {command, folder});
      EXPECT_EQ(finished.exit_code, 78) << command << finished.out << finished.err;
      EXPECT_NE(finished.err.find(config.filename().string()), std::string::npos) << finished.err;
    }
  }
  // Something else in the file may be wrong.
  const auto named = file("named.yaml", "nonsense: 1\n" + deployment_.config_text());
  EXPECT_EQ(syncd(named, {"backup", folder + "2"}).exit_code, 0);
}

}  // namespace
}  // namespace stibee_sync::e2e

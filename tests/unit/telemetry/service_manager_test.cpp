#include "stibee_sync/telemetry/service_manager.hpp"

#include <cstring>
#include <poll.h>
#include <stdlib.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gmock/gmock.h>

namespace stibee_sync::telemetry {
namespace {

using namespace std::chrono_literals;

/// The service manager's end of NOTIFY_SOCKET, in a directory of its own.
class ServiceManagerTest : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/stibee-notify-XXXXXX";
    ASSERT_NE(mkdtemp(pattern), nullptr);
    directory_ = pattern;
    path_ = directory_ + "/notify";
    socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    ASSERT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    setenv("NOTIFY_SOCKET", path_.c_str(), 1);
  }

  void TearDown() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
      unsetenv(name);
    close(socket_);
    unlink(path_.c_str());
    rmdir(directory_.c_str());
  }

  /// The next message; empty when there is none.
  std::string heard() const {
    char buffer[2048];
    const ssize_t count = recv(socket_, buffer, sizeof buffer, MSG_DONTWAIT);
    return count > 0 ? std::string(buffer, static_cast<std::size_t>(count)) : std::string();
  }

 private:
  std::string directory_;
  std::string path_;
  int socket_ = -1;
};

TEST_F(ServiceManagerTest, SendsEachMessageInSystemdsWords) {
  const auto manager = ServiceManager::from_environment();
  EXPECT_TRUE(manager.listening());
  manager.ready("2 mirrors");
  EXPECT_EQ(heard(), "READY=1\nSTATUS=2 mirrors");
  manager.ready();
  EXPECT_EQ(heard(), "READY=1");
  manager.reloading(123456us);
  EXPECT_EQ(heard(), "RELOADING=1\nMONOTONIC_USEC=123456");
  manager.status("10 pending");
  EXPECT_EQ(heard(), "STATUS=10 pending");
  manager.feed_watchdog();
  EXPECT_EQ(heard(), "WATCHDOG=1");
  manager.extend_timeout(30s);
  EXPECT_EQ(heard(), "EXTEND_TIMEOUT_USEC=30000000");
  manager.stopping("draining");
  EXPECT_EQ(heard(), "STOPPING=1\nSTATUS=draining");
  EXPECT_EQ(heard(), "");
}

TEST_F(ServiceManagerTest, AStatusCannotSmuggleInAnotherMessage) {
  const auto manager = ServiceManager::from_environment();
  manager.status("all well\nSTOPPING=1\x7f");
  EXPECT_EQ(heard(), "STATUS=all well STOPPING=1 ");
}

TEST_F(ServiceManagerTest, ALongStatusIsCutBetweenCharacters) {
  const auto manager = ServiceManager::from_environment();
  std::string korean = "a";
  for (int i = 0; i < 400; ++i)
    korean += "가";
  manager.status(korean);
  const std::string message = heard();
  EXPECT_LE(message.size(), 520U);
  EXPECT_EQ((message.size() - std::strlen("STATUS=a")) % 3, 0U);
}

TEST_F(ServiceManagerTest, TellsNobodyWhereNobodyListens) {
  unsetenv("NOTIFY_SOCKET");
  setenv("WATCHDOG_USEC", "30000000", 1);
  const auto manager = ServiceManager::from_environment();
  EXPECT_FALSE(manager.listening());
  EXPECT_EQ(manager.watchdog_timeout(), std::nullopt);
  manager.ready();
  EXPECT_EQ(heard(), "");
  ServiceManager{}.ready();
}

TEST_F(ServiceManagerTest, SurvivesASocketThatIsGone) {
  setenv("NOTIFY_SOCKET", "/nowhere/notify", 1);
  ServiceManager::from_environment().ready();
}

TEST_F(ServiceManagerTest, KnowsTheWatchdogsTime) {
  setenv("WATCHDOG_USEC", "30000000", 1);
  EXPECT_EQ(ServiceManager::from_environment().watchdog_timeout(), 30s);
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  EXPECT_EQ(ServiceManager::from_environment().watchdog_timeout(), 30s);
}

TEST_F(ServiceManagerTest, IgnoresAWatchdogMeantForAnotherProcessOrUnreadable) {
  setenv("WATCHDOG_USEC", "30000000", 1);
  setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(ServiceManager::from_environment().watchdog_timeout(), std::nullopt);
  unsetenv("WATCHDOG_PID");
  setenv("WATCHDOG_USEC", "soon", 1);
  EXPECT_EQ(ServiceManager::from_environment().watchdog_timeout(), std::nullopt);
}

}  // namespace
}  // namespace stibee_sync::telemetry

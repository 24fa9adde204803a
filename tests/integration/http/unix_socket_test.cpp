#include "integration/http/raw_client.hpp"
#include "stibee_sync/http/server.hpp"
#include "stibee_sync/http/unix_client.hpp"

#include <cstring>
#include <fstream>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gmock/gmock.h>

namespace stibee_sync::http::test {
namespace {

using ::testing::HasSubstr;

asio::awaitable<ServerResponse> whoami(ServerRequest request) {
  std::string text = request.peer_address;
  if (request.credentials) {
    text += " uid=" + std::to_string(request.credentials->uid) +
            " pid=" + std::to_string(request.credentials->pid);
  }
  co_return ServerResponse(200, "text/plain", text + " " + request.body);
}

class UnixSocketTest : public ::testing::Test {
 protected:
  UnixSocketTest() {
    std::string name = (std::filesystem::temp_directory_path() / "stibee-unix-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    directory = name;
    path = directory / "control.sock";
  }
  ~UnixSocketTest() override { std::filesystem::remove_all(directory); }

  ServerOptions options() {
    ServerOptions made{UnixSocketAddress(path)};
    made.allowed_methods = {"GET", "POST"};
    made.max_body_bytes = 1000;
    return made;
  }
  std::string start_error() {
    asio::io_context loop;
    Server server(loop.get_executor(), options(), whoami);
    try {
      server.start();
    } catch (const std::system_error& error) {
      return error.what();
    }
    return "started";
  }

  std::filesystem::path directory;
  std::filesystem::path path;
};

TEST_F(UnixSocketTest, TellsTheHandlerWhoAsks) {
  const RunningServer server(options(), whoami);
  const auto result = request_over_unix_socket(path, Request("POST", "/x", {}, "body"), 5s);
  ASSERT_TRUE(result.ok()) << result.failure();
  EXPECT_EQ(result.response().body(),
            "unix uid=" + std::to_string(::getuid()) + " pid=" + std::to_string(::getpid()) + " body");
}

TEST_F(UnixSocketTest, MakesTheFileForOwnerAndGroupOnly) {
  const auto before = ::umask(0);
  const RunningServer server(options(), whoami);
  ::umask(before);
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0660U);
}

TEST_F(UnixSocketTest, RemovesItsFileWhenItStops) {
  {
    RunningServer server(options(), whoami);
    EXPECT_TRUE(std::filesystem::exists(path));
    server.stop();
    EXPECT_FALSE(std::filesystem::exists(path));
  }
}

TEST_F(UnixSocketTest, LeavesAFileAloneThatIsNoLongerItsOwn) {
  RunningServer first(options(), whoami);
  std::filesystem::remove(path);
  const RunningServer second(options(), whoami);
  first.stop();
  EXPECT_TRUE(request_over_unix_socket(path, Request("GET", "/"), 5s).ok());
}

TEST_F(UnixSocketTest, ReplacesAFileThatAKilledProcessLeft) {
  const int left = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(left, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(left);
  ASSERT_TRUE(std::filesystem::exists(path));
  const RunningServer server(options(), whoami);
  EXPECT_TRUE(request_over_unix_socket(path, Request("GET", "/"), 5s).ok());
}

TEST_F(UnixSocketTest, DoesNotTakeASocketFromALivingServer) {
  const RunningServer server(options(), whoami);
  const auto error = start_error();
  EXPECT_THAT(error, HasSubstr(path.string()));
  EXPECT_THAT(error, HasSubstr("another process is listening"));
  EXPECT_TRUE(request_over_unix_socket(path, Request("GET", "/"), 5s).ok());
}

TEST_F(UnixSocketTest, NeverRemovesAFileThatIsNoSocket) {
  std::ofstream(path) << "precious";
  EXPECT_THAT(start_error(), HasSubstr("not a socket"));
  EXPECT_EQ(std::filesystem::file_size(path), 8U);
}

TEST_F(UnixSocketTest, ExplainsADirectoryThatIsMissingAndAPathTooLong) {
  path = directory / "missing" / "control.sock";
  EXPECT_THAT(start_error(), HasSubstr("directory does not exist"));
  path = directory / std::string(120, 'x');
  EXPECT_THAT(start_error(), HasSubstr("107 bytes"));
  const auto result = request_over_unix_socket(path, Request("GET", "/"), 5s);
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.failure().detail, HasSubstr("too long"));
}

TEST_F(UnixSocketTest, SaysThatNoDaemonIsThere) {
  const auto result = request_over_unix_socket(path, Request("GET", "/"), 5s);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.failure().kind, FailureKind::Connect);
  EXPECT_FALSE(result.failure().request_sent);
}

TEST_F(UnixSocketTest, GivesUpOnADaemonThatDoesNotAnswer) {
  const int mute = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(mute, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(mute, 4), 0);
  const auto result = request_over_unix_socket(path, Request("GET", "/"), 100ms);
  ::close(mute);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.failure().kind, FailureKind::Timeout);
}

}  // namespace
}  // namespace stibee_sync::http::test

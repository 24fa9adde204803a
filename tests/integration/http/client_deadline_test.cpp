#include "integration/http/client_fixture.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace stibee_sync::http::test {
namespace {

using ::testing::HasSubstr;

constexpr auto limit = 150ms;

class ClientDeadlineTest : public ClientFixture {
 protected:
  ClientOptions impatient(ClientOptions options) {
    options.request_timeout = limit;
    options.connect_timeout = limit;
    return options;
  }
  Attempt timed_exchange(Request request = post()) {
    const auto begin = std::chrono::steady_clock::now();
    auto one = exchange(std::move(request));
    const auto taken = std::chrono::steady_clock::now() - begin;
    EXPECT_GE(taken, limit);
    EXPECT_LT(taken, 5s) << "not the deadline but something else ended the exchange";
    return one;
  }
};

/// A port whose accept queue is full: the kernel drops further connection attempts without a word.
class FullPort {
 public:
  FullPort() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address_), size);
    ::listen(listener_, 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address_), &size);
    for (int i = 0; i < 8; ++i) {
      const int filler = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      ::connect(filler, reinterpret_cast<sockaddr*>(&address_), sizeof address_);
      fillers_.push_back(filler);
    }
  }
  ~FullPort() {
    for (const int filler : fillers_)
      ::close(filler);
    ::close(listener_);
  }
  FullPort(const FullPort&) = delete;
  FullPort& operator=(const FullPort&) = delete;

  std::uint16_t port() const { return ntohs(address_.sin_port); }

 private:
  int listener_;
  sockaddr_in address_{};
  std::vector<int> fillers_;
};

TEST_F(ClientDeadlineTest, EndsAConnectThatHangs) {
  const FullPort full;
  start(impatient(options_for("http://127.0.0.1:" + std::to_string(full.port()))));
  const auto one = timed_exchange();
  expect_failure(one, FailureKind::Timeout, false, false);
  EXPECT_THAT(one.failure().detail, HasSubstr("connecting to"));
}

TEST_F(ClientDeadlineTest, EndsATlsHandshakeThatHangs) {
  ScriptedServer server([](Peer& peer, int) { peer.wait_for_close(); });
  start(impatient(options_for("https://127.0.0.1:" + std::to_string(server.port()))));
  const auto one = timed_exchange();
  expect_failure(one, FailureKind::Timeout, false, false);
  EXPECT_THAT(one.failure().detail, HasSubstr("handshake"));
}

TEST_F(ClientDeadlineTest, EndsASendThatHangs) {
  ScriptedServer server([&](Peer&, int) { server.await_mark(); });
  start(impatient(plain(server)));
  // More than the sockets' buffers take in, and no more: to copy it takes a sanitizer its time.
  const auto one = timed_exchange(post(std::string(16 << 20, 'x')));
  expect_failure(one, FailureKind::Timeout, true, false);
  EXPECT_THAT(one.failure().detail, HasSubstr("sending"));
  server.mark();
}

TEST_F(ClientDeadlineTest, EndsAWaitForTheHeader) {
  ScriptedServer server([](Peer& peer, int connection) {
    peer.read_request();
    if (connection == 1) peer.send("HTTP/1.1 200 OK\r\n");
    peer.wait_for_close();
  });
  start(impatient(plain(server)));
  const auto one = timed_exchange();
  expect_failure(one, FailureKind::Timeout, true, false);
  EXPECT_THAT(one.failure().detail, HasSubstr("waiting for the answer"));
  expect_failure(timed_exchange(), FailureKind::Timeout, true, true);
}

TEST_F(ClientDeadlineTest, EndsAWaitForTheBody) {
  ScriptedServer server([](Peer& peer, int) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    peer.wait_for_close();
  });
  start(impatient(plain(server)));
  const auto one = timed_exchange();
  expect_failure(one, FailureKind::Timeout, true, true);
  EXPECT_THAT(one.failure().detail, HasSubstr("body"));
}

TEST_F(ClientDeadlineTest, IsNotFooledByABodyThatDrips) {
  std::atomic<bool> over = false;
  ScriptedServer server([&](Peer& peer, int) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    while (!over) {
      peer.send("x");
      std::this_thread::sleep_for(10ms);
    }
  });
  start(impatient(plain(server)));
  expect_failure(timed_exchange(), FailureKind::Timeout, true, true);
  over = true;
}

TEST_F(ClientDeadlineTest, GivesTheNextExchangeAWholeDeadlineOfItsOwn) {
  ScriptedServer server([](Peer& peer, int) {
    while (!peer.read_request().empty()) {
      std::this_thread::sleep_for(limit / 3);
      peer.send(answer(200, "late, but in time"));
    }
  });
  auto options = impatient(plain(server));
  options.request_timeout = limit * 10;
  start(std::move(options));
  for (int i = 0; i < 4; ++i)
    EXPECT_TRUE(exchange().ok());
  EXPECT_EQ(server.connections(), 1);
}

}  // namespace
}  // namespace stibee_sync::http::test

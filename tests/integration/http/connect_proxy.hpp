#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace stibee_sync::http::test {

/// A real HTTP proxy on loopback that knows CONNECT: whatever it is asked for, it goes to one port of this
/// machine.
class ConnectProxy {
 public:
  explicit ConnectProxy(std::uint16_t target);
  /// The same, but every CONNECT is answered with these bytes, and the connection closed.
  explicit ConnectProxy(std::string answer);
  /// Cuts every connection.
  ~ConnectProxy();
  ConnectProxy(const ConnectProxy&) = delete;
  ConnectProxy& operator=(const ConnectProxy&) = delete;

  std::uint16_t port() const { return port_; }
  /// The headers of the requests it was sent.
  std::vector<std::string> requests() const;
  /// Every byte that went through it in either direction.
  std::string passed() const;

 private:
  void listen();
  void accept_loop();
  void serve(int client);
  void relay(int client, int server);

  const std::uint16_t target_ = 0;
  const std::string answer_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::string passed_;
  std::vector<int> sockets_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace stibee_sync::http::test

#include "integration/http/connect_proxy.hpp"

#include <arpa/inet.h>
#include <array>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace stibee_sync::http::test {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

bool send_all(int socket, const char* bytes, std::size_t count) {
  while (count > 0) {
    const auto sent = ::send(socket, bytes, count, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes += sent;
    count -= static_cast<std::size_t>(sent);
  }
  return true;
}

}  // namespace

ConnectProxy::ConnectProxy(std::uint16_t target) : target_(target) {
  listen();
}

ConnectProxy::ConnectProxy(std::string answer) : answer_(std::move(answer)) {
  listen();
}

void ConnectProxy::listen() {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("the test's proxy cannot listen");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_loop(); });
}

ConnectProxy::~ConnectProxy() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int socket : sockets_)
      ::shutdown(socket, SHUT_RDWR);
  }
  for (auto& thread : threads_)
    thread.join();
  for (const int socket : sockets_)
    ::close(socket);
  ::close(listener_);
}

void ConnectProxy::accept_loop() {
  while (!stopping_) {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    const std::lock_guard lock(mutex_);
    sockets_.push_back(client);
    threads_.emplace_back([this, client] { serve(client); });
  }
}

void ConnectProxy::serve(int client) {
  std::string header;
  char next = 0;
  while (!header.ends_with("\r\n\r\n") && ::recv(client, &next, 1, 0) > 0)
    header += next;
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(header);
  }
  if (!answer_.empty()) {
    send_all(client, answer_.data(), answer_.size());
    ::shutdown(client, SHUT_RDWR);
    return;
  }
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  {
    const std::lock_guard lock(mutex_);
    sockets_.push_back(server);
  }
  const auto address = loopback(target_);
  constexpr std::string_view connected = "HTTP/1.1 200 Connection established\r\nX-Via: test\r\n\r\n";
  if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      send_all(client, connected.data(), connected.size()))
    relay(client, server);
  ::shutdown(client, SHUT_RDWR);
  ::shutdown(server, SHUT_RDWR);
}

void ConnectProxy::relay(int client, int server) {
  std::array<pollfd, 2> ends{pollfd{client, POLLIN, 0}, pollfd{server, POLLIN, 0}};
  std::array<char, 16384> block{};
  while (::poll(ends.data(), ends.size(), -1) > 0) {
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].revents == 0) continue;
      const auto count = ::recv(ends[i].fd, block.data(), block.size(), 0);
      if (count <= 0) return;
      {
        const std::lock_guard lock(mutex_);
        passed_.append(block.data(), static_cast<std::size_t>(count));
      }
      if (!send_all(ends[1 - i].fd, block.data(), static_cast<std::size_t>(count))) return;
    }
  }
}

std::vector<std::string> ConnectProxy::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::string ConnectProxy::passed() const {
  const std::lock_guard lock(mutex_);
  return passed_;
}

}  // namespace stibee_sync::http::test

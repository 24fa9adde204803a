#include "integration/http/raw_client.hpp"

#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace stibee_sync::http::test {
namespace {

constexpr timeval patience{20, 0};

int connected(int family, const sockaddr* address, socklen_t size, const sockaddr* source = nullptr) {
  const int socket = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (source != nullptr && ::bind(socket, source, size) != 0)
    throw std::runtime_error("cannot use the client's address");
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(socket, address, size) != 0)
    throw std::runtime_error("cannot connect to the server under test");
  return socket;
}

int connected_tcp(std::uint16_t port, const char* from) {
  sockaddr_in source{};
  source.sin_family = AF_INET;
  ::inet_pton(AF_INET, from, &source.sin_addr);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return connected(AF_INET, reinterpret_cast<const sockaddr*>(&address), sizeof address,
                   reinterpret_cast<const sockaddr*>(&source));
}

int connected_unix(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return connected(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

}  // namespace

RawClient::RawClient(std::uint16_t port, const char* source) : socket_(connected_tcp(port, source)) {}
RawClient::RawClient(const std::filesystem::path& socket) : socket_(connected_unix(socket)) {}
RawClient::~RawClient() {
  ::close(socket_);
}

bool RawClient::send(const std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const auto count = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return false;
    sent += static_cast<std::size_t>(count);
  }
  return true;
}

std::string RawClient::read_answer(bool head_only) {
  std::array<char, 65536> block{};
  while (true) {
    const auto end = pending_.find("\r\n\r\n");
    if (end != std::string::npos) {
      const auto length = pending_.find("Content-Length: ");
      const std::size_t body = head_only || length > end ? 0 : std::stoul(pending_.substr(length + 16));
      if (pending_.size() >= end + 4 + body) {
        std::string answer = pending_.substr(0, end + 4 + body);
        pending_.erase(0, answer.size());
        return answer;
      }
    }
    const auto count = ::recv(socket_, block.data(), block.size(), 0);
    if (count <= 0) return std::move(pending_);
    pending_.append(block.data(), static_cast<std::size_t>(count));
  }
}

std::string RawClient::read_all() {
  std::array<char, 65536> block{};
  while (true) {
    const auto count = ::recv(socket_, block.data(), block.size(), 0);
    if (count < 0) pending_ += "[no end]";
    if (count <= 0) return std::move(pending_);
    pending_.append(block.data(), static_cast<std::size_t>(count));
  }
}

RunningServer::RunningServer(ServerOptions options, Handler handler)
    : server_(std::make_unique<Server>(loop_.get_executor(), std::move(options), std::move(handler))) {
  server_->start();
  thread_ = std::thread([this] { loop_.run(); });
}

RunningServer::~RunningServer() {
  on_loop([this] { server_.reset(); });
  work_.reset();
  thread_.join();
}

std::uint16_t RunningServer::port() {
  return on_loop([this] { return server_->port(); });
}

void RunningServer::stop() {
  on_loop([this] { server_->stop(); });
}

std::size_t RunningServer::connections() {
  return on_loop([this] { return server_->connections(); });
}

bool RunningServer::await_connections(std::size_t count) {
  return await([this, count] { return connections() == count; });
}

bool await(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + 10s;
  while (std::chrono::steady_clock::now() < end) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}

ServerOptions on_loopback() {
  return ServerOptions(ListenAddress("127.0.0.1", 0));
}

}  // namespace stibee_sync::http::test

#include "integration/fault_proxy.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <ostream>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace stibee_sync::testing {
namespace {

constexpr std::size_t piece_size = 16384;

std::size_t index(Way way) {
  return way == Way::ToServer ? 0 : 1;
}

bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void prepare(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const timeval patience{20, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

int connect_to(const FaultProxy::Target& target) {
  if (const auto* port = std::get_if<std::uint16_t>(&target)) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(*port);
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return socket;
    ::close(socket);
    return -1;
  }
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, std::get<std::string>(target).c_str(), sizeof address.sun_path - 1);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return socket;
  ::close(socket);
  return -1;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, Fault fault) {
  constexpr std::array names{"Cut", "Reset", "HalfClose", "Stall", "Crumble", "Garble"};
  return out << names.at(static_cast<std::size_t>(fault));
}

std::ostream& operator<<(std::ostream& out, Way way) {
  return out << (way == Way::ToServer ? "ToServer" : "ToClient");
}

/// One connection with its two ends: [0] the client's, [1] the server's.
struct FaultProxy::Line {
  int number = 0;
  std::array<int, 2> ends{-1, -1};
  std::array<std::size_t, 2> passed{};
  std::array<bool, 2> over{};  // nothing more comes, or is to be passed on, that way
  bool crumbling = false;
  bool stalled = false;
  bool dead = false;
  std::string held;  // while stalled
  Way held_way = Way::ToServer;

  ~Line() { close(); }
  int from(Way way) const { return ends[index(way)]; }
  int to(Way way) const { return ends[1 - index(way)]; }
  void close(bool rudely = false) {
    for (int& end : ends) {
      const linger now{1, 0};
      if (end >= 0 && rudely) ::setsockopt(end, SOL_SOCKET, SO_LINGER, &now, sizeof now);
      if (end >= 0) ::close(end);
      end = -1;
    }
    dead = true;
  }
};

FaultProxy::FaultProxy(Target target, std::optional<FaultPoint> point, Before before)
    : target_(std::move(target)), before_(std::move(before)), point_(point) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      ::pipe2(wake_.data(), O_CLOEXEC | O_NONBLOCK) != 0)
    throw std::runtime_error("the test's proxy cannot listen");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

FaultProxy::~FaultProxy() {
  stopping_ = true;
  wake();
  thread_.join();
  lines_.clear();
  for (const int fd : {listener_, wake_[0], wake_[1]})
    ::close(fd);
}

void FaultProxy::wake() const {
  [[maybe_unused]] const auto written = ::write(wake_[1], "x", 1);
}

void FaultProxy::set(std::optional<FaultPoint> point) {
  const std::lock_guard lock(mutex_);
  point_ = point;
  struck_ = false;
  released_ = false;
}

void FaultProxy::release() {
  released_ = true;
  wake();
}

void FaultProxy::reset_all() {
  {
    const std::lock_guard lock(mutex_);
    reset_wanted_ = true;
  }
  wake();
}

std::size_t FaultProxy::passed(Way way) const {
  const std::lock_guard lock(mutex_);
  return passed_[index(way)];
}

std::string FaultProxy::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void FaultProxy::run() {
  while (!stopping_) {
    std::vector<pollfd> polled{{listener_, POLLIN, 0}, {wake_[0], POLLIN, 0}};
    for (const auto& line : lines_) {
      for (const Way way : {Way::ToServer, Way::ToClient})
        polled.push_back({line->stalled || line->over[index(way)] ? -1 : line->from(way), POLLIN, 0});
    }
    if (::poll(polled.data(), polled.size(), -1) < 0) continue;
    std::array<char, 64> ignored{};
    while (::read(wake_[0], ignored.data(), ignored.size()) > 0) {
    }
    bool reset = false;
    {
      const std::lock_guard lock(mutex_);
      reset = std::exchange(reset_wanted_, false);
    }
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      auto& line = *lines_[i];
      if (reset) line.close(true);
      if (line.stalled && released_) {
        line.stalled = false;
        pass(line, line.held_way, std::exchange(line.held, {}));
      }
      for (const Way way : {Way::ToServer, Way::ToClient}) {
        if (!line.dead && polled[2 + 2 * i + index(way)].revents != 0) carry(line, way);
      }
    }
    std::erase_if(lines_, [](const auto& line) { return line->dead; });
    if (polled[0].revents != 0) accept_one();
  }
}

void FaultProxy::accept_one() {
  const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  auto line = std::make_unique<Line>();
  line->ends = {client, connect_to(target_)};
  line->number = connections_++;
  if (line->ends[1] < 0) return;
  for (const int end : line->ends)
    prepare(end);
  // A fault before the first byte is one of the connection as such.
  for (const Way way : {Way::ToServer, Way::ToClient})
    pass(*line, way, {});
  if (!line->dead) lines_.push_back(std::move(line));
}

void FaultProxy::carry(Line& line, Way way) {
  if (line.stalled || line.over[index(way)]) return;
  std::array<char, piece_size> block{};
  const auto count = ::recv(line.from(way), block.data(), block.size(), 0);
  if (count < 0) {
    line.close(true);
    return;
  }
  if (count == 0) {
    line.over[index(way)] = true;
    ::shutdown(line.to(way), SHUT_WR);
    if (line.over[0] && line.over[1]) line.close();
    return;
  }
  if (before_) before_(way, line.passed[index(way)]);
  pass(line, way, std::string_view(block.data(), static_cast<std::size_t>(count)));
}

/// Passes a piece on up to the point, does there what is to be done, and goes on if there is a way to.
void FaultProxy::pass(Line& line, Way way, std::string_view piece) {
  std::string garbled;
  std::optional<std::size_t> until;
  {
    const std::lock_guard lock(mutex_);
    if (point_ && !struck_ && point_->way == way && point_->connection == line.number &&
        point_->after >= line.passed[index(way)] && point_->after - line.passed[index(way)] <= piece.size()) {
      until = point_->after - line.passed[index(way)];
      // It needs a byte to be done to.
      if (point_->fault == Fault::Garble && *until == piece.size()) until.reset();
    }
  }
  const auto forward = [&](std::string_view part) {
    {
      const std::lock_guard lock(mutex_);
      bytes_.append(part);
      passed_[index(way)] += part.size();
    }
    line.passed[index(way)] += part.size();
    bool sent = true;
    if (line.crumbling) {
      for (const char& byte : part)
        sent = sent && send_all(line.to(way), std::string_view(&byte, 1));
    } else {
      sent = send_all(line.to(way), part);
    }
    if (!sent) line.close(true);
  };
  if (!until) {
    forward(piece);
    return;
  }
  if (*until > 0) forward(piece.substr(0, *until));
  piece.remove_prefix(*until);
  if (line.dead) return;
  struck_ = true;
  strike(line, way);
  if (line.dead || line.over[index(way)]) return;
  if (line.stalled) {
    line.held = piece;
    line.held_way = way;
    return;
  }
  bool garble = false;
  {
    const std::lock_guard lock(mutex_);
    garble = point_ && point_->fault == Fault::Garble;
  }
  if (garble) {
    garbled = piece;
    garbled.front() = static_cast<char>(garbled.front() ^ 0x20);
    piece = garbled;
  }
  if (!piece.empty()) forward(piece);
}

void FaultProxy::strike(Line& line, Way way) {
  Fault fault = Fault::Cut;
  {
    const std::lock_guard lock(mutex_);
    fault = point_->fault;
  }
  switch (fault) {
    case Fault::Cut:
      line.close();
      break;
    case Fault::Reset:
      line.close(true);
      break;
    case Fault::HalfClose:
      line.over[index(way)] = true;
      ::shutdown(line.to(way), SHUT_WR);
      break;
    case Fault::Stall:
      line.stalled = true;
      break;
    case Fault::Crumble:
      line.crumbling = true;
      break;
    case Fault::Garble:
      break;
  }
}

}  // namespace stibee_sync::testing

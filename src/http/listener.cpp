#include "http/listener.hpp"

#include <cerrno>
#include <cstring>
#include <grp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

namespace stibee_sync::http {
namespace {

namespace asio = boost::asio;

constexpr mode_t socket_mode = 0660;

[[noreturn]] void refuse(int error, const std::string& address, const std::string& reason = {}) {
  throw std::system_error(error, std::generic_category(),
                          "cannot listen on " + address + (reason.empty() ? "" : " (" + reason + ")"));
}

/// Removes a socket file that a killed process has left behind.
void remove_stale_socket(const asio::any_io_executor& executor, const std::string& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return;
    refuse(errno, path);
  }
  if (!S_ISSOCK(status.st_mode)) refuse(EEXIST, path, "it is not a socket; move it away");
  boost::system::error_code error;
  asio::local::stream_protocol::socket probe(executor);
  probe.open({}, error);
  if (!error) probe.non_blocking(true, error);
  if (error) refuse(error.value(), path);
  probe.connect(path, error);
  if (error.value() == ENOENT) return;
  // EAGAIN: there is a listener, its queue is full.
  if (!error || error.value() == EAGAIN) refuse(EADDRINUSE, path, "another process is listening there");
  if (error.value() != ECONNREFUSED) refuse(error.value(), path);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) refuse(errno, path);
}

gid_t group_named(const std::string& name, const std::string& path) {
  group entry{};
  group* found = nullptr;
  std::vector<char> buffer(16384);
  int error = 0;
  while ((error = ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found)) == ERANGE)
    buffer.resize(buffer.size() * 2);
  if (found == nullptr) refuse(error == 0 ? ENOENT : error, path, "this host has no group `" + name + "`");
  return found->gr_gid;
}

/// Only a member may give a file to a group. Under systemd the file is born as the group's: calls that would
/// give it away are forbidden there.
void give_to_group(const std::string& path, const std::string& name) {
  constexpr auto same_owner = static_cast<uid_t>(-1);
  const auto group = group_named(name, path);
  struct stat status{};
  if (::lstat(path.c_str(), &status) == 0 && status.st_gid == group) return;
  if (::chown(path.c_str(), same_owner, group) == 0) return;
  refuse(errno, path,
         "it cannot be given to the group `" + name + "`; in the unit, that takes Group=" + name +
             " and PrivateUsers=no");
}

}  // namespace

Listener::Listener(const asio::any_io_executor& executor) : acceptor_(executor) {}

Listener::~Listener() {
  close();
}

void Listener::listen(const std::variant<ListenAddress, UnixSocketAddress>& address) {
  try {
    if (const auto* tcp = std::get_if<ListenAddress>(&address)) {
      listen_tcp(*tcp);
    } else {
      listen_unix(std::get<UnixSocketAddress>(address));
    }
  } catch (...) {
    close();
    throw;
  }
}

void Listener::listen_tcp(const ListenAddress& address) {
  boost::system::error_code error;
  const auto literal = asio::ip::make_address(address.host, error);
  if (error) refuse(EINVAL, address.text(), "not an IP address");
  const asio::ip::tcp::endpoint endpoint(literal, address.port);
  const asio::generic::stream_protocol::endpoint generic(endpoint);
  acceptor_.open(generic.protocol(), error);
  if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor_.bind(generic, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) refuse(error.value(), address.text());
  const auto local = acceptor_.local_endpoint();
  asio::ip::tcp::endpoint bound;
  std::memcpy(bound.data(), local.data(), std::min(local.size(), bound.capacity()));
  port_ = bound.port();
}

void Listener::listen_unix(const UnixSocketAddress& address) {
  const std::string path = address.path.string();
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) {
    refuse(ENAMETOOLONG, path, "a socket path has 1 to 107 bytes");
  }
  remove_stale_socket(acceptor_.get_executor(), path);
  boost::system::error_code error;
  const asio::generic::stream_protocol::endpoint generic{asio::local::stream_protocol::endpoint(path)};
  acceptor_.open(generic.protocol(), error);
  if (error) refuse(error.value(), path);
  // The file is born with this mode less the umask, and widened afterwards: never too open, not even for a
  // moment.
  if (::fchmod(acceptor_.native_handle(), socket_mode) != 0) refuse(errno, path);
  acceptor_.bind(generic, error);
  if (error) refuse(error.value(), path, error.value() == ENOENT ? "its directory does not exist" : "");
  if (!address.group.empty()) give_to_group(path, address.group);
  struct stat status{};
  if (::chmod(path.c_str(), socket_mode) != 0 || ::lstat(path.c_str(), &status) != 0) refuse(errno, path);
  path_ = path;
  device_ = status.st_dev;
  inode_ = status.st_ino;
  acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) refuse(error.value(), path);
}

void Listener::close() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  if (path_.empty()) return;
  struct stat status{};
  if (::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
  path_.clear();
}

}  // namespace stibee_sync::http

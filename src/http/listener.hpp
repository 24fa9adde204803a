#pragma once

#include "stibee_sync/http/listen_address.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <sys/types.h>
#include <variant>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

namespace stibee_sync::http {

using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::generic::stream_protocol>;

/// A bound, listening socket, TCP or Unix.
class Listener {
 public:
  explicit Listener(const boost::asio::any_io_executor& executor);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Throws std::system_error with the address in its message.
  void listen(const std::variant<ListenAddress, UnixSocketAddress>& address);

  /// Removes the socket file too, unless somebody else has put another one in its place.
  void close();

  Acceptor& acceptor() { return acceptor_; }
  bool is_unix() const { return !path_.empty(); }
  std::uint16_t port() const { return port_; }

 private:
  void listen_tcp(const ListenAddress& address);
  void listen_unix(const UnixSocketAddress& address);

  Acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::filesystem::path path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace stibee_sync::http

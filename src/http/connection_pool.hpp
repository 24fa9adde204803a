#pragma once

#include "http/connection.hpp"
#include "http/resolver.hpp"
#include "http/tls.hpp"
#include "http/watchdog.hpp"
#include "stibee_sync/http/client.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace stibee_sync::http {

/// The client's state. Shared with channels and with coroutines on their way, so that all of them may outlive
/// it.
class ConnectionPool : public std::enable_shared_from_this<ConnectionPool> {
 public:
  ConnectionPool(const boost::asio::any_io_executor& executor, ClientOptions options);

  static boost::asio::awaitable<OpenResult> open(std::shared_ptr<ConnectionPool> pool);
  static boost::asio::awaitable<ExchangeResult> exchange(std::shared_ptr<ConnectionPool> pool,
                                                         std::shared_ptr<Connection> connection,
                                                         Request request);

  void give_back(std::shared_ptr<Connection> connection);
  void cancel();
  void cut();
  std::size_t idle_connections() const { return idle_.size(); }

 private:
  struct Idle {
    std::shared_ptr<Connection> connection;
    Deadline until;
  };

  boost::asio::awaitable<OpenResult> connect();
  std::shared_ptr<Connection> take_idle();
  OpenResult lease(std::shared_ptr<Connection> connection, bool fresh);
  std::shared_ptr<Connection> make_connection();
  void close_expired();
  void watch_idle();
  Failure cancelled() const;

  boost::asio::any_io_executor executor_;
  ClientOptions options_;
  std::optional<ProxyAddress> proxy_;
  Route route_;
  std::optional<TlsClient> tls_;
  std::shared_ptr<Resolver> resolver_;
  Watchdog idle_watchdog_;
  std::deque<Idle> idle_;  // the one used last is at the back
  std::vector<std::weak_ptr<Connection>> made_;
  bool cancelled_ = false;
};

}  // namespace stibee_sync::http

#include "http/connection_pool.hpp"

#include "stibee_sync/http/transport.hpp"

#include <algorithm>

#include <boost/asio/ip/tcp.hpp>

namespace stibee_sync::http {
namespace {

namespace asio = boost::asio;
using std::chrono::steady_clock;

class PooledChannel : public Channel {
 public:
  PooledChannel(std::shared_ptr<ConnectionPool> pool, std::shared_ptr<Connection> connection, bool fresh)
      : pool_(std::move(pool)), connection_(std::move(connection)), fresh_(fresh) {}
  ~PooledChannel() override { pool_->give_back(std::move(connection_)); }
  PooledChannel(const PooledChannel&) = delete;
  PooledChannel& operator=(const PooledChannel&) = delete;

  asio::awaitable<ExchangeResult> exchange(Request request) override {
    return ConnectionPool::exchange(pool_, connection_, std::move(request));
  }
  bool fresh() const override { return fresh_; }

 private:
  std::shared_ptr<ConnectionPool> pool_;
  std::shared_ptr<Connection> connection_;
  bool fresh_;
};

/// Nobody but ourselves is reached by plain http: no proxy is asked for that.
std::optional<ProxyAddress> proxy_of(const ClientOptions& options) {
  return options.base_url.tls() ? options.proxy : std::nullopt;
}

}  // namespace

ConnectionPool::ConnectionPool(const asio::any_io_executor& executor, ClientOptions options)
    : executor_(executor),
      options_(std::move(options)),
      proxy_(proxy_of(options_)),
      resolver_(std::make_shared<Resolver>(executor, proxy_ ? proxy_->host : options_.base_url.host())),
      idle_watchdog_(executor) {
  const BaseUrl& url = options_.base_url;
  route_.peer = url.authority();
  if (proxy_) {
    route_.peer += " through the proxy " + proxy_->authority();
    route_.tunnel = url.authority();
  }
  if (url.tls()) tls_.emplace(url.host(), url.host_is_ip_literal(), options_.ca_file);
}

asio::awaitable<OpenResult> ConnectionPool::open(std::shared_ptr<ConnectionPool> pool) {
  if (pool->cancelled_) co_return pool->cancelled();
  if (auto connection = pool->take_idle()) co_return pool->lease(std::move(connection), false);
  std::optional<OpenResult> result;
  try {
    OpenResult opened = co_await pool->connect();
    result.emplace(std::move(opened));
  } catch (const boost::system::system_error& error) {
    // The way in which a cancelled coroutine learns of it.
    if (error.code() != asio::error::operation_aborted) throw;
    result.emplace(pool->cancelled());
  }
  co_return std::move(*result);
}

asio::awaitable<OpenResult> ConnectionPool::connect() {
  const auto deadline = steady_clock::now() + std::min(options_.connect_timeout, options_.request_timeout);
  const auto port = proxy_ ? proxy_->port : options_.base_url.port();
  const Addresses addresses = co_await resolver_->resolve(deadline);
  if (cancelled_) co_return cancelled();
  if (addresses.list.empty()) {
    co_return Failure(addresses.timed_out ? FailureKind::Timeout : FailureKind::Resolve, false, false,
                      "looking up " + (proxy_ ? "the proxy " + proxy_->host : options_.base_url.host()) +
                          ": " + addresses.error);
  }
  std::optional<Failure> failure;
  auto left = static_cast<int>(addresses.list.size());
  for (const auto& address : addresses.list) {
    // A dead first address must leave time for the others.
    const auto now = steady_clock::now();
    const auto connection = make_connection();
    asio::generic::stream_protocol::endpoint endpoint = asio::ip::tcp::endpoint(address, port);
    failure = co_await connection->establish(std::move(endpoint), now + (deadline - now) / left--);
    if (cancelled_) co_return cancelled();
    if (!failure) co_return lease(connection, true);
    const bool final = failure->kind == FailureKind::CertificateInvalid ||
                       failure->kind == FailureKind::Tls || failure->kind == FailureKind::Cancelled;
    if (final) break;
  }
  resolver_->expire();
  if (addresses.list.size() > 1) {
    failure->detail += " (last of " + std::to_string(addresses.list.size()) + " addresses)";
  }
  co_return std::move(*failure);
}

asio::awaitable<ExchangeResult> ConnectionPool::exchange(std::shared_ptr<ConnectionPool> pool,
                                                         std::shared_ptr<Connection> connection,
                                                         Request request) {
  const ClientOptions& options = pool->options_;
  WireRequest wire(std::move(request), options.base_url.host_header(), options.base_url.path_prefix(),
                   options.user_agent);
  const auto deadline = steady_clock::now() + options.request_timeout;
  ExchangeResult result =
      co_await connection->exchange(std::move(wire), options.max_response_bytes, deadline);
  co_return result;
}

std::shared_ptr<Connection> ConnectionPool::make_connection() {
  std::erase_if(made_, [](const auto& connection) { return connection.expired(); });
  auto connection = std::make_shared<Connection>(executor_, tls_ ? &*tls_ : nullptr, route_);
  made_.push_back(connection);
  return connection;
}

OpenResult ConnectionPool::lease(std::shared_ptr<Connection> connection, bool fresh) {
  return std::unique_ptr<Channel>(
      std::make_unique<PooledChannel>(shared_from_this(), std::move(connection), fresh));
}

std::shared_ptr<Connection> ConnectionPool::take_idle() {
  close_expired();
  while (!idle_.empty()) {
    auto connection = std::move(idle_.back().connection);
    idle_.pop_back();
    if (connection->usable()) return connection;
  }
  return nullptr;
}

void ConnectionPool::give_back(std::shared_ptr<Connection> connection) {
  if (cancelled_ || options_.max_idle == 0 || !connection->usable()) {
    connection->close();
    return;
  }
  if (idle_.size() >= options_.max_idle) {
    idle_.front().connection->close();
    idle_.pop_front();
  }
  Idle entry{std::move(connection), steady_clock::now() + options_.idle_timeout};
  idle_.push_back(std::move(entry));
  if (idle_.size() == 1) watch_idle();
}

void ConnectionPool::watch_idle() {
  idle_watchdog_.arm(idle_.front().until, weak_from_this(), &ConnectionPool::close_expired);
}

void ConnectionPool::close_expired() {
  const auto now = steady_clock::now();
  while (!idle_.empty() && idle_.front().until <= now) {
    idle_.front().connection->close();
    idle_.pop_front();
  }
  if (idle_.empty()) {
    idle_watchdog_.disarm();
  } else {
    watch_idle();
  }
}

void ConnectionPool::cancel() {
  cancelled_ = true;
  resolver_->stop();
  cut();
}

void ConnectionPool::cut() {
  idle_watchdog_.disarm();
  idle_.clear();
  for (const auto& connection : made_) {
    if (const auto alive = connection.lock()) alive->cancel();
  }
  made_.clear();
}

Failure ConnectionPool::cancelled() const {
  return Failure(FailureKind::Cancelled, false, false, "connecting to " + route_.peer + ": cancelled");
}

}  // namespace stibee_sync::http

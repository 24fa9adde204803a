#include "stibee_sync/http/client.hpp"

#include "http/connection_pool.hpp"

namespace stibee_sync::http {

std::string ProxyAddress::authority() const {
  return authority_of(host, port);
}

ClientOptions::ClientOptions(BaseUrl url) : base_url(std::move(url)) {}

Client::Client(boost::asio::any_io_executor executor, ClientOptions options)
    : pool_(std::make_shared<ConnectionPool>(executor, std::move(options))) {}

Client::~Client() {
  pool_->cancel();
}

boost::asio::awaitable<OpenResult> Client::open() {
  return ConnectionPool::open(pool_);
}

void Client::cancel() {
  pool_->cancel();
}

void Client::cut() {
  pool_->cut();
}

std::size_t Client::idle_connections() const {
  return pool_->idle_connections();
}

}  // namespace stibee_sync::http

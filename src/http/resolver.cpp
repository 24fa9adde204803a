#include "http/resolver.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace stibee_sync::http {
namespace {

namespace asio = boost::asio;

/// Signals are the business of the daemon's own threads.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

Addresses look_up_host(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  Addresses result;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error != 0) {
    result.error = ::gai_strerror(error);
    return result;
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    asio::ip::tcp::endpoint endpoint;
    if (entry->ai_addrlen > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), entry->ai_addr, entry->ai_addrlen);
    result.list.push_back(endpoint.address());
  }
  if (result.list.empty()) result.error = "the name has no address";
  return result;
}

Resolver::Resolver(const asio::any_io_executor& executor, std::string host, LookupFunction lookup,
                   ResolverTimes times)
    : host_(std::move(host)), look_up_(std::move(lookup)), times_(times), finished_(executor) {
  boost::system::error_code error;
  const auto literal = asio::ip::make_address(host_, error);
  if (!error) known_.list = {literal};
  // Never asked of a resolver: plain http is allowed to this name because it cannot leave the machine.
  if (host_ == "localhost")
    known_.list = {asio::ip::address_v4::loopback(), asio::ip::address_v6::loopback()};
  fixed_ = !known_.list.empty();
}

asio::awaitable<Addresses> Resolver::resolve(Deadline deadline) {
  const auto self = shared_from_this();
  const auto now = std::chrono::steady_clock::now();
  if (fixed_ || (!expired_ && now - known_at_ < times_.fresh)) co_return known_;
  Addresses nothing;
  if (stopped_) co_return nothing;
  const bool has_stale = !known_.list.empty() && now - known_at_ < times_.stale;
  try {
    if (!running_.valid()) start_lookup();
  } catch (const std::system_error&) {
    end_lookup();
    nothing.error = "the system has no thread or descriptor left for the lookup";
    co_return has_stale ? known_ : nothing;
  }
  const auto patience = has_stale ? std::min(deadline, now + times_.patience_with_stale) : deadline;
  const auto timer = std::make_shared<asio::steady_timer>(finished_.get_executor(), patience);
  waiting_.push_back(timer);
  const auto [error] = co_await timer->async_wait(asio::as_tuple(asio::use_awaitable));
  // Whom end_lookup() has woken is no longer in the list.
  const bool woken = std::erase_if(waiting_, [&](const auto& other) { return other.lock() == timer; }) == 0;
  if (error && !woken) throw boost::system::system_error(error);  // the caller's coroutine is cancelled
  if (stopped_) co_return nothing;
  if (!expired_) co_return known_;
  nothing.timed_out = !woken;
  nothing.error = woken ? last_error_ : "timed out";
  co_return has_stale ? known_ : nothing;
}

void Resolver::start_lookup() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  // Closed with the thread, and the other end, the loop's, becomes readable.
  const std::shared_ptr<void> closed_at_exit(nullptr, [end = ends[1]](void*) { ::close(end); });
  boost::system::error_code error;
  finished_.assign(ends[0], error);
  if (error) {
    ::close(ends[0]);
    throw std::system_error(error.value(), std::generic_category(), "epoll");
  }
  std::promise<Addresses> promise;
  running_ = promise.get_future();
  {
    const BlockedSignals blocked;
    std::thread([closed_at_exit, promise = std::move(promise), look_up = look_up_, host = host_]() mutable {
      promise.set_value(look_up(host));
    }).detach();
  }
  finished_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [weak = weak_from_this()](const boost::system::error_code& failure) {
                         const auto self = weak.lock();
                         if (self && !failure && self->running_.valid()) self->lookup_finished();
                       });
}

void Resolver::lookup_finished() {
  Addresses result = running_.get();
  if (result.list.empty()) {
    last_error_ = std::move(result.error);
  } else {
    known_ = std::move(result);
    known_at_ = std::chrono::steady_clock::now();
    expired_ = false;
  }
  end_lookup();
}

void Resolver::stop() {
  stopped_ = true;
  end_lookup();
}

void Resolver::end_lookup() {
  boost::system::error_code ignored;
  finished_.close(ignored);
  running_ = {};
  for (const auto& waiting : std::exchange(waiting_, {})) {
    if (const auto timer = waiting.lock()) timer->cancel();
  }
}

}  // namespace stibee_sync::http

#include "http/resolver.hpp"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <netdb.h>
#include <optional>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>

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

/// What the lookup's thread and the loop share.
struct Resolver::Lookup {
  Lookup() : event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (event < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  ~Lookup() { ::close(event); }
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

  const int event;
  std::mutex mutex;
  Addresses result;
};

/// One waiting coroutine. A frame that is destroyed while it waits must not stay in the list.
class Resolver::Waiting {
 public:
  Waiting(std::vector<Waiting*>& list, asio::steady_timer& timer) : list_(list), timer_(timer) {
    list_.push_back(this);
  }
  ~Waiting() { std::erase(list_, this); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  void wake() {
    woken_ = true;
    timer_.cancel();
  }
  bool woken() const { return woken_; }

 private:
  std::vector<Waiting*>& list_;
  asio::steady_timer& timer_;
  bool woken_ = false;
};

Resolver::Resolver(const asio::any_io_executor& executor, std::string host, LookupFunction lookup,
                   ResolverTimes times)
    : executor_(executor),
      host_(std::move(host)),
      look_up_(std::move(lookup)),
      times_(times),
      finished_(executor) {
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
  if (!running_) {
    try {
      start_lookup();
    } catch (const std::system_error&) {
      boost::system::error_code ignored;
      finished_.close(ignored);
      running_.reset();
      nothing.error = "the system has no thread or descriptor left for the lookup";
      co_return stale_or(nothing);
    }
  }
  const bool has_stale = !stale_or(nothing).list.empty();
  asio::steady_timer timer(executor_,
                           has_stale ? std::min(deadline, now + times_.patience_with_stale) : deadline);
  Waiting waiting(waiting_, timer);
  const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  const bool woken = waiting.woken();
  if (error && !woken) throw boost::system::system_error(error);  // the caller's coroutine is cancelled
  if (stopped_) co_return nothing;
  if (!expired_) co_return known_;
  nothing.timed_out = !woken;
  nothing.error = woken ? last_error_ : "timed out";
  co_return stale_or(nothing);
}

Addresses Resolver::stale_or(Addresses otherwise) const {
  const bool usable = !known_.list.empty() && std::chrono::steady_clock::now() - known_at_ < times_.stale;
  return usable ? known_ : otherwise;
}

void Resolver::start_lookup() {
  running_ = std::make_shared<Lookup>();
  const int own_event = ::fcntl(running_->event, F_DUPFD_CLOEXEC, 0);
  if (own_event < 0) throw std::system_error(errno, std::generic_category(), "fcntl");
  boost::system::error_code error;
  finished_.assign(own_event, error);
  if (error) {
    ::close(own_event);
    throw std::system_error(error.value(), std::generic_category(), "epoll");
  }
  {
    const BlockedSignals blocked;
    std::thread([lookup = running_, look_up = look_up_, host = host_] {
      Addresses result = look_up(host);
      const std::lock_guard lock(lookup->mutex);
      lookup->result = std::move(result);
      const std::uint64_t one = 1;
      [[maybe_unused]] const auto written = ::write(lookup->event, &one, sizeof one);
    }).detach();
  }
  finished_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [weak = weak_from_this()](const boost::system::error_code& failure) {
                         const auto self = weak.lock();
                         if (self && !failure && self->running_) self->lookup_finished();
                       });
}

void Resolver::lookup_finished() {
  boost::system::error_code ignored;
  finished_.close(ignored);
  {
    const std::lock_guard lock(running_->mutex);
    if (running_->result.list.empty()) {
      last_error_ = running_->result.error;
    } else {
      known_ = running_->result;
      known_at_ = std::chrono::steady_clock::now();
      expired_ = false;
    }
  }
  running_.reset();
  wake_all();
}

void Resolver::expire() {
  expired_ = true;
}

void Resolver::stop() {
  stopped_ = true;
  boost::system::error_code ignored;
  finished_.close(ignored);
  running_.reset();
  wake_all();
}

void Resolver::wake_all() {
  for (auto* waiting : waiting_)
    waiting->wake();
}

}  // namespace stibee_sync::http

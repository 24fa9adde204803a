#pragma once

#include "http/watchdog.hpp"

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace stibee_sync::http {

class Addresses {
 public:
  std::vector<boost::asio::ip::address> list;
  std::string error;  // why the list is empty
  bool timed_out = false;
};

/// Blocks; called on a thread of its own.
using LookupFunction = std::function<Addresses(const std::string& host)>;

/// getaddrinfo, in its order of preference.
Addresses look_up_host(const std::string& host);

class ResolverTimes {
 public:
  /// Found addresses are used without asking again.
  std::chrono::milliseconds fresh = std::chrono::seconds(30);
  /// Older ones serve when the resolver fails or dawdles.
  std::chrono::milliseconds stale = std::chrono::minutes(15);
  std::chrono::milliseconds patience_with_stale = std::chrono::seconds(2);
};

/// The addresses of one host. A name lookup cannot be interrupted, and Asio's own resolver makes the
/// io_context wait for it at its end. So each lookup runs on a detached thread that shares with us nothing
/// but a promise and a pipe: a caller that stops waiting, or a process that stops altogether, never waits for
/// DNS. There is one lookup at a time, however many callers wait.
class Resolver : public std::enable_shared_from_this<Resolver> {
 public:
  Resolver(const boost::asio::any_io_executor& executor, std::string host,
           LookupFunction lookup = look_up_host, ResolverTimes times = {});

  /// Lookups of literals and `localhost` ask nobody. Keeps itself alive once awaited.
  boost::asio::awaitable<Addresses> resolve(Deadline deadline);

  /// No address worked: ask again next time, but keep the old ones for a dead resolver.
  void expire() { expired_ = true; }

  /// Wakes all callers; they get an empty list.
  void stop();

 private:
  void start_lookup();
  void lookup_finished();
  void end_lookup();

  std::string host_;
  LookupFunction look_up_;
  ResolverTimes times_;
  Addresses known_;
  Deadline known_at_{};
  bool fixed_ = false;
  bool expired_ = true;
  bool stopped_ = false;
  std::string last_error_;
  std::future<Addresses> running_;
  boost::asio::posix::stream_descriptor finished_;
  std::vector<std::weak_ptr<boost::asio::steady_timer>> waiting_;
};

}  // namespace stibee_sync::http

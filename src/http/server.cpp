#include "stibee_sync/http/server.hpp"

#include "http/listener.hpp"
#include "http/server_session.hpp"

#include <algorithm>
#include <list>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace stibee_sync::http {
namespace {

namespace asio = boost::asio;
using std::chrono::steady_clock;

// Newcomers over budget that are being told so.
constexpr std::size_t max_turned_away = 16;
// A sender this slow may be dropped for a newcomer before its own time is over.
constexpr std::chrono::milliseconds slow_sender = std::chrono::seconds(1);
// After a failure that passes by itself, such as no descriptors left.
constexpr std::chrono::milliseconds accept_pause = std::chrono::milliseconds(100);

}  // namespace

class Server::Core : public std::enable_shared_from_this<Server::Core> {
 public:
  Core(const asio::any_io_executor& executor, ServerOptions options, Handler handler)
      : executor_(executor),
        context_(std::make_shared<const SessionContext>(std::move(options), std::move(handler))),
        listener_(executor),
        pause_(executor) {}

  void start() {
    listener_.listen(context_->options.listen);
    asio::co_spawn(executor_, accept_loop(shared_from_this()), [](std::exception_ptr thrown) {
      if (thrown) std::rethrow_exception(thrown);
    });
  }

  void stop() {
    stopped_ = true;
    pause_.cancel();
    listener_.close();
    for_each_session(&ServerSession::finish);
  }

  void close() {
    stop();
    for_each_session(&ServerSession::close);
  }

  std::uint16_t port() const { return listener_.port(); }
  std::size_t connections() const { return sessions_.size(); }

 private:
  using Sessions = std::list<std::shared_ptr<ServerSession>>;

  void for_each_session(void (ServerSession::*action)()) {
    for (const auto* list : {&sessions_, &turned_away_}) {
      for (const auto& session : *list)
        ((*session).*action)();
    }
  }

  static asio::awaitable<void> accept_loop(std::shared_ptr<Core> core) {
    while (!core->stopped_) {
      auto [error, socket] =
          co_await core->listener_.acceptor().async_accept(asio::as_tuple(asio::use_awaitable));
      if (core->stopped_) co_return;
      if (!error) {
        core->admit(std::move(socket));
        continue;
      }
      if (error == asio::error::connection_aborted || error == asio::error::interrupted) continue;
      core->pause_.expires_after(accept_pause);
      co_await core->pause_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
  }

  void admit(StreamSocket socket) {
    auto session = std::make_shared<ServerSession>(std::move(socket), context_);
    if (sessions_.size() < context_->options.max_connections || make_room()) {
      run(sessions_, session, ServerSession::serve(session));
    } else if (turned_away_.size() < max_turned_away) {
      run(turned_away_, session, ServerSession::turn_away(session));
    }
  }

  void run(Sessions& list, std::shared_ptr<ServerSession> session, asio::awaitable<void> work) {
    list.push_back(session);
    asio::co_spawn(
        executor_, std::move(work),
        [core = shared_from_this(), &list, session = std::move(session)](std::exception_ptr thrown) {
          session->close();
          list.remove(session);
          if (thrown && core->context_->options.on_error) core->context_->options.on_error(thrown);
        });
  }

  bool make_room() {
    const auto now = steady_clock::now();
    auto oldest = sessions_.end();
    for (auto it = sessions_.begin(); it != sessions_.end(); ++it) {
      const bool slow = (*it)->receiving() && now - (*it)->waiting_since() >= slow_sender;
      if (!(*it)->idle() && !slow) continue;
      if (oldest == sessions_.end() || (*it)->waiting_since() < (*oldest)->waiting_since()) oldest = it;
    }
    if (oldest == sessions_.end()) return false;
    (*oldest)->close();
    sessions_.erase(oldest);
    return true;
  }

  asio::any_io_executor executor_;
  std::shared_ptr<const SessionContext> context_;
  Listener listener_;
  asio::steady_timer pause_;
  Sessions sessions_;
  Sessions turned_away_;
  bool stopped_ = false;
};

ServerOptions::ServerOptions(std::variant<ListenAddress, UnixSocketAddress> address)
    : listen(std::move(address)) {}

Server::Server(asio::any_io_executor executor, ServerOptions options, Handler handler)
    : core_(std::make_shared<Core>(executor, std::move(options), std::move(handler))) {}

Server::~Server() {
  core_->close();
}

void Server::start() {
  core_->start();
}

void Server::stop() {
  core_->stop();
}

std::uint16_t Server::port() const {
  return core_->port();
}

std::size_t Server::connections() const {
  return core_->connections();
}

}  // namespace stibee_sync::http

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
      // Whoever holds on to connections must not keep out the others by the descriptors either.
      if (error == asio::error::no_descriptors && core->make_room({}, 0, Whose::Any)) continue;
      core->pause_.expires_after(accept_pause);
      co_await core->pause_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
  }

  void admit(StreamSocket socket) {
    auto session = std::make_shared<ServerSession>(std::move(socket), context_);
    const auto most = most_connections(session->peer_address());
    if (most == 0) {
      session->close();
      return;
    }
    const auto has = connections_of(session->peer_address());
    const bool full = sessions_.size() >= context_->options.max_connections;
    // At its own limit, a peer makes room for itself or not at all.
    bool room = true;
    if (has >= most) {
      room = make_room(session->peer_address(), has, Whose::Own);
    } else if (full) {
      room = make_room(session->peer_address(), has, Whose::Any);
    }
    if (room) {
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

  std::size_t most_connections(const std::string& peer) const {
    const auto& options = context_->options;
    return options.peer_connections ? options.peer_connections(peer) : options.max_connections;
  }

  std::size_t connections_of(const std::string& peer) const {
    return static_cast<std::size_t>(std::count_if(
        sessions_.begin(), sessions_.end(),
        [&peer](const std::shared_ptr<ServerSession>& session) { return session->peer_address() == peer; }));
  }

  enum class Whose { Own, Any };

  /// Closes a connection for a newcomer, whose peer has `has` already: one that is idle or slow, of its own
  /// or of a peer with as many; or, of a peer with more, any one that is not being answered. The more a peer
  /// has, the sooner it loses one, so that no crowd of one peer keeps out the others.
  bool make_room(const std::string& newcomer, std::size_t has, Whose whose) {
    const auto now = steady_clock::now();
    auto chosen = sessions_.end();
    std::size_t most = 0;
    for (auto it = sessions_.begin(); it != sessions_.end(); ++it) {
      const auto& session = **it;
      const bool own = session.peer_address() == newcomer;
      if (whose == Whose::Own && !own) continue;
      const auto count = own ? has : connections_of(session.peer_address());
      const bool waits =
          session.idle() || (session.receiving() && now - session.waiting_since() >= slow_sender);
      if (!(waits && count >= has) && !(session.receiving() && count > has + 1)) continue;
      const bool sooner = chosen == sessions_.end() || count > most ||
                          (count == most && session.waiting_since() < (*chosen)->waiting_since());
      if (!sooner) continue;
      chosen = it;
      most = count;
    }
    if (chosen == sessions_.end()) return false;
    (*chosen)->close();
    sessions_.erase(chosen);
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

#include "simulation/day/lock_server.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace stibee_sync::day {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using source::LeaderLock;

namespace {

// As PostgresLeaderLock has them.
constexpr auto beat = 1000ms;
constexpr auto attempt = 500ms;

/// What a lock knows of itself; its loop may outlive it by a moment.
struct Known {
  Known(LockServer& of, int by, runtime::Clock& on, std::function<void()> told)
      : server(of), host(by), clock(on), changed(std::move(told)) {}

  LockServer& server;
  int host;
  runtime::Clock& clock;
  std::function<void()> changed;
  bool stopping = false;
  std::uint64_t term = 0, terms = 0;
  std::optional<std::uint64_t> session;
  runtime::MonotonicTime trusted_until{};
  std::string trouble, published, predecessor;

  void lost(const std::string& why) {
    if (session) server.close(*session);
    session.reset();
    term = 0;
    trouble = why;
    changed();
  }
};

/// One question to the server, and what follows from the answer. Returns how long it rests then.
asio::awaitable<std::chrono::milliseconds> turn(std::shared_ptr<Known> known, runtime::Timer& timer) {
  auto& server = known->server;
  const auto asked = known->clock.monotonic();
  const auto silent_until = asked + server.patience();
  co_await timer.wait_until(asked + 3ms);
  while (!server.reachable(known->host) && known->clock.monotonic() < silent_until)
    co_await timer.wait_until(known->clock.monotonic() + 100ms);
  const auto now = known->clock.monotonic();
  if (known->stopping) co_return 0ms;
  if (!server.reachable(known->host)) {
    known->lost("the database does not answer");
    co_return attempt;
  }
  if (!known->session) known->session = server.connect(known->host);
  if (!server.lives(*known->session, now)) {
    known->lost("the connection was lost");
    co_return attempt;
  }
  known->trouble.clear();
  if (known->term == 0) {
    if (!server.take(*known->session, now)) {
      known->predecessor = server.words_of_holder();
      co_return attempt;
    }
    known->trusted_until = asked + LeaderLock::lease;
    known->term = ++known->terms;
    known->changed();
  } else {
    known->trusted_until = asked + LeaderLock::lease;
    server.publish(*known->session, known->published);
  }
  co_return beat;
}

asio::awaitable<void> look_after(std::shared_ptr<Known> known) {
  const auto timer = known->clock.make_timer();
  while (!known->stopping) {
    auto asking = turn(known, *timer);
    const auto rest = co_await std::move(asking);
    // A connection that ends is noticed at once, where the network says so.
    const auto until = known->clock.monotonic() + rest;
    while (!known->stopping && known->clock.monotonic() < until) {
      co_await timer->wait_until(std::min(until, known->clock.monotonic() + 100ms));
      const auto now = known->clock.monotonic();
      if (known->session && known->server.reachable(known->host) &&
          !known->server.lives(*known->session, now))
        break;
    }
  }
}

class SimulatedLock final : public LeaderLock {
 public:
  SimulatedLock(LockServer& server, int host, asio::io_context& context, runtime::Clock& clock,
                std::function<void()> changed)
      : known_(std::make_shared<Known>(server, host, clock, std::move(changed))) {
    asio::co_spawn(context, look_after(known_), asio::detached);
  }
  ~SimulatedLock() override {
    known_->stopping = true;
    known_->changed = [] {};
    if (known_->session) known_->server.close(*known_->session);
  }
  bool held() const override { return known_->term != 0 && !lease_over(); }
  bool lease_over() const override { return known_->clock.monotonic() >= known_->trusted_until; }
  std::uint64_t term() const override { return known_->term; }
  std::string trouble() const override { return known_->trouble; }
  void publish(const std::string& words) override { known_->published = words; }
  std::string predecessor() const override { return known_->predecessor; }

 private:
  std::shared_ptr<Known> known_;
};

}  // namespace

app::Locks LockServer::locks_for(int host, asio::io_context& context, runtime::Clock& clock) {
  app::Locks locks;
  locks.make_lock = [this, host, &context, &clock](const settings::Settings&, std::vector<std::int64_t>,
                                                   std::function<void()> changed) {
    return std::make_unique<SimulatedLock>(*this, host, context, clock, std::move(changed));
  };
  locks.make_worker = [] { return runtime::make_inline_worker(); };
  return locks;
}

void LockServer::set_away(bool away) {
  away_ = away;
  if (!away) return;
  sessions_.clear();
  holder_.reset();
}

void LockServer::set_cut_off(int host, bool is_cut_off, Time now) {
  if (!is_cut_off) {
    std::erase_if(sessions_,
                  [&](const auto& each) { return each.second.host == host && each.second.is_orphan; });
    notice(now);
    cut_off_.erase(host);
    for (auto& [id, session] : sessions_) {
      if (session.host == host) session.silent_since.reset();
    }
  } else if (cut_off_.emplace(host, now).second) {
    for (auto& [id, session] : sessions_) {
      if (session.host == host) session.silent_since = now;
    }
  }
}

void LockServer::end_sessions(int host) {
  std::erase_if(sessions_, [&](const auto& each) { return each.second.host == host; });
  if (holder_ && !sessions_.contains(*holder_)) holder_.reset();
}

void LockServer::notice(Time now) {
  std::erase_if(sessions_, [&](const auto& each) {
    const auto& since = each.second.silent_since;
    return since && now - *since >= notices;
  });
  if (holder_ && !sessions_.contains(*holder_)) holder_.reset();
}

std::optional<std::uint64_t> LockServer::connect(int host) {
  sessions_[++last_session_].host = host;
  return last_session_;
}

bool LockServer::lives(std::uint64_t session, Time now) {
  notice(now);
  return sessions_.contains(session);
}

void LockServer::close(std::uint64_t session) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  if (!reachable(found->second.host)) {
    found->second.is_orphan = true;
    return;
  }
  sessions_.erase(found);
  if (holder_ == session) holder_.reset();
}

bool LockServer::take(std::uint64_t session, Time now) {
  notice(now);
  if (holder_) return *holder_ == session;
  holder_ = session;
  grants_.push_back({sessions_.at(session).host, now});
  return true;
}

std::string LockServer::holder() const {
  if (!holder_) return "nobody";
  const auto& session = sessions_.at(*holder_);
  return "session " + std::to_string(*holder_) + " of host " + std::to_string(session.host) +
         (session.is_orphan ? ", an orphan" : "") + (session.silent_since ? ", silent" : "");
}

std::string LockServer::words_of_holder() const {
  if (!holder_) return "";
  const auto words = words_.find(*holder_);
  return words == words_.end() ? "" : words->second;
}

}  // namespace stibee_sync::day

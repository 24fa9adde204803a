#include "failure.hpp"
#include "feed_names.hpp"
#include "feed_probe.hpp"
#include "interrupt.hpp"
#include "session.hpp"
#include "stibee_sync/domain/backoff.hpp"
#include "stibee_sync/source/change_feed.hpp"
#include "wakeup.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

namespace stibee_sync::source {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds shortest_wait{1'000};
constexpr milliseconds longest_wait{60'000};
/// Somebody has to set up the server or the pooler anew before it is worth another look.
constexpr milliseconds wait_when_deaf{600'000};

constexpr std::string_view no_commit_notifies =
    "max_prepared_transactions is not 0, so the triggers of the change feed send no notification (a "
    "transaction "
    "that has notified cannot be prepared); it is looked at once a second";

class PostgresListener final : public FeedListener {
 public:
  PostgresListener(Connection connection, std::vector<std::string> mirrors, Wake wake)
      : connection_(std::move(connection)), mirrors_(std::move(mirrors)), wake_(std::move(wake)) {
    thread_ = std::thread([this] { run(); });
  }
  ~PostgresListener() override {
    stopping_ = true;
    interrupt_.request();
    probe_interrupt_.request();
    bell_.ring();
    thread_.join();
  }

  void awake(const std::string& mirror) override { ask(mirror, true); }
  void asleep(const std::string& mirror) override { ask(mirror, false); }
  bool listens() const override { return listens_; }
  std::string trouble() const override {
    const std::lock_guard lock(mutex_);
    return trouble_;
  }

 private:
  void ask(const std::string& mirror, bool awake) {
    {
      const std::lock_guard lock(mutex_);
      asked_[mirror] = awake;
    }
    bell_.ring();
  }

  void run() {
    const Interrupt::Call call(interrupt_);
    const Interrupt::Call probing(probe_interrupt_);
    while (!stopping_) {
      milliseconds wait{0};
      try {
        Session session(connection_, interrupt_);
        wait = hear(session);
      } catch (const Failure& failure) {
        wait = after_failure(failure.error().message);
      } catch (const StatementFailed& failed) {
        wait = after_failure(meaning_of(failed.answer).message);
      } catch (const std::exception&) {
        wait = after_failure("the answer of PostgreSQL makes no sense to this program");
      }
      // Whatever it held went with the connection.
      locks_.clear();
      const bool heard = listens_.exchange(false);
      if ((heard || failures_ == 1) && !stopping_) tell_all(Why::Lost);
      rest(wait);
    }
  }

  milliseconds after_failure(const std::string& why) {
    set_trouble(why);
    ++failures_;
    return domain::backoff(shortest_wait, longest_wait, failures_, domain::Jitter::Half,
                           std::uniform_real_distribution<double>()(random_));
  }

  /// Hears until it should stop. Returns how long to wait before it is tried again, where it cannot hear.
  milliseconds hear(Session& session) {
    const auto facts =
        session.rows("SELECT pg_is_in_recovery(), current_setting('max_prepared_transactions')::int > 0")
            .at(0);
    if (facts[0].as<bool>()) {
      throw Failure(
          SourceError::Kind::Untrusted,
          "the server is a standby, which sends no notifications; name the primary in `database.url`");
    }
    for (const auto& mirror : mirrors_)
      session.run("LISTEN " + quote_name(feed_channel(mirror)));
    const bool silent = facts[1].as<bool>();
    if (const auto deaf = silent ? std::string(no_commit_notifies) : probed(session); !deaf.empty()) {
      // A pooler would hand the session, which listens, to somebody else.
      session.run("UNLISTEN *");
      set_trouble(deaf);
      failures_ = 0;
      tell_all(Why::Connected);
      return wait_when_deaf;
    }
    set_trouble("");
    failures_ = 0;
    listens_ = true;
    tell_all(Why::Connected);
    while (!stopping_) {
      pass_on(session.notified());
      carry_out(session);
      bell_.wait(session.socket(), -1);
    }
    return milliseconds(0);
  }

  std::string probed(Session& session) {
    return why_deaf(session, connection_, probe_interrupt_,
                    [this](const auto& channels) { pass_on(channels); });
  }

  void pass_on(std::vector<std::string> channels) {
    // A burst of commits is one piece of news.
    std::sort(channels.begin(), channels.end());
    channels.erase(std::unique(channels.begin(), channels.end()), channels.end());
    for (const auto& mirror : mirrors_) {
      if (std::binary_search(channels.begin(), channels.end(), feed_channel(mirror)))
        wake_(mirror, Why::Notified);
    }
  }

  void tell_all(Why why) {
    for (const auto& mirror : mirrors_)
      wake_(mirror, why);
  }

  std::map<std::string, bool> take_asked() {
    const std::lock_guard lock(mutex_);
    return std::exchange(asked_, {});
  }

  void carry_out(Session& session) {
    for (const auto& [mirror, awake] : take_asked()) {
      if (awake) {
        lock(session, mirror);
      } else {
        unlock(session, mirror);
        wake_(mirror, Why::Asleep);
      }
    }
  }

  /// A writer that just looks whether it is held keeps it for a moment: then it is not to be had, and writers
  /// go on notifying until it is asked for again.
  void lock(Session& session, const std::string& mirror) {
    if (locks_.contains(mirror)) return;
    const auto found =
        session.rows("SELECT c.oid::int4, pg_try_advisory_lock(" + std::to_string(feed_lock_class) +
                         ", c.oid::int4) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
                         "ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2",
                     {std::string(feed_schema), mirror});
    if (!found.empty() && found[0][1].as<bool>()) locks_[mirror] = found[0][0].as<std::string>();
  }

  void unlock(Session& session, const std::string& mirror) {
    const auto held = locks_.find(mirror);
    if (held == locks_.end()) return;
    session.run("SELECT pg_advisory_unlock(" + std::to_string(feed_lock_class) + ", " + held->second + ")");
    locks_.erase(held);
  }

  /// Without a connection nobody holds anything back: who wants to sleep may.
  void rest(milliseconds wait) {
    const auto until = steady_clock::now() + wait;
    while (!stopping_) {
      for (const auto& [mirror, awake] : take_asked()) {
        if (!awake) wake_(mirror, Why::Asleep);
      }
      const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now()).count();
      if (left <= 0) return;
      bell_.wait(-1, static_cast<int>(left));
    }
  }

  void set_trouble(const std::string& why) {
    const std::lock_guard lock(mutex_);
    trouble_ = why;
  }

  const Connection connection_;
  const std::vector<std::string> mirrors_;
  const Wake wake_;
  Interrupt interrupt_;
  Interrupt probe_interrupt_;  // the second connection, while there is one
  Wakeup bell_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> listens_{false};
  mutable std::mutex mutex_;
  std::string trouble_;                // guarded by mutex_
  std::map<std::string, bool> asked_;  // to be awake or not, by mirror; guarded by mutex_
  // The thread's own.
  std::map<std::string, std::string> locks_;  // what is held, by mirror: the oid of the feed, as an int4
  int failures_ = 0;
  std::minstd_rand random_{std::random_device{}()};
  std::thread thread_;
};

}  // namespace

std::unique_ptr<FeedListener> make_postgres_feed_listener(Connection connection,
                                                          std::vector<std::string> mirrors,
                                                          FeedListener::Wake wake) {
  return std::make_unique<PostgresListener>(std::move(connection), std::move(mirrors), std::move(wake));
}

}  // namespace stibee_sync::source

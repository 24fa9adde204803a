#include "stibee_sync/source/leader_lock.hpp"

#include "failure.hpp"
#include "interrupt.hpp"
#include "session.hpp"
#include "stibee_sync/domain/backoff.hpp"
#include "wakeup.hpp"

#include <algorithm>
#include <atomic>
#include <ctime>
#include <exception>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

namespace stibee_sync::source {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

/// The holder asks the server that often, and whoever waits tries.
constexpr milliseconds beat{1'000};
constexpr milliseconds attempt{500};
constexpr milliseconds shortest_wait{500};
constexpr milliseconds longest_wait{5'000};
/// A server that says nothing for so long is as good as away.
constexpr milliseconds longest_silence{3'000};

/// "Stib": the upper half of the lock's key.
constexpr std::int64_t lock_class = 0x53746962;
/// A parameter of the session, which says whose it is.
constexpr std::string_view own_parameter = "stibee_syncd.leader";

constexpr std::string_view of_no_session =
    "a pooler in front of PostgreSQL hands its sessions from one to another (transaction or statement mode), "
    "so "
    "that no lock can be held; name the server itself in `database.url`, or use session mode";

std::int64_t key_of(std::int64_t list) {
  const auto low = static_cast<std::uint64_t>(list) & 0xffffffffU;
  const auto high = static_cast<std::uint64_t>(list) >> 32U;
  return static_cast<std::int64_t>((static_cast<std::uint64_t>(lock_class) ^ high) << 32U | low);
}

nanoseconds boot_time() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::seconds(now.tv_sec) + nanoseconds(now.tv_nsec);
}

std::string array_of(const std::vector<std::int64_t>& lists) {
  std::string text;
  for (const auto list : lists)
    text += (text.empty() ? "{" : ",") + std::to_string(key_of(list));
  return text + "}";
}

/// Nobody else's.
std::string name_of_its_own() {
  std::random_device random;
  return std::to_string(random()) + "." + std::to_string(random());
}

class PostgresLeaderLock final : public LeaderLock {
 public:
  PostgresLeaderLock(Connection connection, std::vector<std::int64_t> lists, std::function<void()> changed)
      : connection_(std::move(connection)), changed_(std::move(changed)) {
    // In one order for all, and each once: a lock that is taken twice is given back twice.
    std::sort(lists.begin(), lists.end());
    lists.erase(std::unique(lists.begin(), lists.end()), lists.end());
    keys_ = array_of(lists);
    connection_.longest_silence = longest_silence;
    connection_.connect_timeout = std::min(connection_.connect_timeout, std::chrono::seconds(5));
    thread_ = std::thread([this] { run(); });
  }
  ~PostgresLeaderLock() override {
    stopping_ = true;
    interrupt_.request();
    bell_.ring();
    thread_.join();
  }

  bool held() const override { return term_ != 0 && !lease_over(); }
  bool lease_over() const override { return boot_time().count() >= trusted_until_; }
  std::uint64_t term() const override { return term_; }
  std::string trouble() const override {
    const std::lock_guard lock(mutex_);
    return trouble_;
  }
  void publish(const std::string& words) override {
    const std::lock_guard lock(mutex_);
    published_ = words;
  }
  std::string predecessor() const override {
    const std::lock_guard lock(mutex_);
    return predecessor_;
  }

 private:
  void run() {
    const Interrupt::Call call(interrupt_);
    while (!stopping_) {
      try {
        Session session(connection_, interrupt_);
        introduce(session);
        while (!stopping_)
          turn(session);
      } catch (const Failure& failure) {
        lost(failure.error().message);
      } catch (const StatementFailed& failed) {
        lost(meaning_of(failed.answer).message);
      } catch (const std::exception&) {
        lost("the answer of PostgreSQL makes no sense to this program");
      }
      if (stopping_) return;
      ++failures_;
      rest(-1, domain::backoff(shortest_wait, longest_wait, failures_, domain::Jitter::Half,
                               std::uniform_real_distribution<double>()(random_)));
    }
  }

  /// What the session needs before it can hold anything.
  void introduce(Session& session) {
    if (session.rows("SELECT pg_catalog.pg_is_in_recovery()").at(0)[0].as<bool>()) {
      throw Failure(SourceError::Kind::Untrusted,
                    "the server is a standby, whose locks end when another one is promoted, so none of it "
                    "says who leads; name the primary in `database.url`");
    }
    const auto found = session.rows("SELECT pg_catalog.current_setting($1, true)", {own_parameter_});
    if (!found.at(0)[0].is_null() && found.at(0)[0].as<std::string>() != "") throw_no_session();
    // So that a server whose client's machine is gone knows it within seconds. (On a Unix socket these mean
    // nothing.)
    session.rows(
        "SELECT pg_catalog.set_config($1, $2, false), "
        "pg_catalog.set_config('tcp_keepalives_idle', '1', false), "
        "pg_catalog.set_config('tcp_keepalives_interval', '1', false), "
        "pg_catalog.set_config('tcp_keepalives_count', '3', false)",
        {own_parameter_, name_});
  }

  void turn(Session& session) {
    const auto asked = boot_time();
    if (term_ == 0) {
      if (take(session)) won(asked);
    } else {
      keep(session);
      trusted_until_ = (asked + lease).count();
    }
    failures_ = 0;
    rest(session.socket(), term_ == 0 ? attempt : beat);
  }

  /// All or none. What says whose session it is stands in the same statement as what takes the lock: behind a
  /// pooler the next one may reach another session.
  bool take(Session& session) {
    const auto taken = session
                           .rows(
                               "SELECT pg_catalog.current_setting($1, true) IS NOT DISTINCT FROM $2, "
                               "CASE WHEN pg_catalog.current_setting($1, true) = $2 THEN "
                               "(SELECT pg_catalog.bool_and(pg_catalog.pg_try_advisory_lock(k)) "
                               "FROM pg_catalog.unnest($3::pg_catalog.int8[]) k) END",
                               {own_parameter_, name_, keys_})
                           .at(0);
    if (!taken[0].as<bool>()) throw_no_session();
    set_trouble("");
    if (taken[1].as<bool>()) return true;
    session.rows("SELECT pg_catalog.pg_advisory_unlock_all()");
    look_at_holder(session);
    return false;
  }

  void look_at_holder(Session& session) {
    const auto holders = session.rows(
        "SELECT a.application_name FROM pg_catalog.pg_locks l "
        "JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid "
        "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND a.application_name IS NOT NULL "
        "AND l.database = (SELECT oid FROM pg_catalog.pg_database "
        "WHERE datname = pg_catalog.current_database()) "
        "AND (l.classid::pg_catalog.int8 << 32 | l.objid::pg_catalog.int8) "
        "= ANY ($1::pg_catalog.int8[]) LIMIT 1",
        {keys_});
    if (holders.empty()) return;
    const std::lock_guard lock(mutex_);
    predecessor_ = holders.at(0)[0].as<std::string>();
  }

  void keep(Session& session) {
    std::string words;
    {
      const std::lock_guard lock(mutex_);
      words = published_;
    }
    const auto kept = session
                          .rows(
                              "SELECT pg_catalog.current_setting($1, true) IS NOT DISTINCT FROM $2, "
                              "pg_catalog.set_config('application_name', $3, false)",
                              {own_parameter_, name_, words})
                          .at(0);
    if (!kept[0].as<bool>()) throw_no_session();
  }

  [[noreturn]] static void throw_no_session() {
    throw Failure(SourceError::Kind::NotAsMapped, of_no_session);
  }

  void won(nanoseconds asked) {
    trusted_until_ = (asked + lease).count();
    term_ = ++terms_;
    changed_();
  }

  void lost(const std::string& why) {
    term_ = 0;
    set_trouble(why);
    changed_();
  }

  void set_trouble(const std::string& why) {
    const std::lock_guard lock(mutex_);
    if (trouble_ == why) return;
    trouble_ = why;
  }

  /// A connection that ends makes its socket readable.
  void rest(int socket, milliseconds time) { bell_.wait(socket, static_cast<int>(time.count())); }

  Connection connection_;
  std::string keys_;  // as an array of PostgreSQL
  const std::function<void()> changed_;
  const std::string own_parameter_{own_parameter};
  const std::string name_ = name_of_its_own();
  Interrupt interrupt_;
  Wakeup bell_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> term_{0};
  std::atomic<std::int64_t> trusted_until_{0};  // of CLOCK_BOOTTIME, in nanoseconds
  mutable std::mutex mutex_;
  std::string trouble_;      // guarded by mutex_
  std::string published_;    // guarded by mutex_
  std::string predecessor_;  // guarded by mutex_
  // The thread's own.
  std::uint64_t terms_ = 0;
  int failures_ = 0;
  std::minstd_rand random_{std::random_device{}()};
  std::thread thread_;
};

}  // namespace

std::unique_ptr<LeaderLock> make_postgres_leader_lock(Connection connection, std::vector<std::int64_t> lists,
                                                      std::function<void()> changed) {
  return std::make_unique<PostgresLeaderLock>(std::move(connection), std::move(lists), std::move(changed));
}

}  // namespace stibee_sync::source

#pragma once

#include "stibee_sync/source/source.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace stibee_sync::source {

/// Of several daemons with the same lists, the one that holds this works: a PostgreSQL advisory lock for each
/// list, of the session, on a connection and a thread of its own, that connects anew for ever. It is held for
/// all lists or for none. In `pg_locks` it is `classid` 1400138082 ("Stib") and `objid` the list.
///
/// The server ends it with the connection, which the holder may learn later than whoever gets it next. So a
/// holder counts on it no longer than `lease` after it asked the server last, and the next one leaves that
/// long to pass: see `succession`.
class LeaderLock {
 public:
  /// After this much of silence of the server it is not counted on any more.
  static constexpr std::chrono::milliseconds lease{4000};
  /// Whoever gets it begins so much later: nothing of the holder before is under way any more by then.
  static constexpr std::chrono::milliseconds succession{4500};

  /// Ends the thread and gives the lock back, within 2 s whatever the server does.
  virtual ~LeaderLock() = default;
  /// It is held, and the server said so within `lease`. By CLOCK_BOOTTIME, so that a machine that slept does
  /// not count on it. Any thread; quick.
  virtual bool held() const = 0;
  /// `lease` is over: nothing that was begun while it was held may go on. Any thread; quick.
  virtual bool lease_over() const = 0;
  /// Which time it is held, from 1 on; 0: it is not, since it was lost or another one holds it. Any thread.
  virtual std::uint64_t term() const = 0;
  /// Why nobody here can hold it, and what can be done; "": it is held, or another one holds it. One line,
  /// sanitised. Any thread.
  virtual std::string trouble() const = 0;
  /// What the holder says of itself, for whoever comes after it: at most 63 characters of ASCII, seen as the
  /// `application_name` of its session. Any thread.
  virtual void publish(const std::string& words) = 0;
  /// What the last other holder was seen to say; "": nothing is known of one. Any thread.
  virtual std::string predecessor() const = 0;
};

/// Starts the thread at once. `changed` is called on it when any of the above did; quick, throws nothing.
std::unique_ptr<LeaderLock> make_postgres_leader_lock(Connection connection, std::vector<std::int64_t> lists,
                                                      std::function<void()> changed);

}  // namespace stibee_sync::source

#pragma once

#include "stibee_sync/domain/ledger.hpp"
#include "stibee_sync/domain/time.hpp"
#include "stibee_sync/telemetry/line_budget.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

namespace stibee_sync::pipeline {

/// What was delivered, to be told in one line.
struct Delivered {
  std::map<domain::OperationKind, std::size_t> people;
  std::size_t calls = 0;
  std::size_t bursts = 0;
  domain::Duration took{};    // from the first call of a burst to the end of its last, all bursts together
  domain::Duration oldest{};  // how long somebody waited at most
  bool first_import = false;
  std::size_t all() const;
  void add(const Delivered& other);
};

/// How far the present burst is.
struct DeliveryProgress {
  std::map<domain::Lane, std::size_t> done;        // people who arrived since it began
  std::size_t calls = 0;                           // that it took so far
  std::optional<domain::Duration> under_way = {};  // since its first call; nullopt: there is none
  std::map<domain::Lane, domain::Duration> since_arrival = {};  // of the last one, in this burst or before
  domain::Duration served{};        // for how long the mirror has been served without a pause
  std::uint64_t people_so_far = 0;  // who arrived, in all bursts since the loop was made
  std::uint64_t calls_so_far = 0;   // that were made, likewise
};

/// The bursts of one mirror: of what goes out from the moment somebody waits until nobody does. A burst that
/// is through is told at once, but not one a second under a steady trickle: then their sum once a minute.
/// Pure.
class Burst {
 public:
  void called(domain::MonotonicTime now);
  void arrived(domain::OperationKind kind, std::size_t people, domain::MonotonicTime now);
  /// One of those who arrived had waited for so long.
  void waited(domain::Duration wait);
  /// Whether others are still being read, of whom the first ones are sent already: a pause is no end then.
  void more_to_come(bool more) { more_to_come_ = more; }
  /// Nobody waits any more.
  void through(bool first_import, domain::MonotonicTime now);
  /// Nobody is due for a while.
  void idle(domain::MonotonicTime now);
  bool open() const { return began_.has_value(); }

  DeliveryProgress progress(domain::MonotonicTime now) const;
  /// What is to be told now, once; nullopt: nothing, or later.
  std::optional<Delivered> tell(domain::MonotonicTime now);
  /// What was not told yet, since nothing follows.
  std::optional<Delivered> tell_rest();

 private:
  std::optional<domain::MonotonicTime> began_;
  bool more_to_come_ = false;
  Delivered running_;
  Delivered untold_;
  std::map<domain::Lane, domain::MonotonicTime> last_arrival_;
  std::uint64_t people_so_far_ = 0;
  std::uint64_t calls_so_far_ = 0;
  telemetry::LineBudget budget_{5, std::chrono::minutes(1)};
};

}  // namespace stibee_sync::pipeline

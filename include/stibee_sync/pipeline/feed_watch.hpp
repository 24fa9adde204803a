#pragma once

#include "stibee_sync/domain/time.hpp"
#include "stibee_sync/source/change_feed.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace stibee_sync::pipeline {

/// When a mirror with a change feed is drained and when its table is read as a whole. Pure: times are passed
/// in.
///
/// The feed is believed from the end of a read whose own snapshot found it whole, until something is found
/// that it cannot tell. While it is not, the table is read at `poll`; while it is, once in `full_scan`, and
/// the feed is drained as soon as something is heard, every 10 ms for as long as something comes, and then
/// less and less often up to once a second, since what is heard is a hint only. Whether the feed is whole is
/// asked with every drain that brings something, and once in 5 s while nothing comes.
///
/// Of several daemons with one feed (`database.leader_lock`) only the one that leads drains it, since what is
/// taken out nobody else hears of. The others read the table at `poll`.
class FeedWatch {
 public:
  using Time = domain::MonotonicTime;

  enum class Step { Drain, Scan };
  /// Why a read finds what no drain brought.
  enum class Gap {
    None,        // nothing explains it
    Unwatched,   // the feed was not believed before
    Everything,  // a TRUNCATE, or more keys than are drained
    Catalog,     // table, columns or triggers were changed
  };
  /// What is to be told of.
  enum class News { Nothing, Lost, Restored };

  static constexpr std::chrono::milliseconds pause_awake{10};
  static constexpr std::chrono::milliseconds first_pause_asleep{20};
  static constexpr std::chrono::milliseconds longest_pause{1000};
  static constexpr int empty_before_sleep = 4;
  static constexpr std::chrono::seconds longest_unchecked{5};
  /// A drain may take a part of the time, no more.
  static constexpr int pause_per_drain = 20;

  FeedWatch(domain::Duration poll, domain::Duration full_scan) : poll_(poll), full_scan_(full_scan) {}

  Step next() const;
  /// When that is to be done: in the past if it is due.
  Time due() const;

  /// A drain begins: how closely it is to look.
  source::FeedLook begins_drain(Time now);
  /// A drain brought something, which is committed. `took`: for reading the feed.
  void found(std::chrono::milliseconds took, Time now);
  /// A drain brought nothing; it found the feed whole, or did not ask. After some of them it is awake no
  /// more: writers are to notify again from then on, and another drain is to follow once they know (`heard`).
  void found_nothing(bool looked_closely, std::chrono::milliseconds took, Time now);
  /// There may be something to drain.
  void heard(Time now);
  /// Somebody says that there is.
  void notified(Time now);
  /// Only a read of the whole table tells what changed: it comes first, `poll` after the last one ended.
  void needs_scan(Gap gap);
  /// Somebody wants the table read; the feed is none the worse for it. At once, or `poll` after the last one.
  void wants_scan_now();
  void wants_scan();
  /// The feed itself says that it cannot be relied on.
  News lost(const source::FeedLoss& loss);
  /// Neither a drain nor a read came to its end.
  void failed(Time again);

  /// An earlier life ended while writes may have been lost by a feed that had outgrown its bound. It counts
  /// before the first read; this life knows by itself then.
  void remembers_lost_writes();
  /// Whether somebody whose writes the feed was never told of may commit after the read that saw this.
  bool may_lack_writes(const source::FeedSnapshot& seen) const;

  /// Another daemon drains the feed.
  void stand_by();
  /// This one does from now on: the table is read first. The one before may have known of writes that the
  /// feed was never told of, so the table is read at `poll`, too, until none of them can be under way.
  void lead();

  /// A read begins: what is wanted from now on, it may not bring.
  void begins_scan() { scan_at_.reset(); }
  /// A read was committed; `seen`: what it knows of the feed.
  News scanned(const source::FeedSnapshot& seen, Time now);
  /// Why the read that is to come, or has just ended, may find what no drain brought.
  Gap gap(const source::FeedSnapshot& seen) const;

  bool believed() const { return believed_; }
  /// Drains follow each other closely: writers need not notify.
  bool awake() const { return awake_; }
  bool stands_by() const { return stands_by_; }
  /// While it is lost; else nothing.
  const std::optional<source::FeedLoss>& loss() const { return loss_; }
  /// Of the last read: another one tells that something was done to the table.
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  void go_to_sleep();
  bool may_be_late(const source::FeedSnapshot& seen) const;

  domain::Duration poll_, full_scan_;
  bool believed_ = false;
  bool scan_first_ = true;  // before any drain
  Gap gap_ = Gap::Unwatched;
  std::optional<Time> last_scan_;
  std::optional<Time> scan_at_ = Time{};  // not before; nullopt: on its schedule
  Time drain_at_{};
  Time no_drain_before_{};
  Time check_at_{};        // whether the feed is whole
  bool heard_ = false;     // since the last drain began
  bool notified_ = false;  // since then
  bool awake_ = false;
  int empty_ = 0;
  std::chrono::milliseconds pause_ = first_pause_asleep;
  std::string fingerprint_;
  std::optional<source::FeedLoss> loss_;
  bool stands_by_ = false;
  // After the triggers had stopped writing, or may have: how many snapshots found the feed whole, and which
  // transactions must have ended before a read makes up for them.
  bool writes_were_lost_ = false;
  bool took_over_ = false;
  int whole_ = 0;
  std::uint64_t must_have_ended_ = 0;
};

}  // namespace stibee_sync::pipeline

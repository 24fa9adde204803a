#include "stibee_sync/pipeline/feed_watch.hpp"

#include <algorithm>
#include <utility>

namespace stibee_sync::pipeline {

FeedWatch::Step FeedWatch::next() const {
  if (scan_first_) return Step::Scan;
  const auto on_schedule = scan_at_ ? *scan_at_ : *last_scan_ + full_scan_;
  return on_schedule <= drain_at_ ? Step::Scan : Step::Drain;
}

FeedWatch::Time FeedWatch::due() const {
  if (next() == Step::Drain) return drain_at_;
  return scan_at_ ? *scan_at_ : *last_scan_ + full_scan_;
}

source::FeedLook FeedWatch::begins_drain(Time now) {
  heard_ = false;
  if (std::exchange(notified_, false)) return source::FeedLook::Expecting;
  return now >= check_at_ ? source::FeedLook::Closely : source::FeedLook::ForKeys;
}

void FeedWatch::found(std::chrono::milliseconds took, Time now) {
  awake_ = true;
  empty_ = 0;
  check_at_ = now + longest_unchecked;
  no_drain_before_ = now + pause_per_drain * took;
  drain_at_ = std::max<Time>(now + pause_awake, no_drain_before_);
}

void FeedWatch::found_nothing(bool looked_closely, std::chrono::milliseconds took, Time now) {
  if (looked_closely) check_at_ = now + longest_unchecked;
  no_drain_before_ = now + pause_per_drain * took;
  if (awake_ && ++empty_ == empty_before_sleep) go_to_sleep();
  auto pause = pause_awake;
  if (!awake_) {
    pause = pause_;
    pause_ = std::min(2 * pause_, longest_pause);
  }
  // What was heard while it looked came after its snapshot.
  drain_at_ = std::max<Time>(heard_ ? now : now + pause, no_drain_before_);
}

void FeedWatch::go_to_sleep() {
  awake_ = false;
  empty_ = 0;
  pause_ = first_pause_asleep;
}

void FeedWatch::notified(Time now) {
  notified_ = true;
  heard(now);
}

void FeedWatch::heard(Time now) {
  heard_ = true;
  drain_at_ = std::min(drain_at_, std::max(now, no_drain_before_));
}

void FeedWatch::needs_scan(Gap gap) {
  scan_first_ = true;
  gap_ = gap;
  if (gap == Gap::Unwatched) believed_ = false;
  wants_scan();
}

void FeedWatch::wants_scan_now() {
  scan_at_ = Time{};
}

void FeedWatch::wants_scan() {
  const auto soon = last_scan_ ? *last_scan_ + poll_ : Time{};
  scan_at_ = scan_at_ ? std::min(*scan_at_, soon) : soon;
}

FeedWatch::News FeedWatch::lost(const source::FeedLoss& loss) {
  const bool news = !loss_ || loss_->kind != loss.kind;
  loss_ = loss;
  whole_ = 0;
  if (loss.kind == source::FeedLoss::Kind::Overgrown) writes_were_lost_ = true;
  go_to_sleep();
  needs_scan(Gap::Unwatched);
  return news ? News::Lost : News::Nothing;
}

void FeedWatch::failed(Time again) {
  go_to_sleep();
  // What happened while nobody could ask is found by a read: the server may be another one.
  needs_scan(Gap::Unwatched);
  scan_at_ = again;
}

void FeedWatch::stand_by() {
  stands_by_ = true;
  took_over_ = false;
  go_to_sleep();
  needs_scan(Gap::Unwatched);
}

void FeedWatch::lead() {
  stands_by_ = false;
  took_over_ = true;
  whole_ = 0;
  needs_scan(Gap::Unwatched);
  wants_scan_now();
}

void FeedWatch::remembers_lost_writes() {
  if (!last_scan_) writes_were_lost_ = true;
}

bool FeedWatch::may_lack_writes(const source::FeedSnapshot& seen) const {
  if (seen.loss) return writes_were_lost_ || seen.loss->kind == source::FeedLoss::Kind::Overgrown;
  return writes_were_lost_ && may_be_late(seen);
}

bool FeedWatch::may_be_late(const source::FeedSnapshot& seen) const {
  return whole_ < 2 || seen.oldest_running < must_have_ended_;
}

FeedWatch::News FeedWatch::scanned(const source::FeedSnapshot& seen, Time now) {
  last_scan_ = now;
  fingerprint_ = seen.fingerprint;
  if (seen.loss) return lost(*seen.loss);
  const bool lacks_writes = may_lack_writes(seen);
  took_over_ = took_over_ && may_be_late(seen);
  if ((lacks_writes || took_over_) && ++whole_ == 2) must_have_ended_ = seen.next_transaction;
  if (lacks_writes) {
    needs_scan(Gap::Unwatched);
    return News::Nothing;
  }
  const bool restored = loss_.has_value() || writes_were_lost_;
  loss_.reset();
  writes_were_lost_ = false;
  if (stands_by_) {
    needs_scan(Gap::Unwatched);
    return restored ? News::Restored : News::Nothing;
  }
  believed_ = true;
  scan_first_ = false;
  gap_ = Gap::None;
  if (took_over_) {
    gap_ = Gap::Unwatched;
    wants_scan();
  } else {
    whole_ = 0;
  }
  drain_at_ = std::max(now, no_drain_before_);
  check_at_ = now + longest_unchecked;
  return restored ? News::Restored : News::Nothing;
}

FeedWatch::Gap FeedWatch::gap(const source::FeedSnapshot& seen) const {
  if (!believed_ || seen.loss) return Gap::Unwatched;
  if (seen.fingerprint != fingerprint_) return Gap::Catalog;
  if (seen.everything) return Gap::Everything;
  return gap_;
}

}  // namespace stibee_sync::pipeline

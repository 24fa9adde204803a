#include "stibee_sync/delivery/rate_limiter.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace stibee_sync::delivery {

namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// What a call may need from our `take` to the server's count without breaking the limit. Costs its share of
// the throughput, so it is bounded by both.
constexpr nanoseconds most_slack = std::chrono::seconds(1);
// An attempt of an earlier life was logged before it was sent: the log's own commit lies between.
constexpr nanoseconds logged_before = milliseconds(250);
// So many answers tell what is usual: few enough that a change of the batches' size is soon forgotten.
constexpr std::size_t most_remembered = 16;
constexpr std::size_t fewest_to_judge = 8;
// A burst of a whole window's calls is allowed, but not in one instant.
constexpr nanoseconds most_spread = milliseconds(20);
constexpr nanoseconds most_margin = milliseconds(1);
// Throttled answers closer together than this are taken for one event: they are of calls in flight together.
constexpr nanoseconds one_event = std::chrono::seconds(5);

Rate checked(Rate rate) {
  return Rate{std::max<std::size_t>(rate.calls, 1), std::max(rate.window, nanoseconds(milliseconds(1)))};
}

}  // namespace

RateLimiter::RateLimiter(Rate limit) : limit_(checked(limit)) {}

nanoseconds RateLimiter::slack() const {
  return std::min(limit_.window * 3 / 100, most_slack);
}

nanoseconds RateLimiter::most_delay() const {
  // Who is late where most are not is rare, so that the whole of it can be afforded.
  return steady_ ? limit_.window : unsteady_delay();
}

nanoseconds RateLimiter::unsteady_delay() const {
  return limit_.window * 5 / 100;
}

bool RateLimiter::is_steady() const {
  if (took_.size() < fewest_to_judge) return false;
  auto sorted = took_;
  const auto median = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), median, sorted.end());
  return *median - fastest_ <= unsteady_delay();
}

nanoseconds RateLimiter::spread() const {
  return std::min(limit_.window / static_cast<nanoseconds::rep>(2 * limit_.calls), most_spread);
}

nanoseconds RateLimiter::margin() const {
  return std::min(limit_.window / 1000, most_margin);
}

MonotonicTime RateLimiter::counted_at(const Entry& entry, MonotonicTime now) const {
  if (entry.answered || took_.empty()) return entry.counted;
  // Not answered though its neighbours would have been: it may be late on its way.
  const auto delay = std::clamp(now - entry.sent - fastest_, nanoseconds(0), most_delay());
  return entry.counted + delay;
}

MonotonicTime RateLimiter::free_again(const Entry& entry, MonotonicTime now) const {
  return counted_at(entry, now) + limit_.window + margin();
}

double RateLimiter::allowed(MonotonicTime now) const {
  const auto limit = static_cast<double>(limit_.calls);
  if (!throttled_) return limit;
  const auto quiet_windows =
      now > throttled_at_ ? static_cast<double>((now - throttled_at_) / limit_.window) : 0.0;
  return std::min(limit, allowed_at_throttle_ + quiet_windows * limit / 10.0);
}

std::size_t RateLimiter::current(MonotonicTime now) const {
  // 0.1 ten times over must come to a whole.
  return std::max<std::size_t>(1, static_cast<std::size_t>(std::floor(allowed(now) + 1e-9)));
}

MonotonicTime RateLimiter::next_slot(MonotonicTime now, std::size_t kept_free,
                                     nanoseconds probe_every) const {
  MonotonicTime slot = now;
  if (held_until_ > now) {
    const bool probes = probe_every < held_until_ - probed_;
    slot = std::max(slot, probes ? probed_ + probe_every : held_until_);
  }
  if (sent_any_) slot = std::max(slot, last_sent_ + spread());
  const std::size_t allowed_now = current(now);
  const std::size_t most = allowed_now > kept_free ? allowed_now - kept_free : 1;
  std::vector<MonotonicTime> taken;
  for (const Entry& entry : entries_) {
    const auto free = free_again(entry, now);
    if (free > slot) taken.push_back(free);
  }
  if (taken.size() < most) return slot;
  // Free when fewer than `most` are left: at the most-th latest of them.
  const auto decisive = taken.begin() + static_cast<std::ptrdiff_t>(most - 1);
  std::nth_element(taken.begin(), decisive, taken.end(), std::greater<>());
  return *decisive;
}

RateLimiter::Attempt RateLimiter::take(MonotonicTime now) {
  forget_old(now);
  entries_.push_back(Entry{now, now + slack(), false});
  last_sent_ = sent_any_ ? std::max(last_sent_, now) : now;
  sent_any_ = true;
  if (held_until_ > now) probed_ = now;
  return Attempt{first_id_ + entries_.size() - 1};
}

void RateLimiter::answered(Attempt attempt, MonotonicTime now) {
  if (attempt.id < first_id_ || attempt.id - first_id_ >= entries_.size()) return;
  Entry& entry = entries_[attempt.id - first_id_];
  if (entry.answered) return;
  const auto took = now - entry.sent;
  took_.push_back(took);
  if (took_.size() > most_remembered) took_.pop_front();
  fastest_ = *std::min_element(took_.begin(), took_.end());
  steady_ = is_steady();
  const auto delay = std::clamp(took - fastest_, nanoseconds(0), most_delay());
  entry.counted = std::min(now, entry.counted + delay);
  entry.answered = true;
}

void RateLimiter::throttled(MonotonicTime now) {
  const double before = allowed(now);
  const bool same_event = throttled_ && now - halved_at_ < std::min(limit_.window, one_event);
  if (!same_event) halved_at_ = now;
  allowed_at_throttle_ = same_event ? before : std::max(1.0, before / 2);
  throttled_ = true;
  throttled_at_ = now;
}

void RateLimiter::hold_until(MonotonicTime now, MonotonicTime until) {
  if (held_until_ <= now) {
    held_since_ = now;
    probed_ = now;
  }
  held_until_ = std::max(held_until_, until);
}

bool RateLimiter::release(MonotonicTime sent) {
  if (sent <= held_since_) return false;
  return std::exchange(held_until_, MonotonicTime{}) > sent;
}

std::optional<MonotonicTime> RateLimiter::held_until(MonotonicTime now) const {
  return held_until_ > now ? std::optional(held_until_) : std::nullopt;
}

void RateLimiter::restore(const std::vector<MonotonicTime>& attempts) {
  for (const MonotonicTime sent : attempts) {
    entries_.push_back(Entry{sent, sent + slack() + std::min(logged_before, limit_.window), true});
    last_sent_ = sent_any_ ? std::max(last_sent_, sent) : sent;
    sent_any_ = true;
  }
}

void RateLimiter::set_limit(Rate limit) {
  limit_ = checked(limit);
  // The new limit is somebody's better knowledge; what the old one taught is void.
  throttled_ = false;
}

std::size_t RateLimiter::used(MonotonicTime now) const {
  const auto taken = std::count_if(entries_.begin(), entries_.end(),
                                   [&](const Entry& entry) { return free_again(entry, now) > now; });
  return static_cast<std::size_t>(taken);
}

void RateLimiter::forget_old(MonotonicTime now) {
  while (!entries_.empty() && free_again(entries_.front(), now) <= now) {
    entries_.pop_front();
    ++first_id_;
  }
}

}  // namespace stibee_sync::delivery

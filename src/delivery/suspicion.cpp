#include "stibee_sync/delivery/suspicion.hpp"

#include <algorithm>
#include <utility>

namespace stibee_sync::delivery {

namespace {

// A suspect who does not come again in twice the longest backoff will not come.
constexpr std::chrono::minutes suspects_kept{10};
constexpr std::chrono::minutes lately{1};
constexpr std::size_t most_guilty = 10'000;

}  // namespace

void Suspicion::forget_old(MonotonicTime now) {
  std::erase_if(suspects_, [now](const auto& known) { return known.second.last + suspects_kept < now; });
  if (guilty_.size() > most_guilty) guilty_.clear();
}

Suspicion::Finding Suspicion::refused_alone(const Suspect& suspect, const std::string& message,
                                            MonotonicTime now) {
  if (trouble_) return Finding::Innocent;
  forget_old(now);
  if (guilty_.contains(suspect.person) || (suspect.of_refused_batch && taken_since_batch_))
    return Finding::Guilty;
  const auto place = suspects_.try_emplace(suspect.person, Refused{suspect.reason, now, now}).first;
  place->second.reason = suspect.reason;
  place->second.last = now;
  const auto same = std::count_if(suspects_.begin(), suspects_.end(),
                                  [&](const auto& known) { return known.second.reason == suspect.reason; });
  if (static_cast<std::size_t>(same) >= alike) {
    refused_for_all(suspect.reason, message, now);
    return Finding::Innocent;
  }
  if (now - place->second.first < lone_for || suspect.all_refused) return Finding::Open;
  suspects_.erase(place);
  return Finding::Guilty;
}

void Suspicion::refused_for_all(domain::Reason reason, std::string message, MonotonicTime now) {
  if (!trouble_) {
    trouble_ = Trouble{reason, std::move(message), now};
    next_probe_ = now + probe_interval;
    return;
  }
  trouble_->reason = reason;
  trouble_->message = std::move(message);
}

bool Suspicion::taken(MonotonicTime sent) {
  taken_since_batch_ = true;
  for (auto suspect = suspects_.begin(); suspect != suspects_.end();) {
    if (suspect->second.last > sent) {
      ++suspect;
      continue;
    }
    guilty_.insert(suspect->first);
    suspect = suspects_.erase(suspect);
  }
  if (!trouble_ || sent < trouble_->since) return false;
  trouble_.reset();
  return true;
}

void Suspicion::sent(MonotonicTime now) {
  if (trouble_) next_probe_ = now + probe_interval;
}

void RefusalWatch::refused(const std::string& whom, MonotonicTime now) {
  if (last_ && (whom.empty() || last_->whom != whom)) before_ = std::move(last_);
  last_ = Refusal{whom, now};
}

bool RefusalWatch::all_refused_but(const std::string& whom, MonotonicTime now) const {
  if (taken_ && now - *taken_ < lately) return false;
  const auto of_another = [&](const std::optional<Refusal>& refusal) {
    return refusal && (refusal->whom.empty() || refusal->whom != whom) && now - refusal->at < lately;
  };
  return of_another(last_) || of_another(before_);
}

}  // namespace stibee_sync::delivery

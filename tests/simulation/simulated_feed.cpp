#include "simulation/simulated_feed.hpp"

#include <algorithm>
#include <string>

namespace stibee_sync::simulation {

namespace {

/// More than one transaction tells of.
constexpr std::int64_t ids_of_one = 1000;

}  // namespace

SimulatedFeed::Transaction SimulatedFeed::begin() {
  Transaction made{next_transaction_++, next_id_, triggers_on_ && !overgrown_};
  next_id_ += ids_of_one;
  running_.insert(made.number);
  return made;
}

void SimulatedFeed::commit(const Transaction& transaction, const std::set<std::int64_t>& keys) {
  running_.erase(transaction.number);
  if (!transaction.told) return;
  auto id = transaction.first_id;
  for (const auto key : keys)
    waiting_[id++] = key;
}

void SimulatedFeed::commit_truncate(const Transaction& transaction) {
  running_.erase(transaction.number);
  if (transaction.told) waiting_[transaction.first_id] = std::nullopt;
}

void SimulatedFeed::discard(const std::vector<std::int64_t>& ids) {
  for (const auto id : ids)
    waiting_.erase(id);
}

void SimulatedFeed::switch_triggers(bool on) {
  if (triggers_on_ != on) ++version_;
  triggers_on_ = on;
}

void SimulatedFeed::truncate_feed() {
  waiting_.clear();
  overgrown_ = false;
  ++version_;
}

void SimulatedFeed::vacuum() {
  if (waiting_.empty()) overgrown_ = false;
}

std::set<std::int64_t> SimulatedFeed::keys() const {
  std::set<std::int64_t> all;
  for (const auto& [id, key] : waiting_) {
    if (key) all.insert(*key);
  }
  return all;
}

std::optional<source::FeedLoss> SimulatedFeed::loss() const {
  using Kind = source::FeedLoss::Kind;
  if (!triggers_on_) return source::FeedLoss{Kind::Incomplete, "triggers are disabled"};
  if (overgrown_) return source::FeedLoss{Kind::Overgrown, "the change feed has outgrown its bound"};
  return std::nullopt;
}

source::FeedSeenByScan SimulatedFeed::seen() const {
  source::FeedSeenByScan seen;
  seen.loss = loss();
  for (const auto& [id, key] : waiting_) {
    seen.ids.push_back(id);
    seen.everything = seen.everything || !key;
  }
  seen.fingerprint = "version " + std::to_string(version_);
  seen.oldest_running = running_.empty() ? next_transaction_ : *running_.begin();
  seen.next_transaction = next_transaction_;
  if (seen.everything) return seen;
  for (const auto key : keys())
    seen.keys.push_back(std::to_string(key));
  std::sort(seen.keys.begin(), seen.keys.end());
  return seen;
}

}  // namespace stibee_sync::simulation

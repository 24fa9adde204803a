#pragma once

#include "stibee_sync/source/change_feed.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace stibee_sync::day {

/// What the world does for whoever drains its change feed.
struct FeedHands {
  /// Why nobody reaches it.
  std::function<std::optional<source::SourceError>()> reach;
  std::function<source::ScriptedDrain(const source::FeedPlan& plan)> drain;
  std::function<std::optional<source::SourceError>(const std::vector<std::int64_t>& ids)> discard;
  /// How long it takes to read what waits: the pause after a drain follows from it.
  std::function<std::chrono::milliseconds()> pace;
};

/// The feed as the daemon has it.
class Tap final : public source::ChangeFeed {
 public:
  explicit Tap(FeedHands hands) : hands_(std::move(hands)) {
    script_.next = hands_.drain;
    script_.on_discard = [this](const std::string&, const std::vector<std::int64_t>& ids) {
      return hands_.discard(ids);
    };
  }
  std::variant<source::FeedSite, source::SourceError> inspect(const source::FeedPlan& plan) override {
    return script_.inspect(plan);
  }
  std::variant<source::FeedReport, source::FeedLoss, source::SourceError> drain(
      const source::FeedPlan& plan, std::size_t most_keys, const source::ShapeSink& shape,
      const source::ChangeSink& change) override {
    if (auto lost = hands_.reach()) return std::move(*lost);
    auto drained = script_.drain(plan, most_keys, shape, change);
    if (auto* report = std::get_if<source::FeedReport>(&drained)) report->feed_read = hands_.pace();
    return drained;
  }
  std::optional<source::SourceError> discard(const std::string& mirror,
                                             const std::vector<std::int64_t>& ids) override {
    return script_.discard(mirror, ids);
  }
  void cancel() override { script_.cancel(); }

 private:
  FeedHands hands_;
  source::ScriptedFeed script_;
};

/// The listener, as long as there is one: whoever has the place may speak for it.
class Ear final : public source::ScriptedListener {
 public:
  Ear(Wake wake, Ear** place) : ScriptedListener(std::move(wake)), place_(place) { *place_ = this; }
  ~Ear() override {
    if (*place_ == this) *place_ = nullptr;
  }
  /// Its connection is there, or gone.
  void turn(const std::string& mirror, bool listens) {
    hears = listens;
    says = listens ? "" : "notifications do not arrive";
    wake(mirror, listens ? Why::Connected : Why::Lost);
  }

 private:
  Ear** place_;
};

}  // namespace stibee_sync::day

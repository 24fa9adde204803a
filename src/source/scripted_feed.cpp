#include "stibee_sync/source/change_feed.hpp"

namespace stibee_sync::source {

std::variant<FeedSite, SourceError> ScriptedFeed::inspect(const FeedPlan& plan) {
  FeedSite site;
  site.mirror = plan.mirror;
  return site;
}

std::variant<FeedReport, FeedLoss, SourceError> ScriptedFeed::drain(const FeedPlan& plan, std::size_t,
                                                                    const ShapeSink& shape,
                                                                    const ChangeSink& change) {
  cancelled_ = false;
  const auto script = next(plan);
  FeedReport report;
  report.looked_closely = plan.look != FeedLook::ForKeys || !script.ids.empty();
  if (!report.looked_closely) return report;
  if (script.loss) return *script.loss;
  report.feed.ids = script.ids;
  report.feed.everything = script.everything;
  report.feed.fingerprint = script.fingerprint;
  report.feed.oldest_running = script.oldest_running;
  report.feed.next_transaction = script.next_transaction;
  if (!script.changes.empty() && !script.everything) {
    report.shape = script.shape;
    shape(script.shape);
    for (const auto& each : script.changes) {
      if (cancelled_) break;
      change(each.key, each.line ? std::optional<std::string_view>(*each.line) : std::nullopt);
      ++report.keys;
    }
  }
  if (cancelled_) {
    SourceError error;
    error.kind = SourceError::Kind::Cancelled;
    error.message = "the drain was cancelled";
    return error;
  }
  if (script.fails_after_rows) return *script.fails_after_rows;
  return report;
}

std::optional<SourceError> ScriptedFeed::discard(const std::string& mirror,
                                                 const std::vector<std::int64_t>& ids) {
  return on_discard ? on_discard(mirror, ids) : std::nullopt;
}

void ScriptedListener::asleep(const std::string& mirror) {
  told.push_back("asleep " + mirror);
  wake_(mirror, Why::Asleep);
}

}  // namespace stibee_sync::source

#include "pipeline/ingest/feed_read.hpp"

#include "pipeline/ingest/staging.hpp"

#include <set>
#include <utility>

namespace stibee_sync::pipeline {
namespace {

using source::SourceError;

/// One row that was drained, compared with the snapshot. Returns by how much the table has grown.
int compare(const Drained::Change& change, store::Scan& scan, Staging& staging) {
  auto key = staging.key_of(change.key);
  const auto stored = scan.find(key);
  if (!change.line) {
    if (!stored) return 0;  // came and went
    staging.stage_gone(key);
    return -1;
  }
  const auto fingerprint = staging.fingerprint_of(*change.line);
  const bool same = stored && stored->fingerprint == fingerprint;
  if (same && !stored->shadowed) return 0;
  staging.stage(std::move(key), fingerprint, *change.line, !same);
  return stored ? 0 : 1;
}

ChangesFound whole_table_needed() {
  ChangesFound found;
  found.whole_table_needed = true;
  return found;
}

}  // namespace

void leave_out_what_was_told(ReadFinding& finding) {
  if (!finding.report.feed || finding.different.empty()) return;
  std::set<domain::MemberKey> told;
  for (const auto& text : finding.report.feed->keys) {
    auto key = diff::key_of(text, finding.report.shape.integer_key);
    if (auto* good = std::get_if<domain::MemberKey>(&key)) told.insert(std::move(*good));
  }
  std::erase_if(finding.different, [&](const auto& key) { return told.contains(key); });
}

DrainResult drain_feed(source::ChangeFeed& feed, const MirrorPlan& plan, source::FeedLook look) {
  Drained drained;
  const auto change = [&](std::string_view key, std::optional<std::string_view> line) {
    drained.changes.push_back(
        {std::string(key), line ? std::optional<std::string>(*line) : std::optional<std::string>()});
  };
  source::FeedPlan named;
  named.read = plan.read;
  named.mirror = plan.name;
  named.look = look;
  auto result = feed.drain(named, most_drained_keys, [](const source::ReadShape&) {}, change);
  if (auto* loss = std::get_if<source::FeedLoss>(&result)) return std::move(*loss);
  if (auto* error = std::get_if<SourceError>(&result)) return std::move(*error);
  drained.report = std::get<source::FeedReport>(std::move(result));
  return drained;
}

std::variant<ChangesFound, SourceError> find_changes(const Drained& drained, const MirrorPlan& plan,
                                                     store::Scan& scan, const store::SourceFacts& before,
                                                     const domain::StateKey& key, domain::UtcTime now) {
  Staging staging(plan, scan, before, key, now, {});
  auto rows = static_cast<std::int64_t>(before.last_rows);
  try {
    staging.learn(*drained.report.shape);
    const std::string* last = nullptr;
    for (const auto& change : drained.changes) {
      // The key is none: a read of the table says so.
      if (last != nullptr && *last == change.key) return whole_table_needed();
      last = &change.key;
      rows += compare(change, scan, staging);
    }
  } catch (const ReadRefused& refused) {
    SourceError error;
    error.kind = refused.kind;
    error.message = refused.message;
    return error;
  }
  staging.decide();
  ChangesFound found;
  found.finding = std::move(staging.finding());
  found.finding.report.shape = *drained.report.shape;
  found.finding.report.elapsed = drained.report.elapsed;
  found.finding.report.rows = rows > 0 ? static_cast<std::size_t>(rows) : 0;
  found.finding.trust = trust_in(*drained.report.shape, before);
  found.whole_table_needed = staging.lacks_rows();
  return found;
}

}  // namespace stibee_sync::pipeline

#include "stibee_sync/pipeline/table_read.hpp"

#include "pipeline/ingest/staging.hpp"
#include "stibee_sync/diff/differ.hpp"

#include <utility>

namespace stibee_sync::pipeline {
namespace {

using source::SourceError;

class TableRead {
 public:
  TableRead(const MirrorPlan& plan, store::Scan& scan, const store::SourceFacts& before,
            const domain::StateKey& key, domain::UtcTime now, const DecisionWatcher& watcher)
      : plan_(plan),
        scan_(scan),
        before_(before),
        staging_(plan, scan, before, key, now, watcher),
        null_watch_(plan.read.columns.size()),
        differ_([this](diff::StoredRow& row) { return next_stored(row); },
                [this](const domain::MemberKey& gone) { staging_.stage_gone(gone); },
                before.mapping != plan.mapping_text || scan.is_torn()) {}

  void resubscribes_wait_since(std::optional<domain::UtcTime> since) {
    staging_.resubscribes_wait_since(since);
  }

  std::variant<ReadFinding, SourceError> run(source::Reader& reader) {
    auto& finding = staging_.finding();
    try {
      auto result = reader.read(
          plan_.read, [this](const source::ReadShape& shape) { staging_.learn(shape); },
          [this](std::string_view line) { row(line); });
      if (auto* error = std::get_if<SourceError>(&result)) return std::move(*error);
      finding.report = std::get<source::ReadReport>(std::move(result));
    } catch (const ReadRefused& refused) {
      SourceError error;
      error.kind = refused.kind;
      error.message = refused.message;
      return error;
    }
    finding.trust = trust_in(finding.report.shape, before_);
    differ_.finish();
    finding.non_null = null_watch_.non_null();
    staging_.decide();
    return std::move(finding);
  }

 private:
  bool next_stored(diff::StoredRow& row) {
    if (!scan_.next(stored_)) return false;
    row.key = std::move(stored_.key);
    row.fingerprint = stored_.fingerprint;
    row.shadowed = stored_.shadowed;
    return true;
  }

  void row(std::string_view line) {
    auto key = staging_.key_of(line);
    null_watch_.see(line);
    const auto fingerprint = staging_.fingerprint_of(line);
    switch (differ_.see(key, fingerprint)) {
      case diff::RowState::Unchanged:
        return;
      case diff::RowState::OutOfOrder:
        throw ReadRefused{"column \"" + plan_.read.columns[0] +
                          "\" has the same value in more than one row, so it cannot be " +
                          "the key; map a unique column"};
      case diff::RowState::New:
      case diff::RowState::Changed:
        staging_.stage(std::move(key), fingerprint, line, true);
        return;
      case diff::RowState::Shadowed:
        staging_.stage(std::move(key), fingerprint, line, false);
        return;
    }
  }

  const MirrorPlan& plan_;
  store::Scan& scan_;
  const store::SourceFacts& before_;
  Staging staging_;
  diff::NullWatch null_watch_;
  store::SnapshotRow stored_;
  diff::Differ differ_;
};

}  // namespace

std::variant<ReadFinding, SourceError> read_table(source::Reader& reader, const MirrorPlan& plan,
                                                  store::Scan& scan, const store::SourceFacts& before,
                                                  const domain::StateKey& key, domain::UtcTime now,
                                                  const DecisionWatcher& watcher,
                                                  std::optional<domain::UtcTime> resubscribes_wait_since) {
  TableRead read(plan, scan, before, key, now, watcher);
  read.resubscribes_wait_since(resubscribes_wait_since);
  return read.run(reader);
}

}  // namespace stibee_sync::pipeline

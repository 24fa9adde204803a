#include "stibee_sync/source/source.hpp"

namespace stibee_sync::source {

std::variant<ReadShape, SourceError> ScriptedReader::describe(const ReadPlan&) {
  auto script = next();
  if (script.rows.empty() && script.fails_after_rows) return *script.fails_after_rows;
  return script.shape;
}

std::variant<ReadReport, SourceError> ScriptedReader::read(const ReadPlan& plan, const ShapeSink& shape,
                                                           const RowSink& row) {
  cancelled_ = false;
  const auto script = next();
  // A script without rows that fails stands for a server that cannot be reached.
  if (script.rows.empty() && script.fails_after_rows) return *script.fails_after_rows;
  ReadReport report;
  report.shape = script.shape;
  if (!plan.feed.empty()) report.feed = script.feed;
  shape(script.shape);
  for (const auto& line : script.rows) {
    if (cancelled_) break;
    row(line);
    ++report.rows;
  }
  if (cancelled_) {
    SourceError error;
    error.kind = SourceError::Kind::Cancelled;
    error.message = "the read was cancelled";
    return error;
  }
  if (script.fails_after_rows) return *script.fails_after_rows;
  return report;
}

}  // namespace stibee_sync::source

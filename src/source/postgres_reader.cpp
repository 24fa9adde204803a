#include "feed_health.hpp"
#include "feed_rows.hpp"
#include "findings.hpp"
#include "read_transaction.hpp"
#include "stibee_sync/source/source.hpp"

#include <utility>

namespace stibee_sync::source {
namespace {

using std::chrono::steady_clock;

class PostgresReader final : public Reader {
 public:
  explicit PostgresReader(Connection connection) : reading_(std::move(connection)) {}

  std::variant<ReadShape, SourceError> describe(const ReadPlan& plan) override {
    return reading_.guarded<ReadShape>([&] {
      auto& session = reading_.begin(plan);
      auto shape = reading_.prepare(plan);
      shape.row_secured = row_secured(session, plan, reading_.resolved());
      shape.lacks_unique_index = lacks_unique_index(session, reading_.resolved());
      session.run("COMMIT");
      return shape;
    });
  }

  std::optional<SourceError> check_key(const ReadPlan& plan) override {
    auto checked = reading_.guarded<std::monostate>([&] {
      auto& session = reading_.begin(plan);
      reading_.prepare(plan);
      if (const auto problem = unusable_key(session, reading_.resolved()))
        throw Failure(SourceError::Kind::NotAsMapped, *problem);
      session.run("COMMIT");
      return std::monostate();
    });
    if (auto* error = std::get_if<SourceError>(&checked)) return std::move(*error);
    return std::nullopt;
  }

  std::variant<ReadReport, SourceError> read(const ReadPlan& plan, const ShapeSink& shape,
                                             const RowSink& row) override {
    return reading_.guarded<ReadReport>([&] {
      const auto start = steady_clock::now();
      auto& session = reading_.begin(plan);
      ReadReport report;
      report.shape = reading_.prepare(plan);
      if (!plan.feed.empty()) {
        report.feed = feed_seen_by_scan(reading_, session, plan);
        tell_server(*report.feed, report.shape.server_identity);
      }
      deliver(shape, report.shape);
      report.rows =
          reading_.stream(reading_.resolved().select, [&](std::string_view line) { deliver(row, line); });
      refuse_rewritten(session);
      reading_.finish(report.shape);
      report.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - start);
      return report;
    });
  }

  void cancel() override { reading_.cancel(); }
  bool connected() const override { return reading_.connected(); }

 private:
  ReadTransaction reading_;
};

}  // namespace

std::unique_ptr<Reader> make_postgres_reader(Connection connection) {
  return std::make_unique<PostgresReader>(std::move(connection));
}

}  // namespace stibee_sync::source

#include "feed_health.hpp"
#include "feed_names.hpp"
#include "feed_rows.hpp"
#include "feed_site.hpp"
#include "findings.hpp"
#include "read_transaction.hpp"
#include "server_facts.hpp"
#include "stibee_sync/source/change_feed.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace stibee_sync::source {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t most_discarded_at_once = 10'000;
/// So long, for so few, takes only a feed full of what nobody may vacuum.
constexpr milliseconds slow_read{5};
constexpr std::size_t few = 1'000;

milliseconds since(steady_clock::time_point start) {
  return std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
}

using Drained = std::variant<FeedReport, FeedLoss>;

class PostgresFeed final : public ChangeFeed {
 public:
  explicit PostgresFeed(Connection connection)
      : statement_timeout_(connection.statement_timeout),
        lock_timeout_(connection.lock_timeout),
        reading_(std::move(connection)) {}

  std::variant<FeedSite, SourceError> inspect(const FeedPlan& plan) override {
    return reading_.guarded<FeedSite>([&] {
      if (auto why = why_no_feed(plan.read)) {
        FeedSite site;
        site.mirror = plan.mirror;
        site.refusal = std::move(*why);
        return site;
      }
      auto& session = reading_.begin(plan.read);
      reading_.prepare(plan.read);
      auto site = feed_site(session, plan, reading_.resolved());
      session.run("COMMIT");
      return site;
    });
  }

  std::variant<FeedReport, FeedLoss, SourceError> drain(const FeedPlan& plan, std::size_t most_keys,
                                                        const ShapeSink& shape,
                                                        const ChangeSink& change) override {
    auto drained = reading_.guarded<Drained>([&]() -> Drained {
      const auto start = steady_clock::now();
      something_waits_ = plan.look == FeedLook::Expecting;
      auto result = something_waits_ ? FeedReport() : look(plan);
      if (std::holds_alternative<FeedReport>(result) && something_waits_)
        result = read(plan, most_keys, shape, change);
      if (auto* report = std::get_if<FeedReport>(&result)) report->elapsed = since(start);
      return result;
    });
    if (std::holds_alternative<SourceError>(drained)) known_.erase(plan.mirror);
    if (auto* error = std::get_if<SourceError>(&drained)) return std::move(*error);
    auto& found = std::get<Drained>(drained);
    if (auto* loss = std::get_if<FeedLoss>(&found)) return std::move(*loss);
    return std::move(std::get<FeedReport>(found));
  }

  std::optional<SourceError> discard(const std::string& mirror,
                                     const std::vector<std::int64_t>& ids) override {
    auto discarded = reading_.guarded<std::monostate>([&] {
      for (std::size_t at = 0; at < ids.size(); at += most_discarded_at_once)
        discard_some(mirror, ids, at, std::min(at + most_discarded_at_once, ids.size()));
      return std::monostate();
    });
    if (auto* error = std::get_if<SourceError>(&discarded)) return std::move(*error);
    return std::nullopt;
  }

  void cancel() override { reading_.cancel(); }

 private:
  /// Most drains find nothing: that costs a statement or two, and no transaction.
  Drained look(const FeedPlan& plan) {
    auto& session = reading_.connection();
    FeedReport report;
    // Another connection, which takes the place of one that ended without a word, may be to another server.
    auto& checked = checked_connection_[plan.mirror];
    report.looked_closely = plan.look == FeedLook::Closely || checked != reading_.connections();
    if (report.looked_closely) {
      auto health = feed_health(session, plan.read, plan.mirror);
      if (health.snapshot.loss) return std::move(*health.snapshot.loss);
      report.feed = std::move(health.snapshot);
      tell_server(report.feed, server_facts(session, false).identity);
      checked = reading_.connections();
    }
    const auto start = steady_clock::now();
    auto waits = session.planned("stibee_feed_waits_" + plan.mirror,
                                 "SELECT EXISTS (SELECT FROM " + feed_table(plan.mirror) + ")");
    if (!waits.succeeded) {
      if (report.looked_closely || waits.sqlstate.empty()) throw StatementFailed{std::move(waits)};
      // Dropped, or forbidden: a closer look says which.
      auto closely = plan;
      closely.look = FeedLook::Closely;
      return look(closely);
    }
    something_waits_ = waits.table.at(0)[0].as<bool>();
    report.feed_read = since(start);
    if (!something_waits_ && report.feed_read > slow_read)
      report.oldest_transaction = oldest_transaction(session);
    return report;
  }

  Drained read(const FeedPlan& plan, std::size_t most_keys, const ShapeSink& shape,
               const ChangeSink& change) {
    auto& session = reading_.begin(plan.read);
    auto health = feed_health(session, plan.read, plan.mirror);
    if (health.snapshot.loss) return ended(session, std::move(*health.snapshot.loss));
    auto& known = known_[plan.mirror];
    const bool as_it_was = health.snapshot.fingerprint == known.fingerprint;
    auto found_shape = reading_.prepare(plan.read, as_it_was ? &known.resolved : nullptr);
    known = {health.snapshot.fingerprint, reading_.resolved()};
    if (health.key_type != feed_key_type(reading_.resolved())) {
      return ended(session,
                   FeedLoss{FeedLoss::Kind::Unfit,
                            fit("the key is of another type than the keys of the change feed; run what "
                                "`stibee-syncd changefeed sql " +
                                plan.mirror + "` prints as the table's owner")});
    }
    FeedReport report;
    report.feed = std::move(health.snapshot);
    auto& feed = report.feed;
    tell_server(feed, found_shape.server_identity);
    checked_connection_[plan.mirror] = reading_.connections();
    const auto start = steady_clock::now();
    read_waiting(reading_, plan.mirror, [&](std::int64_t id, std::optional<std::string_view> key) {
      feed.ids.push_back(id);
      if (!key) feed.everything = true;
    });
    report.feed_read = since(start);
    if (feed.ids.size() < few && report.feed_read > slow_read)
      report.oldest_transaction = oldest_transaction(session);
    if (feed.ids.size() > most_keys && !feed.everything)
      feed.everything = more_keys_than(session, plan.mirror, most_keys);
    if (!feed.everything && !feed.ids.empty()) {
      deliver(shape, found_shape);
      report.keys = read_changes(reading_, session, plan.mirror, change);
      refuse_rewritten(session);
    }
    reading_.finish(found_shape);
    if (report.keys > 0) report.shape = std::move(found_shape);
    return report;
  }

  static FeedLoss ended(Session& session, FeedLoss loss) {
    session.run("COMMIT");
    return loss;
  }

  /// What a crash of the server brings back is drained again, so nobody waits for the disk.
  void discard_some(const std::string& mirror, const std::vector<std::int64_t>& ids, std::size_t from,
                    std::size_t to) {
    std::string list;
    for (auto at = from; at < to; ++at)
      list += (list.empty() ? "" : ",") + std::to_string(ids[at]);
    reading_.connection().run(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL statement_timeout = " +
        std::to_string(milliseconds(statement_timeout_).count()) + "; SET LOCAL lock_timeout = " +
        std::to_string(lock_timeout_.count()) + "; SET LOCAL synchronous_commit = off; DELETE FROM " +
        feed_table(mirror) + " WHERE id = ANY ('{" + list + "}'::bigint[]); COMMIT");
  }

  /// What the plan of a mirror means, as long as its table and the feed are as they were.
  struct Known {
    std::string fingerprint;
    Resolved resolved;
  };

  const std::chrono::seconds statement_timeout_;
  const milliseconds lock_timeout_;
  ReadTransaction reading_;
  std::map<std::string, Known> known_;  // by mirror
  /// By mirror, the last one over which its feed was looked at closely.
  std::map<std::string, std::size_t> checked_connection_;
  bool something_waits_ = false;
};

}  // namespace

std::unique_ptr<ChangeFeed> make_postgres_change_feed(Connection connection) {
  return std::make_unique<PostgresFeed>(std::move(connection));
}

}  // namespace stibee_sync::source

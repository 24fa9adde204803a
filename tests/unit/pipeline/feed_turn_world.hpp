#pragma once

#include "disk/temporary_directory.hpp"
#include "stibee_sync/pipeline/ingest.hpp"
#include "stibee_sync/runtime/virtual_clock.hpp"
#include "stibee_sync/store/transaction.hpp"
#include "watched_table.hpp"

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>
#include <sqlite3.h>

namespace stibee_sync::pipeline {

namespace asio = boost::asio;
using source::FeedListener;
using std::chrono::hours;
using std::chrono::milliseconds;

/// The inbound loop with a change feed, on virtual time, with the store that ships.
class FeedTurn : public ::testing::Test {
 protected:
  FeedTurn() {
    mirror_.name = "members";
    mirror_.list_id = 1;
    mirror_.source.table = "members";
    mirror_.source.key = "id";
    mirror_.source.email = "email";
    mirror_.source.fields = {{"name", "name"}};
    mirror_.detect = settings::Detect::Changefeed;
    metrics_.declare_mirror("members");
    reader_.next = [this] { return table_.read(); };
    feed_.next = [this](const source::FeedPlan& plan) {
      ++looks_[plan.look];
      return table_.drain();
    };
    feed_.on_discard = [this](const std::string&, const std::vector<std::int64_t>& ids) {
      return table_.discard(ids);
    };
  }
  ~FeedTurn() override { end(); }

  void begin() {
    const auto dialect = delivery::make_v1();
    auto plan = make_mirror_plan(mirror_, *dialect);
    plan.id = store_->open_mirror(plan.name, plan.list_id);
    id_ = plan.id;
    ingest_ = std::make_unique<Ingest>(services_, *worker_, reader_, std::vector{plan}, [this] { ++wakes_; });
    listener_ = std::make_unique<source::ScriptedListener>(
        [this](const std::string& name, FeedListener::Why why) { ingest_->heard(name, why); });
    listener_->hears = hears_;
    ingest_->watch_feeds(feed_, *listener_, [this] { return leads_; });
    asio::co_spawn(context_, ingest_->run(), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
    run_for(milliseconds(100));
  }
  void end() {
    if (!ingest_) return;
    ingest_->stop();
    run_for(milliseconds(1));
    ingest_.reset();
  }
  void run_for(milliseconds time) { clock_.run_until(clock_.monotonic() + time); }
  /// As the listener says it.
  void hear() {
    listener_->wake("members", FeedListener::Why::Notified);
    run_for(milliseconds(1));
  }
  const FeedCondition& feed() const { return ingest_->condition(0).feed; }
  std::optional<domain::Intent> intent(const std::string& email) {
    const auto person = store_->find(id_, domain::EmailAddress::from_normalised(email));
    if (!person.row) return std::nullopt;
    return person.row->wanted.intent;
  }
  /// As a human does: the table is read at once.
  void approve(const std::string& digest) {
    const auto work = [&](store::Transaction& transaction) {
      transaction.approve(id_, digest, clock_.utc() + hours(1));
    };
    store::in_transaction(work)(*store_);
    ingest_->sync_now();
  }
  /// Somebody is to be looked at again.
  void touch(const std::string& email) {
    const auto work = [&](store::Transaction& transaction) {
      transaction.touch(id_, domain::EmailAddress::from_normalised(email));
    };
    store::in_transaction(work)(*store_);
  }
  std::size_t mirrored() { return store_->wanted_subscribed(id_); }
  std::size_t lines(const std::string& event) const {
    std::size_t count = 0;
    const auto wanted = "\"event\":\"" + event + "\"";
    for (auto at = log_.find(wanted); at != std::string::npos; at = log_.find(wanted, at + 1))
      ++count;
    return count;
  }
  std::string missed(const std::string& cause) const {
    const auto name = "stibee_feed_missed_total{cause=\"" + cause + "\",mirror=\"members\"} ";
    const auto text = metrics_.text();
    const auto at = text.find(name);
    if (at == std::string::npos) return "no such metric";
    return text.substr(at + name.size(), text.find('\n', at) - at - name.size());
  }
  std::string reads_timed() const {
    const std::string name = "\nstibee_db_query_duration_seconds_count ";
    const auto text = metrics_.text();
    const auto at = text.find(name) + name.size();
    return text.substr(at, text.find('\n', at) - at);
  }
  /// Changes whenever somebody writes to the state.
  std::int64_t writes() {
    if (watcher_ == nullptr) sqlite3_open((directory_.path() / "state.sqlite").c_str(), &watcher_);
    sqlite3_stmt* statement = nullptr;
    sqlite3_prepare_v2(watcher_, "PRAGMA data_version", -1, &statement, nullptr);
    sqlite3_step(statement);
    const auto version = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return version;
  }
  void close_watcher() { sqlite3_close(std::exchange(watcher_, nullptr)); }

  test_disk::TemporaryDirectory directory_;
  asio::io_context context_;
  runtime::VirtualClock clock_{context_, runtime::UtcTime(hours(24 * 365 * 56))};
  store::OpenReport opened_;
  std::unique_ptr<store::Store> owned_ = store::open_store(directory_.path(), opened_);
  store::Store* store_ = owned_.get();
  const domain::StateKey key_ = owned_->key();
  runtime::Confined<store::Store> confined_{std::move(owned_), runtime::make_inline_worker()};
  std::string log_;
  telemetry::Log logger_ = telemetry::Log::to([this](std::string_view line) { (log_ += line) += '\n'; });
  telemetry::Metrics metrics_{telemetry::MetricsOptions{"test", false, {}}};
  Services services_{clock_, confined_, key_, logger_, metrics_, [] { return 0.5; }};
  std::unique_ptr<runtime::Worker> worker_ = runtime::make_inline_worker();
  settings::Mirror mirror_;
  WatchedTable table_;
  bool hears_ = true;  // the listener, from the start
  bool leads_ = true;
  source::ScriptedReader reader_;
  source::ScriptedFeed feed_;
  std::unique_ptr<Ingest> ingest_;
  std::unique_ptr<source::ScriptedListener> listener_;
  store::MirrorId id_;
  int wakes_ = 0;
  std::map<source::FeedLook, int> looks_;
  sqlite3* watcher_ = nullptr;
};

}  // namespace stibee_sync::pipeline

#include "pipeline/ingest/ingest_read.hpp"

#include "pipeline/ingest/feed_read.hpp"

#include <string>
#include <utility>

namespace stibee_sync::pipeline {

namespace asio = boost::asio;
using runtime::offload;
using telemetry::Event;
using telemetry::Level;

namespace {

struct Begun {
  store::Scan scan;
  store::SourceFacts facts;
  std::vector<store::HeldChanges> held;
  std::uint64_t reads_wanted = 0;
};

/// Each round makes at least one group, and no plan allows as many.
constexpr int most_rounds_of_groups = 100;

}  // namespace

asio::awaitable<std::shared_ptr<Ingest::Read>> Ingest::read(std::size_t mirror) {
  auto made = std::make_shared<Read>();
  // A copy: the source thread must not look into a vector of the loop's.
  const auto plan = std::make_shared<const MirrorPlan>(mirrors_[mirror]);
  const auto now = services_.clock.utc();
  // Each read of a table that does not change would fill the journal.
  const bool first = !states_[mirror].condition.last.has_value();
  services_.log.event(first ? Level::Info : Level::Debug, Event::SyncStarted, "reading the table",
                      {{"mirror", plan->name}});

  auto begin = [id = plan->id](store::Store& store) {
    return Begun{store.begin_scan(id), store.source_facts(id), store.holds(id), store.reads_wanted(id)};
  };
  auto answer = co_await services_.store.run(std::move(begin));
  auto begun = std::move(answer).value();
  states_[mirror].was_holding = !begun.held.empty();
  states_[mirror].reads_wanted = begun.reads_wanted;
  made->held = std::move(begun.held);
  const auto before = std::make_shared<const store::SourceFacts>(std::move(begun.facts));
  made->plan = plan;
  made->before = before;
  made->now = now;
  if (stopping_) {
    source::SourceError stopped;
    stopped.kind = source::SourceError::Kind::Cancelled;
    made->finding = std::move(stopped);
    co_return made;
  }

  reading_ = true;
  made->scan.emplace(std::move(begun.scan));
  auto read = [&reader = reader_, plan, before, made, key = services_.key, now] {
    auto result = read_table(reader, *plan, *made->scan, *before, key, now, {},
                             waits_since(made->held, diff::ChangeClass::Resubscribe));
    if (auto* finding = std::get_if<ReadFinding>(&result)) leave_out_what_was_told(*finding);
    return result;
  };
  auto finding = co_await offload(source_worker_, std::move(read));
  made->finding = std::move(finding);
  reading_ = false;
  co_return made;
}

asio::awaitable<std::shared_ptr<Ingest::Read>> Ingest::read_making_groups(std::size_t mirror) {
  const std::string base(mapping_itself(mirrors_[mirror].mapping_text));
  co_await groups_->before_read(mirror);
  for (int round = 1;; ++round) {
    auto plan = mirrors_[mirror];
    plan.mapping_text = base;
    mirrors_[mirror] = groups_->with_groups(mirror, std::move(plan));
    auto made = co_await read(mirror);
    const auto* finding = std::get_if<ReadFinding>(&made->finding);
    if (finding == nullptr || finding->unknown_groups.empty() || stopping_ || round == most_rounds_of_groups)
      co_return made;
    auto values = finding->unknown_groups;
    const bool found = co_await groups_->make(mirror, std::move(values));
    if (!found) co_return made;
  }
}

}  // namespace stibee_sync::pipeline

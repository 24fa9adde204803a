#include "pipeline/reconcile/reconcile_pass.hpp"
#include "stibee_sync/ledger/next_operation.hpp"
#include "stibee_sync/pipeline/foreign_hands.hpp"

#include <algorithm>
#include <deque>
#include <utility>

// One comparison of table, ledger and list.

namespace stibee_sync::pipeline {

namespace asio = boost::asio;
using Phase = ReconcileReport::Phase;
using runtime::offload;
using telemetry::Event;
using telemetry::Level;

namespace {

/// A job on the worker ends after so many people, so that a stop is noticed.
constexpr std::size_t pairs_at_once = 50'000;
/// What was mended is waited for as long as anything moves.
constexpr std::chrono::minutes delivery_patience{10};
constexpr std::chrono::milliseconds delivery_poll{500};

enum class Arrival { Waiting, Arrived, Stuck };

Arrival arrival_of(const std::optional<ledger::LedgerRow>& row, const ledger::Policy& policy,
                   domain::UtcTime now) {
  if (!row) return Arrival::Arrived;
  if (row->parked) return Arrival::Stuck;
  const auto next = ledger::next_operation(row->wanted, row->confirmed, policy, now);
  return std::holds_alternative<domain::Operation>(next) ? Arrival::Waiting : Arrival::Arrived;
}

}  // namespace

asio::awaitable<void> Reconciler::compare_or_throw(std::size_t mirror, bool repair, int most_failures) {
  auto& report = states_[mirror].report;
  auto pass = std::make_shared<Pass>();
  pass->plan = std::make_shared<const MirrorPlan>(hooks_.plan(mirror));
  pass->repair = repair;
  pass->scan = co_await begin_list(pass->plan->id);
  auto services = services_;
  auto hooks = read_hooks(mirror, most_failures);
  const auto result =
      co_await read_list(std::move(services), worker_, asker_, pass->plan, pass->scan, std::move(hooks));
  if (!result.complete()) {
    report.failed = result.end();
    report.problem = result.why();
  } else {
    report.phase = Phase::Comparing;
    co_await merge(mirror, pass);
    if (stopping_ && report.problem.empty()) report.problem = "stopped";
  }
  co_await drop(std::move(pass->scan));
  if (!report.problem.empty()) co_return;
  if (repair) co_await await_delivery(mirror, pass->plan);
  auto remember = store::in_transaction([id = pass->plan->id, now = services_.clock.utc(),
                                         left = report.remaining()](store::Transaction& transaction) {
    transaction.set_reconciled(id, now, left);
  });
  const auto kept = co_await services_.store.run(std::move(remember));
  kept.value();
}

asio::awaitable<void> Reconciler::merge(std::size_t mirror, std::shared_ptr<Pass> pass) {
  struct Found {
    std::shared_ptr<Candidates> candidates = std::make_shared<Candidates>();
    std::size_t compared = 0;
    std::size_t unknown = 0;
    bool end = false;
  };
  auto& report = states_[mirror].report;
  pass->now = services_.clock.utc();
  pass->said = services_.database_clock->later(pass->now, services_.clock.monotonic());
  if (pass->repair) {
    auto count = [id = pass->plan->id](store::Store& store) { return store.wanted_subscribed(id); };
    const auto mirrored = co_await services_.store.run(std::move(count));
    pass->most_unsubscribes = diff::most_removals(pass->plan->guard, mirrored.value());
  }
  for (bool end = false; !end && !stopping_;) {
    auto read = [pass] {
      Found found;
      Candidate candidate;
      while (found.candidates->size() < people_at_once && found.compared < pairs_at_once) {
        if (!pass->scan->next(candidate.pair)) {
          found.end = true;
          break;
        }
        ++found.compared;
        candidate.found = compare(candidate.pair, *pass->plan, pass->now);
        if (candidate.found.hands_off) ++found.unknown;
        if (candidate.found.drifts.empty()) continue;
        // Who opted out is put on record by any reading.
        candidate.apply = (pass->repair && candidate.found.mending != Mending::None) ||
                          candidate.found.change.suppress.has_value();
        found.candidates->push_back(std::move(candidate));
        candidate = Candidate{};
      }
      return found;
    };
    const auto found = co_await offload(worker_, std::move(read));
    end = found.end;
    report.compared += found.compared;
    report.unknown_status += found.unknown;
    co_await look_again(mirror, pass, found.candidates);
  }
  // Now it is known how many would be unsubscribed.
  const auto last = std::make_shared<Candidates>(std::exchange(pass->unsubscribes, {}));
  pass->too_many = pass->too_many || last->size() > pass->most_unsubscribes;
  for (std::size_t at = 0; at < last->size() && !stopping_; at += people_at_once) {
    auto some = std::make_shared<Candidates>();
    for (auto i = at; i < std::min(last->size(), at + people_at_once); ++i) {
      some->push_back(std::move((*last)[i]));
      some->back().apply = !pass->too_many;
    }
    // Not through the waiting room again.
    const bool repair = std::exchange(pass->repair, false);
    co_await look_again(mirror, pass, some);
    pass->repair = repair;
  }
}

/// The list is read over minutes: only who is still as they were seen is mended.
void Reconciler::mend(store::Transaction& transaction, Candidate& candidate, const MirrorPlan& plan,
                      const Pass& pass) {
  const auto& email = candidate.pair.email;
  const auto person = transaction.find(plan.id, email);
  const auto view = ledger::view_of(person);
  if (!unchanged_since(candidate.pair, view)) return;
  candidate.found = compare_trace(candidate.found, view, plan);
  candidate.counts = !candidate.found.drifts.empty();
  if (candidate.counts && candidate.apply)
    carry_out(transaction, plan.id, email, person, candidate.found.change, plan.policy, pass.now, pass.said);
}

asio::awaitable<void> Reconciler::look_again(std::size_t mirror, std::shared_ptr<Pass> pass,
                                             std::shared_ptr<Candidates> candidates) {
  if (pass->repair) {
    const auto waits = [](const Candidate& candidate) {
      return candidate.found.mending == Mending::Unsubscribe;
    };
    const auto from = std::stable_partition(candidates->begin(), candidates->end(),
                                            [&](const Candidate& candidate) { return !waits(candidate); });
    if (!pass->too_many) {
      pass->unsubscribes.insert(pass->unsubscribes.end(), std::make_move_iterator(from),
                                std::make_move_iterator(candidates->end()));
      candidates->erase(from, candidates->end());
      if (pass->unsubscribes.size() > pass->most_unsubscribes) {
        pass->too_many = true;
        candidates->insert(candidates->end(), std::make_move_iterator(pass->unsubscribes.begin()),
                           std::make_move_iterator(pass->unsubscribes.end()));
        pass->unsubscribes.clear();
      }
    }
    for (auto& candidate : *candidates)
      candidate.apply = candidate.apply && !waits(candidate);
  }
  if (candidates->empty()) co_return;
  auto work = store::in_transaction([pass, candidates](store::Transaction& transaction) {
    for (auto& candidate : *candidates)
      mend(transaction, candidate, *pass->plan, *pass);
  });
  const auto observed = co_await services_.store.run(std::move(work));
  observed.value();
  keep(mirror, *candidates);
  const auto applied = std::any_of(candidates->begin(), candidates->end(), [](const Candidate& candidate) {
    return candidate.counts && candidate.apply;
  });
  if (applied) hooks_.changed();
}

void Reconciler::keep(std::size_t mirror, const Candidates& candidates) {
  auto& report = states_[mirror].report;
  std::size_t suppressed = 0;
  for (const auto& candidate : candidates) {
    if (!candidate.counts) continue;
    if (candidate.apply && candidate.found.change.suppress) ++suppressed;
    const auto& ledger = candidate.pair.view.ledger;
    if (ledger && sent_lately(ledger->confirmed.called, services_.clock.utc())) ++report.undone;
    if (report.repair && !candidate.apply && candidate.found.mending == Mending::Unsubscribe)
      ++report.held_back;
    for (const auto& drift : candidate.found.drifts) {
      const auto kind = static_cast<std::size_t>(drift.kind);
      ++report.counts[kind];
      if (candidate.apply) ++report.mended[kind];
      if (report.differences.size() >= most_differences_kept) continue;
      Difference difference;
      difference.email = candidate.pair.email;
      difference.drift = drift;
      difference.mended = candidate.apply;
      difference.done = candidate.apply && candidate.found.mending == Mending::Record;
      report.differences.push_back(std::move(difference));
    }
  }
  if (suppressed > 0) {
    services_.log.event(Level::Info, Event::SuppressionAdded, "people unsubscribed there count as opted out",
                        {{"mirror", hooks_.plan(mirror).name}, {"count", suppressed}, {"by", "unknown"}});
  }
}

asio::awaitable<void> Reconciler::await_delivery(std::size_t mirror, std::shared_ptr<const MirrorPlan> plan) {
  struct Seen {
    std::vector<Arrival> arrivals;  // up to the first who waits
    std::size_t pending = 0;
  };
  auto& report = states_[mirror].report;
  std::deque<std::size_t> waiting;
  for (std::size_t i = 0; i < report.differences.size(); ++i) {
    if (report.differences[i].mended && !report.differences[i].done) waiting.push_back(i);
  }
  if (waiting.empty()) co_return;
  report.phase = Phase::Delivering;
  report.total = waiting.size();
  report.read = 0;
  auto moved = services_.clock.monotonic();
  std::size_t pending = 0;
  // Nor does an event that was missed wait for it.
  while (!waiting.empty() && !stopping_ && !hooks_.paused(mirror) && !states_[mirror].missed_at) {
    std::vector<domain::EmailAddress> emails;
    for (std::size_t i = 0; i < std::min(waiting.size(), people_at_once); ++i)
      emails.push_back(report.differences[waiting[i]].email);
    auto look = [plan, emails = std::move(emails), now = services_.clock.utc()](store::Store& store) {
      Seen seen;
      for (const auto& email : emails) {
        const auto arrival = arrival_of(store.find(plan->id, email).row, plan->policy, now);
        if (arrival == Arrival::Waiting) break;
        seen.arrivals.push_back(arrival);
      }
      seen.pending = store.pending(plan->id, now);
      return seen;
    };
    const auto looked = co_await services_.store.run(std::move(look));
    const auto& seen = looked.value();
    for (const auto arrival : seen.arrivals) {
      report.differences[waiting.front()].done = arrival == Arrival::Arrived;
      waiting.pop_front();
    }
    report.read = report.total - waiting.size();
    const auto now = services_.clock.monotonic();
    if (!seen.arrivals.empty() || std::exchange(pending, seen.pending) != seen.pending) moved = now;
    if (now - moved >= delivery_patience) break;
    if (seen.arrivals.empty()) co_await pause(mirror, delivery_poll);
  }
}

}  // namespace stibee_sync::pipeline

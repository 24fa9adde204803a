#include "pipeline/reconcile/reconcile_pass.hpp"
#include "stibee_sync/pipeline/outbound_queue.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

// Taking a list over before the first change is sent to it.

namespace stibee_sync::pipeline {

namespace asio = boost::asio;
using domain::RemoteStatus;
using runtime::offload;
using telemetry::Event;
using telemetry::Level;

namespace {

// So long only odd answers must come until they count as what Stibee has to say of the list.
constexpr std::chrono::minutes odd_answers_patience{10};

/// Of one taking over.
struct AdoptionTimes {
  domain::UtcTime asked{};  // for the list, by the database's clock
  domain::UtcTime said{};
  domain::UtcTime now{};
};

struct Tally {
  std::size_t listed = 0;
  std::size_t subscribed = 0;
  std::size_t opted_out = 0;
  std::size_t auto_deleted = 0;
  std::size_t ready = 0;
  std::size_t strays = 0;  // subscribed there, in no row
  std::size_t unknown = 0;
  std::size_t suppressed = 0;

  void operator+=(const Tally& other) {
    listed += other.listed;
    subscribed += other.subscribed;
    opted_out += other.opted_out;
    auto_deleted += other.auto_deleted;
    ready += other.ready;
    strays += other.strays;
    unknown += other.unknown;
    suppressed += other.suppressed;
  }
};

/// Some of the listed people; empty at the end.
using Chunk = std::vector<std::pair<domain::EmailAddress, store::Listed>>;
using Addresses = std::set<domain::EmailAddress>;

Chunk next_chunk(store::ListScan& scan) {
  Chunk chunk;
  store::ListedPair pair;
  while (chunk.size() < people_at_once && scan.next(pair)) {
    if (pair.listed) chunk.emplace_back(std::move(pair.email), std::move(*pair.listed));
  }
  return chunk;
}

/// Takes so many off the end as are taken over at once.
Chunk some_of(Chunk& all) {
  const auto count = std::min<std::size_t>(people_at_once, all.size());
  const auto first = all.end() - static_cast<std::ptrdiff_t>(count);
  Chunk some(std::make_move_iterator(first), std::make_move_iterator(all.end()));
  all.erase(first, all.end());
  return some;
}

void count(Tally& tally, const store::Listed& listed, const ledger::RemoteView& view,
           const Consequence& change) {
  ++tally.listed;
  if (change.suppress) ++tally.suppressed;
  if (!listed.status) {
    ++tally.unknown;
    return;
  }
  const bool has_row = view.ledger && !view.is_trace;
  switch (*listed.status) {
    case RemoteStatus::Subscribed:
      ++(has_row ? tally.subscribed : tally.strays);
      return;
    case RemoteStatus::OptedOut:
    case RemoteStatus::Unsubscribed:
      ++tally.opted_out;
      return;
    case RemoteStatus::AutoDeleted:
    case RemoteStatus::Purged:
      ++tally.auto_deleted;
      return;
    case RemoteStatus::Ready:
      ++tally.ready;
      return;
    case RemoteStatus::Moved:
    case RemoteStatus::Unknown:
      return;
  }
}

/// Of whom a whole list tells more than their own entry: whoever may have been subscribed, is listed
/// unsubscribed, and whose row has gone or bears another address. `change`: what the entry alone says.
bool may_have_moved(const store::Listed& listed, const ledger::RemoteView& view, const Consequence& change) {
  const bool is_out = listed.status == RemoteStatus::OptedOut || listed.status == RemoteStatus::Unsubscribed;
  if (!is_out || !view.ledger || view.in_flight) return false;
  const auto& [wanted, confirmed] = *view.ledger;
  // Brought back by another daemon before the move, or to say no anew.
  if (confirmed.status == RemoteStatus::OptedOut)
    return change.suppress && (view.is_trace || wanted.intent == domain::Intent::Absent);
  // Done already. (Whether before or after Stibee last changed them, clocks that are apart cannot tell.)
  if (view.is_trace) return confirmed.status == RemoteStatus::Unsubscribed;
  const bool may_have_been_in = confirmed.status == RemoteStatus::Subscribed ||
                                confirmed.status == RemoteStatus::Ready ||
                                confirmed.status == RemoteStatus::Unknown;
  return may_have_been_in && wanted.intent == domain::Intent::Absent;
}

/// Another daemon, or an earlier life, has carried the move out: had the member said no under the address
/// before, it would not have subscribed them under the one they have now.
bool is_subscribed_elsewhere(store::Transaction& transaction, store::MirrorId mirror,
                             const domain::EmailAddress& email, const ledger::Person& person,
                             const Addresses& brought_back) {
  for (const auto& other : transaction.other_addresses(mirror, email, person)) {
    const auto there = transaction.find(mirror, other).row;
    if (there && there->confirmed.status == RemoteStatus::Subscribed) return true;
    if (there && brought_back.contains(other)) return true;
  }
  return false;
}

/// By another daemon: here they are opted out still, until a consent lifts it.
bool is_brought_back(const store::Listed& listed, const ledger::RemoteView& view) {
  return listed.status == RemoteStatus::Subscribed && view.ledger && !view.is_trace &&
         view.ledger->confirmed.status == RemoteStatus::OptedOut;
}

/// Somebody for whom the table has said yes for as long as this state can tell, and whom it knew subscribed:
/// the no that the list shows is their own, and not in the table yet.
bool says_yes_in_table(const ledger::RemoteView& view) {
  if (!view.ledger || view.is_trace) return false;
  const auto& [wanted, confirmed] = *view.ledger;
  return confirmed.status == RemoteStatus::Subscribed && wanted.intent == domain::Intent::Subscribed &&
         !wanted.opted_in_at;
}

struct Taken {
  Tally tally;
  Chunk later;  // once everybody else is taken over
  Addresses brought_back;
};

/// `brought_back`: of all; nullptr: not everybody else is taken over yet.
Taken take_some(store::Transaction& transaction, const MirrorPlan& plan, const Chunk& chunk,
                const AdoptionTimes& times, const Addresses* brought_back) {
  Taken taken;
  for (const auto& [email, listed] : chunk) {
    const auto person = transaction.find(plan.id, email);
    const auto view = ledger::view_of(person);
    auto change = adopt_change(listed, view, times.asked, times.said, times.now);
    if (may_have_moved(listed, view, change)) {
      if (brought_back == nullptr) {
        taken.later.emplace_back(email, listed);
        continue;
      }
      if (is_subscribed_elsewhere(transaction, plan.id, email, person, *brought_back))
        change = unsubscribed_for_a_move(view, times.now);
    }
    if (is_brought_back(listed, view)) taken.brought_back.insert(email);
    if (change.suppress && says_yes_in_table(view)) {
      change.writeback = writeback_of_listed_opt_out(plan, times.now);
      change.no_is_ours = change.writeback.has_value();
    }
    count(taken.tally, listed, view, change);
    carry_out(transaction, plan.id, email, person, change, plan.policy, times.now, times.said);
  }
  return taken;
}

}  // namespace

asio::awaitable<void> Reconciler::adopt(std::size_t mirror) {
  auto& state = states_[mirror];
  while (!state.adopted && !stopping_) {
    auto attempt = state.forgotten < state.stood_by ? forget_adopted(mirror) : try_to_adopt(mirror);
    const auto done = co_await runtime::answer_of<store::StoreError>(std::move(attempt));
    if (done) continue;
    store_failed(mirror, done.error());
    co_await pause(mirror, std::chrono::seconds(5));
  }
}

asio::awaitable<void> Reconciler::forget_adopted(std::size_t mirror) {
  const auto stood_by = states_[mirror].stood_by;
  auto work = store::in_transaction(
      [id = hooks_.plan(mirror).id](store::Transaction& transaction) { transaction.clear_adopted(id); });
  const auto kept = co_await services_.store.run(std::move(work));
  kept.value();
  states_[mirror].forgotten = stood_by;
}

asio::awaitable<void> Reconciler::try_to_adopt(std::size_t mirror) {
  if (hooks_.paused(mirror)) {
    co_await pause(mirror, std::chrono::seconds(5));
    co_return;
  }
  // Groups that are matched by name are known only once the table was read.
  if (hooks_.plan(mirror).create_missing_groups) co_await until_table_read(mirror);
  const auto plan = std::make_shared<const MirrorPlan>(hooks_.plan(mirror));
  const Asked asked{services_.clock.utc(), services_.clock.monotonic()};
  const auto stood_by = states_[mirror].stood_by;
  auto scan = co_await begin_list(plan->id);
  auto services = services_;
  auto hooks = read_hooks(mirror, most_list_failures);
  auto result = co_await read_list(std::move(services), worker_, asker_, plan, scan, std::move(hooks));
  const bool overtaken = states_[mirror].stood_by != stood_by;
  switch (overtaken ? ListReadEnd::Stopped : result.end()) {
    case ListReadEnd::NeverStill:
      // Whoever was missed is sent once more than needed, which changes nobody's status.
      services_.log.event(Level::Warn, Event::ReconcileFinished,
                          "the list is taken over as it was seen last: " + result.why(),
                          {{"mirror", plan->name}});
      [[fallthrough]];
    case ListReadEnd::Complete:
      // Of an empty list, nothing is to be settled: part of the first read may be sent before its end. It is
      // kept as taken over only then, so that a later start looks at the list again.
      if (result.complete() && result.people() == 0) hooks_.adopted(mirror);
      // Taking over looks people up when it comes to them; it waits for the first commit of the table, since
      // only then there are rows that it can settle.
      co_await leave_ledger(scan);
      co_await until_table_read(mirror);
      if (!stopping_ && states_[mirror].stood_by == stood_by) co_await take_over(mirror, plan, scan, asked);
      break;
    case ListReadEnd::KeyRefused:
    case ListReadEnd::Forbidden:
    case ListReadEnd::NoSuchList:
    case ListReadEnd::NotUnderstood:
    case ListReadEnd::Unavailable:
      co_await unreadable(mirror, std::move(result));
      break;
    case ListReadEnd::Stopped:
      break;
  }
  co_await drop(std::move(scan));
}

asio::awaitable<void> Reconciler::leave_ledger(std::shared_ptr<store::ListScan> scan) {
  auto leave = [scan = std::move(scan)] { scan->leave_ledger(); };
  co_await offload(worker_, std::move(leave));
}

asio::awaitable<void> Reconciler::unreadable(std::size_t mirror, ListReadResult result) {
  auto& state = states_[mirror];
  const auto name = hooks_.plan(mirror).name;
  bool lasting = false;
  state.forbidden = false;
  if (result.end() == ListReadEnd::NoSuchList || result.end() == ListReadEnd::NotUnderstood) {
    // A proxy may answer so for minutes, and whoever is sent without the list is sent over the opt-outs in
    // it.
    const auto now = services_.clock.monotonic();
    if (!state.odd_since) state.odd_since = now;
    lasting = now - *state.odd_since >= odd_answers_patience;
  } else {
    state.odd_since.reset();
  }
  if (result.end() == ListReadEnd::KeyRefused || result.end() == ListReadEnd::Forbidden) {
    // Keys made before 2025 work on v1 only. One that works nowhere is another matter: nothing can be sent
    // until it is mended, and the list can then be read, too.
    if (options_.writes_on_v1) {
      lasting = co_await key_works_on_v1();
    } else {
      state.forbidden = result.end() == ListReadEnd::Forbidden;
    }
  }
  if (stopping_) co_return;
  if (!lasting) {
    const bool news = state.trouble.empty();
    state.trouble = "nothing is sent before the list was read once: " + result.why();
    if (news) {
      const auto event = state.forbidden ? Event::ApiUnauthorised : Event::ReconcileFinished;
      services_.log.event(state.forbidden ? Level::Error : Level::Warn, event, state.trouble,
                          {{"mirror", name}});
    }
    co_await pause(mirror, std::chrono::seconds(10));
    co_return;
  }
  services_.log.event(
      Level::Warn, Event::ReconcileFinished,
      "the list cannot be read back, so everybody is sent once: " + result.why(),
      {{"mirror", name}, {"cure", "use a key that API v2 accepts, or `reconcile: {mode: off}`"}});
  co_await set_adopted(mirror);
}

asio::awaitable<bool> Reconciler::key_works_on_v1() {
  auto request = dialect_.probe();
  const Reply reply = co_await asker_.ask(std::move(request));
  if (reply.no_answer()) co_return false;
  const auto result = dialect_.read_probe(reply.answer());
  // This call of v1 is "in preparation" by Stibee's own words: an odd answer proves nothing against the key.
  co_return result.verdict == delivery::CallVerdict::Answered ||
      result.verdict == delivery::CallVerdict::BatchRefused;
}

asio::awaitable<void> Reconciler::set_adopted(std::size_t mirror) {
  const auto now = services_.clock.utc();
  auto work = store::in_transaction([id = hooks_.plan(mirror).id, now](store::Transaction& transaction) {
    transaction.set_adopted(id, now);
    note_imported(transaction, id, now);
  });
  const auto kept = co_await services_.store.run(std::move(work));
  kept.value();
  states_[mirror].adopted = true;
  states_[mirror].trouble.clear();
  states_[mirror].forbidden = false;
  // The next comparison is not put off by each taking over: that one does not see who is missing in the list.
  if (!states_[mirror].last) states_[mirror].last = now;
  hooks_.adopted(mirror);
}

asio::awaitable<void> Reconciler::take_over(std::size_t mirror, std::shared_ptr<const MirrorPlan> plan,
                                            std::shared_ptr<store::ListScan> scan, Asked when) {
  Tally tally;
  const auto stood_by = states_[mirror].stood_by;
  const auto now = services_.clock.utc();
  const auto said = services_.database_clock->later(now, services_.clock.monotonic());
  // Of a state of before, what it knows is dated by the database's clock.
  const auto asked = services_.database_clock->later(when.utc, when.monotonic);
  const AdoptionTimes times{asked, said, now};
  Chunk later;
  Addresses brought_back;
  for (bool at_the_end = false; !stopping_ && states_[mirror].stood_by == stood_by;) {
    auto read = [scan] { return std::make_shared<const Chunk>(next_chunk(*scan)); };
    auto chunk = co_await offload(worker_, std::move(read));
    if (chunk->empty()) {
      if (later.empty()) break;
      at_the_end = true;
      chunk = std::make_shared<const Chunk>(some_of(later));
    }
    const auto* of_all = at_the_end ? &brought_back : nullptr;
    auto apply = store::in_transaction([plan, chunk, times, of_all](store::Transaction& transaction) {
      return take_some(transaction, *plan, *chunk, times, of_all);
    });
    const auto seen = co_await services_.store.run(std::move(apply));
    const auto& taken = seen.value();
    tally += taken.tally;
    later.insert(later.end(), taken.later.begin(), taken.later.end());
    brought_back.insert(taken.brought_back.begin(), taken.brought_back.end());
  }
  // Begun anew by the next start, or when this daemon works again: what is known is left alone.
  if (stopping_ || states_[mirror].stood_by != stood_by) co_return;
  co_await set_adopted(mirror);
  services_.log.event(Level::Info, Event::ReconcileFinished, "the list was taken over",
                      {{"mirror", plan->name},
                       {"people", tally.listed},
                       {"subscribed", tally.subscribed},
                       {"opted_out", tally.opted_out},
                       {"auto_deleted", tally.auto_deleted},
                       {"ready", tally.ready},
                       {"strays", tally.strays},
                       {"unknown_status", tally.unknown}});
  if (tally.suppressed > 0) {
    services_.log.event(Level::Info, Event::SuppressionAdded, "people unsubscribed there count as opted out",
                        {{"mirror", plan->name}, {"count", tally.suppressed}, {"by", "unknown"}});
  }
}

}  // namespace stibee_sync::pipeline

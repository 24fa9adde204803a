#include "store/memory_observe.hpp"
#include "store/memory_state.hpp"

#include <algorithm>
#include <stdexcept>

namespace stibee_sync::store {

MemoryState::MemoryState() : key(domain::StateKey::Bytes{}) {}

MemoryMirror& MemoryState::mirror(MirrorId id) {
  if (id.number < 1 || static_cast<std::size_t>(id.number) > mirrors.size()) {
    throw std::invalid_argument("no such mirror in this state");
  }
  return mirrors[static_cast<std::size_t>(id.number - 1)];
}

void MemoryMirror::apply(const std::string& email, const LedgerRow& row, Fate fate) {
  switch (fate) {
    case Fate::Keep:
      if (const auto same = ledger.find(email); same != ledger.end() && same->second == row) return;
      ledger[email] = row;
      if (row.lacks_values && row.key) {
        if (const auto found = members.find(*row.key); found != members.end()) found->second.shadowed = true;
      }
      break;
    case Fate::Erase:
      ledger.erase(email);
      if (const auto trace = trace_of(row)) traces[email] = *trace;
      break;
  }
}

namespace {

class MemoryStore : public Store {
 public:
  MemoryStore(std::shared_ptr<MemoryState> state, MemoryStoreHooks hooks)
      : state_(std::move(state)), hooks_(std::move(hooks)) {
    for (const auto& [batch, people] : state_->in_flight) {
      auto& ledger = state_->mirror(people.first).ledger;
      for (const auto& email : people.second) {
        if (const auto row = ledger.find(email); row != ledger.end()) mark_in_doubt(row->second);
      }
    }
    state_->in_flight.clear();
  }

  const domain::StateKey& key() const override { return state_->key; }

  MirrorId open_mirror(std::string_view name, std::int64_t list_id) override {
    auto& mirrors = state_->mirrors;
    for (std::size_t i = 0; i < mirrors.size(); ++i) {
      if (mirrors[i].name == name && mirrors[i].list_id == list_id) return id_of(i);
    }
    MemoryMirror mirror;
    mirror.name = name;
    mirror.list_id = list_id;
    change([&] { mirrors.push_back(std::move(mirror)); });
    return id_of(mirrors.size() - 1);
  }

  bool paused(MirrorId id) const override { return state_->mirror(id).paused; }
  void set_paused(MirrorId id, bool paused) override {
    change([&] { state_->mirror(id).paused = paused; });
  }
  SourceFacts source_facts(MirrorId id) const override { return state_->mirror(id).facts; }

  std::unique_ptr<Scan> begin_scan(MirrorId id) override {
    return std::make_unique<MemoryScan>(id, state_->mirror(id), suppressions_of(id));
  }

  CommitReport commit(std::unique_ptr<Scan> scan, const CommitRequest& request) override {
    const auto& staged = to_commit(*scan, request);
    auto& mirror = state_->mirror(staged.id());
    CommitReport report;
    std::map<std::string, domain::Wanted> overtaken;
    auto after = committed(mirror, suppressions_of(staged.id()), staged, request, claims_[staged.id()],
                           report, overtaken);
    change([&] { mirror = std::move(after); });
    for (auto& [email, wanted] : overtaken)
      claims_[staged.id()][email].sent = std::move(wanted);
    return report;
  }

  CommitReport commit_ahead(Scan& scan, const CommitRequest& request, std::size_t most) override {
    auto& staged = to_commit(scan, request);
    if (!request.held_classes.empty()) throw std::invalid_argument("nothing is committed ahead of a hold");
    auto& mirror = state_->mirror(staged.id());
    if (!staged.before().members.empty() || !mirror.ledger.empty()) return {};
    CommitReport report;
    auto after = committed_ahead(mirror, suppressions_of(staged.id()), staged, request, most, report);
    change([&] { mirror = std::move(after); });
    return report;
  }

  std::vector<Hold> holds(MirrorId id) const override { return state_->mirror(id).holds; }
  void approve(MirrorId id, const std::string& digest, domain::UtcTime expires) override {
    change([&] { state_->mirror(id).approvals[digest] = expires; });
  }
  bool approved(MirrorId id, const std::string& digest, domain::UtcTime now) const override {
    const auto& approvals = state_->mirror(id).approvals;
    const auto found = approvals.find(digest);
    return found != approvals.end() && found->second > now;
  }
  void drop_approval(MirrorId id, const std::string& digest) override {
    change([&] { state_->mirror(id).approvals.erase(digest); });
  }

  std::optional<Claimed> claim(const ClaimRequest& request, const LogAttempt& log) override {
    now_ = request.now;
    for (const auto lane : domain::all_lanes) {
      auto waiting = waiting_in(request.mirrors, lane);
      std::erase_if(waiting, [&](const Place& place) {
        return place.row->due > request.now || (place.row->attempts > 0 && !request.retries_allowed) ||
               request.max_people(lane, place.row->shape) == 0;
      });
      if (waiting.empty()) continue;
      // The first of those with the earliest due time: by mirror and shape, in the order in which they are
      // listed.
      const auto first = std::min_element(waiting.begin(), waiting.end(), [](const Place& a, const Place& b) {
        return std::tie(a.row->due, a.mirror_order, a.row->shape) <
               std::tie(b.row->due, b.mirror_order, b.row->shape);
      });
      return take(waiting, *first, request, log);
    }
    return std::nullopt;
  }

  void log_attempt(const LoggedAttempt& attempt) override {
    change([&] { add_attempt(attempt); });
  }

  void release(MirrorId id, const std::vector<domain::EmailAddress>& people) override {
    for (const auto& email : people)
      claims_[id].erase(email.text());
    // Not durable: a crash before the next change leaves a doubt that is not needed.
    drop_finished_batches();
  }

  void settle(MirrorId id, const std::vector<Settlement>& people, const PlaceRule& place, domain::UtcTime now,
              const CrossRule& cross) override {
    now_ = now;
    auto& mirror = state_->mirror(id);
    const auto suppressions = suppressions_of(id);
    MemoryChanges changes;
    for (std::size_t i = 0; i < people.size(); ++i) {
      const auto& email = people[i].email.text();
      const auto found = mirror.ledger.find(email);
      if (found == mirror.ledger.end()) continue;
      auto row = changes.rows.contains(email) ? changes.rows[email].first : found->second;
      const auto before = row.confirmed;
      InFlight call;
      if (const auto claim = claims_[id].find(email); claim != claims_[id].end()) {
        call = claim->second;
      } else if (row.lane) {
        call.lane = *row.lane;
      }
      const auto fate = apply_settlement(row, people[i], call, place, now, cross, i);
      settle_suppression(suppressions, email, before, row.confirmed, now, changes);
      changes.rows[email] = {std::move(row), fate};
    }
    change([&] {
      changes.apply_to(*state_, id);
      for (const auto& person : people)
        claims_[id].erase(person.email.text());
      drop_finished_batches();
    });
  }

  void replace_all(MirrorId id, const PlaceRule& place, domain::UtcTime now) override {
    auto& mirror = state_->mirror(id);
    std::map<std::string, std::pair<LedgerRow, Fate>> after;
    for (const auto& [email, before] : mirror.ledger) {
      auto row = before;
      const auto fate = place_again(row, place, now);
      after[email] = {std::move(row), fate};
    }
    change([&] { apply_all(mirror, after); });
  }

  std::optional<domain::UtcTime> next_due(const std::vector<MirrorId>& mirrors) const override {
    std::optional<domain::UtcTime> earliest;
    for (const auto lane : domain::all_lanes) {
      for (const auto& place : waiting_in(mirrors, lane)) {
        if (!earliest || place.row->due < *earliest) earliest = place.row->due;
      }
    }
    return earliest;
  }

  std::size_t retry(MirrorId id, std::string_view reason, std::string_view email, const PlaceRule& place,
                    domain::UtcTime now) override {
    auto& mirror = state_->mirror(id);
    std::map<std::string, std::pair<LedgerRow, Fate>> after;
    std::size_t count = 0;
    for (const auto& [address, before] : mirror.ledger) {
      if (before.parked.empty()) continue;
      if ((!reason.empty() && before.parked != reason) || (!email.empty() && address != email)) continue;
      auto row = before;
      const auto fate = unpark(row, place, now);
      if (row.parked.empty()) ++count;
      after[address] = {std::move(row), fate};
    }
    change([&] { apply_all(mirror, after); });
    return count;
  }

  void hasten(MirrorId id, domain::UtcTime now) override {
    auto& mirror = state_->mirror(id);
    std::map<std::string, std::pair<LedgerRow, Fate>> after;
    for (const auto& [email, before] : mirror.ledger) {
      auto row = before;
      if (before.due > now && hasten_row(row, now)) after[email] = {std::move(row), Fate::Keep};
    }
    if (!after.empty()) change([&] { apply_all(mirror, after); });
  }

  std::vector<LoggedAttempt> logged_attempts() const override {
    auto attempts = state_->attempts;
    std::stable_sort(attempts.begin(), attempts.end(), [](const LoggedAttempt& a, const LoggedAttempt& b) {
      return a.limiter_class < b.limiter_class;
    });
    return attempts;
  }

  void observe(MirrorId id, const std::vector<domain::EmailAddress>& people, const DecideRemote& decide,
               const PlaceRule& place, domain::UtcTime now) override {
    now_ = now;
    MemoryChanges changes;
    for (const auto& address : people)
      present(*state_, state_->mirror(id), claims_[id], address, decide, place, now, changes);
    change([&] {
      changes.apply_to(*state_, id);
      for (auto& [email, call] : changes.calls)
        claims_[id][email] = std::move(call);
    });
  }
  std::unique_ptr<ListScan> begin_list(MirrorId id) override {
    return make_memory_list(state_->mirror(id), suppressions_of(id), claims_[id]);
  }
  std::optional<domain::UtcTime> adopted(MirrorId id) const override { return state_->mirror(id).adopted; }
  void set_adopted(MirrorId id, domain::UtcTime when) override {
    change([&] { state_->mirror(id).adopted = when; });
  }
  std::optional<domain::UtcTime> reconciled(MirrorId id) const override {
    return state_->mirror(id).reconciled;
  }
  void set_reconciled(MirrorId id, domain::UtcTime when) override {
    change([&] { state_->mirror(id).reconciled = when; });
  }
  std::size_t suppressed(MirrorId id) const override { return suppressions_of(id).size(); }

  std::vector<Writeback> writebacks(MirrorId id, domain::UtcTime now, std::size_t most) const override {
    return due_writebacks(state_->mirror(id), now, most);
  }
  std::optional<domain::UtcTime> next_writeback(const std::vector<MirrorId>& mirrors) const override {
    std::optional<domain::UtcTime> earliest;
    for (const auto id : mirrors) {
      const auto next = store::next_writeback(state_->mirror(id));
      if (next && (!earliest || *next < *earliest)) earliest = next;
    }
    return earliest;
  }
  void finish_writeback(MirrorId id, std::int64_t number) override {
    auto& mirror = state_->mirror(id);
    const auto found = find_writeback(mirror, number);
    if (found == mirror.writebacks.end()) return;
    change([&] {
      mirror.touched[found->writeback.email.text()] = ++state_->last_touch;
      mirror.writebacks.erase(found);
    });
  }
  void postpone_writeback(MirrorId id, std::int64_t number, domain::UtcTime not_before) override {
    auto& mirror = state_->mirror(id);
    const auto found = find_writeback(mirror, number);
    if (found == mirror.writebacks.end()) return;
    change([&] {
      found->not_before = not_before;
      ++found->writeback.attempts;
    });
  }

  Summary summary(MirrorId id, domain::UtcTime now) const override {
    return summary_of(state_->mirror(id), now);
  }
  Backlog backlog(MirrorId id, domain::UtcTime now) const override {
    const auto all = summary(id, now);
    return {all.pending, all.parked};
  }
  std::size_t wanted_subscribed(MirrorId id) const override { return summary(id, {}).wanted_subscribed; }
  std::vector<ParkedPerson> parked(MirrorId id, std::size_t most) const override {
    return parked_of(state_->mirror(id), most);
  }

  std::size_t pending(MirrorId id) const override {
    std::size_t count = 0;
    for (const auto& [email, row] : state_->mirror(id).ledger) {
      if (row.lane && !(now_ && row.attempts == 0 && row.due > *now_)) ++count;
    }
    return count;
  }

  std::optional<LedgerEntry> find(MirrorId id, const domain::EmailAddress& email) const override {
    const auto& mirror = state_->mirror(id);
    if (const auto row = mirror.ledger.find(email.text()); row != mirror.ledger.end())
      return entry_of(row->second);
    const auto trace = mirror.traces.find(email.text());
    if (trace == mirror.traces.end()) return std::nullopt;
    LedgerEntry entry;
    entry.confirmed = trace->second;
    entry.is_trace = true;
    return entry;
  }

 private:
  MemoryScan& to_commit(Scan& scan, const CommitRequest& request) {
    auto* staged = dynamic_cast<MemoryScan*>(&scan);
    if (staged == nullptr) throw std::invalid_argument("a scan of another store");
    if (staged->staged() > 0 && !staged->decided())
      throw std::invalid_argument("a scan is decided before its commit");
    if (staged->before().generation != state_->mirror(staged->id()).generation) {
      throw StoreError("another read of the same mirror was applied while this one ran; it will be repeated");
    }
    now_ = request.now;
    return *staged;
  }

  struct Place {
    MirrorId mirror;
    std::size_t mirror_order;
    std::string email;
    const LedgerRow* row;
  };

  static MirrorId id_of(std::size_t index) { return MirrorId{static_cast<std::int64_t>(index) + 1}; }

  MemorySuppressions suppressions_of(MirrorId id) const {
    return looked_up(state_->suppressions, state_->mirror(id).list_id).value_or(MemorySuppressions{});
  }
  static std::vector<MemoryWriteback>::iterator find_writeback(MemoryMirror& mirror, std::int64_t number) {
    return std::find_if(mirror.writebacks.begin(), mirror.writebacks.end(),
                        [number](const MemoryWriteback& one) { return one.writeback.id == number; });
  }

  // A durable change: the hooks may throw, before it or after it.
  template <typename Apply>
  void change(Apply apply) {
    if (hooks_.before_commit) hooks_.before_commit();
    apply();
    if (hooks_.after_commit) hooks_.after_commit();
  }

  static void apply_all(MemoryMirror& mirror,
                        const std::map<std::string, std::pair<LedgerRow, Fate>>& after) {
    for (const auto& [email, row_and_fate] : after)
      mirror.apply(email, row_and_fate.first, row_and_fate.second);
  }

  std::vector<Place> waiting_in(const std::vector<MirrorId>& mirrors, domain::Lane lane) const {
    std::vector<Place> waiting;
    for (std::size_t i = 0; i < mirrors.size(); ++i) {
      const auto claimed = claims_.find(mirrors[i]);
      for (const auto& [email, row] : state_->mirror(mirrors[i]).ledger) {
        if (row.lane != lane || (claimed != claims_.end() && claimed->second.contains(email))) continue;
        waiting.push_back({mirrors[i], i, email, &row});
      }
    }
    return waiting;
  }

  Claimed take(std::vector<Place> waiting, const Place& first, const ClaimRequest& request,
               const LogAttempt& log) {
    const auto mirror = first.mirror;
    const auto lane = *first.row->lane;
    const auto shape = first.row->shape;
    std::erase_if(waiting, [&](const Place& p) { return p.mirror != mirror || p.row->shape != shape; });
    std::sort(waiting.begin(), waiting.end(), [](const Place& a, const Place& b) {
      return std::tie(a.row->due, a.email) < std::tie(b.row->due, b.email);
    });
    Claimed claimed;
    claimed.mirror = mirror;
    claimed.lane = lane;
    claimed.shape = shape;
    claimed.is_retry = waiting.front().row->attempts > 0;
    claimed.batch_limit = waiting.front().row->batch_limit;
    auto most = request.max_people(lane, shape);
    const auto most_passed = most_examined(most);
    if (claimed.batch_limit > 0) most = std::min<std::size_t>(most, claimed.batch_limit);
    std::vector<std::string> emails;
    std::size_t passed = 0;
    for (const auto& place : waiting) {
      if (claimed.people.size() == most || passed == most_passed) break;
      if (place.row->batch_limit != claimed.batch_limit) {
        ++passed;
        continue;
      }
      const auto& row = *place.row;
      claimed.people.push_back({domain::EmailAddress::from_normalised(place.email), row.wanted, row.confirmed,
                                row.values.value_or(domain::FieldValues{}), row.attempts});
      emails.push_back(place.email);
    }
    if (request.take) {
      const auto taken = std::clamp<std::size_t>(request.take(shape, emails.size()), 1, emails.size());
      claimed.people.resize(taken);
      emails.resize(taken);
    }
    const auto attempt = log ? log(shape, emails.size()) : LoggedAttempt{};
    change([&] {
      if (!attempt.limiter_class.empty()) add_attempt(attempt);
      state_->in_flight[++state_->last_batch] = {mirror, emails};
    });
    for (const auto& email : emails)
      claims_[mirror][email] = InFlight{lane, std::nullopt};
    return claimed;
  }

  void add_attempt(const LoggedAttempt& attempt) {
    auto& attempts = state_->attempts;
    attempts.push_back(attempt);
    const auto same = [&](const LoggedAttempt& a) { return a.limiter_class == attempt.limiter_class; };
    if (std::count_if(attempts.begin(), attempts.end(), same) > most_logged_attempts) {
      attempts.erase(std::find_if(attempts.begin(), attempts.end(), same));
    }
  }

  void drop_finished_batches() {
    std::erase_if(state_->in_flight, [&](const auto& batch) {
      const auto& claims = claims_[batch.second.first];
      return std::none_of(batch.second.second.begin(), batch.second.second.end(),
                          [&](const std::string& email) { return claims.contains(email); });
    });
  }

  std::shared_ptr<MemoryState> state_;
  MemoryStoreHooks hooks_;
  std::map<MirrorId, std::map<std::string, InFlight>> claims_;
  std::optional<domain::UtcTime> now_;
};

}  // namespace

std::shared_ptr<MemoryState> make_memory_state() {
  return std::make_shared<MemoryState>();
}

std::unique_ptr<Store> make_memory_store(std::shared_ptr<MemoryState> state, MemoryStoreHooks hooks) {
  return std::make_unique<MemoryStore>(std::move(state), std::move(hooks));
}

}  // namespace stibee_sync::store

#include "contract/naive_store.hpp"

#include <algorithm>
#include <tuple>

namespace stibee_sync::store_tests {

using domain::Intent;
namespace {

NaiveMember member_of(const store::StagedRow& row) {
  NaiveMember member;
  member.fingerprint = row.fingerprint;
  if (row.email) member.email = row.email->text();
  member.subscribed = row.subscribed;
  if (!row.member) member.rejection = row.rejection;
  if (!row.member) member.rejected_column = row.rejected_column;
  return member;
}

bool says_the_same(const NaiveMember& a, const NaiveMember& b) {
  return a.fingerprint == b.fingerprint && a.email == b.email && a.subscribed == b.subscribed &&
         a.rejection == b.rejection && a.rejected_column == b.rejected_column;
}

bool counts_as_pending(const ledger::LedgerRow& row, UtcTime now) {
  return row.lane && (row.attempts > 0 || row.due <= now);
}

}  // namespace

// ---- reads -----------------------------------------------------------------------------------------------

void NaiveStore::forget_touched(const NaiveScan& scan) {
  for (const auto& [address, number] : scan.before.touched) {
    if (state.touched.at(address) == number && !scan.held(address)) state.touched.erase(address);
  }
}

std::size_t NaiveStore::take_over_rows(const NaiveScan& scan) {
  std::size_t written = 0;
  for (const auto& [key, row] : scan.staged) {
    const auto found = state.members.find(key);
    const bool exists = found != state.members.end();
    if (scan.waits(key)) continue;
    if (row && exists && says_the_same(found->second, member_of(*row))) continue;
    ++written;
    state.members.erase(key);
    if (!row) std::erase_if(state.moved_on, [&](const auto& each) { return each.second == key; });
    if (row) state.members[key] = member_of(*row);
  }
  return written;
}

void NaiveStore::set_shadowed(const NaiveScan& scan) {
  for (const auto& [address, decided] : scan.decisions) {
    if (scan.held(address)) continue;
    for (const auto& key : decided.rows) {
      // The address is decided, but the row's other one waits: the next read looks at both again.
      if (!scan.waits(key)) continue;
      touch(address);
      state.members.at(key).shadowed = true;
    }
    for (const auto& [key, shadowed] : decided.bearers) {
      if (scan.waits(key)) continue;
      // What this read did not look at may have become wanted while it ran.
      const bool looked_at = scan.staged.contains(key) || scan.before.members.at(key).shadowed != shadowed;
      if (looked_at) state.members.at(key).shadowed = shadowed;
    }
  }
}

pipeline::AppliedRead NaiveStore::apply(const NaiveScan& scan, const ledger::Policy& policy, UtcTime now) {
  pipeline::AppliedRead applied;
  const bool members_spoke = state.members_words != scan.before.members_words;
  applied.rows = take_over_rows(scan);
  set_shadowed(scan);
  // Whom the table adds under an address that somebody has at Stibee is there before that one is silenced.
  std::vector<std::string> order;
  for (const bool moved : {false, true}) {
    for (const auto& [address, decided] : scan.decisions) {
      if (decided.moved_there == moved && !scan.held(address)) order.push_back(address);
    }
  }
  for (const auto& address : order) {
    const auto before = find(address);
    auto decision = scan.decisions.at(address).decision;
    const bool says_no = decision.wanted.intent == Intent::Unsubscribed && before.row &&
                         before.row->wanted.intent == Intent::Subscribed && !decision.overtakes_resubscribe;
    if (says_no && heard_since(scan, address)) {
      touch(address);
      continue;
    }
    if (members_spoke && decision.wanted.intent != Intent::Absent)
      decision.inherits = member_opt_out(address, decision.key);
    const auto after = ledger::after_decision(before, decision, policy, now);
    const bool wanted = decision.wanted.intent != Intent::Absent;
    if (before.row ? before.row->wanted != decision.wanted : wanted) ++applied.addresses;
    write(address, before, after);
    // Whoever said no, or left, under an address that was changed at Stibee is told so under the newer one.
    const auto successor = ledger::silenced_successor(before, decision.wanted);
    if (!successor) continue;
    const auto there = find(successor->text());
    write(successor->text(), there, ledger::after_silencing(there, decision.wanted, policy, now));
  }
  return applied;
}

bool NaiveStore::heard_since(const NaiveScan& scan, const std::string& address) const {
  const auto now = state.resubscribes.find(address);
  const auto then = scan.before.resubscribes.find(address);
  const auto heard = then == scan.before.resubscribes.end() ? 0 : then->second;
  return now != state.resubscribes.end() && now->second > heard;
}

std::optional<ledger::Suppression> NaiveStore::member_opt_out(const std::string& address,
                                                              const std::optional<MemberKey>& bearer) const {
  std::optional<ledger::Suppression> newest;
  for (const auto& [key, opt_out] : state.members_out) {
    const auto row = state.members.find(key);
    const bool bears = key == bearer || (row != state.members.end() && row->second.email == address);
    if (bears && (!newest || newest->at <= opt_out.at)) newest = opt_out;
  }
  return newest;
}

std::optional<pipeline::AppliedRead> NaiveStore::commit(NaiveScan scan, const ReadOptions& options,
                                                        const ledger::Policy& policy) {
  if (scan.before.reads != state.reads) return std::nullopt;
  scan.hold_back(options.held, OptOut);
  forget_touched(scan);
  const auto applied = apply(scan, policy, options.now);
  ++state.reads;
  state.last_success = options.now;
  auto holds = options.holds;
  for (auto& hold : holds) {
    for (const auto& old : state.holds) {
      if (old.change_class == hold.change_class) hold.since = old.since;
    }
  }
  state.holds = std::move(holds);
  std::erase_if(state.approvals, [&](const auto& approval) { return approval.second <= options.now; });
  for (const auto& [address, person] : std::map(state.people)) {
    const auto& trace = person.trace;
    if (!trace || trace->status != RemoteStatus::Unknown) continue;
    const bool may_echo = trace->called.deletion >= options.now - ledger::echo_window;
    auto without = person;
    without.trace.reset();
    if (!may_echo) write(address, person, without);
  }
  return applied;
}

// ---- people ----------------------------------------------------------------------------------------------

ledger::Person NaiveStore::find(const std::string& address) const {
  const auto found = state.people.find(address);
  return found == state.people.end() ? ledger::Person{} : found->second;
}

void NaiveStore::write(const std::string& address, const ledger::Person& before,
                       const ledger::Person& after) {
  state.people[address] = after;
  if (after == ledger::Person{}) state.people.erase(address);
  note_who_moved_on(address, before, after);
  const bool came_again = !before.row && after.row && after.suppression;
  if (after.suppression != before.suppression || came_again ||
      (after.suppression && gets_another_key(before, after)))
    record_members(address, before, after);
  if (!after.call) out_.erase(address);
  forget_ended_calls();
  if (!after.row || after.row == before.row || !after.row->lacks_values || !after.row->key) return;
  // The next read is to bring its values.
  const auto member = state.members.find(*after.row->key);
  if (member != state.members.end()) member->second.shadowed = true;
}

// A trace remembers whose row bore its address, as long as that row bears another one.
void NaiveStore::note_who_moved_on(const std::string& address, const ledger::Person& before,
                                   const ledger::Person& after) {
  if (!after.trace) state.moved_on.erase(address);
  if (!after.trace || !before.row || !before.row->key) return;
  const auto member = state.members.find(*before.row->key);
  if (member != state.members.end() && member->second.email) state.moved_on[address] = *before.row->key;
}

/// The row of before bears no address any more.
bool NaiveStore::gets_another_key(const ledger::Person& before, const ledger::Person& after) const {
  if (!before.row || !after.row || !before.row->key || before.row->key == after.row->key) return false;
  const auto old = state.members.find(*before.row->key);
  return old == state.members.end() || !old->second.email;
}

std::set<MemberKey> NaiveStore::members_of(const std::string& address, const ledger::Person& before,
                                           const ledger::Person& after) const {
  std::set<MemberKey> bearers;
  for (const auto& [key, member] : state.members) {
    if (member.email == address) bearers.insert(key);
  }
  const auto& last = after.row ? after.row : before.row;
  if (last && last->key) bearers.insert(*last->key);
  if (!last && state.moved_on.contains(address)) bearers.insert(state.moved_on.at(address));
  return bearers;
}

void NaiveStore::record_members(const std::string& address, const ledger::Person& before,
                                const ledger::Person& after) {
  for (const auto& key : members_of(address, before, after)) {
    const auto found = state.members_out.find(key);
    const bool is_out = found != state.members_out.end();
    if (!after.suppression) {
      if (!is_out || found->second.at > before.suppression->at) continue;
      state.members_out.erase(found);
      ++state.members_words;
      continue;
    }
    if (is_out && (found->second.at > after.suppression->at || found->second == *after.suppression)) continue;
    state.members_out[key] = *after.suppression;
    ++state.members_words;
    // By now the row may bear another address.
    const auto member = state.members.find(key);
    if (member != state.members.end() && member->second.email && member->second.email != address)
      touch(*member->second.email);
  }
}

void NaiveStore::forget_ended_calls() {
  std::erase_if(state.calls, [&](const auto& call) {
    return std::none_of(out_.begin(), out_.end(), [&](const auto& out) { return out.second == call.first; });
  });
}

void NaiveStore::settle(const std::vector<ledger::Settlement>& people, const ledger::Policy& policy,
                        UtcTime now) {
  for (const auto& settlement : people) {
    const auto before = find(settlement.email.text());
    write(settlement.email.text(), before, ledger::after_answer(before, settlement, policy, now));
  }
}

std::size_t NaiveStore::unpark(const std::string& reason, const std::string& address,
                               const ledger::Policy& policy, UtcTime now) {
  std::size_t count = 0;
  for (const auto& [each, before] : std::map(state.people)) {
    if (!before.row || !before.row->parked) continue;
    if (!reason.empty() && domain::name(before.row->parked) != reason) continue;
    if (!address.empty() && each != address) continue;
    const auto after = ledger::unparked(before, policy, now);
    if (!after.row || !after.row->parked) ++count;
    write(each, before, after);
  }
  return count;
}

void NaiveStore::hasten(UtcTime now) {
  for (const auto& [address, before] : std::map(state.people))
    write(address, before, ledger::hastened(before, now));
}

void NaiveStore::place_all(const ledger::Policy& policy, UtcTime now) {
  for (const auto& [address, before] : std::map(state.people)) {
    if (!before.call) write(address, before, ledger::placed_again(before, policy, now));
  }
}

void NaiveStore::observe(const std::string& address, const pipeline::Consequence& consequence,
                         const ledger::Policy& policy, UtcTime now) {
  const auto before = find(address);
  write(address, before, ledger::after_observation(before, consequence, policy, now));
  if (consequence.suppress) {
    for (const auto& key : members_of(address, before, before)) {
      const auto member = state.members.find(key);
      if (member == state.members.end() || !member->second.email || member->second.email == address) continue;
      const auto other = *member->second.email;
      const auto there = find(other);
      write(other, there, ledger::after_inheriting(there, *consequence.suppress, policy, now));
    }
  }
  if (consequence.writeback) {
    NaiveWriteback one;
    one.item.id = ++last_writeback_;
    one.item.request = *consequence.writeback;
    one.item.email = email(address);
    if (before.row) one.item.key = before.row->key;
    one.not_before = now;
    if (one.item.request.event == "resubscribed") ++state.resubscribes[address];
    state.writebacks.push_back(std::move(one));
  }
  if (consequence.look_again) touch(address);
}

bool NaiveStore::use_approval(const std::string& digest, UtcTime now) {
  const auto found = state.approvals.find(digest);
  if (found == state.approvals.end() || found->second <= now) return false;
  state.approvals.erase(found);
  return true;
}

void NaiveStore::crash() {
  out_.clear();
  for (const auto& [address, before] : std::map(state.people)) {
    auto after = before;
    after.call.reset();
    state.people[address] = after;
    if (after == ledger::Person{}) state.people.erase(address);
  }
  for (const auto& [number, people] : std::exchange(state.calls, {})) {
    for (const auto& address : people) {
      const auto before = find(address);
      write(address, before, ledger::after_crash(before));
    }
  }
}

// ---- the queue -------------------------------------------------------------------------------------------

std::map<std::string, UtcTime> NaiveStore::heads(Lane lane, const store::Due& due) const {
  std::map<std::string, UtcTime> heads;
  for (const auto& [address, person] : state.people) {
    if (!person.row || person.row->lane != lane || person.call || person.row->due > due.now) continue;
    if (person.row->attempts > 0 && !due.with_retries) continue;
    const auto [head, is_new] = heads.try_emplace(person.row->shape, person.row->due);
    head->second = std::min(head->second, person.row->due);
  }
  return heads;
}

store::Waiting NaiveStore::waiting(const store::QueueLine& line, const store::Due& due,
                                   std::size_t most) const {
  store::Waiting waiting;
  for (const auto& [address, person] : state.people) {
    if (!person.row || person.row->lane != line.lane || person.row->shape != line.shape) continue;
    if (person.call || person.row->due > due.now) continue;
    if (person.row->attempts > 0 && !due.with_retries) continue;
    waiting.people.emplace_back(email(address), *person.row);
  }
  std::stable_sort(waiting.people.begin(), waiting.people.end(),
                   [](const auto& a, const auto& b) { return a.second.due < b.second.due; });
  if (waiting.people.empty()) return waiting;
  waiting.first_is_retry = waiting.people[0].second.attempts > 0;
  waiting.batch_limit = waiting.people[0].second.batch_limit;
  std::erase_if(waiting.people,
                [&](const auto& each) { return each.second.batch_limit != waiting.batch_limit; });
  if (waiting.batch_limit > 0) most = std::min<std::size_t>(most, waiting.batch_limit);
  if (waiting.people.size() > most) waiting.people.resize(most);
  return waiting;
}

std::optional<pipeline::Claimed> NaiveStore::claim(const store::Due& due, std::size_t most) {
  for (const auto lane : domain::all_lanes) {
    const auto shapes = heads(lane, due);
    if (shapes.empty()) continue;
    const auto first = std::min_element(shapes.begin(), shapes.end(),
                                        [](const auto& a, const auto& b) { return a.second < b.second; });
    pipeline::Claimed claimed;
    claimed.line = {mirror_, lane, first->first};
    const auto found = waiting(claimed.line, due, most);
    claimed.is_retry = found.first_is_retry;
    claimed.batch_limit = found.batch_limit;
    ++last_call_;
    for (const auto& [who, row] : found.people) {
      claimed.people.push_back(
          {who, row.wanted, row.confirmed, row.values.value_or(domain::FieldValues{}), row.attempts});
      state.people.at(who.text()).call.emplace().lane = lane;
      state.calls[last_call_].push_back(who.text());
      out_[who.text()] = last_call_;
    }
    ++state.attempts;
    return claimed;
  }
  return std::nullopt;
}

void NaiveStore::release(const std::vector<domain::EmailAddress>& people) {
  for (const auto& who : people) {
    const auto before = find(who.text());
    auto after = before;
    after.call.reset();
    write(who.text(), before, after);
  }
}

std::optional<UtcTime> NaiveStore::next_due() const {
  std::optional<UtcTime> earliest;
  for (const auto& [address, person] : state.people) {
    if (!person.row || !person.row->lane || person.call) continue;
    earliest = std::min(earliest.value_or(person.row->due), person.row->due);
  }
  return earliest;
}

// ---- write-backs -----------------------------------------------------------------------------------------

std::vector<store::PendingWriteback> NaiveStore::due_writebacks(UtcTime now, UtcTime latest,
                                                                std::size_t most) const {
  std::vector<store::PendingWriteback> due;
  std::set<domain::EmailAddress> postponed;
  for (const auto& [item, not_before] : state.writebacks) {
    if (not_before > now && not_before <= latest) postponed.insert(item.email);
    if (!postponed.contains(item.email) && due.size() < most) due.push_back(item);
  }
  return due;
}

std::optional<UtcTime> NaiveStore::next_writeback() const {
  std::optional<UtcTime> earliest;
  std::set<domain::EmailAddress> seen;
  for (const auto& [item, not_before] : state.writebacks) {
    if (seen.insert(item.email).second) earliest = std::min(earliest.value_or(not_before), not_before);
  }
  return earliest;
}

void NaiveStore::finish_writeback(std::int64_t id) {
  for (const auto& [item, not_before] : state.writebacks) {
    if (item.id == id) touch(item.email.text());
  }
  std::erase_if(state.writebacks, [id](const auto& one) { return one.item.id == id; });
}

void NaiveStore::postpone_writeback(std::int64_t id, UtcTime not_before) {
  for (auto& one : state.writebacks) {
    if (one.item.id != id) continue;
    one.not_before = not_before;
    ++one.item.attempts;
  }
}

// ---- reports ---------------------------------------------------------------------------------------------

std::vector<store::ParkedPerson> NaiveStore::parked() const {
  std::vector<store::ParkedPerson> refused, rejected, duplicates;
  for (const auto& [address, person] : state.people) {
    if (!person.row || !person.row->parked) continue;
    const auto& row = *person.row;
    refused.push_back({row.key ? row.key->to_string() : "", address, name(row.parked), row.message,
                       row.attempts, row.parked_since, ""});
  }
  std::map<std::string, std::string> first;  // address → the lowest key that bears it
  for (const auto& [key, member] : state.members) {
    if (!member.rejection.empty()) {
      rejected.push_back({key.to_string(), member.email.value_or(""), member.rejection,
                          "column " + member.rejected_column, 0, std::nullopt, ""});
    } else if (member.email && !first.emplace(*member.email, key.to_string()).second && member.shadowed) {
      // Not where the address was decided without the other row, whose own move is held back.
      duplicates.push_back({key.to_string(), *member.email, "duplicate_address",
                            "a row with a lower key bears the same address; that one is sent", 0,
                            std::nullopt, first.at(*member.email)});
    }
  }
  const auto by_reason = [](const auto& a, const auto& b) { return a.reason < b.reason; };
  std::stable_sort(refused.begin(), refused.end(), by_reason);
  std::stable_sort(rejected.begin(), rejected.end(), by_reason);
  refused.insert(refused.end(), rejected.begin(), rejected.end());
  refused.insert(refused.end(), duplicates.begin(), duplicates.end());
  return refused;
}

store::Summary NaiveStore::summary(UtcTime now) const {
  store::Summary summary;
  for (const auto lane : domain::all_lanes)
    summary.pending[lane] = {};
  for (const auto status :
       {RemoteStatus::Unknown, RemoteStatus::Subscribed, RemoteStatus::Unsubscribed, RemoteStatus::OptedOut,
        RemoteStatus::AutoDeleted, RemoteStatus::Purged, RemoteStatus::Ready, RemoteStatus::Moved})
    summary.people[status] = 0;
  for (const auto& [address, person] : state.people) {
    if (!person.row) continue;
    const auto& row = *person.row;
    ++summary.people[row.confirmed.status];
    if (row.wanted.intent == domain::Intent::Subscribed) ++summary.wanted_subscribed;
    const auto consent = ledger::consent_day(row.wanted);
    if (consent && *consent <= ledger::last_due_consent_day(now)) ++summary.consents_due;
    if (!counts_as_pending(row, now)) continue;
    auto& lane = summary.pending[*row.lane];
    ++lane.people;
    lane.oldest = std::min(lane.oldest.value_or(row.pending_since), row.pending_since);
  }
  for (const auto& one : parked())
    ++summary.parked[one.reason];
  summary.writebacks = state.writebacks.size();
  summary.facts.last_success = state.last_success;
  summary.holds = state.holds;
  return summary;
}

std::size_t NaiveStore::pending(UtcTime now) const {
  std::size_t count = 0;
  for (const auto& [address, person] : state.people)
    count += person.row && counts_as_pending(*person.row, now) ? 1 : 0;
  return count;
}

std::size_t NaiveStore::suppressed() const {
  std::size_t count = 0;
  for (const auto& [address, person] : state.people)
    count += person.suppression ? 1 : 0;
  return count;
}

std::vector<store::ListedPair> pairs_of(const NaiveState& state,
                                        const std::map<std::string, store::Listed>& listed) {
  std::map<std::string, store::ListedPair> pairs;
  for (const auto& [address, person] : state.people) {
    if (person.row) pairs[address].view = ledger::view_of(person);
  }
  for (const auto& [address, one] : listed) {
    const auto person = state.people.find(address);
    if (person != state.people.end()) pairs[address].view = ledger::view_of(person->second);
    pairs[address].listed = one;
  }
  std::vector<store::ListedPair> in_order;
  for (auto& [address, pair] : pairs) {
    pair.email = email(address);
    in_order.push_back(std::move(pair));
  }
  return in_order;
}

}  // namespace stibee_sync::store_tests

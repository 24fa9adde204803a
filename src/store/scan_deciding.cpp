// What a read is to decide, address by address, and what it has decided.
#include "store/scan_snapshot.hpp"
#include "store/scan_state.hpp"

#include <algorithm>
#include <utility>

namespace stibee_sync::store {

void Scan::State::begin_deciding() {
  snapshot_->cursor.reset();
  if (of_all_rows_) stage_touched();
  decided = true;
  events_.rewind();
  more_events_ = events_.next(event_key_, event_payload_);
}

// The events of the next address.
bool Scan::State::take_group() {
  group_.clear();
  while (more_events_ && (group_.empty() || group_.front().email == email_of_sort_key(event_key_))) {
    group_.push_back(address_event(event_key_, event_payload_));
    more_events_ = events_.next(event_key_, event_payload_);
  }
  return !group_.empty();
}

bool Scan::State::next_address(TouchedAddress& address) {
  if (!decided) begin_deciding();
  if (!take_group()) {
    events_ = Sorter(staging, events_memory);  // its memory is not needed any more
    return false;
  }
  record_ = DecisionRecord{};
  record_.email = group_.front().email;
  address = TouchedAddress{};
  address.email = domain::EmailAddress::from_normalised(record_.email);
  address.ledger = ledger_view(record_.email);
  known_ = address.ledger.has_value();
  moved_there_ = known_ && address.ledger->confirmed.status == domain::RemoteStatus::Moved;
  if (has_own_words_) note_own_words(address);
  note_departures(address);
  const auto bearing = bearers_of_group();
  flags_.clear();
  bearer_keys_.clear();
  wanted_flags_.clear();
  for (auto& [row, shadowed] : bearing) {
    flags_.push_back(shadowed);
    // Whether an address is shared, so that its usable rows have to be staged at every read.
    wanted_flags_.push_back(bearing.size() > 1 && !row.rejected);
    bearer_keys_.push_back(row.key);
    address.bearers.push_back(row);
  }
  if (has_members_on_record_) address.member_opt_out = member_opt_out();
  return true;
}

void Scan::State::note_own_words(TouchedAddress& address) {
  auto& statement = snapshot_->own_words;
  statement.bind(2, address.email.text());
  const StatementUse use(statement);
  while (statement.step()) {
    if (statement.text(0) == "resubscribed") address.awaits_resubscribe = true;
    if (statement.text(0) == "unsubscribed") address.awaits_unsubscribed = true;
  }
}

void Scan::State::note_departures(TouchedAddress& address) const {
  for (const auto& event : group_) {
    if (event.kind != AddressEvent::Kind::Left) continue;
    address.left = true;
    if (event.gone) continue;
    address.left_by_living = true;
    if (!event.subscribed) address.left_saying_no = true;
  }
}

// Of those whose rows bear the address that is being decided.
std::optional<ledger::Suppression> Scan::State::member_opt_out() {
  std::optional<ledger::Suppression> newest;
  for (const auto& key : bearer_keys_) {
    const auto found = snapshot_->suppressions.find(list_id_, hash_of_member(key_, key));
    if (found) newest = newest ? ledger::newer_of(*newest, *found) : *found;
  }
  return newest;
}

void Scan::State::decide(const ledger::AddressDecision& decision, int change_class,
                         const std::optional<domain::Fingerprint>& item) {
  record_.decision = decision;
  record_.item = item;
  record_.change_class = change_class;
  classes_.insert(change_class);
  for (std::size_t i = 0; i < flags_.size(); ++i) {
    if (wanted_flags_[i] != flags_[i]) record_.shadows.push_back({bearer_keys_[i], wanted_flags_[i]});
  }
  record_.stage = stage_of(decision);
  payload_.clear();
  append_record(payload_, record_);
  decisions_.add(payload_);
}

Stage Scan::State::stage_of(const ledger::AddressDecision& decision) const {
  if (moved_there_) return Stage::Late;
  if (record_.rows.empty()) return Stage::Updates;
  // Who says no is not kept waiting behind an import.
  if (all_new_ && (!known_ || decision.wanted.intent == domain::Intent::Subscribed)) return Stage::Adds;
  return all_steady_ && record_.shadows.empty() ? Stage::Updates : Stage::Bound;
}

std::optional<ledger::LedgerView> Scan::State::ledger_view(const std::string& email) {
  ledger::Person person;
  if (has_ledger_) {
    auto& statement = snapshot_->ledger;
    statement.bind(2, email);
    const StatementUse use(statement);
    if (statement.step()) person.row = snapshot_->reader.read(statement, 0, mirror, email);
  }
  if (!person.row && (has_traces_ || has_suppressions_)) {
    const auto hash = key_.person_hash(email);
    auto& statement = snapshot_->trace;
    statement.bind(2, std::span<const std::uint8_t>(hash));
    const StatementUse use(statement);
    if (has_traces_ && statement.step()) person.trace = trace_at(statement, 0);
    if (has_suppressions_) person.suppression = snapshot_->suppressions.find(list_id_, hash);
  }
  return ledger::ledger_view(person);
}

// Of the snapshot, but for rows that this read staged.
std::vector<Scan::State::Bearing> Scan::State::stored_bearers(const std::string& email) {
  std::vector<Bearing> stored;
  if (!has_members) return stored;
  // Touched events have no key and come first.
  const auto begin = std::find_if(group_.begin(), group_.end(),
                                  [](const auto& e) { return e.kind != AddressEvent::Kind::Touched; });
  const auto is_staged = [&](const domain::MemberKey& key) {
    const auto found =
        std::lower_bound(begin, group_.end(), key, [](const auto& e, const auto& k) { return e.key < k; });
    return found != group_.end() && found->key == key;
  };
  auto& statement = snapshot_->bearers;
  statement.bind(2, email);
  const StatementUse use(statement);
  while (statement.step()) {
    BearerRow bearer;
    bearer.key = key_at(statement, 0);
    bearer.subscribed = statement.integer(1) != 0;
    bearer.rejected = statement.integer(2) != 0;
    bearer.was_subscribed = bearer.subscribed;
    if (!is_staged(bearer.key)) stored.push_back({std::move(bearer), statement.integer(3) != 0});
  }
  return stored;
}

// In key order: those of the snapshot, and those of this read.
std::vector<Scan::State::Bearing> Scan::State::bearers_of_group() {
  auto bearers = stored_bearers(record_.email);
  const auto of_snapshot = static_cast<std::ptrdiff_t>(bearers.size());
  all_new_ = all_steady_ = true;
  for (auto& event : group_) {
    if (event.kind == AddressEvent::Kind::Touched) {
      record_.touched = true;
      continue;
    }
    record_.rows.push_back({event.key, event.moves});
    all_new_ = all_new_ && event.kind == AddressEvent::Kind::Bears && !event.was_subscribed;
    all_steady_ = all_steady_ && event.steady;
    if (event.kind != AddressEvent::Kind::Bears) continue;
    BearerRow bearer;
    bearer.key = std::move(event.key);
    bearer.subscribed = event.subscribed;
    bearer.rejected = event.rejected;
    bearer.was_subscribed = event.was_subscribed;
    bearer.member = std::move(event.member);
    bearers.push_back({std::move(bearer), event.base_shadowed});
  }
  std::inplace_merge(bearers.begin(), bearers.begin() + of_snapshot, bearers.end(),
                     [](const Bearing& a, const Bearing& b) { return a.row.key < b.row.key; });
  return bearers;
}

}  // namespace stibee_sync::store

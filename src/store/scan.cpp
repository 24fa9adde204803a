#include "store/ledger_row.hpp"
#include "store/row_codec.hpp"
#include "store/scan_state.hpp"
#include "store/suppression_table.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace stibee_sync::store {
namespace {

constexpr std::size_t rows_memory = 2 * 1024 * 1024;

}  // namespace

struct Scan::State::Snapshot {
  Snapshot(std::unique_ptr<Connection> opened, MirrorId mirror)
      : connection(std::move(opened)),
        begin(*connection, "BEGIN"),
        generation(*connection, "SELECT generation, list_id, torn FROM mirror WHERE id = ?"),
        cursor(*connection, "SELECT key, fingerprint, shadowed FROM member WHERE mirror = ? ORDER BY key"),
        old_row(*connection,
                "SELECT fingerprint, email, subscribed, shadowed, rejection, rejected_column FROM member "
                "WHERE mirror = ? "
                "AND key = ?"),
        bearers(
            *connection,
            "SELECT m.key, m.subscribed, m.rejection IS NOT NULL, m.shadowed FROM member_address a CROSS "
            "JOIN member "
            "m ON m.mirror = a.mirror AND m.key = a.key WHERE a.mirror = ? AND a.email = ? ORDER BY a.key"),
        touched(*connection, "SELECT email, number FROM touched_address WHERE mirror = ? ORDER BY email"),
        ledger(*connection,
               "SELECT " + std::string(row_columns) + " FROM subscriber WHERE mirror = ? AND email = ?"),
        reader(*connection),
        trace(*connection,
              "SELECT " + std::string(trace_columns) + " FROM trace WHERE mirror = ? AND person_hash = ?"),
        own_words(
            *connection,
            "SELECT 1 FROM writeback WHERE mirror = ? AND email = ? AND event = 'resubscribed' LIMIT 1"),
        suppressions(*connection) {
    begin.run();
    for (auto* statement :
         {&generation, &cursor, &old_row, &bearers, &touched, &ledger, &trace, &own_words}) {
      statement->bind(1, mirror.number);
    }
  }
  bool any(const char* sql, MirrorId of) {
    Statement statement(*connection, sql);
    return statement.bind(1, of.number).step();
  }

  std::unique_ptr<Connection> connection;
  Statement begin, generation, cursor, old_row, bearers, touched, ledger;
  RowReader reader;
  Statement trace, own_words;
  SuppressionTable suppressions;
};

Scan::State::State(std::unique_ptr<Connection> connection, const domain::StateKey& key, MirrorId of,
                   std::filesystem::path staging_directory)
    : mirror(of),
      staging(std::move(staging_directory)),
      rows(staging, rows_memory),
      key_(key),
      snapshot_(std::make_unique<Snapshot>(std::move(connection), mirror)),
      events_(staging, events_memory),
      decisions_(staging) {
  // The first read fixes the view of the state.
  if (snapshot_->generation.step()) {
    generation = snapshot_->generation.integer(0);
    list_id_ = snapshot_->generation.integer(1);
    torn = snapshot_->generation.integer(2) != 0;
  }
  snapshot_->generation.reset();
  has_members = snapshot_->any("SELECT 1 FROM member WHERE mirror = ? LIMIT 1", mirror);
  has_ledger_ = snapshot_->any("SELECT 1 FROM subscriber WHERE mirror = ? LIMIT 1", mirror);
  has_traces_ = snapshot_->any("SELECT 1 FROM trace WHERE mirror = ? LIMIT 1", mirror);
  has_suppressions_ = snapshot_->suppressions.any(list_id_);
  has_members_on_record_ = snapshot_->suppressions.any_of_members(list_id_);
  has_own_words_ =
      snapshot_->any("SELECT 1 FROM writeback WHERE mirror = ? AND event = 'resubscribed' LIMIT 1", mirror);
}

Scan::State::~State() = default;

bool Scan::State::next(SnapshotRow& row) {
  auto& cursor = snapshot_->cursor;
  if (!has_members || at_end_) return false;
  if (!cursor.step()) {
    at_end_ = true;  // a further step would begin anew
    return false;
  }
  row.key = key_at(cursor, 0);
  row.fingerprint = fingerprint_at(cursor, 1);
  row.shadowed = cursor.integer(2) != 0;
  return true;
}

std::optional<Scan::State::OldRow> Scan::State::find_old(const domain::MemberKey& key) {
  if (!has_members) return std::nullopt;
  auto& statement = snapshot_->old_row;
  bind_key(statement, 2, key);
  const StatementUse use(statement);
  if (!statement.step()) return std::nullopt;
  OldRow old;
  old.fingerprint = fingerprint_at(statement, 0);
  if (!statement.is_null(1)) old.email = statement.text(1);
  old.subscribed = statement.integer(2) != 0;
  old.shadowed = statement.integer(3) != 0;
  old.rejection = statement.text(4);
  old.rejected_column = statement.text(5);
  return old;
}

std::optional<SnapshotRow> Scan::State::find(const domain::MemberKey& key) {
  of_all_rows_ = false;
  const auto old = find_old(key);
  if (!old) return std::nullopt;
  SnapshotRow row;
  row.key = key;
  row.fingerprint = old->fingerprint;
  row.shadowed = old->shadowed;
  return row;
}

void Scan::State::add_row(const RowRecord& record) {
  if (last_staged_ && *last_staged_ == record.key) {
    throw std::invalid_argument("a key was staged twice in one read");
  }
  last_staged_ = record.key;
  sort_key_.clear();
  payload_.clear();
  append_sort_key(sort_key_, record.key);
  append_payload(payload_, record);
  rows.add(sort_key_, payload_);
}

void Scan::State::add_event(const AddressEvent& event) {
  sort_key_.clear();
  payload_.clear();
  if (event.kind == AddressEvent::Kind::Touched) {
    sort_key_ = event.email;
    sort_key_ += '\0';
  } else {
    append_sort_key(sort_key_, event.email, event.key);
  }
  append_payload(payload_, event);
  events_.add(sort_key_, payload_);
}

bool Scan::State::stage(const StagedRow& row) {
  const auto old = find_old(row.key);
  RowRecord record;
  record.key = row.key;
  record.fingerprint = row.fingerprint;
  if (row.email) {
    record.email = row.email->text();
  } else if (row.keeps_address && old) {
    record.email = old->email;
  }
  record.subscribed = row.subscribed;
  if (!row.member) record.rejection = row.rejection.empty() ? "rejected" : row.rejection;
  if (!row.member) record.rejected_column = row.rejected_column;
  if (old) {
    record.existed = true;
    record.old_email = old->email;
    record.unchanged = old->fingerprint == record.fingerprint && old->email == record.email &&
                       old->subscribed == record.subscribed && old->rejection == record.rejection &&
                       old->rejected_column == record.rejected_column;
  }
  add_row(record);

  AddressEvent event;
  event.key = row.key;
  event.moves = record.moves();
  const bool left = record.old_email && record.old_email != record.email;
  if (left) {
    event.kind = AddressEvent::Kind::Left;
    event.email = *record.old_email;
    event.subscribed = row.subscribed;
    add_event(event);
  }
  if (!record.email) return left;
  event.kind = AddressEvent::Kind::Bears;
  event.email = *record.email;
  event.subscribed = row.subscribed;
  event.rejected = !row.member;
  event.base_shadowed = record.unchanged && old->shadowed;
  event.steady = old && record.old_email == record.email && old->subscribed == record.subscribed &&
                 (record.unchanged || !old->shadowed);
  if (old) event.was_subscribed = old->subscribed;
  event.member = row.member;
  add_event(event);
  return left;
}

void Scan::State::stage_gone(const domain::MemberKey& key) {
  const auto old = find_old(key);
  if (!old) return;
  RowRecord record;
  record.key = key;
  record.gone = true;
  record.existed = true;
  record.old_email = old->email;
  add_row(record);
  if (!old->email) return;
  AddressEvent event;
  event.key = key;
  event.kind = AddressEvent::Kind::Left;
  event.gone = true;
  event.email = *old->email;
  add_event(event);
}

void Scan::State::stage_touched() {
  auto& touched = snapshot_->touched;
  const StatementUse use(touched);
  while (touched.step()) {
    AddressEvent event;
    event.email = touched.text(0);
    touched_up_to = std::max(touched_up_to.value_or(0), touched.integer(1));
    add_event(event);
  }
}

// ---- deciding --------------------------------------------------------------------------------------------

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
  address.awaits_resubscribe = has_own_words_ && awaits_resubscribe(record_.email);
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

bool Scan::State::awaits_resubscribe(const std::string& email) {
  auto& statement = snapshot_->own_words;
  statement.bind(2, email);
  const StatementUse use(statement);
  return statement.step();
}

void Scan::State::note_departures(TouchedAddress& address) const {
  for (const auto& event : group_) {
    if (event.kind != AddressEvent::Kind::Left || event.gone) continue;
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

void Scan::State::close_snapshot() {
  snapshot_.reset();
}

// ---- the contract ----------------------------------------------------------------------------------------

Scan::Scan(std::unique_ptr<State> state) : state_(std::move(state)) {}
Scan::Scan(Scan&&) noexcept = default;
Scan& Scan::operator=(Scan&&) noexcept = default;
Scan::~Scan() = default;

bool Scan::next(SnapshotRow& row) {
  return state_->next(row);
}

std::optional<SnapshotRow> Scan::find(const domain::MemberKey& key) {
  return state_->find(key);
}

bool Scan::stage(const StagedRow& row) {
  return state_->stage(row);
}

void Scan::stage_gone(const domain::MemberKey& key) {
  state_->stage_gone(key);
}

bool Scan::next_address(TouchedAddress& address) {
  return state_->next_address(address);
}

void Scan::decide(const ledger::AddressDecision& decision, int change_class,
                  const std::optional<domain::Fingerprint>& item) {
  state_->decide(decision, change_class, item);
}

std::vector<domain::Fingerprint> Scan::items_of(int change_class) {
  return state_->items_of(change_class);
}

bool Scan::is_first() const {
  return !state_->has_members;
}

void Scan::hold_back(const HoldBack& what) {
  state_->hold_back(what);
}

void Scan::arrange(std::size_t part) {
  if (state_->decided) state_->begin_parts(part);
}

bool Scan::is_torn() const {
  return state_->torn;
}

bool Scan::next_decision(Decided& decided) {
  if (state_->shown_at == state_->shown.size()) return false;
  auto& record = state_->shown[state_->shown_at++];
  decided.email = domain::EmailAddress::from_normalised(std::move(record.email));
  decided.decision = std::move(record.decision);
  decided.change_class = record.change_class;
  return true;
}

}  // namespace stibee_sync::store

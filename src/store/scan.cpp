#include "store/row_codec.hpp"
#include "store/scan_snapshot.hpp"
#include "store/scan_state.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace stibee_sync::store {
namespace {

constexpr std::size_t rows_memory = 2 * 1024 * 1024;

}  // namespace

Scan::State::State(std::unique_ptr<Snapshot> snapshot, std::shared_ptr<SnapshotShelf> shelf,
                   const domain::StateKey& key, MirrorId of, std::filesystem::path staging_directory)
    : mirror(of),
      staging(std::move(staging_directory)),
      rows(staging, rows_memory),
      key_(key),
      snapshot_(std::move(snapshot)),
      shelf_(std::move(shelf)),
      events_(staging, events_memory),
      decisions_(staging) {
  snapshot_->open(mirror);
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

Scan::State::~State() {
  close_snapshot();
}

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

void Scan::State::close_snapshot() noexcept {
  if (snapshot_ && shelf_) {
    snapshot_->close();
    shelf_->put(std::move(snapshot_));
  }
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

bool Scan::anything_waits() const {
  return state_->anything_waits();
}

std::vector<domain::Fingerprint> Scan::waiting_of(const std::vector<domain::Fingerprint>& items) {
  return state_->waiting_of(items);
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

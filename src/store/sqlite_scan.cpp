#include "store/sqlite_scan.hpp"

#include "store/ledger_row.hpp"
#include "store/row_codec.hpp"
#include "store/suppression_table.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace stibee_sync::store {
namespace {

constexpr std::size_t rows_memory = 2 * 1024 * 1024;
constexpr std::size_t events_memory = 3 * 1024 * 1024;

}  // namespace

struct SqliteScan::Snapshot {
  Snapshot(std::unique_ptr<Connection> opened, MirrorId mirror)
      : connection(std::move(opened)),
        begin(*connection, "BEGIN"),
        generation(*connection, "SELECT generation, list_id FROM mirror WHERE id = ?"),
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
        trace(*connection, "SELECT status, since, groups FROM trace WHERE mirror = ? AND person_hash = ?"),
        suppressions(*connection) {
    begin.run();
    for (auto* statement : {&generation, &cursor, &old_row, &bearers, &touched, &ledger, &trace}) {
      statement->bind(1, mirror.number);
    }
  }
  bool any(const char* sql, MirrorId mirror) {
    Statement statement(*connection, sql);
    return statement.bind(1, mirror.number).step();
  }

  std::unique_ptr<Connection> connection;
  Statement begin, generation, cursor, old_row, bearers, touched, ledger, trace;
  SuppressionTable suppressions;
};

SqliteScan::SqliteScan(std::unique_ptr<Connection> connection, const domain::StateKey& key, MirrorId mirror,
                       std::filesystem::path staging)
    : mirror_(mirror),
      key_(key),
      staging_(std::move(staging)),
      snapshot_(std::make_unique<Snapshot>(std::move(connection), mirror)),
      rows_(staging_, rows_memory),
      events_(staging_, events_memory),
      decisions_(staging_) {
  // The first read fixes the view of the state.
  if (snapshot_->generation.step()) {
    generation_ = snapshot_->generation.integer(0);
    list_id_ = snapshot_->generation.integer(1);
  }
  snapshot_->generation.reset();
  has_members_ = snapshot_->any("SELECT 1 FROM member WHERE mirror = ? LIMIT 1", mirror);
  has_ledger_ = snapshot_->any("SELECT 1 FROM subscriber WHERE mirror = ? LIMIT 1", mirror);
  has_traces_ = snapshot_->any("SELECT 1 FROM trace WHERE mirror = ? LIMIT 1", mirror);
  has_suppressions_ = snapshot_->suppressions.any(list_id_);
}

SqliteScan::~SqliteScan() = default;

bool SqliteScan::next(SnapshotRow& row) {
  auto& cursor = snapshot_->cursor;
  if (!has_members_ || at_end_) return false;
  if (!cursor.step()) {
    at_end_ = true;  // a further step would begin anew
    return false;
  }
  row.key = key_at(cursor, 0);
  row.fingerprint = fingerprint_at(cursor, 1);
  row.shadowed = cursor.integer(2) != 0;
  return true;
}

std::optional<SqliteScan::OldRow> SqliteScan::find_old(const domain::MemberKey& key) {
  if (!has_members_) return std::nullopt;
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

void SqliteScan::add_row(const RowRecord& record) {
  if (last_staged_ && *last_staged_ == record.key) {
    throw std::invalid_argument("a key was staged twice in one read");
  }
  last_staged_ = record.key;
  sort_key_.clear();
  payload_.clear();
  append_sort_key(sort_key_, record.key);
  append_payload(payload_, record);
  rows_.add(sort_key_, payload_);
}

void SqliteScan::add_event(const AddressEvent& event) {
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

void SqliteScan::stage(const StagedRow& row) {
  const auto old = find_old(row.key);
  RowRecord record;
  record.key = row.key;
  record.fingerprint = row.fingerprint;
  if (row.email) record.email = row.email->text();
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
  if (record.old_email && record.old_email != record.email) {
    event.kind = AddressEvent::Kind::Left;
    event.email = *record.old_email;
    add_event(event);
  }
  if (!record.email) return;
  event.kind = AddressEvent::Kind::Bears;
  event.email = *record.email;
  event.subscribed = row.subscribed;
  event.rejected = !row.member;
  event.base_shadowed = record.unchanged && old->shadowed;
  if (old) event.was_subscribed = old->subscribed;
  event.member = row.member;
  add_event(event);
}

void SqliteScan::stage_gone(const domain::MemberKey& key) {
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
  event.email = *old->email;
  add_event(event);
}

void SqliteScan::stage_touched() {
  auto& touched = snapshot_->touched;
  const StatementUse use(touched);
  while (touched.step()) {
    AddressEvent event;
    event.email = touched.text(0);
    touched_up_to_ = std::max(touched_up_to_.value_or(0), touched.integer(1));
    add_event(event);
  }
}

void SqliteScan::for_each_address(const DecideAddress& decide) {
  if (decided_) throw std::logic_error("the addresses of a read are decided once");
  snapshot_->cursor.reset();
  stage_touched();
  decided_ = true;
  events_.rewind();
  std::vector<AddressEvent> group;
  std::string_view sort_key, payload;
  while (events_.next(sort_key, payload)) {
    if (!group.empty() && group.front().email != email_of_sort_key(sort_key)) {
      decide_group(group, decide);
      group.clear();
    }
    group.push_back(address_event(sort_key, payload));
  }
  if (!group.empty()) decide_group(group, decide);
  events_ = Sorter(staging_, events_memory);  // its memory is not needed any more
}

std::optional<LedgerView> SqliteScan::ledger_view(const std::string& email) {
  if (has_ledger_) {
    auto& statement = snapshot_->ledger;
    statement.bind(2, email);
    const StatementUse use(statement);
    if (statement.step()) {
      auto row = read_row(statement, 0);
      return LedgerView{std::move(row.wanted), std::move(row.confirmed)};
    }
  }
  if (!has_traces_ && !has_suppressions_) return std::nullopt;
  const auto person = key_.person_hash(email);
  std::optional<domain::Confirmed> confirmed;
  if (has_traces_) {
    auto& statement = snapshot_->trace;
    statement.bind(2, std::span<const std::uint8_t>(person));
    const StatementUse use(statement);
    if (statement.step()) confirmed = trace_at(statement, 0);
  }
  if (has_suppressions_) confirmed = known_before(confirmed, snapshot_->suppressions.find(list_id_, person));
  if (!confirmed) return std::nullopt;
  LedgerView view;
  view.confirmed = std::move(*confirmed);
  return view;
}

void SqliteScan::decide_group(std::vector<AddressEvent>& group, const DecideAddress& decide) {
  DecisionRecord record;
  record.email = group.front().email;
  std::vector<BearerRow> bearers;
  std::vector<bool> flags;  // `shadowed` as it will be once the rows are applied, of each bearer
  const auto is_of_group = [&](const domain::MemberKey& key) {
    // Touched events have no key and come first.
    const auto begin = std::find_if(group.begin(), group.end(),
                                    [](const auto& e) { return e.kind != AddressEvent::Kind::Touched; });
    const auto found =
        std::lower_bound(begin, group.end(), key, [](const auto& e, const auto& k) { return e.key < k; });
    return found != group.end() && found->key == key;
  };
  struct Stored {
    BearerRow bearer;
    bool shadowed;
  };
  std::vector<Stored> stored;
  if (has_members_) {
    auto& statement = snapshot_->bearers;
    statement.bind(2, record.email);
    const StatementUse use(statement);
    while (statement.step()) {
      BearerRow bearer;
      bearer.key = key_at(statement, 0);
      bearer.subscribed = statement.integer(1) != 0;
      bearer.rejected = statement.integer(2) != 0;
      bearer.was_subscribed = bearer.subscribed;
      if (!is_of_group(bearer.key)) stored.push_back({std::move(bearer), statement.integer(3) != 0});
    }
  }
  auto from_store = stored.begin();
  const auto take_stored = [&] {
    bearers.push_back(std::move(from_store->bearer));
    flags.push_back(from_store->shadowed);
    ++from_store;
  };
  for (auto& event : group) {
    if (event.kind == AddressEvent::Kind::Touched) {
      record.touched = true;
      continue;
    }
    record.rows.push_back({event.key, event.moves});
    if (event.kind != AddressEvent::Kind::Bears) continue;
    while (from_store != stored.end() && from_store->bearer.key < event.key)
      take_stored();
    BearerRow bearer;
    bearer.key = std::move(event.key);
    bearer.subscribed = event.subscribed;
    bearer.rejected = event.rejected;
    bearer.was_subscribed = event.was_subscribed;
    bearer.member = std::move(event.member);
    bearers.push_back(std::move(bearer));
    flags.push_back(event.base_shadowed);
  }
  while (from_store != stored.end())
    take_stored();

  record.decision =
      decide(domain::EmailAddress::from_normalised(record.email), bearers, ledger_view(record.email));
  classes_.insert(record.decision.change_class);
  const auto wanted_flags = shadowed_flags(bearers);
  for (std::size_t i = 0; i < bearers.size(); ++i) {
    if (wanted_flags[i] != flags[i]) record.shadows.push_back({bearers[i].key, wanted_flags[i]});
  }
  payload_.clear();
  append_record(payload_, record);
  decisions_.add(payload_);
}

void SqliteScan::close_snapshot() {
  snapshot_.reset();
}

void SqliteScan::show_first(std::size_t most) {
  first_rows_.clear();
  first_decisions_ = std::min<std::size_t>(most, decisions_.size());
  part_ = Part::First;
  for_each_decision([this](const DecisionRecord& record) {
    for (const auto& row : record.rows)
      first_rows_.push_back(row.key);
  });
  std::sort(first_rows_.begin(), first_rows_.end());
}

void SqliteScan::show_rest() {
  part_ = Part::Rest;
}

void SqliteScan::for_each_row(const std::function<void(const RowRecord&)>& use) {
  if (rows_.size() == 0) return;
  rows_.rewind();
  std::string_view sort_key, payload;
  auto first = first_rows_.begin();
  while (rows_.next(sort_key, payload)) {
    const auto row = row_record(sort_key, payload);
    const bool is_first = first != first_rows_.end() && *first == row.key;
    if (is_first) ++first;
    if (part_ == Part::All || (part_ == Part::First) == is_first) use(row);
  }
}

void SqliteScan::for_each_decision(const std::function<void(const DecisionRecord&)>& use) {
  if (decisions_.size() == 0) return;
  auto reader = decisions_.read();
  std::string_view bytes;
  for (std::size_t i = 0; reader.next(bytes); ++i) {
    const bool is_first = i < first_decisions_;
    if (!is_first && part_ == Part::First) return;
    if (!is_first || part_ != Part::Rest) use(decision_record(bytes));
  }
}

}  // namespace stibee_sync::store

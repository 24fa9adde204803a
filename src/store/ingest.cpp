#include "store/row_codec.hpp"
#include "store/sqlite_store_impl.hpp"

#include <algorithm>
#include <utility>

namespace stibee_sync::store {
namespace {

constexpr std::size_t sort_memory = 3 * 1024 * 1024;

}  // namespace

// The rows that wait, in key order: those that bear, or bore, an address whose decision is held.
struct Ingest::Blocks {
  explicit Blocks(const std::filesystem::path& staging) : sorter(staging, sort_memory) {}

  void add(const domain::MemberKey& key, bool is_held, const std::string& email) {
    std::string bytes;
    append_sort_key(bytes, key);
    sorter.add(bytes, (is_held ? "h" : "a") + email);
  }
  void rewind() {
    sorter.rewind();
    more = sorter.next(sort_key, payload);
  }
  /// Ascending keys only. True: the row waits; `applied` are its addresses whose decisions do not.
  bool blocked(const domain::MemberKey& key, std::vector<std::string>& applied) {
    applied.clear();
    bool is_held = false;
    while (more) {
      const auto at = key_from_sort_key(sort_key);
      if (key < at) break;
      if (at == key) {
        if (payload[0] == 'h') {
          is_held = true;
        } else {
          applied.emplace_back(payload.substr(1));
        }
      }
      more = sorter.next(sort_key, payload);
    }
    return is_held;
  }

  Sorter sorter;
  std::string_view sort_key, payload;
  bool more = false;
};

Ingest::Ingest(Connection& connection, LedgerTable& ledger, FindSuppression suppression, SqliteScan& scan,
               const CommitRequest& request, FindInFlight in_flight)
    : scan_(scan),
      request_(request),
      mirror_(scan.mirror()),
      ledger_(ledger),
      suppression_(std::move(suppression)),
      in_flight_(std::move(in_flight)),
      insert_member_(connection, "INSERT INTO member VALUES (?, ?, ?, ?, ?, 0, ?, ?)"),
      update_member_(
          connection,
          "UPDATE member SET fingerprint = ?3, email = ?4, subscribed = ?5, shadowed = 0, rejection = ?6, "
          "rejected_column = ?7 WHERE mirror = ?1 AND key = ?2"),
      delete_member_(connection, "DELETE FROM member WHERE mirror = ? AND key = ?"),
      set_shadowed_(connection, "UPDATE member SET shadowed = ? WHERE mirror = ? AND key = ?"),
      insert_address_(connection, "INSERT OR IGNORE INTO member_address VALUES (?, ?, ?)"),
      delete_address_(connection, "DELETE FROM member_address WHERE mirror = ? AND email = ? AND key = ?"),
      clear_touched_(connection, "DELETE FROM touched_address WHERE mirror = ? AND number <= ?"),
      touch_(connection, "INSERT OR IGNORE INTO touched_address (mirror, email) VALUES (?, ?)"),
      addresses_(scan.staging(), sort_memory),
      // None but those of the part that was committed ahead, each of which has another address.
      ledger_has_rows_(!scan.shows_rest() && ledger.has_rows(mirror_)),
      has_traces_(ledger.has_traces(mirror_)) {}

CommitReport Ingest::run() {
  if (!scan_.decided()) return report_;
  // Not those that were touched while this read ran.
  if (const auto seen = scan_.touched_up_to()) clear_touched_.bind(1, mirror_.number).bind(2, *seen).run();
  return apply();
}

CommitReport Ingest::apply() {
  Blocks blocks(scan_.staging());
  find_blocks(blocks);
  apply_rows(blocks);
  apply_addresses();
  apply_decisions();
  return report_;
}

bool Ingest::held(const DecisionRecord& record) const {
  const auto& classes = request_.held_classes;
  return std::find(classes.begin(), classes.end(), record.decision.change_class) != classes.end();
}

bool Ingest::anything_held() const {
  return std::any_of(request_.held_classes.begin(), request_.held_classes.end(),
                     [this](int change_class) { return scan_.has_class(change_class); });
}

void Ingest::find_blocks(Blocks& blocks) {
  if (!anything_held()) return;
  scan_.for_each_decision([&](const DecisionRecord& record) {
    const bool waits = held(record);
    if (waits && record.touched) touch(record.email);
    for (const auto& row : record.rows) {
      if (waits || row.moves) blocks.add(row.key, waits, record.email);
    }
  });
  blocks.rewind();
}

void Ingest::apply_rows(Blocks& blocks) {
  std::vector<std::string> applied;
  scan_.for_each_row([&](const RowRecord& row) {
    if (blocks.blocked(row.key, applied)) {
      if (!applied.empty()) keep_for_later(row.key, applied);
    } else if (!row.unchanged) {
      apply_row(row);
    }
  });
}

// One of the row's two addresses is decided, the other waits. The snapshot keeps the row as it was, so the
// next read must look at both again, whatever the row says by then.
void Ingest::keep_for_later(const domain::MemberKey& key, const std::vector<std::string>& touched) {
  set_shadowed_.bind(1, std::int64_t{1}).bind(2, mirror_.number);
  bind_key(set_shadowed_, 3, key);
  set_shadowed_.run();
  for (const auto& email : touched)
    touch(email);
}

void Ingest::touch(const std::string& email) {
  touch_.bind(1, mirror_.number).bind(2, email).run();
}

void Ingest::apply_row(const RowRecord& row) {
  ++report_.rows_applied;
  const auto note = [&](const std::string& email, const char* what) {
    sort_key_.clear();
    append_sort_key(sort_key_, email, row.key);
    addresses_.add(sort_key_, what);
  };
  if (row.old_email && row.old_email != row.email) note(*row.old_email, "-");
  if (row.email && row.old_email != row.email) note(*row.email, "+");
  if (row.gone) {
    delete_member_.bind(1, mirror_.number);
    bind_key(delete_member_, 2, row.key);
    delete_member_.run();
    return;
  }
  auto& statement = row.existed ? update_member_ : insert_member_;
  statement.bind(1, mirror_.number);
  bind_key(statement, 2, row.key);
  statement.bind(3, std::span<const std::uint8_t>(row.fingerprint.bytes));
  if (row.email) {
    statement.bind(4, *row.email);
  } else {
    statement.bind_null(4);
  }
  statement.bind(5, std::int64_t{row.subscribed});
  if (row.rejection.empty()) {
    statement.bind_null(6).bind_null(7);
  } else {
    statement.bind(6, row.rejection).bind(7, row.rejected_column);
  }
  statement.run();
}

void Ingest::apply_addresses() {
  addresses_.rewind();
  std::string_view sort_key, what;
  while (addresses_.next(sort_key, what)) {
    const auto email = email_of_sort_key(sort_key);
    const auto key = key_from_sort_key(sort_key.substr(email.size() + 1));
    auto& statement = what == "+" ? insert_address_ : delete_address_;
    statement.bind(1, mirror_.number).bind(2, email);
    bind_key(statement, 3, key);
    statement.run();
  }
}

void Ingest::apply_decisions() {
  const bool some_wait = anything_held();
  scan_.for_each_decision([&](const DecisionRecord& record) {
    if (some_wait && held(record)) return;
    for (const auto& shadow : record.shadows) {
      set_shadowed_.bind(1, std::int64_t{shadow.shadowed}).bind(2, mirror_.number);
      bind_key(set_shadowed_, 3, shadow.key);
      set_shadowed_.run();
    }
    apply_decision_to_ledger(record);
  });
}

void Ingest::apply_decision_to_ledger(const DecisionRecord& record) {
  const auto& email = record.email;
  auto before = ledger_has_rows_ ? ledger_.find(mirror_, email) : std::nullopt;
  if (before) {
    auto row = *before;
    const auto* call = in_flight_(email);
    const auto fate = apply_decision(row, record.decision, false, call, request_.place, request_.now);
    if (row.wanted != before->wanted) {
      ++report_.addresses_changed;
      if (call != nullptr && !call->sent) overtaken_.emplace_back(email, before->wanted);
    }
    ledger_.apply(mirror_, email, &*before, row, fate);
    return;
  }
  if (record.decision.wanted.intent == domain::Intent::Absent) return;
  const auto trace = has_traces_ ? ledger_.find_trace(mirror_, email) : std::nullopt;
  const auto known = suppression_ ? known_before(trace, suppression_(email)) : trace;
  auto row = row_from_trace(known.value_or(domain::Confirmed{}));
  const auto fate = apply_decision(row, record.decision, true, nullptr, request_.place, request_.now);
  if (trace && fate == Fate::Keep) ledger_.erase_trace(mirror_, email);
  ledger_.apply(mirror_, email, nullptr, row, fate);
  ++report_.addresses_changed;
}

}  // namespace stibee_sync::store

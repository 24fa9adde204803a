#include "stibee_sync/store/transaction.hpp"
#include "store/row_codec.hpp"
#include "store/scan_state.hpp"
#include "store/tables.hpp"
#include "store/work.hpp"

#include <stdexcept>
#include <utility>

// How the snapshot takes over what a read found.
namespace stibee_sync::store {
namespace {

constexpr std::size_t sort_memory = 3 * 1024 * 1024;

/// Writes the tables `member` and `member_address`.
class SnapshotWriter {
 public:
  SnapshotWriter(Connection& connection, MirrorId mirror, const std::filesystem::path& staging)
      : mirror_(mirror),
        insert_member_(connection, "INSERT INTO member VALUES (?, ?, ?, ?, ?, 0, ?, ?)"),
        update_member_(
            connection,
            "UPDATE member SET fingerprint = ?3, email = ?4, subscribed = ?5, shadowed = 0, rejection = ?6, "
            "rejected_column = ?7 WHERE mirror = ?1 AND key = ?2"),
        delete_member_(connection, "DELETE FROM member WHERE mirror = ? AND key = ?"),
        set_shadowed_(connection,
                      "UPDATE member SET shadowed = ?1 WHERE mirror = ?2 AND key = ?3 AND shadowed <> ?1"),
        forget_traces_(connection, "UPDATE trace SET member_key = NULL WHERE mirror = ? AND member_key = ?"),
        insert_address_(connection, "INSERT OR IGNORE INTO member_address VALUES (?, ?, ?)"),
        delete_address_(connection, "DELETE FROM member_address WHERE mirror = ? AND email = ? AND key = ?"),
        addresses_(staging, sort_memory) {}

  void write(const RowRecord& row) {
    if (row.old_email && row.old_email != row.email) note(*row.old_email, row.key, "-");
    if (row.email && row.old_email != row.email) note(*row.email, row.key, "+");
    if (row.gone) {
      delete_member_.bind(1, mirror_.number);
      bind_key(delete_member_, 2, row.key);
      delete_member_.run();
      forget_traces_.bind(1, mirror_.number);
      bind_key(forget_traces_, 2, row.key);
      forget_traces_.run();
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

  void set_shadowed(const domain::MemberKey& key, bool shadowed) {
    set_shadowed_.bind(1, std::int64_t{shadowed}).bind(2, mirror_.number);
    bind_key(set_shadowed_, 3, key);
    set_shadowed_.run();
  }

  /// In the table's own order, so that a first import of a million rows fills it from left to right.
  void write_addresses() {
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

 private:
  void note(const std::string& email, const domain::MemberKey& key, const char* what) {
    sort_key_.clear();
    append_sort_key(sort_key_, email, key);
    addresses_.add(sort_key_, what);
  }

  MirrorId mirror_;
  Statement insert_member_, update_member_, delete_member_, set_shadowed_, forget_traces_, insert_address_,
      delete_address_;
  Sorter addresses_;
  std::string sort_key_;
};

void check(const Scan::State& read, std::int64_t generation) {
  if (read.rows.size() > 0 && !read.decided)
    throw std::invalid_argument("a scan is decided before it is taken over");
  if (read.generation != generation) {
    throw StoreError("another read of the same mirror was applied while this one ran; it will be repeated");
  }
}

}  // namespace

std::size_t Transaction::take_over(Scan& scan) {
  auto& tables = work_->tables;
  auto& read = scan.state();
  check(read, tables.mirrors.generation(read.mirror));
  read.close_snapshot();
  if (!read.decided) return 0;
  if (read.touched_up_to && read.part != Scan::State::Part::First) {
    // Not those that were touched while this read ran.
    Statement clear(*tables.connection, "DELETE FROM touched_address WHERE mirror = ? AND number <= ?");
    clear.bind(1, read.mirror.number).bind(2, *read.touched_up_to).run();
  }
  SnapshotWriter writer(*tables.connection, read.mirror, read.staging);
  std::size_t written = 0;
  RowRecord row;
  bool waits = false;
  std::vector<std::string> decided_ones;
  read.rewind_rows();
  while (read.next_row(row, waits, decided_ones)) {
    if (waits && !decided_ones.empty()) {
      // One of the row's two addresses is decided, the other waits. The snapshot keeps the row as it was, so
      // the next read must look at both again, whatever the row says by then.
      writer.set_shadowed(row.key, true);
      for (const auto& email : decided_ones)
        tables.touch(read.mirror, email);
    } else if (!waits && !row.unchanged) {
      writer.write(row);
      ++written;
    }
  }
  writer.write_addresses();
  DecisionRecord record;
  read.rewind_decisions();
  while (read.next_decision(record)) {
    if (!read.holds(record)) {
      for (const auto& shadow : record.shadows)
        writer.set_shadowed(shadow.key, shadow.shadowed);
    } else if (record.touched) {
      tables.touch(read.mirror, record.email);
    }
  }
  read.rewind_decisions();
  return written;
}

}  // namespace stibee_sync::store

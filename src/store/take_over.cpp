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
        update_values_(
            connection,
            "UPDATE member SET fingerprint = ?3, rejection = ?4, rejected_column = ?5 WHERE mirror = "
            "?1 AND key = ?2"),
        delete_member_(connection, "DELETE FROM member WHERE mirror = ? AND key = ?"),
        set_shadowed_(connection,
                      "UPDATE member SET shadowed = ?1 WHERE mirror = ?2 AND key = ?3 AND shadowed <> ?1"),
        forget_traces_(connection, "UPDATE trace SET member_key = NULL WHERE mirror = ? AND member_key = ?"),
        insert_address_(connection, "INSERT OR IGNORE INTO member_address VALUES (?, ?, ?)"),
        delete_address_(connection, "DELETE FROM member_address WHERE mirror = ? AND email = ? AND key = ?"),
        addresses_(staging, events_memory) {}

  /// A row with its addresses.
  void write(const RowRecord& row) {
    if (row.old_email && row.old_email != row.email) note(*row.old_email, row.key, "-");
    if (row.email && row.old_email != row.email) bears(*row.email, row.key);
    if (row.gone) {
      delete_member_.bind(1, mirror_.number);
      bind_key(delete_member_, 2, row.key);
      delete_member_.run();
      forget_traces_.bind(1, mirror_.number);
      bind_key(forget_traces_, 2, row.key);
      forget_traces_.run();
    } else {
      write_alone(row);
    }
  }

  /// A row, not that it bears its address.
  void write_alone(const RowRecord& row) {
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
    bind_rejection(statement, 6, row);
    statement.run();
  }

  /// A row that stays what it was but for its values. That it is to be staged, since somebody needs them, may
  /// have been said since it was read.
  void write_values(const RowRecord& row) {
    update_values_.bind(1, mirror_.number);
    bind_key(update_values_, 2, row.key);
    update_values_.bind(3, std::span<const std::uint8_t>(row.fingerprint.bytes));
    bind_rejection(update_values_, 4, row);
    update_values_.run();
  }

  void bears(const std::string& email, const domain::MemberKey& key) { note(email, key, "+"); }

  void set_shadowed(const domain::MemberKey& key, bool shadowed) {
    set_shadowed_.bind(1, std::int64_t{shadowed}).bind(2, mirror_.number);
    bind_key(set_shadowed_, 3, key);
    set_shadowed_.run();
  }

  /// In the table's own order, so that a first import of a million rows fills it from left to right.
  void write_addresses() {
    if (addresses_.size() == 0) return;
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
  static void bind_rejection(Statement& statement, int index, const RowRecord& row) {
    if (row.rejection.empty()) {
      statement.bind_null(index).bind_null(index + 1);
    } else {
      statement.bind(index, row.rejection).bind(index + 1, row.rejected_column);
    }
  }
  void note(const std::string& email, const domain::MemberKey& key, const char* what) {
    sort_key_.clear();
    append_sort_key(sort_key_, email, key);
    addresses_.add(sort_key_, what);
  }

  MirrorId mirror_;
  Statement insert_member_, update_member_, update_values_, delete_member_, set_shadowed_, forget_traces_,
      insert_address_, delete_address_;
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

/// What one transaction takes over.
class Part {
 public:
  Part(Store::Tables& tables, Scan::State& read, std::size_t most)
      : tables_(tables), read_(read), most_(most), writer_(*tables.connection, read.mirror, read.staging) {}

  void take() {
    read_.shown.clear();
    read_.shown_at = 0;
    while (taken_ < most_ && read_.at_stage != Stage::Done) {
      if (!take_one()) read_.at_stage = static_cast<Stage>(static_cast<int>(read_.at_stage) + 1);
    }
    writer_.write_addresses();
    for (const auto& record : read_.shown) {
      for (const auto& shadow : record.shadows)
        writer_.set_shadowed(shadow.key, shadow.shadowed);
    }
  }
  std::size_t rows() const { return rows_; }
  /// Rows are there whose addresses are not decided yet.
  bool tears() const { return tears_ && read_.at_stage != Stage::Done; }

 private:
  /// False: nothing of this stage is left.
  bool take_one() {
    switch (read_.at_stage) {
      case Stage::Bound:
      case Stage::Late:
        return take_group();
      case Stage::Updates:
      case Stage::Adds:
        return take_decision();
      case Stage::Rows:
        return take_row();
      case Stage::Done:
        break;
    }
    return false;
  }

  bool take_group() {
    if (!read_.next_group(read_.at_stage, group_)) return false;
    for (const auto& part : group_.rows) {
      if (part.waits && !part.decided_ones.empty()) {
        // One of the row's two addresses is decided, the other waits. The snapshot keeps the row as it was,
        // so the next read must look at both again, whatever the row says by then.
        writer_.set_shadowed(part.row.key, true);
        for (const auto& email : part.decided_ones)
          tables_.touch(read_.mirror, email);
      } else if (!part.waits) {
        if (read_.torn && part.row.email) writer_.bears(*part.row.email, part.row.key);
        if (part.row.unchanged) continue;
        writer_.write(part.row);
        ++rows_;
      }
    }
    taken_ += group_.rows.size() + group_.decisions.size();
    for (auto& record : group_.decisions)
      show(std::move(record));
    return true;
  }

  bool take_decision() {
    DecisionRecord record;
    if (!read_.next_decision(read_.at_stage, record)) return false;
    ++taken_;
    if ((read_.at_stage == Stage::Adds || read_.torn) && !read_.holds(record)) {
      for (const auto& row : record.rows)
        writer_.bears(record.email, row.key);
    }
    show(std::move(record));
    return true;
  }

  bool take_row() {
    if (!read_.next_row(row_)) return false;
    const auto& row = row_.row;
    if (row_.waits || row.unchanged) return true;
    ++taken_;
    ++rows_;
    if (row.gone) {
      writer_.write(row);
    } else if (row.existed && row.email) {
      writer_.write_values(row);
    } else {
      writer_.write_alone(row);
      tears_ = tears_ || row.email;
    }
    return true;
  }

  void show(DecisionRecord record) {
    if (!read_.holds(record)) {
      read_.shown.push_back(std::move(record));
    } else if (record.touched) {
      tables_.touch(read_.mirror, record.email);
    }
  }

  Store::Tables& tables_;
  Scan::State& read_;
  std::size_t most_;
  SnapshotWriter writer_;
  Scan::State::Group group_;
  Scan::State::PartRow row_;
  std::size_t taken_ = 0;
  std::size_t rows_ = 0;
  bool tears_ = false;
};

}  // namespace

TakenPart Transaction::take_over(Scan& scan, std::size_t most) {
  auto& tables = work_->tables;
  auto& read = scan.state();
  check(read, tables.mirrors.generation(read.mirror));
  if (!read.decided) {
    read.close_snapshot();
    return {};
  }
  if (!read.begun()) read.begin_parts(most);
  Part part(tables, read, most);
  part.take();
  const bool last = read.at_stage == Stage::Done;
  if (!last && !std::exchange(read.counted, true)) {
    // A scan that began before this part is too old now, whether the last part will write anything or not.
    tables.mirrors.count_read(read.mirror);
    ++read.generation;
  }
  if (part.tears() && !read.torn && !std::exchange(read.tore, true)) {
    tables.mirrors.set_torn(read.mirror, true);
  } else if (last && (read.tore || (read.torn && !read.holds_any()))) {
    // What waits of a torn read has rows that no read would find changed.
    tables.mirrors.set_torn(read.mirror, false);
  }
  if (last && read.touched_up_to) {
    // Not those that were touched while this read ran.
    Statement clear(*tables.connection, "DELETE FROM touched_address WHERE mirror = ? AND number <= ?");
    clear.bind(1, read.mirror.number).bind(2, *read.touched_up_to).run();
  }
  return {part.rows(), last};
}

}  // namespace stibee_sync::store

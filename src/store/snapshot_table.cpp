#include "store/snapshot_table.hpp"

#include "store/row_codec.hpp"
#include "store/scan_parts.hpp"

#include <span>
#include <string_view>

namespace stibee_sync::store {
namespace {

constexpr std::size_t written_at_once = 256;

template <typename Target>
void bind_rejection(Target& target, int index, const RowRecord& row) {
  if (row.rejection.empty()) {
    target.bind_null(index).bind_null(index + 1);
  } else {
    target.bind(index, std::string_view(row.rejection));
    target.bind(index + 1, std::string_view(row.rejected_column));
  }
}

/// From `first` on: key, fingerprint, address, whether subscribed.
template <typename Target>
void bind_row(Target& target, int first, const RowRecord& row) {
  bind_key(target, first, row.key);
  target.bind(first + 1, std::span<const std::uint8_t>(row.fingerprint.bytes));
  if (row.email) {
    target.bind(first + 2, std::string_view(*row.email));
  } else {
    target.bind_null(first + 2);
  }
  target.bind(first + 3, std::int64_t{row.subscribed});
}

}  // namespace

SnapshotTable::SnapshotTable(Connection& connection, const std::filesystem::path& staging)
    : staging_(staging),
      new_members_(connection, "new_members", 7),
      new_addresses_(connection, "new_addresses", 3),
      insert_members_(connection, "INSERT INTO member SELECT c1, c2, c3, c4, c5, 0, c6, c7 FROM new_members"),
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
      insert_addresses_(connection,
                        "INSERT OR IGNORE INTO member_address SELECT c1, c2, c3 FROM new_addresses"),
      delete_address_(connection, "DELETE FROM member_address WHERE mirror = ? AND email = ? AND key = ?"),
      addresses_(staging, events_memory) {}

void SnapshotTable::write(MirrorId mirror, const RowRecord& row) {
  if (row.old_email && row.old_email != row.email) note(*row.old_email, row.key, "-");
  if (row.email && row.old_email != row.email) bears(*row.email, row.key);
  if (row.gone) {
    erase(mirror, row.key);
  } else {
    write_alone(mirror, row);
  }
}

void SnapshotTable::write_alone(MirrorId mirror, const RowRecord& row) {
  if (!row.existed) return add(mirror, row);
  update_member_.bind(1, mirror.number);
  bind_row(update_member_, 2, row);
  bind_rejection(update_member_, 6, row);
  update_member_.run();
}

void SnapshotTable::add(MirrorId mirror, const RowRecord& row) {
  new_members_.add();
  new_members_.bind(1, mirror.number);
  bind_row(new_members_, 2, row);
  bind_rejection(new_members_, 6, row);
  if (new_members_.size() < written_at_once) return;
  insert_members_.run();
  new_members_.clear();
}

void SnapshotTable::write_values(MirrorId mirror, const RowRecord& row) {
  update_values_.bind(1, mirror.number);
  bind_key(update_values_, 2, row.key);
  update_values_.bind(3, std::span<const std::uint8_t>(row.fingerprint.bytes));
  bind_rejection(update_values_, 4, row);
  update_values_.run();
}

void SnapshotTable::erase(MirrorId mirror, const domain::MemberKey& key) {
  for (auto* statement : {&delete_member_, &forget_traces_}) {
    statement->bind(1, mirror.number);
    bind_key(*statement, 2, key);
    statement->run();
  }
}

void SnapshotTable::set_shadowed(MirrorId mirror, const domain::MemberKey& key, bool shadowed) {
  set_shadowed_.bind(1, std::int64_t{shadowed}).bind(2, mirror.number);
  bind_key(set_shadowed_, 3, key);
  set_shadowed_.run();
}

void SnapshotTable::note(const std::string& email, const domain::MemberKey& key, const char* what) {
  sort_key_.clear();
  append_sort_key(sort_key_, email, key);
  addresses_.add(sort_key_, what);
}

void SnapshotTable::write_out(MirrorId mirror) {
  if (new_members_.size() > 0) insert_members_.run();
  new_members_.clear();
  write_addresses(mirror);
}

// In the table's own order, so that a first import of a million rows fills it from left to right.
void SnapshotTable::write_addresses(MirrorId mirror) {
  if (addresses_.size() == 0) return;
  const auto put = [&] {
    if (new_addresses_.size() > 0) insert_addresses_.run();
    new_addresses_.clear();
  };
  addresses_.rewind();
  std::string_view sort_key, what;
  while (addresses_.next(sort_key, what)) {
    const auto email = email_of_sort_key(sort_key);
    const auto key = key_from_sort_key(sort_key.substr(email.size() + 1));
    if (what == "+") {
      new_addresses_.add();
      new_addresses_.bind(1, mirror.number).bind(2, email);
      bind_key(new_addresses_, 3, key);
      if (new_addresses_.size() >= written_at_once) put();
    } else {
      delete_address_.bind(1, mirror.number).bind(2, email);
      bind_key(delete_address_, 3, key);
      delete_address_.run();
    }
  }
  put();
  addresses_ = Sorter(staging_, events_memory);
}

void SnapshotTable::rolled_back() {
  new_members_.clear();
  new_addresses_.clear();
  addresses_ = Sorter(staging_, events_memory);
}

}  // namespace stibee_sync::store

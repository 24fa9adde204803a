#pragma once

#include "store/given_rows.hpp"
#include "store/scan_record.hpp"
#include "store/spool.hpp"
#include "store/sqlite.hpp"

#include <filesystem>
#include <string>

namespace stibee_sync::store {

/// Writes the tables `member` and `member_address`. What it is told may wait until `write_out`: it is said
/// before anybody else looks at them.
class SnapshotTable {
 public:
  /// `staging`: where the addresses of a large part are sorted.
  SnapshotTable(Connection& connection, const std::filesystem::path& staging);

  /// A row with its addresses.
  void write(MirrorId mirror, const RowRecord& row);
  /// A row, not that it bears its address.
  void write_alone(MirrorId mirror, const RowRecord& row);
  /// A row that stays what it was but for its values. That it is to be staged, since somebody needs them, may
  /// have been said since it was read.
  void write_values(MirrorId mirror, const RowRecord& row);
  /// A row that is written, or will be, bears the address.
  void bears(const std::string& email, const domain::MemberKey& key) { note(email, key, "+"); }
  /// All that was told since the last time is of that mirror.
  void write_out(MirrorId mirror);
  void rolled_back();

  void set_shadowed(MirrorId mirror, const domain::MemberKey& key, bool shadowed);

 private:
  void add(MirrorId mirror, const RowRecord& row);
  void erase(MirrorId mirror, const domain::MemberKey& key);
  void note(const std::string& email, const domain::MemberKey& key, const char* what);
  void write_addresses(MirrorId mirror);

  std::filesystem::path staging_;
  GivenRows new_members_, new_addresses_;
  Statement insert_members_, update_member_, update_values_, delete_member_, set_shadowed_, forget_traces_,
      insert_addresses_, delete_address_;
  Sorter addresses_;
  std::string sort_key_;
};

}  // namespace stibee_sync::store

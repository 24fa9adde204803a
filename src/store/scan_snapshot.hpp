#pragma once

#include "store/ledger_row.hpp"
#include "store/row_codec.hpp"
#include "store/scan_state.hpp"
#include "store/suppression_table.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace stibee_sync::store {

/// What a scan asks its own view of the state.
struct Scan::State::Snapshot {
  explicit Snapshot(std::unique_ptr<Connection> opened)
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
        own_words(*connection, "SELECT event FROM writeback WHERE mirror = ? AND email = ?"),
        suppressions(*connection) {}

  void open(MirrorId of) {
    begin.run();
    for (auto* statement :
         {&generation, &cursor, &old_row, &bearers, &touched, &ledger, &trace, &own_words}) {
      statement->bind(1, of.number);
    }
  }
  /// It holds nothing of the state any more, and can be opened anew.
  void close() { connection->roll_back(); }
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

/// Keeps one closed snapshot for the next scan: to open the file and to prepare its statements takes longer
/// than to read a table in which nothing changed. For any thread.
class Scan::State::SnapshotShelf {
 public:
  /// Null: there is none, or its file is not where it was opened any more.
  std::unique_ptr<Snapshot> take() {
    const std::lock_guard lock(mutex_);
    auto taken = std::move(kept_);
    if (taken && !taken->connection->lost_file().empty()) taken.reset();
    return taken;
  }
  void put(std::unique_ptr<Snapshot> closed) {
    const std::lock_guard lock(mutex_);
    kept_ = std::move(closed);
  }

 private:
  std::mutex mutex_;
  std::unique_ptr<Snapshot> kept_;
};

}  // namespace stibee_sync::store

#pragma once

#include "stibee_sync/domain/fingerprint.hpp"
#include "store/suppression_table.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace stibee_sync::store {

/// Somebody of whom the opt-outs' record has to say something else.
struct JournalEntry : SuppressionRecord {
  bool active = true;  // false: lifted
};

/// `suppressions.sqlite`: the opt-outs on record, in a file of its own, so that they outlive the loss of the
/// state file and the restore of an older one. Written before the state: whatever the state has not heard of
/// yet has a greater number than it has applied. Also keeps the state's key, without which nobody's hash
/// could be found again.
class SuppressionJournal {
 public:
  /// Over an open file of the right version.
  explicit SuppressionJournal(std::unique_ptr<Connection> connection);

  std::optional<domain::StateKey::Bytes> key();
  void set_key(const domain::StateKey::Bytes& key);

  bool empty() const { return !has_entries_; }
  /// The number of the last change.
  std::int64_t last() const { return last_; }
  /// The next change gets a greater number than this.
  void go_on_from(std::int64_t sequence);
  /// What was changed after that number, in order.
  std::vector<JournalEntry> since(std::int64_t sequence);
  /// One transaction, on disk when it returns.
  void append(const std::vector<JournalEntry>& entries);

  Connection& connection() { return *connection_; }

 private:
  std::unique_ptr<Connection> connection_;
  Statement key_, set_key_, since_, put_;
  std::int64_t last_ = 0;
  bool has_entries_ = false;
};

}  // namespace stibee_sync::store

#pragma once

#include "stibee_sync/domain/fingerprint.hpp"
#include "stibee_sync/domain/member_key.hpp"

#include <cstddef>
#include <functional>
#include <optional>

namespace stibee_sync::diff {

/// A row as the snapshot has it.
struct StoredRow {
  domain::MemberKey key;
  domain::Fingerprint fingerprint;
  bool shadowed = false;
};

/// What a row of the source is, compared with the snapshot.
enum class RowState {
  Unchanged,
  New,
  Changed,
  Shadowed,    // unchanged, but its values may be needed: a lower key bears the same address
  OutOfOrder,  // its key is not above the one before: the key is not unique, or the stream is not in our
               // order
};

/// Merges the source's rows with the stored snapshot, both in key order, in constant memory. Pure but for the
/// two functions it is given. `force` takes every stored row for changed (the mapping is another one).
class Differ {
 public:
  /// Gives the next stored row; false at the end.
  using NextStored = std::function<bool(StoredRow&)>;
  /// Told each stored key that the source no longer has, in key order.
  using Gone = std::function<void(const domain::MemberKey&)>;

  Differ(NextStored next_stored, Gone gone, bool force);

  RowState see(const domain::MemberKey& key, const domain::Fingerprint& fingerprint);
  /// The stream has reached its true end: what is left in the snapshot is gone.
  void finish();

 private:
  void advance();

  NextStored next_stored_;
  Gone gone_;
  bool force_;
  StoredRow stored_;
  bool has_stored_ = false;
  std::optional<domain::MemberKey> last_;
};

}  // namespace stibee_sync::diff

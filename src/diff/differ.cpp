#include "stibee_sync/diff/differ.hpp"

#include <utility>

namespace stibee_sync::diff {

Differ::Differ(NextStored next_stored, Gone gone, bool force)
    : next_stored_(std::move(next_stored)), gone_(std::move(gone)), force_(force) {
  advance();
}

void Differ::advance() {
  has_stored_ = next_stored_(stored_);
}

RowState Differ::see(const domain::MemberKey& key, const domain::Fingerprint& fingerprint) {
  if (last_ && !(*last_ < key)) return RowState::OutOfOrder;
  last_ = key;
  while (has_stored_ && stored_.key < key) {
    gone_(stored_.key);
    advance();
  }
  if (!has_stored_ || key < stored_.key) return RowState::New;
  const bool same = !force_ && stored_.fingerprint == fingerprint;
  const bool shadowed = stored_.shadowed;
  advance();
  if (!same) return RowState::Changed;
  return shadowed ? RowState::Shadowed : RowState::Unchanged;
}

void Differ::finish() {
  while (has_stored_) {
    gone_(stored_.key);
    advance();
  }
}

}  // namespace stibee_sync::diff

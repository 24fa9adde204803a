#pragma once

#include "stibee_sync/domain/ledger.hpp"
#include "stibee_sync/domain/member.hpp"
#include "stibee_sync/ledger/person.hpp"

#include <cstddef>
#include <memory>
#include <optional>

namespace stibee_sync::store {

/// Somebody in Stibee's list.
struct Listed {
  /// nullopt: a status that nobody knows: hands off.
  std::optional<domain::RemoteStatus> status;
  domain::Fingerprint fields;     // of the mapped values, as `domain::fingerprint_of` of what is sent
  std::optional<bool> ad_agreed;  // nullopt: not shown
  std::optional<domain::GroupSet> groups;  // those of ours; nullopt: not shown, which does not mean none
  std::optional<domain::UtcTime> modified;
  friend bool operator==(const Listed&, const Listed&) = default;
};

/// One address of the merge of ledger and list; at least one side has it.
struct ListedPair {
  domain::EmailAddress email;
  ledger::RemoteView view;  // of the person as the state had them when the scan began
  std::optional<Listed> listed;
};

/// One read of a mirror's list at Stibee, staged on disk beside the state, and its merge with the ledger.
/// Made by `Store::begin_list` before the first page is asked for: the ledger is seen as it was then. Used on
/// one thread at a time (any); constant memory; does not block the store. Throws StoreError.
class ListScan {
 public:
  struct State;  // the store's own
  explicit ListScan(std::unique_ptr<State> state);
  ListScan(ListScan&&) noexcept;
  ListScan& operator=(ListScan&&) noexcept;
  ~ListScan();

  /// In any order. Of an address that comes twice the last one counts.
  void add(const domain::EmailAddress& email, const Listed& listed);
  /// Forgets what was added: the list moved while it was read.
  void start_over();
  /// Addresses added so far, each once. `add` may follow only after `start_over`.
  std::size_t distinct();
  /// Lets go of the ledger as it was, which keeps the state's log from being emptied. `next` then shows those
  /// who are listed, each with an empty view. Before the first `next`.
  void leave_ledger();
  /// The next address, in address order, of ledger rows and listed people (traces and suppressions alone do
  /// not count). False at the end. Not before `distinct` was asked.
  bool next(ListedPair& pair);

 private:
  std::unique_ptr<State> state_;
};

}  // namespace stibee_sync::store

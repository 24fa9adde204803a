#pragma once

#include "stibee_sync/domain/ledger.hpp"
#include "stibee_sync/domain/member.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

/// What becomes known of people at Stibee beside the answers to our calls: by webhooks, and by reading the
/// list.
namespace stibee_sync::store {

struct LedgerView {
  domain::Wanted wanted;
  domain::Confirmed confirmed;
  friend bool operator==(const LedgerView&, const LedgerView&) = default;
};

/// An opt-out on record. Kept under a keyed hash of the address, by list, in a file of its own, so that it
/// outlives the person's row, a purge, and the loss or restore of the state file.
struct Suppression {
  domain::UtcTime at{};  // when it was learnt
  std::string by;        // "subscriber", "manual" (an administrator, or the API), "unknown"
  std::string reason;    // the person's own words, "" if none; never logged
  friend bool operator==(const Suppression&, const Suppression&) = default;
};

/// A person as the state has them.
struct RemoteView {
  std::optional<LedgerView> ledger;  // nullopt: nothing known; with a trace, the row that follows from it
  bool is_trace = false;             // gone from the source and settled
  std::optional<domain::Lane> in_flight;  // a call is out, or was and nobody knows whether it was applied
  bool pending = false;                   // in the queue, in flight or not
  std::string parked;                     // reason; "": not parked
  std::optional<domain::MemberKey> key;
  std::optional<Suppression> suppression;
};

/// A statement of `writeback` that is to be run for a person. `fields` are those of an event UPDATED.
struct WritebackRequest {
  std::string event;  // "unsubscribed", "resubscribed", … as in the settings
  std::string occurred_by;
  std::string reason;
  domain::UtcTime occurred_at{};
  std::map<std::string, std::string> fields;  // Stibee tag → value
};

/// What the caller makes of what Stibee showed. Exactly what is set is done.
struct RemoteChange {
  std::optional<domain::Confirmed> confirmed = {};
  /// Only where the person's own later word at Stibee overrules the table until it is written back.
  std::optional<domain::Wanted> wanted = {};
  std::optional<Suppression> suppress = {};  // the newest one on record is kept
  bool lift = false;                         // the suppression, if there is one
  std::optional<WritebackRequest> writeback = {};
  bool look_again = false;  // the next read decides about the address anew, though its rows did not change
};
/// Pure; called inside the transaction, on the store's thread.
using DecideRemote = std::function<RemoteChange(const domain::EmailAddress&, const RemoteView&)>;

/// A write-back that waits.
struct Writeback {
  std::int64_t id = 0;
  WritebackRequest request;
  domain::EmailAddress email;
  std::optional<domain::MemberKey> key;  // of the row, as of the event
  int attempts = 0;
};

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
  RemoteView view;  // what `Store::observe` would have presented when the scan began
  std::optional<Listed> listed;
};

/// One read of a mirror's list at Stibee, staged on disk beside the state, and its merge with the ledger.
/// Made by `Store::begin_list` before the first page is asked for: the ledger is seen as it was then. Used on
/// one thread at a time (any); constant memory; does not block the store. Throws StoreError.
class ListScan {
 public:
  virtual ~ListScan() = default;
  /// In any order. Of an address that comes twice the last one counts.
  virtual void add(const domain::EmailAddress& email, const Listed& listed) = 0;
  /// Forgets what was added: the list moved while it was read.
  virtual void start_over() = 0;
  /// Addresses added so far, each once. `add` may follow only after `start_over`.
  virtual std::size_t distinct() = 0;
  /// The next address, in address order, of ledger rows and listed people (traces and suppressions alone do
  /// not count). False at the end. Not before `distinct` was asked.
  virtual bool next(ListedPair& pair) = 0;
};

}  // namespace stibee_sync::store

#pragma once

#include "disk/temporary_directory.hpp"
#include "stibee_sync/pipeline/apply_read.hpp"
#include "stibee_sync/pipeline/consequence.hpp"
#include "stibee_sync/pipeline/outbound_queue.hpp"
#include "stibee_sync/store/store.hpp"
#include "stibee_sync/store/transaction.hpp"

#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// A small table, the rules of a small mirror, and a store to try them on.
namespace stibee_sync::store_tests {

using domain::Lane;
using domain::MemberKey;
using domain::RemoteStatus;
using domain::UtcTime;

inline constexpr UtcTime start{std::chrono::milliseconds(1'700'000'000'000)};
inline constexpr std::chrono::seconds second{1};
inline constexpr std::chrono::hours day{24};

/// Classes of changes, as the decision of this world names them.
enum Class { None, Add, Update, OptOut, Resubscribe, Removal };

struct Row {
  std::string email;  // "" : no usable address
  std::string name = "somebody";
  bool subscribed = true;
  std::string rejection = "";  // "": usable
  domain::GroupSet groups = {};
  std::optional<UtcTime> consented_at = {};
  bool keeps_address = false;  // without an address: its text is unusable, not taken away
  friend bool operator==(const Row&, const Row&) = default;
};
using Table = std::map<MemberKey, Row>;

inline MemberKey key(std::int64_t number) {
  return MemberKey(number);
}
inline domain::EmailAddress email(const std::string& text) {
  return domain::EmailAddress::from_normalised(text);
}

/// Who leaves is unsubscribed, and deleted a day later.
ledger::Policy default_policy();

using test_disk::TemporaryDirectory;

struct ReadOptions {
  UtcTime now = start;
  std::vector<int> held = {};
  std::vector<store::HeldChanges> holds = {};
};

/// One address as a read presented it, and what was made of it.
struct Presented {
  store::TouchedAddress as;
  ledger::AddressDecision decision;
  int change_class = None;
};
struct ReadResult {
  pipeline::AppliedRead applied;
  std::map<std::string, Presented> addresses;
  std::vector<MemberKey> staged;
};

domain::Fingerprint fingerprint_of(const Row& row);
store::StagedRow staged_row(const MemberKey& key, const Row& row);
/// The rule of the real differ, in short. Throws where the address is not presented as it should be.
Presented decided(const store::TouchedAddress& address, UtcTime now);
/// By which a change of that address is told in a held set.
domain::Fingerprint item_of(const std::string& address);

/// Merges the table with the snapshot of a scan (the store's, or one that looks like it), stages the
/// differences and decides for every address.
template <class AnyScan>
void read_into(AnyScan& scan, const Table& table, UtcTime now, ReadResult& result) {
  store::SnapshotRow stored;
  bool more = scan.next(stored);
  const auto gone_before = [&](const MemberKey* key) {
    for (; more && (key == nullptr || stored.key < *key); more = scan.next(stored)) {
      scan.stage_gone(stored.key);
      result.staged.push_back(stored.key);
    }
  };
  for (const auto& [member_key, row] : table) {
    gone_before(&member_key);
    const bool known = more && stored.key == member_key;
    bool same = known && stored.fingerprint == fingerprint_of(row) && !stored.shadowed;
    if constexpr (requires { scan.is_torn(); }) same = same && !scan.is_torn();
    if (known) more = scan.next(stored);
    if (same) continue;
    scan.stage(staged_row(member_key, row));
    result.staged.push_back(member_key);
  }
  gone_before(nullptr);
  store::TouchedAddress address;
  std::string last;
  while (scan.next_address(address)) {
    if (!(last < address.email.text())) throw std::runtime_error("addresses out of order");
    last = address.email.text();
    auto presented = decided(address, now);
    if constexpr (requires { scan.items_of(0); }) {
      scan.decide(presented.decision, presented.change_class, item_of(last));
    } else {
      scan.decide(presented.decision, presented.change_class);
    }
    result.addresses[last] = std::move(presented);
  }
}

/// A mirror on the store that ships, in a directory of its own.
class World {
 public:
  World();

  /// A whole read of `table`: merge with the snapshot, stage, decide, commit.
  ReadResult read(const Table& table, const ReadOptions& options = {});
  /// The same without the commit.
  store::Scan scan(const Table& table, UtcTime now, ReadResult& result);
  pipeline::AppliedRead commit(store::Scan scan, const ReadOptions& options = {});
  /// The same in parts of that size. `parts`: after so many the process dies.
  pipeline::AppliedRead commit_in_parts(store::Scan scan, std::size_t most, const ReadOptions& options = {},
                                        std::size_t parts = std::numeric_limits<std::size_t>::max());

  std::optional<pipeline::Claimed> claim(UtcTime now = start, std::size_t most = 100, bool retries = true);
  std::optional<pipeline::Claimed> claim(const std::vector<store::MirrorId>& mirrors, const store::Due& due,
                                         const pipeline::Capacity& capacity);
  void release(const std::vector<domain::EmailAddress>& people);
  /// Everybody of the claim is where they are wanted.
  void deliver(const pipeline::Claimed& claimed, UtcTime now = start);
  /// Claims and delivers until nothing is due.
  void deliver_all(UtcTime now = start);
  void settle(const std::string& address, ledger::Settlement::Next next, UtcTime now = start,
              int attempts = 1, UtcTime not_before = start, std::uint32_t batch_limit = 0);
  void settle(const ledger::Settlement& settlement, UtcTime now = start);
  void settle(const std::vector<ledger::Settlement>& people, UtcTime now = start);
  std::size_t unpark(std::string_view reason, std::string_view address, UtcTime now = start);
  void hasten(UtcTime now);
  /// As after a restart with another policy.
  void place_all(UtcTime now);

  /// The person as they were presented, before that was done to them.
  ledger::RemoteView observe(const std::string& address, const pipeline::Consequence& consequence,
                             UtcTime now = start);
  void finish_writeback(std::int64_t id);
  void postpone_writeback(std::int64_t id, UtcTime not_before);

  /// As after a crash: what was in memory is gone.
  void reopen();
  /// One transaction.
  template <class Job>
  auto change(Job job) {
    return store::in_transaction(std::move(job))(*store);
  }

  ledger::Person find(const std::string& address) { return store->find(mirror, email(address)); }
  /// Throws where the address has no row.
  ledger::LedgerRow row(const std::string& address) { return find(address).row.value(); }
  bool knows(const std::string& address) { return find(address) != ledger::Person{}; }
  store::SnapshotRow snapshot_row(const MemberKey& wanted);
  std::vector<MemberKey> snapshot_keys();

  TemporaryDirectory directory;
  std::unique_ptr<store::Store> owned;  // may be handed on: `store` is a way of the test's own to it
  store::Store* store = nullptr;
  store::MirrorId mirror;
  ledger::Policy policy = default_policy();
};

/// What goes out for a person of a claim; nullopt: by now, something else is to be done for them.
std::optional<domain::Operation> operation_for(const pipeline::Claimed& claimed,
                                               const pipeline::ClaimedPerson& person,
                                               const ledger::Policy& policy, UtcTime now);
/// What a person's call leaves behind when it is delivered.
domain::Confirmed delivered(const pipeline::Claimed& claimed, const pipeline::ClaimedPerson& person,
                            const ledger::Policy& policy, UtcTime now);
std::vector<std::string> addresses_of(const pipeline::Claimed& claimed);
store::LoggedAttempt attempt_at(UtcTime now);

}  // namespace stibee_sync::store_tests

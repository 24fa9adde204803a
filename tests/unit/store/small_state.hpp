#pragma once

#include "disk/temporary_directory.hpp"
#include "stibee_sync/ledger/transitions.hpp"
#include "stibee_sync/store/store.hpp"
#include "stibee_sync/store/transaction.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

// A small table and what is done to a person of it, by transactions alone: these tests know no loop.
namespace stibee_sync::store::testing_support {

using domain::Lane;
using domain::MemberKey;
using domain::RemoteStatus;
using domain::UtcTime;

inline constexpr UtcTime start{std::chrono::milliseconds(1'700'000'000'000)};
inline constexpr std::chrono::seconds second{1};

struct Row {
  std::string email;
  std::string name = "somebody";
  std::string rejection = "";  // "": usable
};
using Table = std::map<MemberKey, Row>;

inline MemberKey key(std::int64_t number) {
  return MemberKey(number);
}
inline domain::EmailAddress email(const std::string& text) {
  return domain::EmailAddress::from_normalised(text);
}

using test_disk::TemporaryDirectory;

inline void set_paused(Store& store, MirrorId mirror, bool paused) {
  in_transaction([&](Transaction& transaction) { transaction.set_paused(mirror, paused, {}); })(store);
}

// ---- reads
// -------------------------------------------------------------------------------------------------

inline StagedRow staged_row(const MemberKey& key, const Row& row, const domain::StateKey& state_key) {
  StagedRow staged;
  staged.key = key;
  staged.fingerprint = state_key.fingerprint(row.email + '\t' + row.name + '\t' + row.rejection);
  staged.email = email(row.email);
  staged.rejection = row.rejection;
  if (!row.rejection.empty()) return staged;
  auto& member = staged.member.emplace();
  member.email = *staged.email;
  member.fields = {{"name", row.name}};
  return staged;
}

inline void stage_differences(Scan& scan, const Table& table, const domain::StateKey& state_key) {
  SnapshotRow stored;
  bool more = scan.next(stored);
  const auto gone_before = [&](const MemberKey* next) {
    for (; more && (next == nullptr || stored.key < *next); more = scan.next(stored))
      scan.stage_gone(stored.key);
  };
  for (const auto& [member_key, row] : table) {
    gone_before(&member_key);
    const bool known = more && stored.key == member_key;
    const auto staged = staged_row(member_key, row, state_key);
    if (!known || stored.shadowed || stored.fingerprint != staged.fingerprint) scan.stage(staged);
    if (known) more = scan.next(stored);
  }
  gone_before(nullptr);
}

/// Everybody of the table is wanted subscribed.
inline ledger::AddressDecision decided(const TouchedAddress& address, const domain::StateKey& state_key,
                                       UtcTime now) {
  ledger::AddressDecision decision;
  if (address.ledger) decision.wanted = address.ledger->wanted;
  decision.wanted.intent = address.bearers.empty() ? domain::Intent::Absent : domain::Intent::Subscribed;
  if (address.bearers.empty()) decision.wanted.left_at = now;
  decision.inherits = address.member_opt_out;
  for (const auto& bearer : address.bearers) {
    if (!bearer.member) continue;
    decision.key = bearer.key;
    decision.values = bearer.member->fields;
    decision.wanted.fields = domain::fingerprint_of(bearer.member->fields, state_key);
    break;
  }
  return decision;
}

inline Scan scan_of(Store& store, MirrorId mirror, const Table& table) {
  auto scan = store.begin_scan(mirror);
  stage_differences(scan, table, store.key());
  TouchedAddress address;
  while (scan.next_address(address))
    scan.decide(decided(address, store.key(), start), 0);
  return scan;
}

inline void take_over(Transaction& transaction, MirrorId mirror, Scan& scan) {
  transaction.take_over(scan);
  Decided one;
  while (scan.next_decision(one)) {
    const auto before = transaction.find(mirror, one.email);
    transaction.write(mirror, one.email, before, ledger::after_decision(before, one.decision, {}, start));
  }
}

inline void read_table(Store& store, MirrorId mirror, const Table& table) {
  auto scan = scan_of(store, mirror, table);
  in_transaction([&](Transaction& transaction) { take_over(transaction, mirror, scan); })(store);
}

inline std::vector<SnapshotRow> snapshot(Store& store, MirrorId mirror) {
  auto scan = store.begin_scan(mirror);
  std::vector<SnapshotRow> rows;
  SnapshotRow row;
  while (scan.next(row))
    rows.push_back(row);
  return rows;
}

// ---- people
// ------------------------------------------------------------------------------------------------

/// The person as they were seen before `change` was made.
inline ledger::RemoteView observe(Store& store, MirrorId mirror, const std::string& address,
                                  const ledger::RemoteChange& change, UtcTime now = start) {
  return in_transaction([&](Transaction& transaction) {
    const auto before = transaction.find(mirror, email(address));
    transaction.write(mirror, email(address), before, ledger::after_observation(before, change, {}, now));
    return ledger::view_of(before);
  })(store);
}

/// A call goes out for those who wait to be subscribed; the people, without whom there is none.
inline std::vector<std::pair<domain::EmailAddress, ledger::LedgerRow>> claim(Store& store, MirrorId mirror,
                                                                             std::size_t most = 100) {
  return in_transaction([&](Transaction& transaction) {
    const QueueLine line{mirror, Lane::Upsert, "subscribe:"};
    auto people = transaction.waiting(line, {start, true}, most).people;
    std::vector<domain::EmailAddress> addresses;
    for (const auto& [address, row] : people)
      addresses.push_back(address);
    if (!people.empty()) transaction.claim(line, addresses);
    return people;
  })(store);
}

inline void settle(Transaction& transaction, MirrorId mirror, const std::vector<ledger::Settlement>& people) {
  for (const auto& person : people) {
    const auto before = transaction.find(mirror, person.email);
    transaction.write(mirror, person.email, before, ledger::after_answer(before, person, {}, start));
  }
}
inline void settle(Store& store, MirrorId mirror, const std::vector<ledger::Settlement>& people) {
  in_transaction([&](Transaction& transaction) { settle(transaction, mirror, people); })(store);
}

/// They are where they are wanted.
inline ledger::Settlement delivered(const domain::EmailAddress& address, const ledger::LedgerRow& row) {
  ledger::Settlement settlement;
  settlement.email = address;
  settlement.confirmed.status = RemoteStatus::Subscribed;
  settlement.confirmed.since = start;
  settlement.confirmed.fields = row.wanted.fields;
  return settlement;
}

}  // namespace stibee_sync::store::testing_support

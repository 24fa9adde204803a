#pragma once

#include "stibee_sync/domain/fingerprint.hpp"
#include "stibee_sync/domain/member_key.hpp"
#include "stibee_sync/ledger/opt_out.hpp"
#include "store/sqlite.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace stibee_sync::store {

/// `StateKey::person_hash` of an address, or of the key of a row.
using PersonHash = std::array<std::uint8_t, 32>;
PersonHash hash_of_member(const domain::StateKey& key, const domain::MemberKey& member);

PersonHash person_at(const Statement& row, int column);
/// From the columns at, by_whom, reason, consent.
ledger::Suppression suppression_at(const Statement& row, int first);

struct SuppressionRecord {
  std::int64_t list_id = 0;
  PersonHash person{};
  ledger::Suppression suppression;
  bool of_member = false;  // the hash is of a row's key
};

/// The table `suppression` of the state: the opt-outs on record that are active. What decides in the end is
/// the journal (suppression_journal.hpp), which this one follows.
class SuppressionTable {
 public:
  explicit SuppressionTable(Connection& connection);

  bool any(std::int64_t list_id);
  /// Of addresses.
  std::size_t count(std::int64_t list_id);
  std::optional<ledger::Suppression> find(std::int64_t list_id, const PersonHash& person);
  bool any_of_members(std::int64_t list_id);
  void put(const SuppressionRecord& record);
  void erase(std::int64_t list_id, const PersonHash& person);
  std::vector<SuppressionRecord> all();

  /// Up to which number of the journal this table follows it; nullopt: it never did.
  std::optional<std::int64_t> applied();
  void set_applied(std::int64_t sequence);

 private:
  Statement any_, any_of_members_, count_, find_, put_, erase_, all_, applied_, set_applied_;
};

}  // namespace stibee_sync::store

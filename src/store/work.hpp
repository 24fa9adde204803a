#pragma once

#include "stibee_sync/store/transaction.hpp"
#include "store/tables.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace stibee_sync::store {

/// An open transaction, with what its commit changes in memory.
struct Transaction::Work {
  explicit Work(Store::Tables& of);
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  ~Work();
  void commit();

  /// What spares looking for people who cannot be there.
  struct Known {
    std::int64_t list_id = 0;
    bool has_traces = false;
    bool has_suppressions = false;
    std::string last_address;  // that may have a row
  };
  Known& known(MirrorId mirror);
  /// An opt-out on record (nullopt: lifted) is the address's and the members' whose rows bear it.
  void suppress(MirrorId mirror, const std::string& email, const ledger::Person& before,
                const ledger::Person& after);
  void suppress_members(MirrorId mirror, const std::string& email, const ledger::Person& before,
                        const ledger::Person& after);
  std::vector<domain::MemberKey> bearers_of(MirrorId mirror, const std::string& email);
  std::vector<domain::MemberKey> members_of(MirrorId mirror, const std::string& email,
                                            const ledger::Person& person);
  /// The newest on record of those whose rows bear the address, by the snapshot, or of `key`.
  std::optional<ledger::Suppression> member_opt_out(MirrorId mirror, const std::string& email,
                                                    const std::optional<domain::MemberKey>& key);
  /// The address that a row bears by the snapshot; "": none.
  std::string borne_by(MirrorId mirror, const domain::MemberKey& key);

  /// Whether it has written anything so far.
  bool changed() const;
  void set_facts(MirrorId mirror, const SourceFacts& facts);

  Store::Tables& tables;
  SqlTransaction transaction;
  bool committed = false;
  Scan::State* taken_over = nullptr;  // the read, whose own words are no news to it
  std::vector<std::string> logged;    // limiter classes
  std::vector<JournalEntry> to_journal;

 private:
  void suppress_member(MirrorId mirror, const domain::MemberKey& key, const std::string& email,
                       const ledger::Person& before, const ledger::Person& after);
  void count_word();
  void put(const SuppressionRecord& record);
  void erase(SuppressionRecord record);
  std::vector<std::int64_t> forget_ended_calls();

  std::map<MirrorId, Known> mirrors;
  std::map<MirrorId, SourceFacts> later_facts;  // which alone are no reason to write
  int changes_before = 0;
};

}  // namespace stibee_sync::store

#pragma once

#include "contract/store_world.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

// What the store, and the pipeline's work on it, are to do, in the most obvious way: plain maps that are
// looked through from end to end. For one mirror.
namespace stibee_sync::store_tests {

struct NaiveMember {
  domain::Fingerprint fingerprint;
  std::optional<std::string> email;
  bool subscribed = true;
  bool shadowed = false;
  std::string rejection;
  std::string rejected_column;
};

struct NaiveWriteback {
  store::PendingWriteback item;
  UtcTime not_before{};
};

/// What is remembered. What of it a crash forgets: `Person::call`.
struct NaiveState {
  std::map<MemberKey, NaiveMember> members;
  std::map<std::string, ledger::Person> people;            // by address; nobody of whom nothing is known
  std::map<std::string, std::uint64_t> touched;            // address → number of the touch
  std::map<std::int64_t, std::vector<std::string>> calls;  // whoever they were made for
  std::map<std::string, MemberKey> moved_on;               // of traces: whose row bore the address
  std::map<MemberKey, ledger::Suppression> members_out;    // whoever opted out, by the keys of their rows
  std::uint64_t members_words = 0;                         // changes of those
  std::map<std::string, std::uint64_t> resubscribes;       // address → how often one was to be written back
  std::vector<NaiveWriteback> writebacks;                  // oldest first
  std::vector<store::HeldChanges> holds;
  std::map<std::string, UtcTime> approvals;  // digest → end
  std::size_t attempts = 0;
  std::optional<UtcTime> last_success;
  std::uint64_t reads = 0;  // that were committed
};

/// Looks like the store's scan. Sees a copy of the state.
class NaiveScan {
 public:
  explicit NaiveScan(NaiveState before);

  bool next(store::SnapshotRow& row);
  void stage(const store::StagedRow& row);
  void stage_gone(const MemberKey& key);
  bool next_address(store::TouchedAddress& address);
  void decide(const ledger::AddressDecision& decision, int change_class);
  /// Both ends of a move wait if one does, but for those of the class that never waits with others.
  void hold_back(const std::vector<int>& change_classes, int never_with_others);

  struct Decision {
    ledger::AddressDecision decision;
    int change_class = 0;
    bool moved_there = false;                         // at Stibee, when the read began
    std::set<MemberKey> rows;                         // staged ones that concern the address
    std::vector<std::pair<MemberKey, bool>> bearers;  // and whether each is to be staged at every read
  };
  bool held(const std::string& address) const { return held_.contains(address); }
  /// The row rests on a decision that is held.
  bool waits(const MemberKey& key) const;

  NaiveState before;
  std::map<MemberKey, std::optional<store::StagedRow>> staged;  // nullopt: gone
  std::map<std::string, Decision> decisions;                    // by address

 private:
  std::set<std::string> addresses() const;
  std::vector<store::BearerRow> bearers_of(const std::string& address) const;
  std::set<MemberKey> rows_about(const std::string& address) const;
  std::optional<std::string> stored_address(const MemberKey& key) const;
  void add_circumstances(store::TouchedAddress& address) const;

  std::optional<MemberKey> last_row_;  // of the snapshot, that was shown
  std::optional<std::string> last_;    // address that was presented
  std::set<std::string> held_;         // addresses
};

class NaiveStore {
 public:
  explicit NaiveStore(store::MirrorId mirror) : mirror_(mirror) {}

  NaiveScan begin_scan() const { return NaiveScan(state); }
  /// nullopt: another read was committed meanwhile.
  std::optional<pipeline::AppliedRead> commit(NaiveScan scan, const ReadOptions& options,
                                              const ledger::Policy& policy);

  ledger::Person find(const std::string& address) const;
  std::map<std::string, UtcTime> heads(Lane lane, const store::Due& due) const;  // shape → due
  store::Waiting waiting(const store::QueueLine& line, const store::Due& due, std::size_t most) const;
  std::optional<pipeline::Claimed> claim(const store::Due& due, std::size_t most);
  void release(const std::vector<domain::EmailAddress>& people);
  void settle(const std::vector<ledger::Settlement>& people, const ledger::Policy& policy, UtcTime now);
  std::size_t unpark(const std::string& reason, const std::string& address, const ledger::Policy& policy,
                     UtcTime now);
  void hasten(UtcTime now);
  void place_all(const ledger::Policy& policy, UtcTime now);
  void observe(const std::string& address, const pipeline::Consequence& consequence,
               const ledger::Policy& policy, UtcTime now);
  bool use_approval(const std::string& digest, UtcTime now);
  void crash();

  std::vector<store::PendingWriteback> due_writebacks(UtcTime now, UtcTime latest, std::size_t most) const;
  std::optional<UtcTime> next_writeback() const;
  void finish_writeback(std::int64_t id);
  void postpone_writeback(std::int64_t id, UtcTime not_before);

  std::optional<UtcTime> next_due() const;
  store::Summary summary(UtcTime now) const;
  std::vector<store::ParkedPerson> parked() const;
  std::size_t pending(UtcTime now) const;
  std::size_t suppressed() const;

  NaiveState state;

 private:
  bool heard_since(const NaiveScan& scan, const std::string& address) const;
  std::optional<ledger::Suppression> member_opt_out(const std::string& address,
                                                    const std::optional<MemberKey>& bearer) const;
  void write(const std::string& address, const ledger::Person& before, const ledger::Person& after);
  void note_who_moved_on(const std::string& address, const ledger::Person& before,
                         const ledger::Person& after);
  bool gets_another_key(const ledger::Person& before, const ledger::Person& after) const;
  std::set<MemberKey> members_of(const std::string& address, const ledger::Person& before,
                                 const ledger::Person& after) const;
  void record_members(const std::string& address, const ledger::Person& before, const ledger::Person& after);
  void touch(const std::string& address) { state.touched[address] = ++last_touch_; }
  void forget_touched(const NaiveScan& scan);
  pipeline::AppliedRead apply(const NaiveScan& scan, const ledger::Policy& policy, UtcTime now);
  std::size_t take_over_rows(const NaiveScan& scan);
  void set_shadowed(const NaiveScan& scan);
  void forget_ended_calls();

  store::MirrorId mirror_;
  std::map<std::string, std::int64_t> out_;  // address → number of the call
  std::uint64_t last_touch_ = 0;
  std::int64_t last_call_ = 0;
  std::int64_t last_writeback_ = 0;
};

/// The merge of a state with a list.
std::vector<store::ListedPair> pairs_of(const NaiveState& state,
                                        const std::map<std::string, store::Listed>& listed);

}  // namespace stibee_sync::store_tests

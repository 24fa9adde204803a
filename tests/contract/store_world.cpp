#include "contract/store_world.hpp"

#include "stibee_sync/ledger/confirmed.hpp"
#include "stibee_sync/ledger/next_operation.hpp"
#include "stibee_sync/ledger/transitions.hpp"

#include <algorithm>

namespace stibee_sync::store_tests {

using domain::Intent;

namespace {

// The same for every store, so that two of them can be compared.
const domain::StateKey& fingerprint_key() {
  static const domain::StateKey key{domain::StateKey::Bytes{}};
  return key;
}

int class_of(Intent was, const domain::Wanted& wanted, const store::TouchedAddress& address) {
  const auto& before = address.ledger;
  switch (wanted.intent) {
    case Intent::Subscribed:
      if (was == Intent::Subscribed) return wanted == before->wanted ? None : Update;
      return before && before->confirmed.status == RemoteStatus::Unsubscribed ? Resubscribe : Add;
    case Intent::Unsubscribed:
      return was == Intent::Subscribed ? OptOut : None;
    case Intent::Absent:
      if (was == Intent::Absent) return None;
      return address.left_saying_no ? OptOut : Removal;
  }
  std::abort();
}

void take_values(ledger::AddressDecision& decision, const domain::Member& member) {
  decision.values = member.fields;
  decision.wanted.fields = domain::fingerprint_of(member.fields, fingerprint_key());
  decision.wanted.groups = member.groups;
  decision.wanted.consented_at = member.consented_at;
}

}  // namespace

ledger::Policy default_policy() {
  ledger::Policy policy;
  policy.delete_after = day;
  return policy;
}

// ---- reads -----------------------------------------------------------------------------------------------

domain::Fingerprint fingerprint_of(const Row& row) {
  std::string text = row.email + '\t' + row.name + '\t' + (row.subscribed ? "y" : "n") + '\t' + row.rejection;
  for (const auto group : row.groups)
    text += '\t' + std::to_string(group);
  if (row.keeps_address) text += "\tunusable";
  if (row.consented_at) text += "\t@" + std::to_string(row.consented_at->time_since_epoch().count());
  return fingerprint_key().fingerprint(text);
}

store::StagedRow staged_row(const MemberKey& key, const Row& row) {
  store::StagedRow staged;
  staged.key = key;
  staged.fingerprint = fingerprint_of(row);
  if (!row.email.empty()) staged.email = email(row.email);
  staged.keeps_address = row.keeps_address;
  staged.subscribed = row.subscribed;
  if (!row.rejection.empty() || row.email.empty()) {
    staged.rejection = row.rejection.empty() ? "empty_address" : row.rejection;
    staged.rejected_column = row.email.empty() ? "email" : "name";
    return staged;
  }
  domain::Member member;
  member.email = *staged.email;
  member.subscribed = row.subscribed;
  member.groups = row.groups;
  member.consented_at = row.consented_at;
  member.fields = {{"name", row.name}};
  staged.member = std::move(member);
  return staged;
}

domain::Fingerprint item_of(const std::string& address) {
  domain::Fingerprint item;
  for (std::size_t i = 0; i < address.size(); ++i)
    item.bytes[i % item.bytes.size()] ^= static_cast<std::uint8_t>(address[i]);
  return item;
}

Presented decided(const store::TouchedAddress& address, UtcTime now) {
  const auto& bearers = address.bearers;
  if (!std::is_sorted(bearers.begin(), bearers.end(),
                      [](const auto& a, const auto& b) { return a.key < b.key; })) {
    throw std::runtime_error("bearers out of order");
  }
  Presented presented{address, {}, None};
  auto& decision = presented.decision;
  auto& wanted = decision.wanted;
  if (address.ledger) wanted = address.ledger->wanted;
  const auto was = wanted.intent;
  const auto usable = std::find_if(bearers.begin(), bearers.end(), [&](const auto& bearer) {
    return !bearer.rejected && (bearer.member || address.ledger);
  });
  const bool all = std::all_of(bearers.begin(), bearers.end(), [](const auto& b) { return b.subscribed; });
  if (bearers.empty()) {
    wanted.intent = Intent::Absent;
    if (was != Intent::Absent || !wanted.left_at) wanted.left_at = now;
    if (was == Intent::Unsubscribed || address.left_by_living) wanted.silenced = true;
  } else if (!all && !(address.awaits_resubscribe && was == Intent::Subscribed)) {
    wanted.intent = Intent::Unsubscribed;
  } else if (usable != bearers.end()) {
    wanted.intent = Intent::Subscribed;
  }
  if (wanted.intent != Intent::Absent) {
    wanted.left_at.reset();
    wanted.silenced = false;
  }
  if (!bearers.empty()) decision.key = usable == bearers.end() ? bearers.front().key : usable->key;
  if (usable != bearers.end() && usable->member) take_values(decision, *usable->member);
  decision.inherits = address.member_opt_out;
  auto known = address.ledger ? address.ledger->confirmed : domain::Confirmed{};
  if (address.member_opt_out) known = ledger::inheriting(std::move(known), *address.member_opt_out);
  if (wanted.intent == Intent::Subscribed && known.status == RemoteStatus::OptedOut) {
    wanted.renewed.reset();
    if (ledger::newer_consent(wanted, known, now)) wanted.renewed = known.since;
  }
  presented.change_class = class_of(was, wanted, address);
  return presented;
}

World::World() {
  reopen();
}

void World::reopen() {
  owned.reset();
  store::OpenReport report;
  owned = store::open_store(directory.path(), report);
  if (report.damaged_set_aside || report.suppressions_set_aside)
    throw std::runtime_error("the state was taken for damaged");
  store = owned.get();
  mirror = store->open_mirror("members", 1234);
}

store::Scan World::scan(const Table& table, UtcTime now, ReadResult& result) {
  auto scan = store->begin_scan(mirror);
  read_into(scan, table, now, result);
  return scan;
}

pipeline::AppliedRead World::commit(store::Scan scan, const ReadOptions& options) {
  return commit_in_parts(std::move(scan), std::numeric_limits<std::size_t>::max(), options);
}

pipeline::AppliedRead World::commit_in_parts(store::Scan scan, std::size_t most, const ReadOptions& options,
                                             std::size_t parts) {
  scan.hold_back(store::HoldBack{options.held, {}, OptOut});
  pipeline::AppliedRead applied;
  for (; parts > 0 && !applied.last; --parts) {
    change([&](store::Transaction& transaction) {
      const auto part = pipeline::apply_read(transaction, mirror, scan, policy, options.now, most);
      applied.rows += part.rows;
      applied.addresses += part.addresses;
      applied.erased += part.erased;
      applied.last = part.last;
      if (!part.last) return;
      store::SourceFacts facts;
      facts.last_success = options.now;
      transaction.set_facts(mirror, facts);
      transaction.replace_holds(mirror, options.holds, options.now + std::chrono::hours(1));
      transaction.drop_expired_approvals(mirror, options.now);
      transaction.erase_echo_traces(mirror, options.now - ledger::echo_window);
    });
  }
  return applied;
}

ReadResult World::read(const Table& table, const ReadOptions& options) {
  ReadResult result;
  auto staged = scan(table, options.now, result);
  result.applied = commit(std::move(staged), options);
  return result;
}

store::SnapshotRow World::snapshot_row(const MemberKey& wanted) {
  auto scan = store->begin_scan(mirror);
  store::SnapshotRow row;
  while (scan.next(row)) {
    if (row.key == wanted) return row;
  }
  throw std::runtime_error("no such row in the snapshot");
}

std::vector<MemberKey> World::snapshot_keys() {
  auto scan = store->begin_scan(mirror);
  std::vector<MemberKey> keys;
  store::SnapshotRow row;
  while (scan.next(row))
    keys.push_back(row.key);
  return keys;
}

// ---- the queue -------------------------------------------------------------------------------------------

std::optional<pipeline::Claimed> World::claim(const std::vector<store::MirrorId>& mirrors,
                                              const store::Due& due, const pipeline::Capacity& capacity) {
  return change([&](store::Transaction& transaction) -> std::optional<pipeline::Claimed> {
    const auto line = pipeline::most_urgent(transaction, mirrors, due, capacity);
    if (!line) return std::nullopt;
    const auto most = capacity(*line);
    auto waiting = transaction.waiting(*line, due, most);
    auto claimed = pipeline::claim(transaction, *line, std::move(waiting), most);
    transaction.log_attempt(attempt_at(due.now));
    return claimed;
  });
}

std::optional<pipeline::Claimed> World::claim(UtcTime now, std::size_t most, bool retries) {
  return claim({mirror}, {now, retries}, [most](const store::QueueLine&) { return most; });
}

void World::release(const std::vector<domain::EmailAddress>& people) {
  change([&](store::Transaction& transaction) { transaction.release(mirror, people); });
}

void World::deliver(const pipeline::Claimed& claimed, UtcTime now) {
  std::vector<ledger::Settlement> people;
  for (const auto& person : claimed.people) {
    ledger::Settlement settlement;
    settlement.email = person.email;
    settlement.confirmed = delivered(claimed, person, policy, now);
    people.push_back(std::move(settlement));
  }
  settle(people, now);
}

void World::deliver_all(UtcTime now) {
  for (int calls = 0; calls < 1000; ++calls) {
    const auto claimed = claim(now);
    if (!claimed) return;
    deliver(*claimed, now);
  }
  throw std::runtime_error("the queue does not become empty");
}

void World::settle(const std::string& address, ledger::Settlement::Next next, UtcTime now, int attempts,
                   UtcTime not_before, std::uint32_t batch_limit) {
  ledger::Settlement settlement;
  settlement.email = email(address);
  if (const auto person = find(address); person.row) settlement.confirmed = person.row->confirmed;
  settlement.next = next;
  settlement.attempts = attempts;
  settlement.not_before = not_before;
  settlement.batch_limit = batch_limit;
  settlement.reason = domain::Reason::WrongEmail;
  settlement.message = "no such domain";
  settle(settlement, now);
}

void World::settle(const ledger::Settlement& settlement, UtcTime now) {
  settle(std::vector{settlement}, now);
}

void World::settle(const std::vector<ledger::Settlement>& people, UtcTime now) {
  change(
      [&](store::Transaction& transaction) { pipeline::settle(transaction, mirror, people, policy, now); });
}

std::size_t World::unpark(std::string_view reason, std::string_view address, UtcTime now) {
  return change([&](store::Transaction& transaction) {
    return pipeline::unpark(transaction, mirror, reason, address, policy, now);
  });
}

void World::hasten(UtcTime now) {
  change([&](store::Transaction& transaction) { pipeline::hasten(transaction, mirror, now); });
}

void World::place_all(UtcTime now) {
  std::optional<std::string> after = "";
  while (after) {
    change([&](store::Transaction& transaction) {
      after = pipeline::place_some(transaction, mirror, *after, policy, now);
    });
  }
}

// ---- what Stibee shows, and what the member database is told ---------------------------------------------

ledger::RemoteView World::observe(const std::string& address, const pipeline::Consequence& consequence,
                                  UtcTime now) {
  return change([&](store::Transaction& transaction) {
    const auto person = transaction.find(mirror, email(address));
    pipeline::carry_out(transaction, mirror, email(address), person, consequence, policy, now);
    return ledger::view_of(person);
  });
}

void World::finish_writeback(std::int64_t id) {
  change([&](store::Transaction& transaction) {
    if (const auto whose = transaction.erase_writeback(mirror, id)) transaction.touch(mirror, *whose);
  });
}

void World::postpone_writeback(std::int64_t id, UtcTime not_before) {
  change([&](store::Transaction& transaction) { transaction.postpone_writeback(mirror, id, not_before); });
}

// ---- calls -----------------------------------------------------------------------------------------------

std::optional<domain::Operation> operation_for(const pipeline::Claimed& claimed,
                                               const pipeline::ClaimedPerson& person,
                                               const ledger::Policy& policy, UtcTime now) {
  const auto step = ledger::next_operation(person.wanted, person.confirmed, policy, now);
  const auto* operation = std::get_if<domain::Operation>(&step);
  if (operation == nullptr || ledger::shape_of(*operation) != claimed.line.shape) return std::nullopt;
  return *operation;
}

domain::Confirmed delivered(const pipeline::Claimed& claimed, const pipeline::ClaimedPerson& person,
                            const ledger::Policy& policy, UtcTime now) {
  const auto operation = operation_for(claimed, person, policy, now);
  if (!operation) return person.confirmed;
  domain::Outcome outcome;
  outcome.kind = domain::OutcomeKind::Delivered;
  return ledger::confirmed_after(person.confirmed, *operation, person.wanted, outcome, now);
}

std::vector<std::string> addresses_of(const pipeline::Claimed& claimed) {
  std::vector<std::string> addresses;
  for (const auto& person : claimed.people)
    addresses.push_back(person.email.text());
  return addresses;
}

store::LoggedAttempt attempt_at(UtcTime now) {
  store::LoggedAttempt attempt;
  attempt.limiter_class = "all";
  attempt.at = now;
  attempt.boot_id = "boot";
  attempt.since_boot_ns = 42;
  return attempt;
}

}  // namespace stibee_sync::store_tests

#include "contract/store_world.hpp"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace stibee_sync::store_tests {

using domain::Intent;

store::Placement place(const domain::Wanted& wanted, const domain::Confirmed& confirmed, UtcTime now) {
  store::Placement placement;
  const auto queue = [&](Lane lane, std::string shape, UtcTime due) {
    placement.lane = lane;
    placement.shape = std::move(shape);
    placement.due = due;
  };
  const bool mailed = confirmed.status == RemoteStatus::Subscribed || confirmed.maybe_subscribed;
  switch (wanted.intent) {
    case Intent::Subscribed:
      if (confirmed.status == RemoteStatus::OptedOut) break;
      if (confirmed.status == RemoteStatus::Purged) {
        placement.impossible = "purged";
      } else if (confirmed.status == RemoteStatus::Unsubscribed) {
        queue(Lane::Upsert, "resubscribe:", now);
      } else if (confirmed.status == RemoteStatus::Unknown || confirmed.fields != wanted.fields) {
        std::string shape = "subscribe:";
        for (const auto group : wanted.groups)
          shape += std::to_string(group) + ",";
        queue(Lane::Upsert, shape, now);
      } else if (confirmed.groups != wanted.groups || !confirmed.maybe_groups.empty()) {
        queue(Lane::Upsert, "group:", now);
      }
      break;
    case Intent::Unsubscribed:
      if (mailed) queue(Lane::Optout, "unsubscribe", now);
      break;
    case Intent::Absent: {
      if (mailed) {
        queue(Lane::Optout, "unsubscribe", now);
      } else if (confirmed.status == RemoteStatus::Unsubscribed) {
        queue(Lane::Delete, "delete", std::max(now, wanted.left_at.value_or(now) + day));
      } else {
        placement.finished = true;
      }
      break;
    }
  }
  return placement;
}

store::Placement place_nobody(const domain::Wanted& wanted, const domain::Confirmed& confirmed, UtcTime now) {
  auto placement = place(wanted, confirmed, now);
  if (placement.lane == Lane::Upsert) {
    placement = {};
    placement.impossible = "not_allowed";
  }
  return placement;
}

TemporaryDirectory::TemporaryDirectory() {
  // In memory where there is such a place: thousands of commits, each of which waits for the disk.
  std::error_code error;
  const bool in_memory = std::getenv("TMPDIR") == nullptr && std::filesystem::is_directory("/dev/shm", error);
  const auto parent = in_memory ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path();
  std::string name = (parent / "stibee-store-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a temporary directory");
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

namespace {

class MemoryBackend : public Backend {
 public:
  std::unique_ptr<store::Store> open() override { return store::make_memory_store(state_); }

 private:
  std::shared_ptr<store::MemoryState> state_ = store::make_memory_state();
};

class SqliteBackend : public Backend {
 public:
  std::unique_ptr<store::Store> open() override {
    store::OpenReport report;
    auto store = store::open_sqlite_store(directory_.path(), report);
    if (report.damaged_set_aside) throw std::runtime_error("the state was taken for damaged");
    return store;
  }

 private:
  TemporaryDirectory directory_;
};

domain::Fingerprint fingerprint_of(const Row& row, const domain::StateKey& key) {
  std::string text = row.email + '\t' + row.name + '\t' + (row.subscribed ? "y" : "n") + '\t' + row.rejection;
  for (const auto group : row.groups)
    text += '\t' + std::to_string(group);
  return key.fingerprint(text);
}

store::StagedRow staged_row(const MemberKey& key, const Row& row, const domain::StateKey& state_key) {
  store::StagedRow staged;
  staged.key = key;
  staged.fingerprint = fingerprint_of(row, state_key);
  if (!row.email.empty()) staged.email = email(row.email);
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
  member.fields = {{"name", row.name}};
  staged.member = std::move(member);
  return staged;
}

// The rule of the real differ, in short.
store::AddressDecision decide(const std::vector<store::BearerRow>& bearers,
                              const std::optional<store::LedgerView>& before, const domain::StateKey& key,
                              UtcTime now) {
  store::AddressDecision decision;
  auto& wanted = decision.wanted;
  if (before) wanted = before->wanted;
  const auto was = wanted.intent;
  decision.duplicate = bearers.size() > 1;
  const auto usable = std::find_if(bearers.begin(), bearers.end(), [&](const auto& bearer) {
    return !bearer.rejected && (bearer.member || before);
  });
  const bool all = std::all_of(bearers.begin(), bearers.end(), [](const auto& b) { return b.subscribed; });
  if (bearers.empty()) {
    wanted.intent = Intent::Absent;
    if (was != Intent::Absent || !wanted.left_at) wanted.left_at = now;
  } else if (!all) {
    wanted.intent = Intent::Unsubscribed;
  } else if (usable != bearers.end()) {
    wanted.intent = Intent::Subscribed;
  }
  if (wanted.intent != Intent::Absent) wanted.left_at.reset();
  if (!bearers.empty()) decision.key = usable == bearers.end() ? bearers.front().key : usable->key;
  if (usable != bearers.end() && usable->member) {
    decision.values = usable->member->fields;
    wanted.fields = domain::fingerprint_of(usable->member->fields, key);
    wanted.groups = usable->member->groups;
  }
  switch (wanted.intent) {
    case Intent::Subscribed:
      if (was == Intent::Subscribed) {
        decision.change_class = wanted == before->wanted ? None : Update;
      } else {
        decision.change_class =
            before && before->confirmed.status == RemoteStatus::Unsubscribed ? Resubscribe : Add;
      }
      break;
    case Intent::Unsubscribed:
      decision.change_class = was == Intent::Subscribed ? OptOut : None;
      break;
    case Intent::Absent:
      decision.change_class = was == Intent::Absent ? None : Removal;
      break;
  }
  return decision;
}

}  // namespace

std::unique_ptr<Backend> memory_backend() {
  return std::make_unique<MemoryBackend>();
}
std::unique_ptr<Backend> sqlite_backend() {
  return std::make_unique<SqliteBackend>();
}

World::World(std::unique_ptr<Backend> made) : backend(std::move(made)) {
  reopen();
}

void World::reopen() {
  owned.reset();
  owned = backend->open();
  store = owned.get();
  mirror = store->open_mirror("members", 1234);
}

std::unique_ptr<store::Scan> World::scan(const Table& table, UtcTime now, ReadResult& result) {
  auto scan = store->begin_scan(mirror);
  // The same for every store, so that two of them can be compared.
  static const domain::StateKey state_key{domain::StateKey::Bytes{}};
  store::SnapshotRow stored;
  bool more = scan->next(stored);
  const auto gone_before = [&](const MemberKey* key) {
    while (more && (key == nullptr || stored.key < *key)) {
      scan->stage_gone(stored.key);
      result.staged.push_back(stored.key);
      more = scan->next(stored);
    }
  };
  for (const auto& [member_key, row] : table) {
    gone_before(&member_key);
    const bool known = more && stored.key == member_key;
    const bool same = known && stored.fingerprint == fingerprint_of(row, state_key) && !stored.shadowed;
    if (known) more = scan->next(stored);
    if (same) continue;
    scan->stage(staged_row(member_key, row, state_key));
    result.staged.push_back(member_key);
  }
  gone_before(nullptr);
  std::string last;
  scan->for_each_address([&](const domain::EmailAddress& address,
                             const std::vector<store::BearerRow>& bearers,
                             const std::optional<store::LedgerView>& before) {
    if (!(last < address.text())) throw std::runtime_error("addresses out of order");
    last = address.text();
    if (!std::is_sorted(bearers.begin(), bearers.end(),
                        [](const auto& a, const auto& b) { return a.key < b.key; })) {
      throw std::runtime_error("bearers out of order");
    }
    auto decision = decide(bearers, before, state_key, now);
    result.addresses[address.text()] = {bearers, before, decision};
    return decision;
  });
  return scan;
}

namespace {

store::CommitRequest request_of(const ReadOptions& options) {
  store::CommitRequest request;
  request.now = options.now;
  request.held_classes = options.held;
  request.holds = options.holds;
  request.place = options.rule;
  request.facts.last_success = options.now;
  return request;
}

}  // namespace

store::CommitReport World::commit(std::unique_ptr<store::Scan> scan, const ReadOptions& options) {
  return store->commit(std::move(scan), request_of(options));
}

store::CommitReport World::commit_ahead(store::Scan& scan, std::size_t most, const ReadOptions& options) {
  return store->commit_ahead(scan, request_of(options), most);
}

ReadResult World::read(const Table& table, const ReadOptions& options) {
  ReadResult result;
  auto staged = scan(table, options.now, result);
  result.report = commit(std::move(staged), options);
  return result;
}

std::optional<store::Claimed> World::claim(UtcTime now, std::size_t most, bool retries) {
  store::ClaimRequest request;
  request.mirrors = {mirror};
  request.now = now;
  request.retries_allowed = retries;
  request.max_people = [most](domain::Lane, const std::string&) { return most; };
  return store->claim(request, [now](const std::string&, std::size_t) { return attempt_at(now); });
}

void World::deliver(const store::Claimed& claimed, UtcTime now) {
  std::vector<store::Settlement> people;
  for (const auto& person : claimed.people) {
    store::Settlement settlement;
    settlement.email = person.email;
    settlement.confirmed = delivered(claimed, person, now);
    people.push_back(std::move(settlement));
  }
  store->settle(mirror, people, place, now);
}

void World::deliver_all(UtcTime now) {
  for (int calls = 0; calls < 1000; ++calls) {
    const auto claimed = claim(now);
    if (!claimed) return;
    deliver(*claimed, now);
  }
  throw std::runtime_error("the queue does not become empty");
}

void World::settle(const std::string& address, store::Settlement::Next next, UtcTime now, int attempts,
                   UtcTime not_before, std::uint32_t batch_limit) {
  store::Settlement settlement;
  settlement.email = email(address);
  if (const auto entry = find(address)) settlement.confirmed = entry->confirmed;
  settlement.next = next;
  settlement.attempts = attempts;
  settlement.not_before = not_before;
  settlement.batch_limit = batch_limit;
  settlement.reason = "wrong_email";
  settlement.message = "no such domain";
  settle(settlement, now);
}

void World::settle(const store::Settlement& settlement, UtcTime now) {
  store->settle(mirror, {settlement}, place, now);
}

store::SnapshotRow World::snapshot_row(const MemberKey& wanted) {
  const auto scan = store->begin_scan(mirror);
  store::SnapshotRow row;
  while (scan->next(row)) {
    if (row.key == wanted) return row;
  }
  throw std::runtime_error("no such row in the snapshot");
}

std::vector<MemberKey> World::snapshot_keys() {
  const auto scan = store->begin_scan(mirror);
  std::vector<MemberKey> keys;
  store::SnapshotRow row;
  while (scan->next(row))
    keys.push_back(row.key);
  return keys;
}

domain::Confirmed delivered(const store::Claimed& claimed, const store::ClaimedPerson& person, UtcTime now) {
  auto confirmed = person.confirmed;
  confirmed.maybe_subscribed = false;
  switch (claimed.lane) {
    case Lane::Optout:
      confirmed.status = RemoteStatus::Unsubscribed;
      confirmed.since = now;
      break;
    case Lane::Delete:
      confirmed = {};
      break;
    case Lane::Upsert:
      if (confirmed.status != RemoteStatus::Subscribed) confirmed.since = now;
      confirmed.status = RemoteStatus::Subscribed;
      if (claimed.shape != "group:") confirmed.fields = person.wanted.fields;
      confirmed.groups = person.wanted.groups;
      confirmed.maybe_groups.clear();
      break;
  }
  return confirmed;
}

std::vector<std::string> addresses_of(const store::Claimed& claimed) {
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

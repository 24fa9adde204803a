#include "contract/store_beside_model.hpp"
#include "stibee_sync/ledger/confirmed.hpp"

#include <algorithm>
#include <cstdlib>
#include <random>

#include <gtest/gtest.h>

// Random lives of a small mirror, told to the store and to a naive model of it: they must look the same after
// every step. A failing seed is printed; STORE_MODEL_SEED=n replays it alone.
namespace stibee_sync::store_tests {
namespace {

using domain::OutcomeKind;
using Next = ledger::Settlement::Next;

std::vector<ledger::Policy> policies() {
  std::vector<ledger::Policy> all(8, default_policy());
  all[1].can_resubscribe = false;
  all[2].confirm_email = true;
  all[3].groups_with_subscribe = false;
  all[4].on_leave = ledger::OnLeave::Delete;
  all[4].delete_after.reset();
  all[5].on_leave = ledger::OnLeave::Keep;
  all[6].on_remote_purge = ledger::OnRemotePurge::Restore;
  all[7].consent_alone = true;
  all[7].groups_with_subscribe = false;
  return all;
}

constexpr RemoteStatus all_statuses[] = {
    RemoteStatus::Unknown,     RemoteStatus::Subscribed, RemoteStatus::Unsubscribed, RemoteStatus::OptedOut,
    RemoteStatus::AutoDeleted, RemoteStatus::Purged,     RemoteStatus::Ready};

class Life : private StoreBesideModel {
 public:
  explicit Life(std::uint64_t seed) : random_(seed) {}

  void run(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      now_ += std::chrono::milliseconds(pick(4) == 0 ? pick(100'000'000) : pick(3));
      step();
      compare();
    }
  }
  const std::string& told() const { return told_; }

 private:
  std::uint64_t pick(std::uint64_t below) {
    return std::uniform_int_distribution<std::uint64_t>(0, below - 1)(random_);
  }
  bool chance(int percent) { return pick(100) < static_cast<std::uint64_t>(percent); }
  std::string some_address() { return std::string(1, static_cast<char>('a' + pick(6))) + "@x.kr"; }
  RemoteStatus some_status() { return all_statuses[pick(std::size(all_statuses))]; }

  void tell(const std::string& what) { told_ += what + "\n"; }

  void step() {
    switch (pick(22)) {
      case 0:
      case 1:
      case 2:
        change_table();
        return read();
      case 3:
      case 4:
      case 5:
        return claim();
      case 6:
      case 7:
      case 8:
      case 9:
        return settle();
      case 10:
        return release();
      case 11:
        return unpark();
      case 12:
        return hasten_or_place_all();
      case 13:
      case 14:
      case 15:
        return observe();
      case 16:
        return write_back();
      case 17:
      case 18:
        return list();
      case 19:
        return approve();
      case 20:
        return abandon();
      default:
        return crash();
    }
  }

  // ---- reads ---------------------------------------------------------------------------------------------

  void change_table() {
    for (auto n = pick(4); n > 0; --n) {
      const auto at = key(static_cast<std::int64_t>(pick(8)));
      if (chance(30)) {
        table_.erase(at);
        continue;
      }
      Row row;
      row.email = chance(10) ? "" : some_address();
      row.keeps_address = row.email.empty() && chance(50);
      row.name = chance(50) ? "ann" : "bob";
      row.subscribed = chance(75);
      if (chance(10)) row.rejection = "text_too_long";
      if (chance(40)) row.groups = {static_cast<domain::GroupId>(1 + pick(2))};
      if (chance(30)) row.consented_at = now_ - day * static_cast<int>(pick(2) * 800);
      table_[at] = row;
    }
  }

  // Half of the reads take their time: other things happen before their commit.
  void read() {
    if (slow_) return end_slow();
    if (chance(50)) return begin_slow();
    whole_read();
  }

  void whole_read() {
    const auto options = read_options();
    auto model_scan = model_.begin_scan();
    ReadResult wanted;
    read_into(model_scan, table_, now_, wanted);
    const auto applied = model_.commit(std::move(model_scan), options, world_.policy);
    const auto most = chance(50) ? std::numeric_limits<std::size_t>::max() : 1 + pick(4);
    ReadResult result;
    auto scan = world_.scan(table_, now_, result);
    result.applied = world_.commit_in_parts(std::move(scan), most, options);
    compare_reads(result, wanted);
    ASSERT_TRUE(applied);
    compare_applied(result.applied, *applied);
  }

  struct SlowRead {
    store::Scan real;
    NaiveScan model;
  };

  void begin_slow() {
    tell("a slow read");
    change_table();
    ReadResult result, wanted;
    slow_.emplace(SlowRead{world_.scan(table_, now_, result), model_.begin_scan()});
    read_into(slow_->model, table_, now_, wanted);
    compare_reads(result, wanted);
  }

  void end_slow() {
    const bool overtaken = chance(15);
    if (overtaken) whole_read();
    tell(overtaken ? "the slow one comes too late" : "its commit");
    auto slow = std::move(*slow_);
    slow_.reset();
    const auto options = read_options();
    const auto wanted = model_.commit(std::move(slow.model), options, world_.policy);
    EXPECT_EQ(wanted.has_value(), !overtaken);
    if (wanted) return compare_applied(world_.commit(std::move(slow.real), options), *wanted);
    EXPECT_THROW(world_.commit(std::move(slow.real), options), store::StoreError);
  }

  ReadOptions read_options() {
    ReadOptions options;
    options.now = now_;
    for (const int change_class : {None, Add, Update, OptOut, Resubscribe, Removal}) {
      if (chance(12)) options.held.push_back(change_class);
    }
    for (const auto* change_class : {"removals", "updates"}) {
      if (!chance(30)) continue;
      store::HeldChanges hold;
      hold.change_class = change_class;
      hold.digest = "digest" + std::to_string(pick(3));
      hold.count = pick(9);
      hold.since = now_;
      options.holds.push_back(std::move(hold));
    }
    tell("read, held " + std::to_string(options.held.size()));
    return options;
  }

  static void compare_applied(const pipeline::AppliedRead& real, const pipeline::AppliedRead& model) {
    EXPECT_EQ(real.rows, model.rows);
    EXPECT_EQ(real.addresses, model.addresses);
  }

  static void compare_reads(const ReadResult& real, const ReadResult& model) {
    EXPECT_EQ(real.staged, model.staged);
    ASSERT_EQ(real.addresses.size(), model.addresses.size());
    for (const auto& [address, presented] : real.addresses) {
      const auto other = model.addresses.find(address);
      ASSERT_NE(other, model.addresses.end()) << address;
      EXPECT_EQ(presented.change_class, other->second.change_class) << address;
      compare_addresses(presented.as, other->second.as);
    }
  }

  static void compare_addresses(const store::TouchedAddress& real, const store::TouchedAddress& model) {
    const auto& address = model.email.text();
    EXPECT_EQ(real.ledger, model.ledger) << address;
    EXPECT_EQ(real.member_opt_out, model.member_opt_out) << address;
    EXPECT_EQ(real.left, model.left) << address;
    EXPECT_EQ(real.left_by_living, model.left_by_living) << address;
    EXPECT_EQ(real.left_saying_no, model.left_saying_no) << address;
    EXPECT_EQ(real.awaits_resubscribe, model.awaits_resubscribe) << address;
    // Nobody asks otherwise.
    if (model.awaits_resubscribe) {
      EXPECT_EQ(real.awaits_unsubscribed, model.awaits_unsubscribed) << address;
    }
    compare_bearers(real.bearers, model.bearers);
  }

  static void compare_bearers(const std::vector<store::BearerRow>& real,
                              const std::vector<store::BearerRow>& model) {
    ASSERT_EQ(real.size(), model.size());
    for (std::size_t i = 0; i < real.size(); ++i) {
      EXPECT_EQ(real[i].key, model[i].key);
      EXPECT_EQ(real[i].subscribed, model[i].subscribed);
      EXPECT_EQ(real[i].rejected, model[i].rejected);
      EXPECT_EQ(real[i].was_subscribed, model[i].was_subscribed);
      ASSERT_EQ(real[i].member.has_value(), model[i].member.has_value());
      if (!real[i].member) continue;
      EXPECT_EQ(real[i].member->fields, model[i].member->fields);
      EXPECT_EQ(real[i].member->groups, model[i].member->groups);
      EXPECT_EQ(real[i].member->consented_at, model[i].member->consented_at);
    }
  }

  void approve() {
    const auto digest = "digest" + std::to_string(pick(3));
    tell("approve " + digest);
    if (chance(60)) {
      const auto expires = now_ + std::chrono::milliseconds(pick(100'000'000));
      world_.change([&](store::Transaction& change) { change.approve(world_.mirror, digest, expires); });
      model_.state.approvals[digest] = expires;
      return;
    }
    const auto use = [&](store::Transaction& change) {
      return change.use_approval(world_.mirror, digest, now_);
    };
    EXPECT_EQ(world_.change(use), model_.use_approval(digest, now_));
  }

  // ---- calls ---------------------------------------------------------------------------------------------

  void claim() {
    const auto most = 1 + pick(4);
    const bool retries = chance(80);
    tell("claim " + std::to_string(most) + (retries ? "" : ", no retries"));
    const auto real = world_.claim(now_, most, retries);
    const auto model = model_.claim({now_, retries}, most);
    ASSERT_EQ(real.has_value(), model.has_value());
    if (!real) return;
    EXPECT_EQ(real->line.lane, model->line.lane);
    EXPECT_EQ(real->line.shape, model->line.shape);
    EXPECT_EQ(real->is_retry, model->is_retry);
    EXPECT_EQ(real->batch_limit, model->batch_limit);
    ASSERT_EQ(addresses_of(*real), addresses_of(*model));
    for (std::size_t i = 0; i < real->people.size(); ++i) {
      EXPECT_EQ(real->people[i].wanted, model->people[i].wanted);
      EXPECT_EQ(real->people[i].confirmed, model->people[i].confirmed);
      EXPECT_EQ(real->people[i].values, model->people[i].values);
      EXPECT_EQ(real->people[i].attempts, model->people[i].attempts);
    }
    out_.push_back(*real);
  }

  /// What Stibee says of a person, and what we make of it.
  struct Answer {
    domain::Outcome outcome;
    UtcTime not_before{};
    std::uint32_t batch_limit = 0;
    std::optional<domain::Reason> reason;
  };

  Answer some_answer() {
    constexpr OutcomeKind kinds[] = {
        OutcomeKind::Delivered, OutcomeKind::Delivered, OutcomeKind::Delivered, OutcomeKind::AlreadyInState,
        OutcomeKind::Rejected,  OutcomeKind::Throttled, OutcomeKind::Transient, OutcomeKind::Unknown};
    Answer answer;
    answer.outcome.kind = kinds[pick(std::size(kinds))];
    if (chance(20)) answer.outcome.existed = chance(50);
    if (chance(15)) answer.outcome.observed = some_status();
    answer.not_before = now_;
    if (chance(50)) answer.not_before += std::chrono::milliseconds(pick(50'000'000));
    answer.batch_limit = static_cast<std::uint32_t>(pick(3));
    if (chance(80)) answer.reason = chance(50) ? domain::Reason::Timeout : domain::Reason::WrongEmail;
    return answer;
  }

  ledger::Settlement settlement_of(const pipeline::Claimed& claimed, const pipeline::ClaimedPerson& person,
                                   const Answer& answer) {
    ledger::Settlement settlement;
    settlement.email = person.email;
    settlement.confirmed = person.confirmed;
    const auto operation = operation_for(claimed, person, world_.policy, now_);
    if (!operation) return settlement;
    const auto& outcome = answer.outcome;
    settlement.confirmed =
        ledger::confirmed_after(person.confirmed, *operation, person.wanted, outcome, now_);
    if (chance(70)) settlement.sent = ledger::SentCall{*operation, person.wanted, outcome};
    if (outcome.kind == OutcomeKind::Delivered || outcome.kind == OutcomeKind::AlreadyInState)
      return settlement;
    settlement.next = outcome.kind == OutcomeKind::Rejected ? Next::Park : Next::Retry;
    settlement.attempts = person.attempts + 1;
    settlement.not_before = answer.not_before;
    settlement.batch_limit = answer.batch_limit;
    settlement.reason = answer.reason;
    settlement.message = "words";
    return settlement;
  }

  std::vector<ledger::Settlement> some_settlements(const pipeline::Claimed& claimed) {
    std::vector<ledger::Settlement> people;
    const bool all_the_same = chance(50);
    auto answer = some_answer();
    for (const auto& person : claimed.people) {
      people.push_back(settlement_of(claimed, person, answer));
      if (!all_the_same) answer = some_answer();
    }
    return people;
  }

  void settle() {
    if (out_.empty()) return;
    const auto at = pick(out_.size());
    auto& claimed = out_[at];
    auto people = some_settlements(claimed);
    // Now and then some of them stay out, and some are settled twice.
    if (chance(30)) people.resize(1 + pick(people.size()));
    tell("settle " + std::to_string(people.size()) + " of " + std::to_string(claimed.people.size()));
    world_.settle(people, now_);
    model_.settle(people, world_.policy, now_);
    if (chance(5)) return;
    claimed.people.erase(claimed.people.begin(),
                         claimed.people.begin() + static_cast<std::ptrdiff_t>(people.size()));
    if (claimed.people.empty()) out_.erase(out_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  void release() {
    if (out_.empty()) return;
    auto& claimed = out_.back();
    std::vector<domain::EmailAddress> people;
    const auto first = pick(claimed.people.size() + 1);
    for (auto i = first; i < claimed.people.size(); ++i)
      people.push_back(claimed.people[i].email);
    claimed.people.resize(first);
    tell("release " + std::to_string(people.size()));
    world_.release(people);
    model_.release(people);
    if (claimed.people.empty()) out_.pop_back();
  }

  void unpark() {
    const std::string reasons[] = {"", "wrong_email", "resubscribe_unsupported", "confirmation_in_doubt"};
    const auto& reason = reasons[pick(std::size(reasons))];
    const auto address = chance(40) ? some_address() : "";
    tell("unpark " + reason + " " + address);
    EXPECT_EQ(world_.unpark(reason, address, now_), model_.unpark(reason, address, world_.policy, now_));
  }

  void hasten_or_place_all() {
    if (chance(40)) {
      tell("hasten");
      world_.hasten(now_);
      return model_.hasten(now_);
    }
    // Where the people do not hear of the new policy at once, they do with whatever happens to them next.
    const auto number = pick(policies_.size());
    tell("policy " + std::to_string(number));
    world_.policy = policies_[number];
    if (chance(20)) return;
    world_.place_all(now_);
    model_.place_all(world_.policy, now_);
  }

  // ---- what Stibee shows ---------------------------------------------------------------------------------

  pipeline::Consequence some_consequence(const std::string& address) {
    pipeline::Consequence consequence;
    const auto view = ledger::view_of(model_.find(address));
    const auto known = view.ledger.value_or(ledger::LedgerView{});
    const auto becomes = [&](RemoteStatus status) {
      consequence.confirmed = ledger::with_observed(known.confirmed, known.wanted, status, now_);
    };
    const auto write_back = [&](const std::string& event) {
      store::WritebackRequest request;
      request.event = event;
      request.occurred_at = now_;
      request.fields = {{"name", address}};
      consequence.writeback = std::move(request);
    };
    switch (pick(9)) {
      case 8:
        // Whether somebody who moves while a read is on its way is silenced before or after the read adds the
        // other address is not promised.
        if (slow_) break;
        becomes(RemoteStatus::Moved);
        consequence.confirmed->moved_to = some_address();
        break;
      case 0:
      case 1:
        becomes(RemoteStatus::OptedOut);
        consequence.suppress = ledger::Suppression{now_, "subscriber", address};
        write_back("unsubscribed");
        break;
      case 2:
        becomes(RemoteStatus::Subscribed);
        consequence.lift = true;
        consequence.wanted = known.wanted;
        consequence.wanted->intent = domain::Intent::Subscribed;
        write_back("resubscribed");
        break;
      case 3:
        becomes(some_status());
        break;
      case 4:
        consequence.confirmed = known.confirmed;
        consequence.confirmed->fields.reset();
        break;
      case 5:
        becomes(view.pending ? RemoteStatus::Purged : RemoteStatus::Unknown);
        consequence.look_again = true;
        break;
      case 6:
        consequence.suppress = ledger::Suppression{now_ - second, "manual", ""};
        break;
      default:
        consequence.look_again = true;
    }
    return consequence;
  }

  void observe() {
    for (auto n = 1 + pick(2); n > 0; --n) {
      const auto address = some_address();
      const auto consequence = some_consequence(address);
      tell("observe " + address);
      world_.observe(address, consequence, now_);
      model_.observe(address, consequence, world_.policy, now_);
    }
  }

  void write_back() {
    const auto real = world_.store->writebacks(world_.mirror, now_, now_ + 1000 * day, 3);
    const auto model = model_.due_writebacks(now_, now_ + 1000 * day, 3);
    compare_writebacks(real, model);
    if (real.empty() || model.empty()) return;
    tell("write back");
    if (chance(60)) {
      world_.finish_writeback(real[0].id);
      model_.finish_writeback(model[0].id);
    } else {
      world_.postpone_writeback(real[0].id, now_ + second);
      model_.postpone_writeback(model[0].id, now_ + second);
    }
  }

  // ---- lists ---------------------------------------------------------------------------------------------

  struct SlowList {
    store::ListScan real;
    NaiveState before;
  };

  // Other things happen between its beginning and its end.
  void list() {
    if (!list_) {
      tell("a list begins");
      list_.emplace(SlowList{world_.store->begin_list(world_.mirror), model_.state});
      return;
    }
    tell("it ends");
    std::map<std::string, store::Listed> listed;
    for (auto n = pick(5); n > 0; --n) {
      store::Listed one;
      one.status = some_status();
      one.fields.bytes[0] = static_cast<std::uint8_t>(n);
      const auto address = some_address();
      list_->real.add(email(address), one);
      listed[address] = one;
    }
    EXPECT_EQ(list_->real.distinct(), listed.size());
    store::ListedPair real;
    for (const auto& wanted : pairs_of(list_->before, listed)) {
      ASSERT_TRUE(list_->real.next(real));
      ASSERT_EQ(real.email, wanted.email);
      EXPECT_EQ(real.listed, wanted.listed);
      compare_views(real.view, wanted.view);
    }
    EXPECT_FALSE(list_->real.next(real));
    list_.reset();
  }

  static void compare_views(const ledger::RemoteView& real, const ledger::RemoteView& model) {
    EXPECT_EQ(real.ledger, model.ledger);
    EXPECT_EQ(real.is_trace, model.is_trace);
    EXPECT_EQ(real.in_flight, model.in_flight);
    EXPECT_EQ(real.pending, model.pending);
    EXPECT_EQ(real.parked, model.parked);
    EXPECT_EQ(real.key, model.key);
    EXPECT_EQ(real.suppression, model.suppression);
  }

  // ---- trouble -------------------------------------------------------------------------------------------

  // A transaction that comes to nothing. The model is not told.
  void abandon() {
    tell("abandon");
    store::Transaction change(*world_.store);
    const auto mirror = world_.mirror;
    const auto address = some_address();
    const auto person = change.find(mirror, email(address));
    pipeline::carry_out(change, mirror, email(address), person, some_consequence(address), world_.policy,
                        now_);
    change.touch(mirror, email(some_address()));
    if (!out_.empty()) pipeline::settle(change, mirror, some_settlements(out_[0]), world_.policy, now_);
    if (chance(50)) pipeline::place_some(change, mirror, "", policies_[pick(policies_.size())], now_);
    change.log_attempt(attempt_at(now_));
    change.claim({mirror, Lane::Upsert, "subscribe:"}, {email(some_address())});
    change.drop_expired_approvals(mirror, now_ + 1000 * day);
  }

  void crash() {
    if (chance(30)) return;
    tell("crash");
    out_.clear();
    slow_.reset();
    list_.reset();
    // A call that nobody is out for any more is forgotten with the next change on disk only.
    world_.change([&](store::Transaction& change) { change.set_paused(world_.mirror, false, {}); });
    world_.reopen();
    model_.crash();
  }

  std::mt19937_64 random_;
  const std::vector<ledger::Policy> policies_ = policies();
  Table table_;
  std::vector<pipeline::Claimed> out_;
  std::optional<SlowRead> slow_;
  std::optional<SlowList> list_;
  std::string told_;
};

TEST(StoreModel, TheStoreBehavesLikeANaiveModelOfIt) {
  const char* only = std::getenv("STORE_MODEL_SEED");
  const std::uint64_t first = only != nullptr ? std::strtoull(only, nullptr, 10) : 1;
  const std::uint64_t last = only != nullptr ? first : 100;
  for (auto seed = first; seed <= last; ++seed) {
    Life life(seed);
    life.run(80);
    if (HasFailure()) {
      FAIL() << "seed " << seed << "\n" << life.told();
    }
  }
}

}  // namespace
}  // namespace stibee_sync::store_tests

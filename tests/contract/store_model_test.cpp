#include "contract/store_world.hpp"

#include <random>

#include <gtest/gtest.h>

// Random lives of a small mirror, told to the in-memory store and to the one on disk: they must look the same
// after every step. A failing seed is printed; STORE_MODEL_SEED=n replays it alone.
namespace stibee_sync::store_tests {
namespace {

using Next = store::Settlement::Next;

class Life {
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

  void tell(const std::string& what) { told_ += what + "\n"; }

  void step() {
    switch (pick(19)) {
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
        return retry();
      case 12:
        return hasten_or_replace();
      case 13:
      case 14:
      case 15:
        return observe();
      case 16:
        return write_back();
      case 17:
        return list();
      default:
        return reopen();
    }
  }

  void change_table() {
    for (auto n = pick(4); n > 0; --n) {
      const auto at = key(static_cast<std::int64_t>(pick(8)));
      if (chance(30)) {
        table_.erase(at);
        continue;
      }
      Row row;
      row.email = chance(5) ? "" : some_address();
      row.name = chance(50) ? "ann" : "bob";
      row.subscribed = chance(75);
      if (chance(10)) row.rejection = "text_too_long";
      if (chance(40)) row.groups = {static_cast<domain::GroupId>(1 + pick(2))};
      table_[at] = row;
    }
  }

  // Half of the reads take their time: other things happen before their commit.
  void read() {
    if (slow_) return commit_slow();
    if (chance(50)) {
      change_table();
      auto& slow = slow_.emplace();
      ReadResult a, b;
      slow.options = read_options();
      slow.memory = memory_.scan(table_, now_, a);
      slow.sqlite = sqlite_.scan(table_, now_, b);
      tell("a slow read");
      compare_reads(a, b);
      if (chance(50)) commit_ahead(*slow_);
      return;
    }
    const auto options = read_options();
    const auto a = memory_.read(table_, options);
    const auto b = sqlite_.read(table_, options);
    EXPECT_EQ(a.report.rows_applied, b.report.rows_applied);
    EXPECT_EQ(a.report.addresses_changed, b.report.addresses_changed);
    compare_reads(a, b);
  }

  struct SlowRead {
    ReadOptions options;
    std::unique_ptr<store::Scan> memory, sqlite;
  };
  void commit_ahead(SlowRead& slow) {
    slow.options.held.clear();
    const auto most = static_cast<std::size_t>(1 + pick(3));
    const auto a = memory_.commit_ahead(*slow.memory, most, slow.options);
    const auto b = sqlite_.commit_ahead(*slow.sqlite, most, slow.options);
    tell("ahead of the rest: " + std::to_string(a.rows_applied) + " rows");
    EXPECT_EQ(a.rows_applied, b.rows_applied);
    EXPECT_EQ(a.addresses_changed, b.addresses_changed);
  }

  void commit_slow() {
    tell("its commit");
    auto slow = std::move(*slow_);
    slow_.reset();
    slow.options.now = now_;
    const auto a = memory_.commit(std::move(slow.memory), slow.options);
    const auto b = sqlite_.commit(std::move(slow.sqlite), slow.options);
    EXPECT_EQ(a.rows_applied, b.rows_applied);
    EXPECT_EQ(a.addresses_changed, b.addresses_changed);
  }

  ReadOptions read_options() {
    ReadOptions options;
    options.now = now_;
    for (const int change_class : {None, Add, Update, OptOut, Resubscribe, Removal}) {
      if (chance(12)) options.held.push_back(change_class);
    }
    if (chance(10)) options.rule = place_nobody;
    tell("read, held " + std::to_string(options.held.size()));
    return options;
  }

  static void compare_reads(const ReadResult& a, const ReadResult& b) {
    EXPECT_EQ(a.staged, b.staged);
    ASSERT_EQ(a.addresses.size(), b.addresses.size());
    for (const auto& [address, presented] : a.addresses) {
      const auto other = b.addresses.find(address);
      ASSERT_NE(other, b.addresses.end()) << address;
      compare_presented(presented, other->second);
    }
  }

  static void compare_presented(const Presented& a, const Presented& b) {
    ASSERT_EQ(a.bearers.size(), b.bearers.size());
    for (std::size_t i = 0; i < a.bearers.size(); ++i) {
      EXPECT_EQ(a.bearers[i].key, b.bearers[i].key);
      EXPECT_EQ(a.bearers[i].subscribed, b.bearers[i].subscribed);
      EXPECT_EQ(a.bearers[i].rejected, b.bearers[i].rejected);
      EXPECT_EQ(a.bearers[i].was_subscribed, b.bearers[i].was_subscribed);
      EXPECT_EQ(a.bearers[i].member.has_value(), b.bearers[i].member.has_value());
    }
    ASSERT_EQ(a.before.has_value(), b.before.has_value());
    if (a.before) {
      EXPECT_EQ(a.before->wanted, b.before->wanted);
      EXPECT_EQ(a.before->confirmed, b.before->confirmed);
    }
  }

  void claim() {
    const auto most = 1 + pick(4);
    const bool retries = chance(80);
    tell("claim " + std::to_string(most) + (retries ? "" : ", no retries"));
    const auto a = memory_.claim(now_, most, retries);
    const auto b = sqlite_.claim(now_, most, retries);
    ASSERT_EQ(a.has_value(), b.has_value());
    if (!a) return;
    EXPECT_EQ(a->lane, b->lane);
    EXPECT_EQ(a->shape, b->shape);
    EXPECT_EQ(a->is_retry, b->is_retry);
    EXPECT_EQ(a->batch_limit, b->batch_limit);
    ASSERT_EQ(addresses_of(*a), addresses_of(*b));
    for (std::size_t i = 0; i < a->people.size(); ++i) {
      EXPECT_EQ(a->people[i].wanted, b->people[i].wanted);
      EXPECT_EQ(a->people[i].confirmed, b->people[i].confirmed);
      EXPECT_EQ(a->people[i].values, b->people[i].values);
      EXPECT_EQ(a->people[i].attempts, b->people[i].attempts);
    }
    out_.push_back(*a);
  }

  void settle() {
    if (out_.empty()) return;
    const auto at = pick(out_.size());
    const auto claimed = out_[at];
    out_.erase(out_.begin() + static_cast<std::ptrdiff_t>(at));
    tell("settle " + std::to_string(claimed.people.size()));
    std::vector<store::Settlement> people;
    for (const auto& person : claimed.people) {
      store::Settlement settlement;
      settlement.email = person.email;
      settlement.confirmed = person.confirmed;
      settlement.attempts = person.attempts + 1;
      settlement.reason = chance(50) ? "timeout" : "wrong_email";
      settlement.message = "words";
      switch (pick(5)) {
        case 0:
          settlement.next = Next::Retry;
          settlement.not_before = now_ + std::chrono::milliseconds(pick(50'000'000));
          settlement.batch_limit = chance(50) ? static_cast<std::uint32_t>(pick(3)) : 0;
          if (chance(50)) settlement.confirmed.maybe_subscribed = true;
          break;
        case 1:
          settlement.next = Next::Park;
          break;
        case 2:
          settlement.confirmed.status = chance(50) ? RemoteStatus::OptedOut : RemoteStatus::Purged;
          settlement.confirmed.since = now_;
          break;
        default:
          settlement.confirmed = delivered(claimed, person, now_);
      }
      people.push_back(std::move(settlement));
    }
    const auto rule = chance(10) ? place_nobody : place;
    for (auto* world : worlds())
      world->store->settle(world->mirror, people, rule, now_, cross);
  }

  static domain::Confirmed cross(std::size_t person, const domain::Confirmed& observed) {
    auto after = observed;
    after.maybe_subscribed = person % 2 == 1;
    return after;
  }

  // The same for both: what it says depends on nothing but the person as presented.
  struct Observation {
    std::uint64_t kind;
    UtcTime now;
    store::RemoteChange operator()(const domain::EmailAddress& who, const store::RemoteView& view) const {
      store::RemoteChange change;
      const auto known = view.ledger ? view.ledger->confirmed : domain::Confirmed{};
      const auto becomes = [&](RemoteStatus status) {
        change.confirmed = known;
        change.confirmed->status = status;
        change.confirmed->since = now;
      };
      store::WritebackRequest request;
      request.event = "event" + std::to_string(kind);
      request.occurred_at = now;
      switch (kind) {
        case 0:
        case 1:
          becomes(RemoteStatus::OptedOut);
          change.suppress = store::Suppression{now, "subscriber", who.text()};
          change.writeback = request;
          break;
        case 2:
          becomes(RemoteStatus::Subscribed);
          change.lift = true;
          if (view.ledger) change.wanted = view.ledger->wanted;
          if (view.ledger) change.wanted->intent = domain::Intent::Subscribed;
          change.writeback = request;
          break;
        case 3:
          becomes(RemoteStatus::AutoDeleted);
          break;
        case 4:
          change.confirmed = known;
          change.confirmed->fields.reset();
          break;
        case 5:
          becomes(view.pending ? RemoteStatus::Purged : RemoteStatus::Unknown);
          change.look_again = true;
          break;
        case 6:
          change.suppress = store::Suppression{now - second, "manual", ""};
          break;
        default:
          change.look_again = true;
      }
      return change;
    }
  };

  void observe() {
    std::vector<domain::EmailAddress> people;
    for (auto n = 1 + pick(2); n > 0; --n)
      people.push_back(email(some_address()));
    const Observation rule{pick(8), now_};
    tell("observe " + std::to_string(rule.kind) + " of " + people.front().text());
    for (auto* world : worlds())
      world->store->observe(world->mirror, people, rule, place, now_);
  }

  void write_back() {
    const auto due = memory_.store->writebacks(memory_.mirror, now_, 3);
    if (due.empty()) return;
    tell("write back");
    const bool done = chance(60);
    for (auto* world : worlds()) {
      const auto same = world->store->writebacks(world->mirror, now_, 3);
      ASSERT_EQ(same.size(), due.size());
      EXPECT_EQ(same[0].email, due[0].email);
      EXPECT_EQ(same[0].request.event, due[0].request.event);
      EXPECT_EQ(same[0].attempts, due[0].attempts);
      EXPECT_EQ(same[0].key, due[0].key);
      if (done) {
        world->store->finish_writeback(world->mirror, same[0].id);
      } else {
        world->store->postpone_writeback(world->mirror, same[0].id, now_ + second);
      }
    }
  }

  static void compare_views(const store::RemoteView& a, const store::RemoteView& b) {
    EXPECT_EQ(a.ledger, b.ledger);
    EXPECT_EQ(a.is_trace, b.is_trace);
    EXPECT_EQ(a.in_flight, b.in_flight);
    EXPECT_EQ(a.pending, b.pending);
    EXPECT_EQ(a.parked, b.parked);
    EXPECT_EQ(a.key, b.key);
    EXPECT_EQ(a.suppression, b.suppression);
  }

  void list() {
    tell("list");
    auto a = memory_.store->begin_list(memory_.mirror);
    auto b = sqlite_.store->begin_list(sqlite_.mirror);
    for (auto n = pick(5); n > 0; --n) {
      store::Listed listed;
      listed.status = RemoteStatus::Subscribed;
      listed.fields.bytes[0] = static_cast<std::uint8_t>(n);
      const auto who = email(some_address());
      a->add(who, listed);
      b->add(who, listed);
    }
    EXPECT_EQ(a->distinct(), b->distinct());
    store::ListedPair one, other;
    while (a->next(one)) {
      ASSERT_TRUE(b->next(other));
      ASSERT_EQ(one.email, other.email);
      EXPECT_EQ(one.listed, other.listed);
      compare_views(one.view, other.view);
    }
    EXPECT_FALSE(b->next(other));
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
    for (auto* world : worlds())
      world->store->release(world->mirror, people);
    if (claimed.people.empty()) out_.pop_back();
  }

  void retry() {
    const std::string reasons[] = {"", "wrong_email", "not_allowed", "purged"};
    const auto& reason = reasons[pick(4)];
    const auto address = chance(40) ? some_address() : "";
    tell("retry " + reason + " " + address);
    const auto a = memory_.store->retry(memory_.mirror, reason, address, place, now_);
    const auto b = sqlite_.store->retry(sqlite_.mirror, reason, address, place, now_);
    EXPECT_EQ(a, b);
  }

  void hasten_or_replace() {
    if (chance(50)) {
      tell("hasten");
      for (auto* world : worlds())
        world->store->hasten(world->mirror, now_);
      return;
    }
    tell("replace_all");
    const auto rule = chance(30) ? place_nobody : place;
    for (auto* world : worlds())
      world->store->replace_all(world->mirror, rule, now_);
  }

  void reopen() {
    if (chance(60)) return;
    tell("crash");
    out_.clear();
    slow_.reset();
    // A batch that was given back is forgotten with the next change on disk only; let both forget it now.
    for (auto* world : worlds())
      world->store->set_paused(world->mirror, false);
    for (auto* world : worlds())
      world->reopen();
  }

  void compare() {
    for (char c = 'a'; c < 'a' + 6; ++c) {
      const auto address = std::string(1, c) + "@x.kr";
      EXPECT_EQ(memory_.find(address), sqlite_.find(address)) << address;
    }
    EXPECT_EQ(memory_.store->suppressed(memory_.mirror), sqlite_.store->suppressed(sqlite_.mirror));
    EXPECT_EQ(memory_.store->next_writeback({memory_.mirror}),
              sqlite_.store->next_writeback({sqlite_.mirror}));
    const auto a = memory_.store->summary(memory_.mirror, now_);
    const auto b = sqlite_.store->summary(sqlite_.mirror, now_);
    const auto backlog = sqlite_.store->backlog(sqlite_.mirror, now_);
    EXPECT_EQ(a.people, b.people);
    EXPECT_EQ(a.wanted_subscribed, b.wanted_subscribed);
    EXPECT_EQ(a.parked, b.parked);
    EXPECT_EQ(a.parked, backlog.parked);
    EXPECT_EQ(a.wanted_subscribed, sqlite_.store->wanted_subscribed(sqlite_.mirror));
    EXPECT_EQ(a.writebacks, b.writebacks);
    for (const auto lane : domain::all_lanes) {
      EXPECT_EQ(a.pending.at(lane).people, b.pending.at(lane).people);
      EXPECT_EQ(a.pending.at(lane).oldest, b.pending.at(lane).oldest) << domain::name(lane);
      EXPECT_EQ(a.pending.at(lane).people, backlog.pending.at(lane).people);
      EXPECT_EQ(a.pending.at(lane).oldest, backlog.pending.at(lane).oldest) << domain::name(lane);
    }
    EXPECT_EQ(memory_.store->pending(memory_.mirror), sqlite_.store->pending(sqlite_.mirror));
    EXPECT_EQ(memory_.store->next_due({memory_.mirror}), sqlite_.store->next_due({sqlite_.mirror}));
    const auto parked_a = memory_.store->parked(memory_.mirror, 5);
    const auto parked_b = sqlite_.store->parked(sqlite_.mirror, 5);
    ASSERT_EQ(parked_a.size(), parked_b.size());
    for (std::size_t i = 0; i < parked_a.size(); ++i) {
      EXPECT_EQ(parked_a[i].key, parked_b[i].key);
      EXPECT_EQ(parked_a[i].email, parked_b[i].email);
      EXPECT_EQ(parked_a[i].reason, parked_b[i].reason);
      EXPECT_EQ(parked_a[i].since, parked_b[i].since);
    }
  }

  std::vector<World*> worlds() { return {&memory_, &sqlite_}; }

  std::mt19937_64 random_;
  World memory_{memory_backend()};
  World sqlite_{sqlite_backend()};
  Table table_;
  std::vector<store::Claimed> out_;
  std::optional<SlowRead> slow_;
  UtcTime now_ = start;
  std::string told_;
};

TEST(StoreModel, TheStoreOnDiskBehavesLikeTheOneInMemory) {
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

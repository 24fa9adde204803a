#include "stibee_sync/diff/resolve.hpp"
#include "stibee_sync/ledger/confirmed.hpp"
#include "stibee_sync/ledger/next_operation.hpp"
#include "stibee_sync/ledger/transitions.hpp"
#include "stibee_sync/pipeline/remote_event.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

// All histories of one member and two addresses, of up to six steps: what the table says, calls with each
// end, what the person does at Stibee, events early, late, twice and out of order. The promise is stated
// plainly here, from what happened, not from what the ledger believes of it:
// * nobody is subscribed by a call after a no that we knew, without a newer yes;
// * once all is quiet, nobody is still subscribed after a no.

namespace stibee_sync::pipeline {
namespace {

using namespace std::chrono_literals;
using domain::Intent;
using domain::OperationKind;
using domain::OutcomeKind;
using domain::UtcTime;
using webhook::Action;
using webhook::Actor;

const domain::StateKey state_key{domain::StateKey::Bytes{}};
const domain::MemberKey member_key{1};
constexpr std::size_t addresses = 2;

domain::EmailAddress address(std::size_t index) {
  return domain::EmailAddress::from_normalised(index == 0 ? "a@x.kr" : "b@x.kr");
}

enum class There { Nobody, Subscribed, Out };

struct Flavour {
  std::string name;
  ledger::OnLeave on_leave = ledger::OnLeave::Unsubscribe;
  bool consent_mapped = false;
};

struct Notice {
  Action action;
  Actor actor;
  std::size_t about;
  bool echo = false;  // of a call of ours
};

struct Row {
  std::size_t bears = 0;
  bool yes = true;
  UtcTime stamp{};
};

struct Sent {
  std::size_t to = 0;
  domain::Operation operation;
  domain::Wanted wanted;
  domain::Confirmed confirmed;
};

/// The table, Stibee, what is under way between them and us, and what we have of the member.
struct World {
  UtcTime now{std::chrono::hours(480'000)};
  std::optional<Row> row = Row{};
  bool last_yes = true;                // of a row that is gone
  UtcTime last_stamp{};                // the same
  std::array<bool, addresses> kept{};  // of a row that is gone, though one with its key may come again
  std::array<There, addresses> there{There::Nobody, There::Nobody};
  std::vector<Notice> notices;
  std::optional<Sent> out;   // a call without an answer yet
  std::optional<Sent> late;  // one that was given up, and will be applied

  std::optional<Row> snapshot;
  std::array<bool, addresses> touched{};
  std::array<ledger::Person, addresses> people;
  std::array<bool, addresses> moved_on{};  // a trace of the member, who bears another address
  std::optional<ledger::Suppression> of_member;

  // What happened.
  std::optional<UtcTime> opted_out, known_opt_out;          // by the person, at Stibee
  std::array<std::optional<UtcTime>, addresses> came_back;  // the same
  UtcTime table_changed{};
  std::array<bool, addresses>
      stray{};                      // came back under an address that the table does not have: reconcile's
  std::optional<UtcTime> opted_in;  // the table's no became a yes
  bool ever_out = false;
  // A no that Stibee applies long after it was given up undoes a yes. The yes is not repeated: the person
  // might have said no in between.
  bool ever_late = false;
};

class Histories {
 public:
  Histories(Flavour flavour, int depth) : flavour_(std::move(flavour)), depth_(depth) {
    plan_.policy.on_leave = flavour_.on_leave;
  }

  std::size_t run() {
    World world;
    read(world);
    while (send(world))
      answer(world, OutcomeKind::Delivered, true);
    world.notices.clear();
    EXPECT_EQ(world.there[0], There::Subscribed);
    pass(world, world.now + 1h);
    explore(world, 0);
    return histories_;
  }

 private:
  struct Named {
    const char* name;
    bool (Histories::*step)(World&);  // false: cannot happen here
  };

  // ---- what can happen -----------------------------------------------------------------------------------

  bool says_no(World& world) {
    if (!world.row || !world.row->yes) return false;
    world.row->yes = false;
    world.table_changed = world.now;
    return read(world);
  }
  bool says_yes(World& world) {
    if (!world.row || world.row->yes) return false;
    world.row->yes = true;
    world.row->stamp = world.now;
    world.opted_in = world.now;
    world.table_changed = world.now;
    return read(world);
  }
  bool moves(World& world) {
    if (!world.row) return false;
    world.row->bears = 1 - world.row->bears;
    world.table_changed = world.now;
    return read(world);
  }
  bool moves_saying_no(World& world) {
    if (!world.row || !world.row->yes) return false;
    world.row->bears = 1 - world.row->bears;
    world.row->yes = false;
    world.table_changed = world.now;
    return read(world);
  }
  bool is_deleted(World& world) {
    if (!world.row) return false;
    world.last_yes = world.row->yes;
    world.last_stamp = world.row->stamp;
    world.kept[world.row->bears] = flavour_.on_leave == ledger::OnLeave::Keep;
    world.row.reset();
    world.moved_on = {};
    world.table_changed = world.now;
    return read(world);
  }
  bool comes_again(World& world) {
    if (world.row) return false;
    world.row = Row{};
    return read(world);
  }
  bool is_sent(World& world) { return send(world); }
  bool is_answered(World& world) { return answer(world, OutcomeKind::Delivered, true); }
  bool loses_its_answer(World& world) { return answer(world, OutcomeKind::Unknown, true); }
  bool is_lost(World& world) { return answer(world, OutcomeKind::Unknown, false); }
  bool is_applied_late(World& world) {
    if (!world.out || world.late) return false;
    world.late = world.out;
    world.ever_late = true;
    return answer(world, OutcomeKind::Unknown, false);
  }
  bool crashes(World& world) {
    if (!world.out) return false;
    auto& person = world.people[world.out->to];
    apply(world, *world.out);
    world.out.reset();
    person.call.reset();
    person = ledger::after_crash(person);
    return true;
  }
  bool opts_out_there(World& world) {
    for (std::size_t i = 0; i < addresses; ++i) {
      if (world.there[i] != There::Subscribed) continue;
      world.there[i] = There::Out;
      world.opted_out = world.now;
      world.ever_out = true;
      world.notices.push_back({Action::Unsubscribed, Actor::Subscriber, i});
      return true;
    }
    return false;
  }
  bool comes_back_there(World& world) {
    for (std::size_t i = 0; i < addresses; ++i) {
      if (world.there[i] != There::Out) continue;
      world.there[i] = There::Subscribed;
      world.came_back[i] = world.now;
      world.stray[i] = !world.row || world.row->bears != i;
      world.notices.push_back({Action::Resubscribed, Actor::Subscriber, i});
      return true;
    }
    return false;
  }
  bool first_notice(World& world) {
    if (world.notices.empty()) return false;
    const auto notice = world.notices.front();
    world.notices.erase(world.notices.begin());
    return take(world, notice);
  }
  bool last_notice(World& world) {
    if (world.notices.size() < 2) return false;
    const auto notice = world.notices.back();
    world.notices.pop_back();
    return take(world, notice);
  }
  bool notice_that_comes_again(World& world) {
    if (world.notices.empty()) return false;
    return take(world, world.notices.front());
  }

  static constexpr auto steps() {
    return std::to_array<Named>({{"no", &Histories::says_no},
                                 {"yes", &Histories::says_yes},
                                 {"move", &Histories::moves},
                                 {"move-no", &Histories::moves_saying_no},
                                 {"gone", &Histories::is_deleted},
                                 {"again", &Histories::comes_again},
                                 {"send", &Histories::is_sent},
                                 {"ok", &Histories::is_answered},
                                 {"answer-lost", &Histories::loses_its_answer},
                                 {"call-lost", &Histories::is_lost},
                                 {"late", &Histories::is_applied_late},
                                 {"crash", &Histories::crashes},
                                 {"opt-out", &Histories::opts_out_there},
                                 {"back", &Histories::comes_back_there},
                                 {"notice", &Histories::first_notice},
                                 {"last-notice", &Histories::last_notice},
                                 {"notice-twice", &Histories::notice_that_comes_again}});
  }

  // ---- the promise ---------------------------------------------------------------------------------------

  bool silent_by_table(const World& world, const std::optional<Row>& row, std::size_t who) const {
    if (row) return row->bears != who || !row->yes;
    return flavour_.on_leave != ledger::OnLeave::Keep || !world.last_yes;
  }
  bool silent_by_opt_out(const World& world, const std::optional<UtcTime>& opted_out,
                         const std::optional<Row>& row) const {
    if (!opted_out) return false;
    for (const auto& back : world.came_back) {
      if (back && *back > *opted_out) return false;
    }
    if (!flavour_.consent_mapped) return !world.opted_in || *world.opted_in <= *opted_out;
    return (row ? row->stamp : world.last_stamp) <= *opted_out;
  }

  // ---- we ------------------------------------------------------------------------------------------------

  void write(World& world, std::size_t who, ledger::Person after) {
    auto& person = world.people[who];
    const auto before = std::exchange(person, std::move(after));
    if (person.row) world.moved_on[who] = false;
    if (before.row && !person.row) world.moved_on[who] = world.row.has_value();
    if (!before.row && person.row && person.suppression && world.row)
      world.of_member =
          world.of_member ? ledger::newer_of(*world.of_member, *person.suppression) : *person.suppression;
    if (before.suppression == person.suppression) return;
    const bool bears = world.snapshot && world.snapshot->bears == who;
    const auto& keyed = person.row ? person.row : before.row;
    if (!bears && !(keyed && keyed->key) && !world.moved_on[who]) return;
    if (!person.suppression) {
      if (world.of_member && world.of_member->at <= before.suppression->at) world.of_member.reset();
      return;
    }
    world.of_member =
        world.of_member ? ledger::newer_of(*world.of_member, *person.suppression) : *person.suppression;
    if (world.snapshot && !bears) world.touched[world.snapshot->bears] = true;
  }

  bool read(World& world) {
    const auto before = world.snapshot;
    for (std::size_t i = 0; i < addresses; ++i) {
      const bool bore = before && before->bears == i;
      const bool bears = world.row && world.row->bears == i;
      if (!bore && !bears && !world.touched[i]) continue;
      world.touched[i] = false;
      decide(world, i, before, bore, bears);
    }
    world.snapshot = world.row;
    return true;
  }

  void decide(World& world, std::size_t who, const std::optional<Row>& before, bool bore, bool bears) {
    domain::Member member;
    member.email = address(who);
    std::vector<diff::Bearer> bearers;
    if (bears) {
      member.subscribed = world.row->yes;
      if (flavour_.consent_mapped) member.consented_at = world.row->stamp;
      diff::Bearer bearer;
      bearer.key = member_key;
      bearer.subscribed = member.subscribed;
      bearer.member = &member;
      bearer.may_have_opted_in = before && !before->yes;
      bearers.push_back(bearer);
    }
    diff::Circumstances circumstances;
    circumstances.left_by_living = bore && !bears && world.row;
    circumstances.left_saying_no = circumstances.left_by_living && !world.row->yes;
    const auto& person = world.people[who];
    const auto view = ledger::ledger_view(person);
    auto known = view ? view->confirmed : domain::Confirmed{};
    ledger::AddressDecision decision;
    if (bears && world.of_member) {
      known = ledger::inheriting(known, *world.of_member);
      decision.inherits = world.of_member;
    }
    const auto resolution = diff::resolve(bearers, view ? std::optional(view->wanted) : std::nullopt, known,
                                          state_key, world.now, circumstances);
    decision.wanted = resolution.wanted;
    if (resolution.values != nullptr) decision.values = resolution.values->fields;
    decision.key = resolution.key;
    write(world, who, ledger::after_decision(person, decision, plan_.policy, world.now));
  }

  bool send(World& world) {
    if (world.out) return false;
    for (const auto lane : domain::all_lanes) {
      for (std::size_t i = 0; i < addresses; ++i) {
        auto& person = world.people[i];
        if (!person.row || person.row->lane != lane || person.row->due > world.now) continue;
        const auto next =
            ledger::next_operation(person.row->wanted, person.row->confirmed, plan_.policy, world.now);
        const auto* operation = std::get_if<domain::Operation>(&next);
        if (operation == nullptr) continue;
        world.out = Sent{i, *operation, person.row->wanted, person.row->confirmed};
        person.call.emplace();
        person.call->lane = lane;
        if (operation->kind == OperationKind::Subscribe || operation->kind == OperationKind::Resubscribe) {
          EXPECT_FALSE(silent_by_table(world, world.snapshot, i)) << "sent against the table" << told();
          EXPECT_FALSE(silent_by_opt_out(world, world.known_opt_out, world.snapshot))
              << "sent against an opt-out" << told();
        }
        return true;
      }
    }
    return false;
  }

  void apply(World& world, const Sent& call) {
    auto& there = world.there[call.to];
    const auto was = there;
    const auto notice = [&](Action action, Actor actor) {
      world.notices.push_back({action, actor, call.to, true});
    };
    switch (call.operation.kind) {
      case OperationKind::Subscribe:
      case OperationKind::Update:
        if (was != There::Nobody) return;
        there = There::Subscribed;
        return notice(Action::Subscribed, Actor::Manual);
      case OperationKind::Resubscribe:
        there = There::Subscribed;
        if (was == There::Out) notice(Action::Resubscribed, Actor::Subscriber);
        return;
      case OperationKind::Unsubscribe:
        if (was != There::Subscribed) return;
        there = There::Out;
        return notice(Action::Unsubscribed, Actor::Manual);
      case OperationKind::Delete:
        there = There::Nobody;
        if (was != There::Nobody) notice(Action::Purged, Actor::Manual);
        return;
      case OperationKind::AssignGroup:
      case OperationKind::ReleaseGroup:
        return;
    }
  }

  bool answer(World& world, OutcomeKind kind, bool applied) {
    if (!world.out) return false;
    const auto call = *std::exchange(world.out, std::nullopt);
    domain::Outcome outcome;
    outcome.kind = kind;
    if (kind == OutcomeKind::Delivered && call.operation.kind == OperationKind::Subscribe)
      outcome.existed = world.there[call.to] != There::Nobody;
    if (kind == OutcomeKind::Delivered && call.operation.kind == OperationKind::Update)
      outcome.existed = world.there[call.to] != There::Nobody;
    if (applied) apply(world, call);
    ledger::Settlement settlement;
    settlement.email = address(call.to);
    settlement.confirmed =
        ledger::confirmed_after(call.confirmed, call.operation, call.wanted, outcome, world.now);
    settlement.sent = ledger::SentCall{call.operation, call.wanted, outcome};
    if (kind != OutcomeKind::Delivered) {
      settlement.next = ledger::Settlement::Next::Retry;
      settlement.attempts = 1;
      settlement.not_before = world.now + 1s;
    }
    write(world, call.to, ledger::after_answer(world.people[call.to], settlement, plan_.policy, world.now));
    return true;
  }

  bool take(World& world, const Notice& notice) {
    webhook::EventPerson about;
    about.email = address(notice.about);
    RemoteEvent event;
    event.action = notice.action;
    event.actor = notice.actor;
    event.person = &about;
    const auto& person = world.people[notice.about];
    const auto verdict = verdict_of(event, ledger::view_of(person), plan_, state_key, world.now);
    if (notice.action == Action::Unsubscribed && notice.actor == Actor::Subscriber)
      world.known_opt_out = world.opted_out;
    // Events carry no time: a word counts from when it is heard.
    if (notice.action == Action::Resubscribed && !notice.echo) world.came_back[notice.about] = world.now;
    const bool of_member = person.row || world.moved_on[notice.about];
    write(world, notice.about, ledger::after_observation(person, verdict.change, plan_.policy, world.now));
    if (verdict.change.suppress && of_member && world.snapshot && world.snapshot->bears != notice.about) {
      const auto other = world.snapshot->bears;
      write(world, other,
            ledger::after_inheriting(world.people[other], *verdict.change.suppress, plan_.policy, world.now));
    }
    return true;
  }

  static void pass(World& world, UtcTime until) { world.now = until; }

  // ---- all of them ---------------------------------------------------------------------------------------

  void quieten(World world) {
    for (int round = 0; round < 8; ++round) {
      pass(world, world.now + 2min);
      if (world.out) answer(world, OutcomeKind::Delivered, true);
      if (world.late) apply(world, *std::exchange(world.late, std::nullopt));
      while (first_notice(world)) {
      }
      read(world);
      for (int calls = 0; calls < 8 && send(world); ++calls)
        answer(world, OutcomeKind::Delivered, true);
    }
    for (std::size_t i = 0; i < addresses; ++i) {
      // By a word of their own that is newer than everything that was said before.
      const bool back = world.came_back[i] && *world.came_back[i] > world.table_changed &&
                        *world.came_back[i] > world.opted_out.value_or(UtcTime{});
      const bool elsewhere = !world.row || world.row->bears != i;
      const bool stray = (world.stray[i] && elsewhere) || (world.kept[i] && elsewhere);
      const bool silent =
          !back && !stray &&
          (silent_by_table(world, world.row, i) || silent_by_opt_out(world, world.opted_out, world.row));
      if (silent) {
        EXPECT_NE(world.there[i], There::Subscribed) << "still subscribed: " << i << told();
      } else if (!back && !stray && !world.ever_out && !world.ever_late && world.row) {
        EXPECT_EQ(world.there[i], There::Subscribed) << "never subscribed: " << i << told();
      }
    }
  }

  void explore(const World& world, int done) {
    if (::testing::Test::HasFailure()) return;
    ++histories_;
    quieten(world);
    if (done == depth_) return;
    for (const auto& [name, step] : steps()) {
      World next = world;
      pass(next, next.now + 10s);
      path_.emplace_back(name);
      if ((this->*step)(next)) explore(next, done + 1);
      path_.pop_back();
    }
  }

  std::string told() const {
    std::string text = "\n  " + flavour_.name + ":";
    for (const auto& step : path_)
      text += " " + step;
    return text;
  }

  Flavour flavour_;
  int depth_;
  MirrorPlan plan_;
  std::vector<std::string> path_;
  std::size_t histories_ = 0;
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int depth = 4;
#elif defined(NDEBUG)
constexpr int depth = 6;
#else
constexpr int depth = 4;
#endif

class EveryHistory : public ::testing::TestWithParam<Flavour> {};

TEST_P(EveryHistory, keeps_the_promise) {
  Histories histories(GetParam(), depth);
  const auto tried = histories.run();
  RecordProperty("histories", static_cast<int>(tried));
  EXPECT_GT(tried, 500U);
}

INSTANTIATE_TEST_SUITE_P(Flavours, EveryHistory,
                         ::testing::Values(Flavour{"unsubscribe", ledger::OnLeave::Unsubscribe, false},
                                           Flavour{"unsubscribe_with_consent", ledger::OnLeave::Unsubscribe,
                                                   true},
                                           Flavour{"delete", ledger::OnLeave::Delete, false},
                                           Flavour{"keep", ledger::OnLeave::Keep, true}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace stibee_sync::pipeline

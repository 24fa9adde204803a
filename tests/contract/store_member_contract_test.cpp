#include "contract/store_world.hpp"
#include "stibee_sync/ledger/confirmed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// What the store promises about members, whatever address their rows bear: opt-outs go with them, the halves
// of a move wait or go together, and the last good address is kept.
namespace stibee_sync::store_tests {
namespace {

using domain::Intent;
using ledger::Suppression;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class StoreMembers : public ::testing::Test {
 protected:
  ReadResult read(UtcTime now = start, std::vector<int> held = {}) {
    return world.read(table, {.now = now, .held = std::move(held)});
  }
  void deliver(const Table& rows) {
    table = rows;
    read();
    world.deliver_all();
  }
  void opt_out(const std::string& address, UtcTime now = start + second) {
    const auto person = world.find(address);
    pipeline::Consequence consequence;
    if (person.row) {
      consequence.confirmed =
          ledger::with_observed(person.row->confirmed, person.row->wanted, RemoteStatus::OptedOut, now);
    }
    consequence.suppress = Suppression{now, "subscriber", "too many mails"};
    world.observe(address, consequence, now);
  }
  void come_back(const std::string& address, UtcTime now) {
    const auto person = world.find(address);
    pipeline::Consequence consequence;
    consequence.confirmed =
        ledger::with_observed(person.row->confirmed, person.row->wanted, RemoteStatus::Subscribed, now);
    consequence.lift = true;
    world.observe(address, consequence, now);
  }
  RemoteStatus status(const std::string& address) { return world.row(address).confirmed.status; }
  Intent intent(const std::string& address) { return world.row(address).wanted.intent; }
  /// Whom the next calls are about, by what they do.
  std::vector<std::string> calls(UtcTime now) {
    std::vector<std::string> found;
    while (const auto claimed = world.claim(now)) {
      for (const auto& address : addresses_of(*claimed))
        found.push_back(claimed->line.shape + " " + address);
      world.deliver(*claimed, now);
    }
    return found;
  }

  World world;
  Table table;
};

// ---- an opt-out goes with the member
// -----------------------------------------------------------------------

TEST_F(StoreMembers, WhoseRowMovesBeginsAsOptedOut) {
  deliver({{key(5), {"a@x.kr"}}});
  opt_out("a@x.kr");
  table[key(5)].email = "b@x.kr";
  read(start + 2 * second);
  EXPECT_EQ(status("b@x.kr"), RemoteStatus::OptedOut);
  EXPECT_EQ(world.row("b@x.kr").confirmed.since, start + second) << "when it was learnt";
  EXPECT_EQ(world.store->suppressed(world.mirror), 2U);
  EXPECT_EQ(world.find("b@x.kr").suppression->reason, "too many mails");
  for (const auto& call : calls(start + 2 * second))
    EXPECT_EQ(call.find("subscribe:"), std::string::npos) << call;
}

TEST_F(StoreMembers, GoOnBeingOptedOutFromAddressToAddressAndThroughARestart) {
  deliver({{key(5), {"a@x.kr"}}});
  opt_out("a@x.kr");
  table[key(5)].email = "b@x.kr";
  read(start + 2 * second);
  world.reopen();
  table[key(5)].email = "c@x.kr";
  read(start + 3 * second);
  EXPECT_EQ(status("c@x.kr"), RemoteStatus::OptedOut);
}

TEST_F(StoreMembers, WhoseRowIsInsertedAnewWithAnotherAddressAreOptedOut) {
  deliver({{key(5), {"a@x.kr"}}, {key(6), {"other@x.kr"}}});
  opt_out("a@x.kr");
  table.erase(key(5));
  read(start + 2 * second);
  world.deliver_all(start + 2 * second);
  table[key(5)] = {"b@x.kr"};
  read(start + 3 * second);
  EXPECT_EQ(status("b@x.kr"), RemoteStatus::OptedOut);
  EXPECT_THAT(calls(start + 3 * second), IsEmpty());
}

TEST_F(StoreMembers, WhoBearTheSameAddressAreAllOptedOut) {
  deliver({{key(5), {"a@x.kr"}}, {key(6), {"a@x.kr"}}});
  opt_out("a@x.kr");
  table[key(5)].email = "b@x.kr";
  table[key(6)].email = "c@x.kr";
  read(start + 2 * second);
  EXPECT_EQ(status("b@x.kr"), RemoteStatus::OptedOut);
  EXPECT_EQ(status("c@x.kr"), RemoteStatus::OptedOut);
}

TEST_F(StoreMembers, WhoGetTheAddressLaterAreNotButTheAddressIs) {
  deliver({{key(5), {"a@x.kr"}}});
  opt_out("a@x.kr");
  table[key(5)].email = "b@x.kr";
  table[key(6)] = {"a@x.kr"};
  read(start + 2 * second);
  EXPECT_EQ(status("a@x.kr"), RemoteStatus::OptedOut);
  table[key(6)].email = "c@x.kr";
  read(start + 3 * second);
  EXPECT_EQ(status("c@x.kr"), RemoteStatus::Unknown) << "they did not bear it then";
}

TEST_F(StoreMembers, AnOptOutUnderTheOldAddressReachesThePresentOne) {
  deliver({{key(5), {"a@x.kr"}}});
  table[key(5)].email = "b@x.kr";
  read(start + second);
  const auto claimed = world.claim(start + second);  // the unsubscribe of the old one is on its way
  ASSERT_TRUE(claimed);
  opt_out("a@x.kr", start + 2 * second);
  EXPECT_EQ(status("b@x.kr"), RemoteStatus::OptedOut) << "at once, not with the next read";
  world.deliver_all(start + 2 * second);
  read(start + 3 * second);
  EXPECT_EQ(status("b@x.kr"), RemoteStatus::OptedOut);
  EXPECT_THAT(calls(start + 3 * second), IsEmpty());
}

TEST_F(StoreMembers, AnOptOutUnderAnAddressThatIsErasedReachesThePresentOne) {
  deliver({{key(5), {"a@x.kr"}}});
  table[key(5)].email = "b@x.kr";
  read(start + second);
  world.deliver_all(start + second);
  ASSERT_EQ(status("b@x.kr"), RemoteStatus::Subscribed);
  opt_out("a@x.kr", start + 2 * second);
  EXPECT_EQ(status("b@x.kr"), RemoteStatus::OptedOut);
  EXPECT_THAT(calls(start + 3 * second), ElementsAre("unsubscribe b@x.kr"));
}

TEST_F(StoreMembers, WhoComeBackComeBackForBothTheirAddressAndThemselves) {
  deliver({{key(5), {"a@x.kr"}}});
  opt_out("a@x.kr");
  come_back("a@x.kr", start + 2 * second);
  EXPECT_EQ(world.store->suppressed(world.mirror), 0U);
  table[key(5)].email = "b@x.kr";
  read(start + 3 * second);
  EXPECT_EQ(status("b@x.kr"), RemoteStatus::Unknown);
  EXPECT_EQ(world.row("b@x.kr").lane, Lane::Upsert);
}

TEST_F(StoreMembers, ANewerConsentAtTheNextAddressLiftsTheMembersOptOutAndLeavesTheOldAddress) {
  deliver({{key(5), {"a@x.kr"}}});
  opt_out("a@x.kr");
  table[key(5)].email = "b@x.kr";
  table[key(5)].consented_at = start + 2 * second;
  read(start + 3 * second);
  world.deliver_all(start + 3 * second);
  EXPECT_EQ(status("b@x.kr"), RemoteStatus::Subscribed);
  EXPECT_FALSE(world.find("b@x.kr").suppression);
  EXPECT_TRUE(world.find("a@x.kr").suppression);
  table[key(5)].email = "c@x.kr";
  read(start + 4 * second);
  EXPECT_EQ(status("c@x.kr"), RemoteStatus::Unknown);
}

TEST_F(StoreMembers, ALiftUnderOneAddressLeavesALaterOptOutUnderAnother) {
  deliver({{key(5), {"a@x.kr"}}});
  opt_out("a@x.kr", start + second);
  table[key(5)].email = "b@x.kr";
  read(start + 2 * second);
  opt_out("b@x.kr", start + 3 * second);
  pipeline::Consequence lift;
  lift.lift = true;
  world.observe("a@x.kr", lift, start + 4 * second);
  table[key(5)].email = "c@x.kr";
  read(start + 5 * second);
  EXPECT_EQ(status("c@x.kr"), RemoteStatus::OptedOut);
}

// ---- both halves of a move
// -----------------------------------------------------------------------------------

TEST_F(StoreMembers, TheHalvesOfAMoveWaitTogether) {
  deliver({{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}});
  table[key(1)].email = "c@x.kr";
  table[key(3)] = {"d@x.kr"};
  read(start + second, {Removal});
  EXPECT_EQ(intent("a@x.kr"), Intent::Subscribed);
  EXPECT_FALSE(world.knows("c@x.kr")) << "nobody is subscribed twice";
  EXPECT_TRUE(world.knows("d@x.kr")) << "who does not move goes on";
  read(start + 2 * second);
  EXPECT_EQ(intent("a@x.kr"), Intent::Absent);
  EXPECT_EQ(intent("c@x.kr"), Intent::Subscribed);
}

TEST_F(StoreMembers, TheOldAddressWaitsForTheNewOneToo) {
  deliver({{key(1), {"a@x.kr"}}});
  table[key(1)].email = "c@x.kr";
  read(start + second, {Add});
  EXPECT_EQ(intent("a@x.kr"), Intent::Subscribed);
  EXPECT_FALSE(world.knows("c@x.kr"));
}

TEST_F(StoreMembers, TwoWhoSwapAddressesWaitTogether) {
  deliver({{key(1), {"a@x.kr", "ann"}}, {key(2), {"b@x.kr", "bob"}}});
  const auto before = std::pair(world.row("a@x.kr"), world.row("b@x.kr"));
  table = {{key(1), {"b@x.kr", "ann", true, "", {7}}}, {key(2), {"a@x.kr", "bob"}}};
  read(start + second, {Update});
  EXPECT_EQ(std::pair(world.row("a@x.kr"), world.row("b@x.kr")), before);
  read(start + 2 * second);
  EXPECT_EQ(world.row("a@x.kr").key, key(2));
  EXPECT_EQ(world.row("b@x.kr").key, key(1));
}

TEST_F(StoreMembers, ARingOfThreeWaitsIfOneOfThemDoes) {
  deliver({{key(1), {"a@x.kr", "n"}}, {key(2), {"b@x.kr", "n"}}, {key(3), {"c@x.kr", "n"}}});
  // Each takes the next one's address; only one address gets other values by it.
  table = {{key(1), {"b@x.kr", "n"}}, {key(2), {"c@x.kr", "other"}}, {key(3), {"a@x.kr", "n"}}};
  const auto waits = read(start + second, {Update});
  EXPECT_EQ(waits.addresses.at("a@x.kr").change_class, None);
  EXPECT_EQ(waits.addresses.at("c@x.kr").change_class, Update);
  for (const auto* address : {"a@x.kr", "b@x.kr", "c@x.kr"})
    EXPECT_NE(world.row(address).key, std::nullopt);
  EXPECT_EQ(world.row("a@x.kr").key, key(1));
  EXPECT_EQ(world.row("b@x.kr").key, key(2));
  EXPECT_EQ(world.row("c@x.kr").key, key(3));
  const auto goes = read(start + 2 * second);
  EXPECT_THAT(goes.staged, ElementsAre(key(1), key(2), key(3)));
  EXPECT_EQ(world.row("a@x.kr").key, key(3));
  EXPECT_EQ(world.row("b@x.kr").key, key(1));
  EXPECT_EQ(world.row("c@x.kr").key, key(2));
}

TEST_F(StoreMembers, AnOptOutWaitsForNoOtherHalf) {
  deliver({{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}});
  // The first says no and goes to where the second was, who goes elsewhere.
  table = {{key(1), {"b@x.kr", "somebody", false}}, {key(2), {"c@x.kr"}}};
  read(start + second, {Add});
  EXPECT_NE(intent("a@x.kr"), Intent::Subscribed);
  EXPECT_EQ(intent("b@x.kr"), Intent::Unsubscribed);
  EXPECT_FALSE(world.knows("c@x.kr"));
  EXPECT_THAT(calls(start + second), UnorderedElementsAre("unsubscribe a@x.kr", "unsubscribe b@x.kr"));
}

TEST_F(StoreMembers, ANoThatComesDuringAHeldMoveReachesBothAddresses) {
  deliver({{key(1), {"a@x.kr"}}});
  table[key(1)].email = "c@x.kr";
  read(start + second, {Removal});
  table[key(1)].subscribed = false;
  read(start + 2 * second, {Removal});
  EXPECT_EQ(intent("a@x.kr"), Intent::Absent);
  EXPECT_EQ(intent("c@x.kr"), Intent::Unsubscribed);
  EXPECT_THAT(calls(start + 2 * second), ElementsAre("unsubscribe a@x.kr"));
}

TEST_F(StoreMembers, WhatGoesWhateverWaitsHoldsNothingThatHangsOnIt) {
  deliver({{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}, {key(3), {"c@x.kr"}}});
  // 1 goes to a new address, which waits; 2 says no with the address of 1; 3 goes to that of 2.
  table = {{key(1), {"new@x.kr"}}, {key(2), {"a@x.kr", "n", false}}, {key(3), {"b@x.kr", "other"}}};
  read(start + second, {Add});
  EXPECT_FALSE(world.knows("new@x.kr"));
  EXPECT_EQ(intent("a@x.kr"), Intent::Unsubscribed);
  EXPECT_EQ(world.row("b@x.kr").key, key(3));
  EXPECT_EQ(intent("c@x.kr"), Intent::Absent);
}

// ---- an address that is taken away, or becomes unusable
// ---------------------------------------------------------

TEST_F(StoreMembers, AnAddressThatIsTakenAwayIsAMoveToNowhere) {
  world.policy.on_leave = ledger::OnLeave::Keep;
  world.policy.delete_after.reset();
  deliver({{key(1), {"a@x.kr"}}});
  table[key(1)].email = "";
  read(start + second);
  EXPECT_EQ(intent("a@x.kr"), Intent::Absent);
  EXPECT_THAT(calls(start + second), ElementsAre("unsubscribe a@x.kr"));
}

TEST_F(StoreMembers, AnUnusableAddressLeavesTheLastGoodOneAsItIs) {
  deliver({{key(1), {"a@x.kr"}}});
  table[key(1)].email = "";
  table[key(1)].keeps_address = true;
  read(start + second);
  EXPECT_EQ(intent("a@x.kr"), Intent::Subscribed);
  EXPECT_THAT(calls(start + second), IsEmpty());
  const auto parked = world.store->parked(world.mirror, 10);
  ASSERT_EQ(parked.size(), 1U);
  EXPECT_EQ(parked[0].key, "1");
  EXPECT_EQ(parked[0].reason, "empty_address");
  EXPECT_THAT(read(start + 2 * second).staged, IsEmpty());
}

TEST_F(StoreMembers, ANoOfARowWithAnUnusableAddressReachesTheLastGoodOne) {
  deliver({{key(1), {"a@x.kr"}}});
  table[key(1)].email = "";
  table[key(1)].keeps_address = true;
  read(start + second);
  table[key(1)].subscribed = false;
  read(start + 2 * second);
  EXPECT_EQ(intent("a@x.kr"), Intent::Unsubscribed);
  EXPECT_THAT(calls(start + 2 * second), ElementsAre("unsubscribe a@x.kr"));
}

TEST_F(StoreMembers, AnUnusableAddressThatIsMendedToAnotherOneIsAMove) {
  deliver({{key(1), {"a@x.kr"}}});
  table[key(1)] = {"", "somebody", true, "", {}, {}, true};
  read(start + second);
  table[key(1)] = {"b@x.kr"};
  read(start + 2 * second);
  EXPECT_EQ(intent("a@x.kr"), Intent::Absent);
  EXPECT_TRUE(world.row("a@x.kr").wanted.silenced);
  EXPECT_EQ(intent("b@x.kr"), Intent::Subscribed);
  EXPECT_THAT(world.store->parked(world.mirror, 10), IsEmpty());
}

TEST_F(StoreMembers, ANewRowWithAnUnusableAddressHasNone) {
  deliver({{key(1), {"", "somebody", true, "", {}, {}, true}}});
  EXPECT_EQ(world.store->parked(world.mirror, 10).size(), 1U);
  EXPECT_FALSE(world.claim());
}

// ---- addresses changed at Stibee
// ---------------------------------------------------------------------------------

TEST_F(StoreMembers, AreFoundByTheAddressThatStibeeHasInstead) {
  deliver({{key(1), {"a@x.kr"}}});
  auto change = pipeline::Consequence{};
  const auto row = world.row("a@x.kr");
  change.confirmed = ledger::with_observed(row.confirmed, row.wanted, RemoteStatus::Moved, start + second);
  change.confirmed->moved_to = "b@x.kr";
  world.observe("a@x.kr", change, start + second);
  world.reopen();
  const auto moved_from = [&](const std::string& address) {
    return world.change(
        [&](store::Transaction& look) { return look.moved_from(world.mirror, email(address)); });
  };
  EXPECT_EQ(moved_from("b@x.kr"), email("a@x.kr"));
  EXPECT_EQ(moved_from("a@x.kr"), std::nullopt);
  EXPECT_EQ(world.row("a@x.kr").confirmed, *change.confirmed);
  EXPECT_EQ(world.store->summary(world.mirror, start).people.at(RemoteStatus::Moved), 1U);

  table[key(1)].subscribed = false;
  read(start + 2 * second);
  EXPECT_THAT(calls(start + 2 * second), ElementsAre("unsubscribe b@x.kr")) << "a no reaches them there";
}

// ---- a resubscription that is not in the table yet
// -----------------------------------------------------------------

TEST_F(StoreMembers, ThePersonsWordCountsUntilItIsWrittenBack) {
  deliver({{key(1), {"a@x.kr"}}});
  opt_out("a@x.kr");
  table[key(1)].subscribed = false;
  read(start + 2 * second);
  pipeline::Consequence back;
  const auto row = world.row("a@x.kr");
  back.confirmed =
      ledger::with_observed(row.confirmed, row.wanted, RemoteStatus::Subscribed, start + 3 * second);
  back.wanted = row.wanted;
  back.wanted->intent = Intent::Subscribed;
  back.lift = true;
  back.writeback.emplace().event = "resubscribed";
  world.observe("a@x.kr", back, start + 3 * second);
  table[key(1)].name = "other";
  read(start + 4 * second);
  EXPECT_EQ(intent("a@x.kr"), Intent::Subscribed);
  world.finish_writeback(
      world.store->writebacks(world.mirror, start + 4 * second, start + 1000 * day, 1).at(0).id);
  read(start + 5 * second);
  EXPECT_EQ(intent("a@x.kr"), Intent::Unsubscribed) << "it was given up: the table's word is the last";
}

// ---- echoes of a deletion
// --------------------------------------------------------------------------------------------

TEST_F(StoreMembers, WhoWasDeletedIsRememberedForTheTimeOfItsEcho) {
  world.policy.on_leave = ledger::OnLeave::Delete;
  world.policy.delete_after.reset();
  deliver({{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}});
  table.erase(key(1));
  read(start + second);
  world.deliver_all(start + second);
  ASSERT_TRUE(world.find("a@x.kr").trace);
  EXPECT_EQ(world.find("a@x.kr").trace->called.deletion, start + second);
  world.reopen();
  read(start + second + ledger::echo_window);
  EXPECT_TRUE(world.knows("a@x.kr"));
  read(start + 2 * second + ledger::echo_window);
  EXPECT_FALSE(world.knows("a@x.kr"));
}

}  // namespace
}  // namespace stibee_sync::store_tests

#include "stibee_sync/text/hex.hpp"
#include "suppression_file.hpp"

#include <fstream>

#include <gtest/gtest.h>

// Opt-outs are the members', too, in the file beside the state as well; and what a state of an earlier
// version makes of its own.
namespace stibee_sync::store {
namespace {

using namespace testing_support;

TEST_F(SuppressionFile, AMembersOptOutOutlivesTheState) {
  open();
  fill();
  opt_out("a@x.kr", start + second);
  close();
  fs::remove(state());
  open();
  read_table(*store_, mirror_, {{key(1), {"b@x.kr"}}, {key(2), {"c@x.kr"}}});
  EXPECT_EQ(status("b@x.kr"), RemoteStatus::OptedOut);
  EXPECT_EQ(status("c@x.kr"), RemoteStatus::Unknown);
  EXPECT_EQ(store_->suppressed(mirror_), 2U) << "of addresses";
}

TEST_F(SuppressionFile, AMembersOptOutReachesTheirAddressInAnOlderState) {
  open();
  fill();
  const auto old = backup(state());
  open();
  opt_out("a@x.kr", start + second);
  read_table(*store_, mirror_, {{key(1), {"b@x.kr"}}});
  close();
  restore(old, state());
  open();
  EXPECT_EQ(status("a@x.kr"), RemoteStatus::OptedOut);
  read_table(*store_, mirror_, {{key(1), {"b@x.kr"}}});
  EXPECT_EQ(status("b@x.kr"), RemoteStatus::OptedOut);
}

TEST_F(SuppressionFile, AnAddressThatAMemberHadInAnOlderStateIsLookedAt) {
  open();
  read_table(*store_, mirror_, {{key(1), {"b@x.kr"}}});
  const auto old = backup(state());
  open();
  read_table(*store_, mirror_, {{key(1), {"a@x.kr"}}});
  opt_out("a@x.kr", start + second);
  read_table(*store_, mirror_, {{key(1), {"b@x.kr"}}});
  ASSERT_EQ(status("b@x.kr"), RemoteStatus::OptedOut);
  close();
  restore(old, state());
  // Only the opt-out of a@x.kr, and the member's, were known before the last read.
  open();
  read_table(*store_, mirror_, {{key(1), {"b@x.kr"}}});
  EXPECT_EQ(status("b@x.kr"), RemoteStatus::OptedOut) << "though its row is as it was";
}

TEST_F(SuppressionFile, RemembersWhatConsentTheTableShowedAndWhoseKeyAHashIs) {
  open();
  fill();
  RemoteChange change;
  change.suppress = Suppression{start, "subscriber", "words", start + 9 * second};
  observe("a@x.kr", change);
  close();
  fs::remove(state());
  open();
  EXPECT_EQ(look("a@x.kr").suppression, change.suppress);
  const auto entries = journal().since(0);
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_NE(entries[0].of_member, entries[1].of_member);
  EXPECT_EQ(entries[0].suppression, entries[1].suppression);
}

TEST_F(SuppressionFile, ALiftIsOfTheMemberToo) {
  open();
  fill();
  opt_out("a@x.kr", start + second);
  lift("a@x.kr");
  close();
  fs::remove(state());
  open();
  read_table(*store_, mirror_, {{key(1), {"b@x.kr"}}});
  EXPECT_EQ(status("b@x.kr"), RemoteStatus::Unknown);
}

// ---- a state of version 1 ----------------------------------------------------------------------------

class OldState : public SuppressionFile {
 protected:
  /// What this daemon would have left behind before there were opt-outs on record.
  void make(const char* more = "") {
    std::ofstream(state()).close();
    fs::permissions(state(), fs::perms::owner_read | fs::perms::owner_write);
    Connection connection(state(), Connection::Mode::ReadWrite);
    migrate(connection, migration_steps().first(1));
    connection.execute(
        "INSERT INTO meta VALUES ('state_key', zeroblob(32));"
        "INSERT INTO mirror (id, name, list_id, last_success) VALUES (1, 'members', 1234, 42000), (2, 'new', "
        "2, "
        "NULL);"
        "INSERT INTO subscriber (mirror, email, intent, wanted_fields, status, since, maybe_subscribed, "
        "retried, "
        "attempts, batch_limit, in_doubt, parked_by_rule, lacks_values) VALUES"
        " (1, 'a@x.kr', 0, zeroblob(16), 3, 7000, 0, 0, 0, 0, 0, 0, 0),"
        " (1, 'b@x.kr', 0, zeroblob(16), 1, 8000, 0, 0, 0, 0, 0, 0, 0)");
    connection.execute(more);
  }
};

TEST_F(OldState, CountsMirrorsThatHaveSentPeopleAsAdopted) {
  make();
  open();
  EXPECT_EQ(store_->adopted(mirror_), UtcTime(std::chrono::seconds(42)));
  EXPECT_FALSE(store_->adopted(store_->open_mirror("new", 2)));
  EXPECT_FALSE(store_->reconciled(mirror_));
}

TEST_F(OldState, PutsItsOptOutsOnRecord) {
  const domain::StateKey state_key{domain::StateKey::Bytes{}};
  const auto gone = state_key.person_hash("gone@x.kr");
  make(("INSERT INTO trace VALUES (1, x'" + text::to_hex(gone) + "', 3, 9000, '')").c_str());
  open();
  EXPECT_TRUE(report_.suppressions_rebuilt);
  EXPECT_EQ(store_->suppressed(mirror_), 2U);
  EXPECT_EQ(look("a@x.kr").suppression, (Suppression{UtcTime(std::chrono::seconds(7)), "unknown", ""}));
  EXPECT_EQ(look("gone@x.kr").suppression->at, UtcTime(std::chrono::seconds(9)));
  EXPECT_FALSE(look("b@x.kr").suppression);
}

TEST_F(OldState, BesideANewerFileLearnsFromIt) {
  open();
  const domain::StateKey state_key{domain::StateKey::Bytes{}};
  journal().set_key(domain::StateKey::Bytes{});
  journal().append({entry(state_key.person_hash("a@x.kr"), {}, false),
                    entry(state_key.person_hash("b@x.kr"), {start, "subscriber", ""})});
  close();
  fs::remove(state());
  make();
  open();
  EXPECT_FALSE(look("a@x.kr").suppression);  // lifted since
  EXPECT_TRUE(look("b@x.kr").suppression);
  EXPECT_EQ(status("b@x.kr"), RemoteStatus::OptedOut);
}

// ---- a state of version 2, which knows opt-outs by address only -----------------------------------------

class StateOfAddresses : public SuppressionFile {
 protected:
  static std::string hash(const std::string& address) {
    return "x'" + text::to_hex(domain::StateKey(domain::StateKey::Bytes{}).person_hash(address)) + "'";
  }
  /// 1 opted out and is subscribed in the table; 2 opted out and left; 3 shares the address of 1; 4 is
  /// subscribed.
  void make() {
    std::ofstream(state()).close();
    fs::permissions(state(), fs::perms::owner_read | fs::perms::owner_write);
    Connection connection(state(), Connection::Mode::ReadWrite);
    migrate(connection, migration_steps().first(2));
    const std::string row = ", zeroblob(16), ";
    const std::string rest = ", 7000, 0, 0, 0, 0, 0, 0, 0)";
    connection.execute(
        ("INSERT INTO meta VALUES ('state_key', zeroblob(32));"
         "INSERT INTO mirror (id, name, list_id, last_success, adopted, generation) VALUES (1, 'members', "
         "1234, 42000, "
         "42000, 1);"
         "INSERT INTO member (mirror, key, fingerprint, email, subscribed, shadowed) VALUES"
         " (1, 1, zeroblob(16), 'a@x.kr', 1, 0), (1, 3, zeroblob(16), 'a@x.kr', 1, 1),"
         " (1, 4, zeroblob(16), 'd@x.kr', 1, 0);"
         "INSERT INTO member_address VALUES (1, 'a@x.kr', 1), (1, 'a@x.kr', 3), (1, 'd@x.kr', 4);"
         "INSERT INTO subscriber (mirror, email, intent, wanted_fields, status, since, maybe_subscribed, "
         "retried, "
         "attempts, batch_limit, in_doubt, parked_by_rule, lacks_values) VALUES (1, 'a@x.kr', 0" +
         row + "3" + rest + ", (1, 'd@x.kr', 0" + row + "1" + rest + ";INSERT INTO trace VALUES (1, " +
         hash("b@x.kr") +
         ", 3, 7000, '');"
         "INSERT INTO suppression VALUES (1234, " +
         hash("a@x.kr") + ", 7000, 'subscriber', 'words'), (1234, " + hash("b@x.kr") +
         ", 7000, 'subscriber', '')")
            .c_str());
  }
};

TEST_F(StateOfAddresses, PutsTheMembersOfItsOptOutsOnRecord) {
  make();
  open();
  EXPECT_EQ(store_->suppressed(mirror_), 2U);
  EXPECT_EQ(look("a@x.kr").suppression,
            (Suppression{UtcTime(std::chrono::seconds(7)), "subscriber", "words"}));
  std::size_t members = 0;
  for (const auto& each : journal().since(0))
    members += each.of_member ? 1 : 0;
  EXPECT_EQ(members, 2U);
  read_table(*store_, mirror_, {{key(1), {"new@x.kr"}}, {key(3), {"c@x.kr"}}, {key(4), {"e@x.kr"}}});
  EXPECT_EQ(status("new@x.kr"), RemoteStatus::OptedOut);
  EXPECT_EQ(status("c@x.kr"), RemoteStatus::OptedOut);
  EXPECT_EQ(status("e@x.kr"), RemoteStatus::Unknown);
}

TEST_F(StateOfAddresses, DoesSoOnce) {
  make();
  open();
  const auto entries = journal().since(0).size();
  const auto last = journal().last();
  open();
  EXPECT_EQ(journal().since(0).size(), entries);
  EXPECT_EQ(journal().last(), last);
}

TEST_F(StateOfAddresses, HasWhoeverWaitsForANewerConsentLookedAt) {
  make();
  open();
  auto scan = store_->begin_scan(mirror_);
  TouchedAddress address;
  ASSERT_TRUE(scan.next_address(address));
  EXPECT_EQ(address.email, email("a@x.kr"));
  EXPECT_TRUE(address.member_opt_out);
  EXPECT_FALSE(scan.next_address(address));
}

}  // namespace
}  // namespace stibee_sync::store

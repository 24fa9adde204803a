#include "simulation/scenario.hpp"
#include "stibee_sync/pipeline/consequence.hpp"

#include <string>
#include <string_view>

// An opt-out outlives a state that is set back, another key of the member, and a yes that waits to be
// written.

namespace stibee_sync::simulation {
namespace {

using Image = test_disk::SimulatedDisk::Image;

class OptOuts : public Scenario {
 protected:
  /// A person says no in a letter, and Stibee tells.
  void says_no(const std::string& address) {
    edit_at_stibee(address, "unsubscribe");
    pipeline::Consequence seen;
    seen.suppress = ledger::Suppression{utc(), "subscriber", "", {}};
    observed(address, domain::RemoteStatus::OptedOut, std::move(seen));
  }
  void says_yes_again(const std::string& address) {
    edit_at_stibee(address, "resubscribe");
    pipeline::Consequence seen;
    seen.lift = true;
    seen.wanted = row_of(address).wanted;
    seen.wanted->intent = domain::Intent::Subscribed;
    seen.writeback.emplace().event = "resubscribed";
    observed(address, domain::RemoteStatus::Subscribed, std::move(seen));
  }
  std::size_t writebacks() {
    return daemon_->store().writebacks(daemon_->plan().id, utc(), utc() + 5min, 100).size();
  }

 private:
  ledger::LedgerRow row_of(const std::string& address) {
    return daemon_->store()
        .find(daemon_->plan().id, domain::EmailAddress::from_normalised(address))
        .row.value();
  }
  void edit_at_stibee(const std::string& address, const std::string& action) {
    stibee_sim::WebEdit edit;
    edit.list = list;
    edit.action = action;
    edit.emails = {address};
    edit.actor = "SUBSCRIBER";
    far_end_.model.edit(edit, FarEnd::instant(daemon_->clock().monotonic()));
  }
  void observed(const std::string& address, domain::RemoteStatus status, pipeline::Consequence seen) {
    const auto email = domain::EmailAddress::from_normalised(address);
    store::Transaction transaction(daemon_->store());
    const auto person = transaction.find(daemon_->plan().id, email);
    ASSERT_TRUE(person.row);
    seen.confirmed =
        ledger::with_observed(person.row->confirmed, seen.wanted.value_or(person.row->wanted), status, utc());
    pipeline::carry_out(transaction, daemon_->plan().id, email, person, seen, {}, utc());
    transaction.commit();
  }
};

class RestoredState : public OptOuts {
 protected:
  /// As it is now; the daemon goes on.
  Image copy() {
    kill();
    auto image = disk_->image();
    start();
    return image;
  }
  /// Of three members one says no in the table. The state as it is then.
  Image run_with_a_no() {
    fill(3);
    rows_[2].subscribed = false;
    start();
    daemon_->run_for(10s);
    return copy();
  }
  void set_back_all_but_opt_outs(const Image& older) {
    kill();
    auto image = disk_->image();
    std::erase_if(image, [](const auto& file) { return !is_of_opt_outs(file.first); });
    ASSERT_FALSE(image.empty());
    for (const auto& [name, bytes] : older) {
      if (!is_of_opt_outs(name)) image[name] = bytes;
    }
    disk_->load(image);
    start();
  }

 private:
  static bool is_of_opt_outs(std::string_view file) { return file.starts_with("suppressions"); }
};

TEST_F(RestoredState, AYesFromBeforeTheOptOutIsNoNewConsent) {
  const auto older = run_with_a_no();
  rows_[2].subscribed = true;
  daemon_->run_for(10s);
  ASSERT_EQ(subscribed(), 3u);
  daemon_->run_for(1min);
  says_no("p2@example.com");
  daemon_->run_for(1min);
  ASSERT_EQ(subscribed(), 2u);

  set_back_all_but_opt_outs(older);
  daemon_->run_for(1min);
  EXPECT_EQ(status_of(2), stibee_sim::Status::Unsubscribed);

  rows_[2].subscribed = false;
  daemon_->run_for(1min);
  rows_[2].subscribed = true;
  daemon_->run_for(1min);
  EXPECT_EQ(status_of(2), stibee_sim::Status::Subscribed) << "this one is new";
}

TEST_F(RestoredState, NorIsItUnderAnotherAddressOfTheMember) {
  const auto older = run_with_a_no();
  rows_[2].email = "another@example.com";
  rows_[2].subscribed = true;
  daemon_->run_for(10s);
  ASSERT_EQ(subscribed(), 3u);
  daemon_->run_for(1min);
  says_no("another@example.com");
  daemon_->run_for(1min);

  set_back_all_but_opt_outs(older);
  daemon_->run_for(1min);
  EXPECT_EQ(status_of(2), stibee_sim::Status::Unsubscribed);
}

TEST_F(OptOuts, FollowAMemberWhoseRowGetsAnotherKey) {
  fill(3);
  start();
  daemon_->run_for(10s);
  says_no("p2@example.com");
  daemon_->run_for(10s);
  rows_[2'000] = rows_[2];
  rows_.erase(2);
  daemon_->run_for(10s);
  rows_[2'000].email = "another@example.com";
  daemon_->run_for(1min);
  EXPECT_FALSE(far_end_.model.find(list, "another@example.com"));
  EXPECT_EQ(subscribed(), 2u);
}

TEST_F(OptOuts, AreNotLiftedByTheYesOfWhoeverBoreTheAddressBefore) {
  fill(2);
  rows_[1].subscribed = false;
  start();
  daemon_->run_for(10s);
  says_no("p2@example.com");
  daemon_->run_for(1min);
  rows_[1].subscribed = true;
  daemon_->run_for(10s);
  ASSERT_EQ(status_of(1), stibee_sim::Status::Subscribed);

  rows_[2].email = rows_[1].email;
  rows_.erase(1);
  daemon_->run_for(1min);
  EXPECT_EQ(status_of(2), stibee_sim::Status::Unsubscribed);
}

TEST_F(OptOuts, ThatComeWhileTheRowOfTheMemberIsReadWithAnotherAddressFollowThere) {
  fill(2);
  start();
  daemon_->run_for(10s);
  rows_[2].email = "new@example.com";
  while_read_ = [this] { says_no("p2@example.com"); };
  daemon_->run_for(1min);
  ASSERT_FALSE(while_read_);
  const auto there = far_end_.model.find(list, "new@example.com");
  EXPECT_TRUE(!there || there->status != stibee_sim::Status::Subscribed);
}

TEST_F(OptOuts, ThatEndWhileTheRowIsReadDoNotComeBackWithTheRead) {
  fill(2);
  start();
  daemon_->run_for(10s);
  says_no("p2@example.com");
  daemon_->run_for(1min);
  rows_[2].name = "other";
  while_read_ = [this] { says_yes_again("p2@example.com"); };
  daemon_->run_for(1min);
  ASSERT_FALSE(while_read_);
  EXPECT_EQ(status_of(2), stibee_sim::Status::Subscribed);
}

TEST_F(OptOuts, OfTheTableThatAreReadWhileAYesComesAreOlderThanIt) {
  fill(2);
  start();
  daemon_->run_for(10s);
  says_no("p2@example.com");
  daemon_->run_for(1min);
  rows_[2].subscribed = false;
  const auto before = calls_to("v1.unsubscribe");
  while_read_ = [this] { says_yes_again("p2@example.com"); };
  daemon_->run_for(1min);
  ASSERT_FALSE(while_read_);
  EXPECT_EQ(status_of(2), stibee_sim::Status::Subscribed);
  EXPECT_EQ(calls_to("v1.unsubscribe"), before);
}

TEST_F(OptOuts, OfTheTableCountMoreThanAnEarlierYesThatIsNotInItYet) {
  fill(3);
  start();
  daemon_->run_for(10s);
  says_no("p2@example.com");
  says_yes_again("p2@example.com");
  daemon_->run_for(10s);
  ASSERT_EQ(subscribed(), 3u);
  ASSERT_EQ(writebacks(), 1u);
  rows_[2].subscribed = false;
  daemon_->run_for(10s);
  EXPECT_EQ(status_of(2), stibee_sim::Status::Unsubscribed);
  EXPECT_EQ(writebacks(), 0u) << "the table would say yes for somebody who says no";
}

TEST_F(OptOuts, ThatComeWhileAYesWaitsForAHumanAreNewerThanIt) {
  fill(1'000);
  start();
  daemon_->run_for(15s);
  const auto thirty = [&](bool subscribed) {
    for (std::int64_t key = 1; key <= 30; ++key)
      rows_[key].subscribed = subscribed;
    daemon_->run_for(30s);
  };
  thirty(false);
  ASSERT_EQ(subscribed(), 970u);
  thirty(true);
  const auto held = daemon_->store().holds(daemon_->plan().id);
  ASSERT_EQ(held.size(), 1u);
  ASSERT_EQ(held[0].change_class, "resubscribes");
  says_no("p5@example.com");
  daemon_->run_for(1min);
  daemon_->approve(held[0].digest);
  daemon_->run_for(1min);
  EXPECT_TRUE(daemon_->store().holds(daemon_->plan().id).empty());
  EXPECT_EQ(subscribed(), 999u);
  EXPECT_EQ(status_of(5), stibee_sim::Status::Unsubscribed);
}

TEST_F(OptOuts, ThatWeCarriedToTheTableCountLessThanALaterYes) {
  mirror_.writeback["unsubscribed"] = "UPDATE members SET subscribed = false WHERE id = :key";
  fill(3);
  start();
  daemon_->run_for(10s);
  says_no("p2@example.com");
  says_yes_again("p2@example.com");
  rows_[2].subscribed = false;  // as the statement had it
  daemon_->run_for(10s);
  EXPECT_EQ(status_of(2), stibee_sim::Status::Subscribed);
  EXPECT_EQ(writebacks(), 1u);
}

}  // namespace
}  // namespace stibee_sync::simulation

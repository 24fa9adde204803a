#include "simulation/scenario.hpp"

// Double opt-in: Stibee asks each person once.

namespace stibee_sync::simulation {
namespace {

using namespace std::chrono_literals;

class Confirm : public Scenario, public ::testing::WithParamInterface<Api> {
 protected:
  Confirm() {
    api_ = GetParam();
    mirror_.confirm_email = true;
    mirror_.poll_interval = 1s;
  }
  std::size_t ready() {
    const auto summary = daemon_->store().summary(daemon_->plan().id, utc());
    const auto found = summary.people.find(domain::RemoteStatus::Ready);
    return found == summary.people.end() ? 0 : found->second;
  }
  std::uint64_t mails() const { return far_end_.model.totals().confirmation_mails; }
};

TEST_P(Confirm, EverybodyIsAskedOnceAndWaits) {
  fill(95);
  start();
  daemon_->run_for(2min);
  EXPECT_EQ(subscribed(), 0U);
  EXPECT_EQ(ready(), 95U);
  EXPECT_EQ(mails(), 95U);
  for (const auto& call : far_end_.model.journal())
    EXPECT_LE(call.people, 10U) << "of more than ten in a call nobody is added";
  const auto before = calls();
  rows_[5].name = "changed";
  daemon_->run_for(1min);
  EXPECT_EQ(calls(), before) << "nothing is sent to somebody who has yet to confirm";
  EXPECT_EQ(violations(), 0U);
}

TEST_P(Confirm, NobodyIsAskedTwiceWhateverBecomesOfTheCalls) {
  fill(60);
  far_end_.model.set_faults(R"({"seed":3,"rules":[
      {"kind":"drop_after","probability":0.2},{"kind":"status_after","probability":0.2},
      {"kind":"503","probability":0.1},{"kind":"garbage_body","probability":0.1}]})");
  for (int life = 0; life < 6; ++life) {
    start();
    daemon_->run_for(std::chrono::milliseconds(300 + 477 * life));
    kill();
  }
  far_end_.model.set_faults("{}");
  start();
  daemon_->run_for(30min);
  EXPECT_EQ(far_end_.model.totals().repeated_confirmation_mails, 0U);
  EXPECT_EQ(pending(), 0U);
  const auto parked = daemon_->store().parked(daemon_->plan().id, 100);
  EXPECT_GT(parked.size(), 0U) << "whose call was in doubt waits for a human";
  for (const auto& person : parked)
    EXPECT_EQ(person.reason, "confirmation_in_doubt");
  EXPECT_EQ(ready() + parked.size(), 60U);
}

TEST_P(Confirm, AHumanMayAskAgain) {
  fill(1);
  far_end_.model.set_faults(R"({"rules":[{"kind":"drop_before","times":1}]})");
  start();
  daemon_->run_for(1min);
  ASSERT_EQ(daemon_->store().parked(daemon_->plan().id, 10).size(), 1U);
  EXPECT_EQ(mails(), 0U);
  EXPECT_EQ(daemon_->retry("confirmation_in_doubt", ""), 1U);
  daemon_->run_for(5s);
  EXPECT_EQ(mails(), 1U);
  EXPECT_EQ(ready(), 1U);
}

INSTANTIATE_TEST_SUITE_P(OnEach, Confirm, ::testing::Values(Api::V1, Api::V2),
                         [](const auto& one) { return one.param == Api::V1 ? "v1" : "v2"; });

}  // namespace
}  // namespace stibee_sync::simulation

#include "simulation/scenario.hpp"
#include "stibee_sync/json/value.hpp"

// `groups: create_missing`: the table's values become groups of their name.

namespace stibee_sync::simulation {
namespace {

using namespace std::chrono_literals;

class MadeGroups : public Scenario {
 protected:
  MadeGroups() {
    mirror_.source.groups = {"grade"};
    mirror_.create_missing_groups = true;
    mirror_.poll_interval = 5s;
    fill(30);
    for (auto& [key, row] : rows_)
      row.grade = key % 2 == 0 ? "gold" : "platinum";
  }
  std::string group_of(std::int64_t key) const {
    const auto person = far_end_.model.find(list, rows_.at(key).email);
    if (!person || person->groups.size() != 1) return "";
    const auto dump = json::parse(far_end_.model.dump());
    const auto* groups = dump->find("lists")->find(list)->find("groups");
    const auto* name = groups->find(std::to_string(person->groups.front()));
    return name == nullptr ? "?" : *name->if_string();
  }
  std::size_t in_their_group() const {
    std::size_t count = 0;
    for (const auto& [key, row] : rows_)
      count += group_of(key) == row.grade ? 1 : 0;
    return count;
  }
};

TEST_F(MadeGroups, MissingOnesAreMadeAndThoseThereAreUsed) {
  start();
  daemon_->run_for(30s);
  EXPECT_EQ(in_their_group(), 30U);
  EXPECT_EQ(calls_to("v2.group_create"), 1U) << "gold was there";
  const auto before = calls();
  daemon_->run_for(5min);
  EXPECT_EQ(calls(), before) << "an unchanged table needs no call";
}

TEST_F(MadeGroups, AnotherLifeKnowsThemAndANewGradeIsNoMassUpdate) {
  start();
  daemon_->run_for(30s);
  kill();
  start();
  daemon_->run_for(30s);
  EXPECT_EQ(calls_to("v2.group_create"), 1U);
  rows_[3].grade = "diamond";
  daemon_->run_for(30s);
  EXPECT_EQ(group_of(3), "diamond");
  EXPECT_EQ(in_their_group(), 30U);
  EXPECT_EQ(daemon_->store().holds(daemon_->plan().id).size(), 0U);
}

TEST_F(MadeGroups, WithAPlanThatMakesNoneTheValuesAreIgnoredUntilItDoes) {
  far_end_.model.set_switch("plan", "standard");
  start();
  daemon_->run_for(1min);
  EXPECT_EQ(subscribed(), 30U) << "people go on";
  EXPECT_EQ(in_their_group(), 0U);
  const auto warned = [&] {
    std::size_t count = 0;
    const std::string line = "groups cannot be read";
    for (auto at = daemon_->log_text().find(line); at != std::string::npos;
         at = daemon_->log_text().find(line, at + 1))
      ++count;
    return count;
  };
  daemon_->run_for(2h);
  EXPECT_EQ(warned(), 1U);
  const auto sent = calls_to("v1.subscribe");
  kill();
  far_end_.model.set_switch("plan", "pro");
  start();
  daemon_->run_for(2min);
  EXPECT_EQ(in_their_group(), 30U) << "also those whose rows did not change since";
  EXPECT_EQ(calls_to("v1.subscribe"), sent) << "nobody is sent again";
  EXPECT_EQ(daemon_->store().holds(daemon_->plan().id).size(), 0U);
}

TEST_F(MadeGroups, APlanWithoutThemStopsNobodyOnV2Either) {
  api_ = Api::V2;
  far_end_.model.set_switch("plan", "standard");
  start();
  daemon_->run_for(2min);
  EXPECT_EQ(subscribed(), 30U);
  EXPECT_FALSE(daemon_->dispatch().condition().key_refused);
  rows_[3].name = "another";
  daemon_->run_for(10s);
  EXPECT_EQ(far_end_.model.find(list, rows_[3].email)->fields.at("name"), "another");
}

TEST_F(MadeGroups, WhileTheGroupsCannotBeReadNobodyLosesTheirs) {
  start();
  daemon_->run_for(30s);
  ASSERT_EQ(in_their_group(), 30U);
  kill();
  far_end_.model.set_faults(R"({"rules":[{"kind":"503","endpoint":"v2.groups"}]})");
  start();
  rows_[4].name = "changed";
  daemon_->run_for(2min);
  EXPECT_EQ(far_end_.model.find(list, rows_[4].email)->fields.at("name"), "changed");
  EXPECT_EQ(in_their_group(), 30U);
  EXPECT_EQ(calls_to("v1.release"), 0U);
  rows_[4].grade = "platinum";
  far_end_.model.set_faults("{}");
  daemon_->run_for(2h);
  EXPECT_EQ(in_their_group(), 30U);
}

TEST_F(MadeGroups, ByV2TheyAreMadeJustTheSame) {
  api_ = Api::V2;
  start();
  daemon_->run_for(2min);
  EXPECT_EQ(in_their_group(), 30U);
  EXPECT_EQ(violations(), 0U);
}

class AnotherMapping : public Scenario {
 protected:
  AnotherMapping() {
    mirror_.source.groups = {"grade"};
    mirror_.groups = {{"gold", 11}, {"silver", 12}};
    mirror_.guard.min_removals = 3;
    mirror_.poll_interval = 5s;
    fill(30);
    for (auto& [key, row] : rows_)
      row.grade = "gold";
  }
  void restart() {
    kill();
    start();
    daemon_->run_for(30s);
  }
  std::vector<std::uint64_t> groups_of(std::int64_t key) const {
    return far_end_.model.find(list, rows_.at(key).email).value().groups;
  }
};

// Found by a simulated day: who came while the changes of another mapping were held kept its groups for ever,
// once the mapping before was back.
TEST_F(AnotherMapping, ThatWasHeldAndTakenBackLeavesNobodyInItsGroups) {
  start();
  daemon_->run_for(30s);
  ASSERT_EQ(groups_of(30), std::vector<std::uint64_t>{11});
  mirror_.groups = {{"gold", 12}, {"silver", 11}};
  restart();
  ASSERT_EQ(daemon_->store().holds(daemon_->plan().id).size(), 1U) << "thirty updates are too many";
  constexpr std::int64_t newcomer = 31;
  rows_[newcomer].email = "newcomer@example.com";
  rows_[newcomer].grade = "gold";
  daemon_->run_for(30s);
  ASSERT_EQ(groups_of(newcomer), std::vector<std::uint64_t>{12});
  mirror_.groups = {{"gold", 11}, {"silver", 12}};
  restart();
  EXPECT_EQ(daemon_->store().holds(daemon_->plan().id).size(), 0U);
  EXPECT_EQ(groups_of(newcomer), std::vector<std::uint64_t>{11});
  EXPECT_EQ(groups_of(30), std::vector<std::uint64_t>{11});
  const auto before = calls();
  daemon_->run_for(5min);
  EXPECT_EQ(calls(), before) << "an unchanged table needs no call";
}

}  // namespace
}  // namespace stibee_sync::simulation

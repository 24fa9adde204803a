#include "simulation/scenario.hpp"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

// Whose fault a refusal is, and who waits for whom.

namespace stibee_sync::simulation {
namespace {

using namespace std::chrono_literals;

class Blame : public Scenario {
 protected:
  void fill_and_deliver(std::int64_t people) {
    fill(people);
    mirror_.guard.max_optout_percent = 100;
    mirror_.guard.max_update_percent = 100;
    start();
    daemon_->run_for(5s);
    ASSERT_EQ(subscribed(), static_cast<std::size_t>(people));
  }
  void faults(const std::string& rule) { far_end_.model.set_faults(R"({"rules":[)" + rule + "]}"); }
  void no_faults() { far_end_.model.set_faults(R"({"rules":[]})"); }
  void say_no(std::int64_t first, std::int64_t last) {
    for (auto key = first; key <= last; ++key)
      rows_[key].subscribed = false;
  }
  void add(std::int64_t first, std::int64_t last) {
    for (auto key = first; key <= last; ++key)
      rows_[key].email = "new" + std::to_string(key) + "@example.com";
  }
  std::size_t unsubscribed() const {
    std::size_t count = 0;
    far_end_.model.each_person(list, [&](const stibee_sim::Person& person) {
      if (person.status == stibee_sim::Status::Unsubscribed) ++count;
    });
    return count;
  }
  std::vector<store::ParkedPerson> parked() { return daemon_->store().parked(daemon_->plan().id, 100); }
  std::size_t lines_with(const std::string& text) const {
    std::size_t count = 0;
    for (auto at = daemon_->log_text().find(text); at != std::string::npos;
         at = daemon_->log_text().find(text, at + 1))
      ++count;
    return count;
  }
  void edit(const std::string& action, std::uint64_t group = 0) {
    stibee_sim::WebEdit edit;
    edit.list = list;
    edit.action = action;
    edit.group = group;
    ASSERT_EQ(far_end_.model.edit(edit, sim_time(daemon_->clock())), 1U) << action;
  }
};

class BlameOnBoth : public Blame, public ::testing::WithParamInterface<Api> {
 protected:
  BlameOnBoth() { api_ = GetParam(); }
};
INSTANTIATE_TEST_SUITE_P(Apis, BlameOnBoth, ::testing::Values(Api::V1, Api::V2),
                         [](const auto& api) { return api.param == Api::V1 ? "V1" : "V2"; });

TEST_P(BlameOnBoth, AFullPlanKeepsNewPeopleWaitingAndNobodyElse) {
  fill_and_deliver(50);
  far_end_.model.set_switch("plan_people", "50");
  add(101, 130);
  daemon_->run_for(10s);
  const auto found = calls();
  EXPECT_NE(daemon_->dispatch().refused(0).find("limit of people"), std::string::npos)
      << daemon_->dispatch().refused(0);
  say_no(1, 1);
  daemon_->run_for(5s);
  EXPECT_EQ(status_of(1), stibee_sim::Status::Unsubscribed) << "opt-outs flow";
  daemon_->run_for(5min);
  EXPECT_LE(calls(), found + 20) << "about one probe a minute";
  EXPECT_EQ(subscribed(), 50U) << "the one who left made room for another";
  EXPECT_EQ(pending(), 29U);
  EXPECT_TRUE(parked().empty());
  far_end_.model.set_switch("plan_people", "500");
  daemon_->run_for(90s);
  EXPECT_EQ(subscribed(), 79U);
  EXPECT_EQ(pending(), 0U);
  EXPECT_EQ(daemon_->dispatch().refused(0), "");
  EXPECT_GE(lines_with(R"("event":"api.recovered")"), 1U);
  EXPECT_EQ(violations(), 0U);
}

TEST_P(BlameOnBoth, AListThatIsGoneIsNobodysFault) {
  fill_and_deliver(50);
  far_end_.model.set_switch("unknown_list_code", "LIST_NOT_FOUND");
  edit("remove_list");
  add(101, 400);
  say_no(1, 12);
  daemon_->run_for(1min);
  const auto found = calls();
  EXPECT_NE(daemon_->dispatch().refused(0).find("no list 1234"), std::string::npos)
      << daemon_->dispatch().refused(0);
  daemon_->run_for(10min);
  EXPECT_LE(calls(), found + 25);
  EXPECT_TRUE(parked().empty());
  EXPECT_EQ(lines_with("Stibee knows no list"), 1U);
  edit("restore_list");
  daemon_->run_for(3min);
  EXPECT_EQ(unsubscribed(), 12U);
  EXPECT_EQ(subscribed(), 338U);
  EXPECT_EQ(pending(), 0U);
  EXPECT_EQ(daemon_->dispatch().refused(0), "");
}

TEST_P(BlameOnBoth, NobodyIsParkedWhileEverythingIsRefused) {
  mirror_.poll_interval = 5s;
  for (const char* rule : {R"({"kind":"400"})", R"({"kind":"404","shape":"html"})",
                           R"({"kind":"ok_false","code":"INVALID_REQUEST"})"}) {
    for (const std::int64_t adds : {1, 100}) {
      rows_.clear();
      now_ = runtime::MonotonicTime{1h};
      disk_ = test_disk::disk_with_state();
      far_end_ = {stibee_sim::StibeeModel(setup()), {}};
      fill_and_deliver(50);
      faults(rule);
      say_no(1, 15);
      add(101, 100 + adds);
      daemon_->run_for(40s);
      EXPECT_TRUE(parked().empty()) << rule << adds;
      no_faults();
      daemon_->run_for(4min);
      EXPECT_TRUE(parked().empty()) << rule << adds;
      EXPECT_EQ(unsubscribed(), 15U) << rule << adds;
      EXPECT_EQ(subscribed(), static_cast<std::size_t>(35 + adds)) << rule << adds;
      EXPECT_EQ(pending(), 0U) << rule << adds;
      daemon_.reset();
    }
  }
}

TEST_F(Blame, WhereEverybodyIsRefusedAlikeTheMirrorWaitsAndAFewCallsFindItOut) {
  mirror_.poll_interval = 1h;  // one read is enough
  fill(20'000);
  faults(R"({"kind":"ok_false","endpoint":"v1.subscribe","code":"NO_IDEA"})");
  start();
  daemon_->run_for(10min);
  EXPECT_NE(daemon_->dispatch().refused(0).find("NO_IDEA"), std::string::npos);
  EXPECT_LE(calls(), 80U);
  EXPECT_EQ(pending(), 20'000U);
  EXPECT_TRUE(parked().empty());
  no_faults();
  daemon_->run_for(5min);
  EXPECT_EQ(subscribed(), 20'000U);
  EXPECT_TRUE(parked().empty());
  EXPECT_EQ(lines_with(R"("event":"api.recovered")"), 1U);
}

TEST_F(Blame, SomebodyWhoIsRefusedWithNobodyBesideIsParkedAfterAMinute) {
  fill_and_deliver(10);
  daemon_->run_for(5min);
  faults(R"({"kind":"refuse_batch","address":"new101@example.com"})");
  add(101, 101);
  daemon_->run_for(50s);
  EXPECT_TRUE(parked().empty());
  daemon_->run_for(3min);
  ASSERT_EQ(parked().size(), 1U);
  EXPECT_EQ(daemon_->dispatch().refused(0), "");
}

TEST_F(Blame, ThreeCulpritsAmongOthersAreParkedAndTheMirrorIsNotBlamed) {
  mirror_.poll_interval = 1h;  // one read is enough
  fill(300);
  faults(R"({"kind":"refuse_batch","address":"p77@example.com"},
            {"kind":"refuse_batch","address":"p78@example.com"},
            {"kind":"refuse_batch","address":"p200@example.com"})");
  start();
  daemon_->run_for(20min);
  EXPECT_EQ(parked().size(), 3U);
  EXPECT_EQ(subscribed(), 297U);
  EXPECT_EQ(daemon_->dispatch().refused(0), "");
}

TEST_F(Blame, AnOptOutThatIsRefusedIsRepeatedForEverAndKeepsNobodyElse) {
  fill_and_deliver(50);
  faults(R"({"kind":"refuse_batch","address":"p7@example.com","endpoint":"v1.unsubscribe"})");
  say_no(1, 20);
  daemon_->run_for(20min);
  EXPECT_EQ(unsubscribed(), 19U);
  EXPECT_TRUE(parked().empty());
  EXPECT_EQ(pending(), 1U);
  say_no(21, 21);
  daemon_->run_for(5s);
  EXPECT_EQ(status_of(21), stibee_sim::Status::Unsubscribed);
  no_faults();
  daemon_->run_for(6min);
  EXPECT_EQ(status_of(7), stibee_sim::Status::Unsubscribed);
}

TEST_F(Blame, HalvesOfARefusedBatchCountAsRetries) {
  mirror_.poll_interval = 1h;  // one read is enough
  fill(2'000);
  faults(R"({"kind":"refuse_batch","address":"p777@example.com"})");
  start();
  daemon_->run_for(50s);
  EXPECT_LE(calls(), 11U) << "one, and ten retries a minute";
}

TEST_F(Blame, AGroupThatIsGoneKeepsOnlyThoseWhoAreToBeInIt) {
  mirror_.source.groups = {"grade"};
  mirror_.groups = {{"gold", 11}, {"silver", 12}};
  auto other = mirror_;
  other.name = "others";
  other.list_id = 5678;
  other.groups = {{"gold", 12}, {"silver", 12}};
  mirror_.poll_interval = 1h;  // one read is enough
  other.poll_interval = 1h;
  more_mirrors_ = {other};
  fill(6'000);
  for (auto& [key, row] : rows_)
    row.grade = key % 2 == 0 ? "gold" : "silver";
  far_end_.model.set_switch("unknown_group_code", "GROUP_NOT_FOUND");
  start("sim-key", false);
  edit("remove_group", 11);
  kill();
  start();
  daemon_->run_for(10s);
  EXPECT_EQ(subscribed(), 3'000U) << "silver";
  EXPECT_EQ(daemon_->pending(1), 0U) << "the other mirror";
  EXPECT_NE(daemon_->dispatch().refused(0).find("group"), std::string::npos);
  EXPECT_EQ(daemon_->dispatch().refused(1), "");
  const auto found = calls();
  daemon_->run_for(10min);
  EXPECT_LE(calls(), found + 11) << "one call a minute";
  EXPECT_TRUE(parked().empty());
  EXPECT_EQ(lines_with(R"("event":"api.request_failed","msg":"a group of list)"), 1U);
  stibee_sim::WebEdit again;
  again.list = list;
  again.action = "add_group";
  again.group = 11;
  far_end_.model.edit(again, sim_time(daemon_->clock()));
  daemon_->run_for(2min);
  EXPECT_EQ(subscribed(), 6'000U);
  EXPECT_EQ(pending(), 0U);
}

TEST_F(Blame, MirrorsAreServedInTurn) {
  mirror_.poll_interval = 1h;
  auto other = mirror_;
  other.name = "others";
  other.list_id = 5678;
  more_mirrors_ = {other};
  fill(60'000);
  start();
  daemon_->run_for(20s);
  EXPECT_EQ(daemon_->pending(0) + daemon_->pending(1), 0U);
  std::vector<std::string> order;
  for (const auto& call : far_end_.model.journal())
    order.push_back(call.list);
  // The first mirror's table is read first; from the first call of the second on they alternate.
  std::size_t at = 0;
  while (at < order.size() && order[at] == list)
    ++at;
  ASSERT_LT(at + 12, order.size());
  ASSERT_LT(at, 24U) << "the import of the first was over before";
  std::size_t of_other = 0;
  for (std::size_t i = at; i < at + 12; ++i)
    of_other += order[i] == other_list ? 1 : 0;
  EXPECT_GE(of_other, 5U);
  EXPECT_LE(of_other, 7U);
}

TEST_F(Blame, ALongRetryAfterIsKeptButForProbesAndOverARestart) {
  fill_and_deliver(50);
  far_end_.model.set_faults(R"({"script":{"v1.subscribe":[{"kind":"429","retry_after":86400}]}})");
  rows_[1].name = "another";
  daemon_->run_for(10s);
  auto held = daemon_->dispatch().condition().limiters;
  EXPECT_TRUE(std::any_of(held.begin(), held.end(), [](const auto& limiter) { return limiter.held_until; }));
  const auto before = calls();
  daemon_->run_for(10min);
  EXPECT_EQ(calls(), before) << "nobody who waits is an opt-out";
  kill();
  start();
  daemon_->run_for(4min);
  EXPECT_EQ(calls(), before) << "a restart knows it";
  say_no(2, 2);
  daemon_->run_for(65s);
  EXPECT_EQ(status_of(2), stibee_sim::Status::Unsubscribed);
  daemon_->run_for(5s);
  EXPECT_EQ(far_end_.model.find(list, rows_[1].email)->fields.at("name"), "another")
      << "a call was taken: the wait is over";
  kill();
  start();
  rows_[3].name = "another";
  daemon_->run_for(5s);
  EXPECT_EQ(far_end_.model.find(list, rows_[3].email)->fields.at("name"), "another") << "and stays so";
}

TEST_F(Blame, WhileStibeeWantsNoCallsOneAMinuteTriesForAnOptOutAndOneInFifteenForOthers) {
  mirror_.poll_interval = 10s;
  fill_and_deliver(50);
  faults(R"({"kind":"429","retry_after":86400})");
  rows_[1].name = "another";
  daemon_->run_for(15s);
  auto before = calls();
  daemon_->run_for(1h);
  EXPECT_GE(calls(), before + 3);
  EXPECT_LE(calls(), before + 4);
  say_no(2, 2);
  daemon_->run_for(2min);
  before = calls();
  daemon_->run_for(30min);
  EXPECT_GE(calls(), before + 25);
  EXPECT_LE(calls(), before + 31);
}

TEST_F(Blame, AClockThatIsSetBackKeepsNobodyWaiting) {
  fill_and_deliver(50);
  mirror_.delete_after = std::chrono::hours(24 * 30);
  kill();
  start();
  daemon_->clock().set_ahead(1h);
  faults(R"({"kind":"503","endpoint":"v1.unsubscribe"})");
  say_no(1, 5);
  rows_.erase(6);
  add(101, 103);
  faults(R"({"kind":"503"})");
  daemon_->run_for(10s);
  EXPECT_GE(pending(), 5U);
  daemon_->clock().set_ahead(0ms);
  no_faults();
  daemon_->run_for(40s);
  EXPECT_EQ(unsubscribed(), 6U);
  EXPECT_EQ(subscribed(), 47U);
  EXPECT_EQ(pending(), 0U);
  EXPECT_TRUE(far_end_.model.find(list, "p6@example.com").has_value()) << "deleted in 30 days, not now";
}

}  // namespace
}  // namespace stibee_sync::simulation

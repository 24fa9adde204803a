#include "app/mirror_health.hpp"

#include <gmock/gmock.h>

namespace stibee_sync::app {
namespace {

using namespace std::chrono_literals;
using domain::Lane;
using telemetry::HealthState;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const domain::UtcTime now{std::chrono::hours(500'000)};
constexpr const char* refused_connection = "Stibee cannot be reached: connection refused";

/// People of a lane who wait, the first of them for so long.
MirrorSigns::Lane waiting(std::size_t people, domain::Duration wait) {
  MirrorSigns::Lane lane;
  lane.people = people;
  lane.oldest = now - wait;
  return lane;
}

MirrorSigns well() {
  MirrorSigns signs;
  signs.rows = 1'000;
  signs.served_for = 1h;
  signs.longest_window = 1s;
  return signs;
}

HealthState state_of(const MirrorSigns& signs) {
  return judge(signs, now).state;
}

std::string problem_of(const MirrorSigns& signs) {
  return judge(signs, now).problem;
}

TEST(MirrorHealth, NothingToSayIsOk) {
  EXPECT_EQ(state_of(well()), HealthState::Ok);
  EXPECT_EQ(problem_of(well()), "");
  EXPECT_EQ(state_of(MirrorSigns{}), HealthState::Ok) << "an empty table";
}

TEST(MirrorHealth, AnOptOutThatWaitsDecidesBeforeAnyCircuitOpens) {
  auto signs = well();
  signs.calls_problem = refused_connection;
  signs.lanes[Lane::Optout] = waiting(2, 15s);
  signs.lanes[Lane::Upsert] = waiting(19, 15s);
  EXPECT_EQ(state_of(signs), HealthState::Ok) << "for 15 s nobody is alarmed";
  signs.lanes[Lane::Optout] = waiting(2, 16s);
  EXPECT_EQ(state_of(signs), HealthState::Failing);
  EXPECT_EQ(problem_of(signs),
            "2 opt-outs wait, the first for 16 s: Stibee cannot be reached: connection refused");
}

TEST(MirrorHealth, AnOptOutThatWaitedBeforeARestartIsLateAtOnce) {
  auto signs = well();
  signs.served_for = 0s;
  signs.lanes[Lane::Optout] = waiting(1, 100s);
  EXPECT_EQ(state_of(signs), HealthState::Failing);
  EXPECT_THAT(problem_of(signs), HasSubstr("1 opt-out waits, the first for 100 s"));
}

TEST(MirrorHealth, OthersWhoWaitedBeforeARestartAreGivenAMomentUnlessCallsFail) {
  auto signs = well();
  signs.served_for = 1s;
  signs.lanes[Lane::Upsert] = waiting(12'000, 8min);
  signs.lanes[Lane::Upsert].seconds_at_limits = 60;
  EXPECT_EQ(state_of(signs), HealthState::Importing);
  signs.calls_problem = refused_connection;
  EXPECT_EQ(state_of(signs), HealthState::Failing);
  EXPECT_THAT(problem_of(signs), HasSubstr(refused_connection));
  signs.calls_problem.clear();
  signs.served_for = 16s;
  EXPECT_EQ(state_of(signs), HealthState::Failing) << "nobody arrived since";
}

TEST(MirrorHealth, AFirstImportIsImportingToItsEnd) {
  auto signs = well();
  signs.imported = false;
  signs.lanes[Lane::Upsert] = waiting(12'000, 2s);
  EXPECT_EQ(state_of(signs), HealthState::Importing) << "30,000 of 42,000 are there";
  EXPECT_EQ(problem_of(signs), "");
  signs.lanes[Lane::Upsert] = {};
  EXPECT_EQ(state_of(signs), HealthState::Ok);
}

TEST(MirrorHealth, WhoWaitsForTheLimitIsNotLateWhilePeopleArrive) {
  auto signs = well();
  signs.longest_window = 1min;
  auto& lane = signs.lanes[Lane::Upsert] = waiting(2'000, 170s);
  lane.seconds_at_limits = 180;  // for all 5,000 of the burst
  lane.since_arrival = 100ms;
  EXPECT_EQ(state_of(signs), HealthState::Importing) << "not ok while somebody waits so long, and no failure";
  lane.since_arrival = 75s;
  EXPECT_EQ(state_of(signs), HealthState::Importing) << "bulk calls may wait for their window";
  lane.since_arrival = 76s;
  EXPECT_EQ(state_of(signs), HealthState::Failing) << "no progress";
  lane.since_arrival = 16s;
  signs.calls_problem = refused_connection;
  EXPECT_EQ(state_of(signs), HealthState::Failing) << "no progress, and known why";
}

TEST(MirrorHealth, OneFailedCallInABurstThatFlowsIsNoAlarm) {
  auto signs = well();
  auto& lane = signs.lanes[Lane::Upsert] = waiting(2'000, 60s);
  lane.seconds_at_limits = 180;
  lane.since_arrival = 200ms;
  signs.calls_problem = "calls to Stibee fail: http_503";
  EXPECT_EQ(state_of(signs), HealthState::Importing);
}

TEST(MirrorHealth, ABurstThatRunsOverItsEstimateIsFailing) {
  auto signs = well();
  signs.imported = false;
  auto& lane = signs.lanes[Lane::Upsert] = waiting(2'000, 285s);
  lane.seconds_at_limits = 180;  // with half as much again, and the 15 s of everybody: 285 s
  lane.since_arrival = 100ms;
  EXPECT_EQ(state_of(signs), HealthState::Importing);
  lane.oldest = now - 286s;
  EXPECT_EQ(state_of(signs), HealthState::Failing);
  EXPECT_THAT(problem_of(signs), HasSubstr("longer than the limits explain (3 min)"));
}

TEST(MirrorHealth, WhoFindsTheLimitUsedUpMayWaitForItsWindow) {
  auto signs = well();
  signs.longest_window = 1min;
  auto& lane = signs.lanes[Lane::Upsert] = waiting(1, 50s);
  lane.since_arrival = 55s;
  EXPECT_EQ(state_of(signs), HealthState::Failing);
  lane.limited = true;
  EXPECT_EQ(state_of(signs), HealthState::Importing);
  lane.oldest = now - 76s;
  EXPECT_EQ(state_of(signs), HealthState::Failing);
}

TEST(MirrorHealth, TheTimeBeforeTheBurstIsNoneThatTheLimitsHaveToExplain) {
  auto signs = well();
  signs.served_for = 20s;
  auto& lane = signs.lanes[Lane::Upsert] = waiting(1'000, 2h);  // it was paused so long
  lane.since_arrival = 1s;
  signs.under_way = 19s;
  lane.seconds_at_limits = 10;
  EXPECT_EQ(state_of(signs), HealthState::Importing);
  signs.under_way = 31s;
  EXPECT_EQ(state_of(signs), HealthState::Failing);
}

TEST(MirrorHealth, OneOptOutThatIsNeverTakenIsSeenAmongOthersThatFlow) {
  auto signs = well();
  auto& optouts = signs.lanes[Lane::Optout] = waiting(1, 20s);
  optouts.seconds_at_limits = 0.1;
  optouts.since_arrival = 1s;
  signs.lanes[Lane::Upsert] = waiting(100, 1s);
  EXPECT_EQ(state_of(signs), HealthState::Failing);
  EXPECT_THAT(problem_of(signs), StartsWith("1 opt-out waits"));
}

TEST(MirrorHealth, WhoWaitsForTheListToBeTakenOverIsNotLateUnlessThatDoesNotGetOn) {
  auto signs = well();
  signs.taking_over = true;
  signs.imported = false;
  signs.lanes[Lane::Upsert] = waiting(1'000'000, 10min);
  EXPECT_EQ(state_of(signs), HealthState::Importing);
  signs.calls_problem = refused_connection;
  EXPECT_EQ(state_of(signs), HealthState::Failing);
  signs.calls_problem.clear();
  signs.lanes[Lane::Upsert] = waiting(1'000'000, 10s);
  signs.refused = "Stibee does not let this key use list 9";
  EXPECT_EQ(state_of(signs), HealthState::Failing);
  EXPECT_EQ(problem_of(signs), signs.refused);
}

TEST(MirrorHealth, WhatRefusesEverybodyIsFailingThoughNobodyWaits) {
  for (const auto& [signs, words] : [] {
         std::vector<std::pair<MirrorSigns, std::string>> cases;
         auto key = well();
         key.key_refused = key.circuit_open = true;
         cases.emplace_back(key, "Stibee refuses the API key");
         auto mirror = well();
         mirror.refused = "the plan's limit of people is reached";
         cases.emplace_back(mirror, mirror.refused);
         auto circuit = well();
         circuit.circuit_open = true;
         circuit.calls_problem = refused_connection;
         cases.emplace_back(circuit, refused_connection);
         auto stopped = well();
         stopped.served = false;
         cases.emplace_back(stopped, "not running");
         return cases;
       }()) {
    EXPECT_EQ(state_of(signs), HealthState::Failing) << words;
    EXPECT_EQ(problem_of(signs), words);
  }
}

TEST(MirrorHealth, CallsThatStibeeDoesNotWantCountOnceSomebodyWaits) {
  auto signs = well();
  signs.calls_unwanted = "Stibee wants no calls (v1) before tomorrow";
  EXPECT_EQ(state_of(signs), HealthState::Ok);
  signs.lanes[Lane::Upsert] = waiting(1, 1s);
  EXPECT_EQ(state_of(signs), HealthState::Failing);
  EXPECT_EQ(problem_of(signs), signs.calls_unwanted);
}

TEST(MirrorHealth, MoreThanATenthThatCannotBeSentIsFailing) {
  auto signs = well();
  signs.unsendable = 100;
  EXPECT_EQ(state_of(signs), HealthState::Ok);
  signs.unsendable = 101;
  EXPECT_EQ(state_of(signs), HealthState::Failing);
  EXPECT_EQ(problem_of(signs), "101 of 1,000 rows cannot be sent; see `failures`");
}

TEST(MirrorHealth, APausedMirrorIsPausedWhoeverWaits) {
  auto signs = well();
  signs.paused = true;
  signs.circuit_open = true;
  signs.calls_problem = refused_connection;
  signs.source = MirrorSigns::Source::Failing;
  signs.lanes[Lane::Optout] = waiting(9, 2h);
  EXPECT_EQ(state_of(signs), HealthState::Paused);
  EXPECT_TRUE(healthy(HealthState::Paused)) << "a human said so";
}

TEST(MirrorHealth, TheWorstFindingIsTheStateAndTheProblemNamesAll) {
  auto signs = well();
  signs.paused = true;
  signs.held = 60;
  EXPECT_EQ(state_of(signs), HealthState::Held);
  EXPECT_EQ(problem_of(signs),
            "the guard holds the changes of 60 people; see `guard`; paused until `stibee-syncd resume`");
  signs.source = MirrorSigns::Source::Untrusted;
  signs.source_problem = "a column is missing";
  EXPECT_EQ(state_of(signs), HealthState::Untrusted);
  signs.key_refused = true;
  EXPECT_EQ(state_of(signs), HealthState::Failing);
  EXPECT_THAT(problem_of(signs),
              StartsWith("Stibee refuses the API key; a column is missing; the guard holds"));
}

TEST(MirrorHealth, ASourceThatFailsIsFailingAndSaysWhy) {
  auto signs = well();
  signs.source = MirrorSigns::Source::Failing;
  signs.source_problem = "the database cannot be reached";
  EXPECT_EQ(state_of(signs), HealthState::Failing);
  EXPECT_EQ(problem_of(signs), "the database cannot be reached");
  signs.lanes[Lane::Optout] = waiting(1, 20s);
  signs.calls_problem = refused_connection;
  EXPECT_THAT(problem_of(signs), StartsWith("1 opt-out waits")) << "an opt-out comes first";
  EXPECT_THAT(problem_of(signs), HasSubstr("; the database cannot be reached"));
}

TEST(MirrorHealth, ALostChangeFeedIsToldThoughPollsTakeOver) {
  auto signs = well();
  signs.feed_problem = "there are no triggers";
  EXPECT_EQ(state_of(signs), HealthState::Ok);
  EXPECT_THAT(problem_of(signs), HasSubstr("read at each poll: there are no triggers"));
  signs.held = 3;
  EXPECT_EQ(state_of(signs), HealthState::Held);
  EXPECT_THAT(problem_of(signs), StartsWith("the guard holds"));
  EXPECT_THAT(problem_of(signs), HasSubstr("there are no triggers"));
}

TEST(MirrorHealth, WhatNeedsAHumanIsNotHealthy) {
  for (const auto state :
       {HealthState::Ok, HealthState::Importing, HealthState::Standby, HealthState::Paused})
    EXPECT_TRUE(healthy(state)) << telemetry::name(state);
  for (const auto state : {HealthState::Held, HealthState::Untrusted, HealthState::Failing})
    EXPECT_FALSE(healthy(state)) << telemetry::name(state);
}

}  // namespace
}  // namespace stibee_sync::app

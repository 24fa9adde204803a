#include "stibee_sync/telemetry/metrics.hpp"

#include <set>
#include <sstream>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <thread>

#include <gmock/gmock.h>

namespace stibee_sync::telemetry {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

// The last enumerator has the last name.
static_assert(label_count<CycleResult> == static_cast<int>(CycleResult::Untrusted) + 1);
static_assert(label_count<HealthState> == static_cast<int>(HealthState::Failing) + 1);
static_assert(label_count<PersonStatus> == static_cast<int>(PersonStatus::Ready) + 1);
static_assert(label_count<ChangeOperation> == static_cast<int>(ChangeOperation::Delete) + 1);
static_assert(label_count<GuardClass> == static_cast<int>(GuardClass::Adds) + 1);
static_assert(label_count<LaneLabel> == static_cast<int>(LaneLabel::Upsert) + 1);
static_assert(label_count<EndpointLabel> == static_cast<int>(EndpointLabel::Groups) + 1);
static_assert(label_count<CallOutcome> == static_cast<int>(CallOutcome::Unreachable) + 1);
static_assert(label_count<RetryReason> == static_cast<int>(RetryReason::Split) + 1);
static_assert(label_count<LimiterLabel> == static_cast<int>(LimiterLabel::Other) + 1);
static_assert(label_count<WebhookOutcome> == static_cast<int>(WebhookOutcome::Failed) + 1);
static_assert(label_count<WebhookAction> == static_cast<int>(WebhookAction::Other) + 1);
static_assert(label_count<WebhookEffect> == static_cast<int>(WebhookEffect::Ignored) + 1);
static_assert(label_count<WritebackResult> == static_cast<int>(WritebackResult::Failed) + 1);
static_assert(label_count<DriftKind> == static_cast<int>(DriftKind::GroupsDiffer) + 1);
static_assert(static_cast<std::size_t>(EndpointLabel::SubscribeBulk) == v1_endpoints);

MetricsOptions options() {
  return {.version = "1.2.3", .parked_reasons = {"wrong_email", "no_email"}};
}

std::string value_of(const Metrics& metrics, const std::string& series) {
  std::istringstream page(metrics.text());
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with(series + " ")) return line.substr(series.size() + 1);
  }
  return "absent";
}

TEST(Labels, ReadBackByTheirNames) {
  EXPECT_EQ(name(LaneLabel::Optout), "optout");
  EXPECT_EQ(label_from<LaneLabel>("upsert"), LaneLabel::Upsert);
  EXPECT_EQ(label_from<CallOutcome>("already_in_state"), CallOutcome::AlreadyInState);
  EXPECT_EQ(label_from<LaneLabel>("kim"), std::nullopt);
}

TEST(Metrics, EveryFamilyIsThereFromTheStart) {
  Metrics metrics(options());
  metrics.declare_mirror("members");
  const std::string page = metrics.text();
  for (const char* family : {"build_info",
                             "sync_cycles_total",
                             "sync_cycle_duration_seconds",
                             "sync_last_success_timestamp_seconds",
                             "last_delivery_timestamp_seconds",
                             "source_members",
                             "mirrored_members",
                             "changes_total",
                             "guard_held",
                             "paused",
                             "mirror_state",
                             "pending",
                             "pending_oldest_timestamp_seconds",
                             "parked",
                             "in_flight",
                             "api_requests_total",
                             "api_request_duration_seconds",
                             "api_people_total",
                             "api_retries_total",
                             "api_limiter_wait_seconds_total",
                             "api_limiter_calls",
                             "api_circuit_open",
                             "mirror_refused",
                             "db_up",
                             "db_query_duration_seconds",
                             "webhook_requests_total",
                             "webhook_events_total",
                             "suppressed_people",
                             "writeback_total",
                             "reconcile_drift",
                             "reconcile_last_timestamp_seconds",
                             "reconcile_remaining",
                             "leader",
                             "feed_lag_seconds",
                             "feed_missed_total",
                             "store_errors_total",
                             "state_free_bytes",
                             "loop_longest_block_seconds",
                             "store_longest_transaction_seconds",
                             "config_reload_success"}) {
    EXPECT_THAT(page, HasSubstr(std::string("# TYPE stibee_") + family + " ")) << family;
    EXPECT_TRUE(page.find(std::string("\nstibee_") + family) != std::string::npos)
        << family << " has no series";
  }
  for (const char* family : {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds",
                             "process_start_time_seconds"})
    EXPECT_THAT(page, HasSubstr(std::string("\n") + family + " 0")) << family;
}

TEST(Metrics, EveryKnownLabelValueIsZeroFromTheStart) {
  Metrics metrics(options());
  metrics.declare_mirror("members");
  for (const char* series : {R"(stibee_sync_cycles_total{mirror="members",result="untrusted"})",
                             R"(stibee_changes_total{mirror="members",operation="delete"})",
                             R"(stibee_pending{lane="optout",mirror="members"})",
                             R"(stibee_pending_oldest_timestamp_seconds{lane="optout",mirror="members"})",
                             R"(stibee_parked{mirror="members",reason="wrong_email"})",
                             R"(stibee_parked{mirror="members",reason="other"})",
                             R"(stibee_guard_held{class="optouts",mirror="members"})",
                             R"(stibee_reconcile_drift{kind="stray_there",mirror="members"})",
                             R"(stibee_api_requests_total{endpoint="group_assign",outcome="throttled"})",
                             R"(stibee_api_people_total{endpoint="unsubscribe",outcome="already_in_state"})",
                             R"(stibee_api_request_duration_seconds_count{endpoint="lists"})",
                             R"(stibee_webhook_events_total{action="purged",effect="echo"})",
                             R"(stibee_api_requests_total{endpoint="connect",outcome="unreachable"})",
                             R"(stibee_api_limiter_calls{class="v1"})", R"(stibee_paused{mirror="members"})",
                             R"(stibee_mirror_state{mirror="members",state="failing"})",
                             R"(stibee_last_delivery_timestamp_seconds{mirror="members"})",
                             R"(stibee_mirrored_members{mirror="members",status="auto_deleted"})",
                             R"(stibee_source_members{mirror="members"})"}) {
    EXPECT_EQ(value_of(metrics, series), "0") << series;
  }
  EXPECT_EQ(value_of(metrics, R"(stibee_build_info{api="v1",version="1.2.3"})"), "1");
  EXPECT_EQ(value_of(metrics, "stibee_leader"), "1") << "where nobody stands by, this one works";
}

/// All values of one family, of the one mirror.
std::size_t series_of(const Metrics& metrics, const std::string& family) {
  std::istringstream page(metrics.text());
  std::size_t count = 0;
  for (std::string line; std::getline(page, line);)
    count += line.starts_with("stibee_" + family + "{") && line.ends_with(" 0");
  return count;
}

TEST(Metrics, EveryCombinationOfLabelsIsThereFromTheStart) {
  Metrics metrics(options());
  metrics.declare_mirror("members");
  metrics.declare_mirror("shop");
  EXPECT_EQ(series_of(metrics, "api_requests_total"), v1_endpoints * label_count<CallOutcome>);
  EXPECT_EQ(series_of(metrics, "api_people_total"), v1_endpoints * label_count<CallOutcome>);
  EXPECT_EQ(series_of(metrics, "api_request_duration_seconds_count"), v1_endpoints);
  EXPECT_EQ(series_of(metrics, "api_retries_total"), label_count<RetryReason>);
  EXPECT_EQ(series_of(metrics, "api_limiter_calls"), label_count<LimiterLabel>);
  EXPECT_EQ(series_of(metrics, "api_limiter_wait_seconds_total"), label_count<LimiterLabel>);
  EXPECT_EQ(series_of(metrics, "sync_cycles_total"), 2 * label_count<CycleResult>);
  EXPECT_EQ(series_of(metrics, "changes_total"), 2 * label_count<ChangeOperation>);
  EXPECT_EQ(series_of(metrics, "feed_missed_total"), 2 * label_count<FeedGap>);
  EXPECT_EQ(series_of(metrics, "guard_held"), 2 * label_count<GuardClass>);
  EXPECT_EQ(series_of(metrics, "pending"), 2 * label_count<LaneLabel>);
  EXPECT_EQ(series_of(metrics, "pending_oldest_timestamp_seconds"), 2 * label_count<LaneLabel>);
  EXPECT_EQ(series_of(metrics, "mirrored_members"), 2 * label_count<PersonStatus>);
  EXPECT_EQ(series_of(metrics, "mirror_state"), 2 * label_count<HealthState>);
  EXPECT_EQ(series_of(metrics, "reconcile_drift"), 2 * label_count<DriftKind>);
  EXPECT_EQ(series_of(metrics, "parked"), 2 * 3) << "two reasons, and the rest";
  EXPECT_EQ(series_of(metrics, "webhook_requests_total"), label_count<WebhookOutcome>);
  EXPECT_EQ(series_of(metrics, "webhook_events_total"),
            label_count<WebhookAction> * label_count<WebhookEffect>);
  EXPECT_EQ(series_of(metrics, "writeback_total"), label_count<WritebackResult>);
}

TEST(Metrics, EndpointsOfV2AreShownWhereV2IsSpoken) {
  const std::string series = R"(stibee_api_requests_total{endpoint="subscribe_bulk",outcome="delivered"})";
  EXPECT_EQ(value_of(Metrics(options()), series), "absent");
  Metrics v2({.version = "1", .api_v2 = true, .parked_reasons = {}});
  EXPECT_EQ(value_of(v2, series), "0");
}

TEST(Metrics, ReadingBackThroughV2IsCountedOnV1Too) {
  Metrics metrics(options());
  const std::string series = R"(stibee_api_requests_total{endpoint="list",outcome="delivered"})";
  EXPECT_EQ(value_of(metrics, series), "0");
  metrics.api_request(EndpointLabel::List, CallOutcome::Delivered, 20ms);
  EXPECT_EQ(value_of(metrics, series), "1");
}

TEST(Metrics, CallsAreCountedAndTimed) {
  Metrics metrics(options());
  metrics.api_request(EndpointLabel::Subscribe, CallOutcome::Delivered, 200ms);
  metrics.api_request(EndpointLabel::Subscribe, CallOutcome::Transient, 2s);
  metrics.api_people(EndpointLabel::Subscribe, CallOutcome::Delivered, 1998);
  metrics.api_people(EndpointLabel::Subscribe, CallOutcome::Rejected, 2);
  metrics.api_retry(RetryReason::Transient);
  metrics.limiter_wait(LimiterLabel::V1, 1500ms);
  metrics.limiter_wait(LimiterLabel::V1, -1s);
  EXPECT_EQ(value_of(metrics, R"(stibee_api_requests_total{endpoint="subscribe",outcome="transient"})"), "1");
  EXPECT_EQ(
      value_of(metrics, R"(stibee_api_request_duration_seconds_bucket{endpoint="subscribe",le="0.25"})"),
      "1");
  EXPECT_EQ(
      value_of(metrics, R"(stibee_api_request_duration_seconds_sum{endpoint="subscribe"})").substr(0, 3),
      "2.2");
  EXPECT_EQ(value_of(metrics, R"(stibee_api_people_total{endpoint="subscribe",outcome="delivered"})"),
            "1998");
  EXPECT_EQ(value_of(metrics, R"(stibee_api_retries_total{reason="transient"})"), "1");
  EXPECT_EQ(value_of(metrics, R"(stibee_api_limiter_wait_seconds_total{class="v1"})"), "1.5");
}

TEST(Metrics, AnAttemptThatReachedNobodyIsCountedButNotTimed) {
  Metrics metrics(options());
  metrics.api_unreachable(EndpointLabel::Lists);
  EXPECT_EQ(value_of(metrics, R"(stibee_api_requests_total{endpoint="lists",outcome="unreachable"})"), "1");
  EXPECT_EQ(value_of(metrics, R"(stibee_api_request_duration_seconds_count{endpoint="lists"})"), "0");
}

TEST(Metrics, AMirrorIsInOneStateAtATime) {
  Metrics metrics(options());
  metrics.declare_mirror("members");
  metrics.state("members", HealthState::Held);
  metrics.state("members", HealthState::Failing);
  EXPECT_EQ(value_of(metrics, R"(stibee_mirror_state{mirror="members",state="held"})"), "0");
  EXPECT_EQ(value_of(metrics, R"(stibee_mirror_state{mirror="members",state="failing"})"), "1");
}

TEST(Metrics, WhatTheProcessUsesIsLookedAtWhenItIsAskedFor) {
  Metrics metrics(options());
  const auto before = metrics.scrape();
  EXPECT_THAT(before, Not(HasSubstr("\nprocess_resident_memory_bytes 0\n")));
  EXPECT_GT(std::stod(value_of(metrics, "process_resident_memory_bytes")), 1e6);
  const auto open = std::stod(value_of(metrics, "process_open_fds"));
  EXPECT_GE(open, 3);
  FILE* file = fopen("/dev/null", "r");
  metrics.scrape();
  EXPECT_EQ(std::stod(value_of(metrics, "process_open_fds")), open + 1);
  fclose(file);
  const auto started = std::stod(value_of(metrics, "process_start_time_seconds"));
  const auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_LE(started, now + 5);
  EXPECT_GE(started, now - 3600);
  volatile std::uint64_t work = 0;
  while (std::stod(value_of(metrics, "process_cpu_seconds_total")) == 0) {
    for (int i = 0; i < 1'000'000; ++i)
      work = work + 1;
    metrics.scrape();
  }
}

TEST(Metrics, TheLongestBlockOfTheLoopIsShown) {
  Metrics metrics(options());
  metrics.loop_block(20ms);
  metrics.loop_block(500ms);
  metrics.loop_block(1ms);
  EXPECT_EQ(value_of(metrics, "stibee_loop_longest_block_seconds"), "0.5");
}

TEST(Metrics, TheLongestTransactionOfTheStoreIsShown) {
  Metrics metrics(options());
  EXPECT_EQ(value_of(metrics, "stibee_store_longest_transaction_seconds"), "0");
  metrics.store_busy(20ms);
  metrics.store_busy(250ms);
  metrics.store_busy(1ms);
  EXPECT_EQ(value_of(metrics, "stibee_store_longest_transaction_seconds"), "0.25");
}

TEST(Metrics, MembersAreShownForEachMirror) {
  Metrics metrics(options());
  metrics.declare_mirror("members");
  metrics.declare_mirror("shop");
  metrics.source_members("members", 10);
  metrics.source_members("shop", 5);
  metrics.source_members("shop", 7);
  metrics.mirrored_members("members", PersonStatus::Subscribed, 9);
  metrics.mirrored_members("shop", PersonStatus::Subscribed, 6);
  EXPECT_EQ(value_of(metrics, R"(stibee_source_members{mirror="members"})"), "10");
  EXPECT_EQ(value_of(metrics, R"(stibee_source_members{mirror="shop"})"), "7");
  EXPECT_EQ(value_of(metrics, R"(stibee_mirrored_members{mirror="members",status="subscribed"})"), "9");
  EXPECT_EQ(value_of(metrics, R"(stibee_mirrored_members{mirror="shop",status="subscribed"})"), "6");
}

TEST(Metrics, TimesAreUnixSecondsAndZeroMeansNever) {
  Metrics metrics(options());
  metrics.declare_mirror("members");
  const Metrics::WallTime when{1740832200500ms};
  metrics.last_success("members", when);
  metrics.pending("members", LaneLabel::Delete, 3, when);
  const std::string oldest = R"(stibee_pending_oldest_timestamp_seconds{lane="delete",mirror="members"})";
  EXPECT_EQ(value_of(metrics, R"(stibee_sync_last_success_timestamp_seconds{mirror="members"})"),
            "1740832200.5");
  EXPECT_EQ(value_of(metrics, oldest), "1740832200.5");
  metrics.pending("members", LaneLabel::Delete, 0, std::nullopt);
  EXPECT_EQ(value_of(metrics, oldest), "0");
}

TEST(Metrics, ParkedIsThePictureAsAWholeAndUnknownReasonsAreOther) {
  Metrics metrics(options());
  metrics.declare_mirror("members");
  const auto parked = [&](const char* reason) {
    return value_of(metrics, std::string(R"(stibee_parked{mirror="members",reason=")") + reason + R"("})");
  };
  const std::vector<std::pair<std::string, std::uint64_t>> first{
      {"wrong_email", 3}, {"kim@x", 1}, {"odd", 2}};
  metrics.parked("members", first);
  EXPECT_EQ(parked("wrong_email"), "3");
  EXPECT_EQ(parked("other"), "3");
  EXPECT_THAT(metrics.text(), Not(HasSubstr("kim")));
  const std::vector<std::pair<std::string, std::uint64_t>> second{{"no_email", 1}};
  metrics.parked("members", second);
  EXPECT_EQ(parked("wrong_email"), "0");
  EXPECT_EQ(parked("other"), "0");
  EXPECT_EQ(parked("no_email"), "1");
}

TEST(Metrics, ARemovedMirrorIsGoneAndALateCallDoesNotBringItBack) {
  Metrics metrics(options());
  metrics.declare_mirror("members");
  metrics.remove_mirror("members");
  metrics.remove_mirror("members");
  metrics.cycle("members", CycleResult::Ok, 1s);
  metrics.changes("members", ChangeOperation::Subscribe, 5);
  metrics.guard_held("members", GuardClass::Removals, 5);
  metrics.parked("members", {});
  EXPECT_THAT(metrics.text(), Not(HasSubstr("members\"")));
  metrics.declare_mirror("members");
  metrics.declare_mirror("members");
  metrics.cycle("members", CycleResult::Ok, 1s);
  EXPECT_EQ(value_of(metrics, R"(stibee_sync_cycles_total{mirror="members",result="ok"})"), "1");
}

TEST(Metrics, AMirrorsNameIsEscaped) {
  Metrics metrics(options());
  metrics.declare_mirror("a\"b\\c\nd");
  EXPECT_THAT(metrics.text(), HasSubstr(R"(mirror="a\"b\\c\nd")"));
}

TEST(Metrics, TheRestIsSetAndCounted) {
  Metrics metrics(options());
  metrics.declare_mirror("members");
  metrics.guard_held("members", GuardClass::Removals, 900);
  metrics.reconcile_drift("members", DriftKind::Purged, 4);
  metrics.last_compared("members", Metrics::WallTime{1740832200500ms}, 3);
  metrics.in_flight(3);
  metrics.circuit_open(true);
  metrics.limiter_calls(LimiterLabel::Bulk, 10);
  metrics.paused("members", true);
  metrics.last_delivery("members", Metrics::WallTime{1740832200500ms});
  metrics.db_up(true);
  metrics.db_query(30ms);
  metrics.webhook_request(WebhookOutcome::Forbidden);
  metrics.webhook_event(WebhookAction::Unsubscribed, WebhookEffect::Applied);
  metrics.suppressed_people(12);
  metrics.writeback(WritebackResult::NoRow);
  metrics.store_error();
  metrics.state_free_bytes(1'000'000'000'000);
  metrics.config_reload(true);
  EXPECT_EQ(value_of(metrics, R"(stibee_guard_held{class="removals",mirror="members"})"), "900");
  EXPECT_EQ(value_of(metrics, R"(stibee_reconcile_drift{kind="purged",mirror="members"})"), "4");
  EXPECT_EQ(value_of(metrics, R"(stibee_reconcile_last_timestamp_seconds{mirror="members"})"),
            "1740832200.5");
  EXPECT_EQ(value_of(metrics, R"(stibee_reconcile_remaining{mirror="members"})"), "3");
  EXPECT_EQ(value_of(metrics, "stibee_in_flight"), "3");
  EXPECT_EQ(value_of(metrics, "stibee_api_circuit_open"), "1");
  EXPECT_EQ(value_of(metrics, R"(stibee_api_limiter_calls{class="bulk"})"), "10");
  EXPECT_EQ(value_of(metrics, R"(stibee_paused{mirror="members"})"), "1");
  EXPECT_EQ(value_of(metrics, R"(stibee_last_delivery_timestamp_seconds{mirror="members"})"), "1740832200.5");
  EXPECT_EQ(value_of(metrics, "stibee_db_up"), "1");
  EXPECT_EQ(value_of(metrics, "stibee_db_query_duration_seconds_count"), "1");
  EXPECT_EQ(value_of(metrics, R"(stibee_webhook_requests_total{outcome="forbidden"})"), "1");
  EXPECT_EQ(value_of(metrics, R"(stibee_webhook_events_total{action="unsubscribed",effect="applied"})"), "1");
  EXPECT_EQ(value_of(metrics, "stibee_suppressed_people"), "12");
  EXPECT_EQ(value_of(metrics, R"(stibee_writeback_total{result="no_row"})"), "1");
  EXPECT_EQ(value_of(metrics, "stibee_store_errors_total"), "1");
  EXPECT_EQ(value_of(metrics, "stibee_state_free_bytes"), "1000000000000");
  EXPECT_EQ(value_of(metrics, "stibee_config_reload_success"), "1");
}

TEST(Metrics, CanBeReadWhileMirrorsComeAndGo) {
  Metrics metrics(options());
  std::thread writer([&] {
    for (int i = 0; i < 50; ++i) {
      metrics.declare_mirror("members");
      metrics.source_members("members", 1);
      metrics.api_request(EndpointLabel::Subscribe, CallOutcome::Delivered, 1ms);
      metrics.remove_mirror("members");
    }
  });
  for (int i = 0; i < 10; ++i)
    EXPECT_FALSE(metrics.text().empty());
  writer.join();
  EXPECT_EQ(value_of(metrics, R"(stibee_api_requests_total{endpoint="subscribe",outcome="delivered"})"),
            "50");
}

TEST(Metrics, PromtoolFindsNoFault) {
  ASSERT_EQ(system("command -v promtool >/dev/null"), 0) << "promtool is in Debian's package prometheus";
  Metrics metrics({.version = "1.2.3", .api_v2 = true, .parked_reasons = {"wrong_email"}});
  metrics.declare_mirror("members");
  metrics.cycle("members", CycleResult::Ok, 1s);
  FILE* promtool = popen("promtool check metrics >&2", "w");
  ASSERT_NE(promtool, nullptr);
  const std::string page = metrics.text();
  EXPECT_EQ(fwrite(page.data(), 1, page.size(), promtool), page.size());
  EXPECT_EQ(pclose(promtool), 0);
}

}  // namespace
}  // namespace stibee_sync::telemetry

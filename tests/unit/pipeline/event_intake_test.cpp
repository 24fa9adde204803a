#include "stibee_sync/pipeline/event_intake.hpp"

#include "contract/store_world.hpp"
#include "disk/state.hpp"
#include "stibee_sync/runtime/virtual_clock.hpp"

#include <exception>
#include <map>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

// An event on its way to the disk.

namespace stibee_sync::pipeline {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using domain::RemoteStatus;
using store_tests::email;
using store_tests::start;

asio::awaitable<void> take(EventIntake& intake, std::shared_ptr<const webhook::ListEvent> event,
                           Intake* out) {
  *out = co_await intake.take(std::move(event));
}

asio::awaitable<void> wait(runtime::Timer* timer, runtime::MonotonicTime deadline) {
  co_await timer->wait_until(deadline);
}

class EventIntakes : public ::testing::Test {
 protected:
  EventIntakes()
      : clock(context, start),
        log(telemetry::Log::to([this](std::string_view line) { lines.emplace_back(line); })),
        metrics(telemetry::MetricsOptions{"0", false, {}}) {
    plan.name = "members";
    plan.list_id = 1234;
    plan.id = world.mirror;
    diff::Mapping::MappedField field;
    field.tag = "name";
    plan.mapping.fields.push_back(field);
    for (int i = 1; i <= 9; ++i) {
      store_tests::Row row;
      row.email = address(i);
      table.emplace(store_tests::key(i), row);
    }
    world.read(table);
    world.deliver_all();
    confine(std::move(world.owned));
    make_intake();
  }

  static std::string address(int number) { return "p" + std::to_string(number) + "@example.com"; }
  void confine(std::unique_ptr<store::Store> store) {
    key = store->key();
    confined =
        std::make_unique<runtime::Confined<store::Store>>(std::move(store), runtime::make_inline_worker());
  }
  void make_intake() {
    Services services{clock, *confined, *key, log, metrics, [] { return 0.5; }, database_clock};
    intake = std::make_unique<EventIntake>(services, std::vector<MirrorPlan>{plan});
  }

  void pass(domain::Duration time) {
    const auto timer = clock.make_timer();
    const auto deadline = clock.monotonic() + time;
    context.restart();
    asio::co_spawn(context, wait(timer.get(), deadline), asio::detached);
    clock.run_until(deadline);
  }

  Intake send(const std::string& body) {
    auto parsed = webhook::parse_event(body);
    auto event = std::make_shared<const webhook::ListEvent>(std::get<webhook::ListEvent>(std::move(parsed)));
    Intake out;
    std::exception_ptr failure;
    context.restart();
    asio::co_spawn(context, take(*intake, std::move(event), &out),
                   [&](std::exception_ptr error) { failure = error; });
    context.run();
    if (failure) std::rethrow_exception(failure);
    return out;
  }
  Intake send(const std::string& action, const std::string& people, const std::string& actor = "SUBSCRIBER",
              const std::string& list = "1234") {
    return send(R"({"id":")" + list + R"(","action":")" + action + R"(","eventOccurredBy":")" + actor +
                R"(","subscribers":[)" + people + "]}");
  }
  static std::string person(int number, const std::string& more = {}) {
    return R"({"email":")" + address(number) + "\"" + more + "}";
  }
  RemoteStatus status(int number) { return world.row(address(number)).confirmed.status; }
  std::size_t count(const std::string& event) const {
    std::size_t found = 0;
    for (const auto& line : lines)
      found += line.find("\"event\":\"" + event + "\"") != std::string::npos ? 1 : 0;
    return found;
  }
  bool shows(const std::string& line) const {
    return metrics.text().find("\n" + line + "\n") != std::string::npos;
  }

  asio::io_context context{1};
  store_tests::Table table;
  std::unique_ptr<test_disk::SimulatedDisk> disk = test_disk::disk_with_state();
  store_tests::World world;
  runtime::VirtualClock clock;
  std::optional<domain::StateKey> key;
  std::unique_ptr<runtime::Confined<store::Store>> confined;
  std::vector<std::string> lines;
  telemetry::Log log;
  telemetry::Metrics metrics;
  MirrorPlan plan;
  std::shared_ptr<DatabaseClock> database_clock = std::make_shared<DatabaseClock>();
  std::unique_ptr<EventIntake> intake;
};

TEST_F(EventIntakes, AnOptOutIsDatedByTheLaterOfTheTwoClocks) {
  // The host is slow: a consent of a second ago seems to be given after it.
  database_clock->compared(clock.utc() + 5min, clock.monotonic());
  send("UNSUBSCRIBED", person(1));
  world.reopen();
  EXPECT_EQ(world.row(address(1)).confirmed.since, clock.utc() + 5min);
  EXPECT_EQ(world.find(address(1)).suppression->at, clock.utc() + 5min);
  // Nobody waits for that time.
  EXPECT_EQ(world.store->next_due({world.mirror}).value_or(clock.utc()), clock.utc());
}

TEST_F(EventIntakes, AnEventOfSeveralPeopleIsOnDiskWhenItIsAnswered) {
  const auto taken =
      send("UNSUBSCRIBED", person(1, R"(,"$unsubscribe_reason":"too much")") + "," + person(2) +
                               R"(,{"email":"stranger@example.com"},{"email":"?"})");
  EXPECT_EQ(taken.kind, Intake::Kind::OnDisk);
  EXPECT_EQ(taken.applied, 3u);
  EXPECT_EQ(taken.ignored, 1u);
  world.reopen();
  EXPECT_EQ(status(1), RemoteStatus::OptedOut);
  EXPECT_EQ(status(2), RemoteStatus::OptedOut);
  EXPECT_EQ(status(3), RemoteStatus::Subscribed);
  EXPECT_FALSE(world.find("stranger@example.com").row);
  EXPECT_EQ(world.store->suppressed(world.mirror), 3u);
}

TEST_F(EventIntakes, CountsPeopleByEffectAndNamesThemByRefOnly) {
  send("UNSUBSCRIBED", person(1, R"(,"$unsubscribe_reason":"too much")") + "," + person(2));
  send("RESUBSCRIBED", person(1));
  send("RESUBSCRIBED", person(1));
  EXPECT_TRUE(shows(R"(stibee_webhook_events_total{action="unsubscribed",effect="applied"} 2)"));
  EXPECT_TRUE(shows(R"(stibee_webhook_events_total{action="resubscribed",effect="applied"} 1)"));
  EXPECT_TRUE(shows(R"(stibee_webhook_events_total{action="resubscribed",effect="echo"} 1)"));
  EXPECT_EQ(count("webhook.accepted"), 3u);
  EXPECT_EQ(count("webhook.applied"), 3u);
  EXPECT_EQ(count("suppression.added"), 2u);
  EXPECT_EQ(count("suppression.lifted"), 1u);
  for (const auto& line : lines) {
    EXPECT_EQ(line.find("example.com"), std::string::npos) << line;
    EXPECT_EQ(line.find("<address>"), std::string::npos)
        << "nor is one taken out at the last moment: " << line;
    EXPECT_EQ(line.find("too much"), std::string::npos) << line;
  }
  const auto ref = "\"ref\":\"" + world.store->key().ref(address(2)) + "\"";
  EXPECT_TRUE(std::any_of(lines.begin(), lines.end(),
                          [&](const std::string& line) { return line.find(ref) != std::string::npos; }));
}

TEST_F(EventIntakes, AListThatIsNotOursIsLeftAlone) {
  EXPECT_EQ(send("UNSUBSCRIBED", person(1), "SUBSCRIBER", "999").kind, Intake::Kind::NotOurs);
  EXPECT_EQ(status(1), RemoteStatus::Subscribed);
  EXPECT_TRUE(lines.empty());
}

TEST_F(EventIntakes, AnUnknownActionIsCountedWhetherItNamesPeopleOrNot) {
  EXPECT_EQ(send("OPENED", person(1) + "," + person(2)).ignored, 2u);
  EXPECT_EQ(send(R"({"id":1234,"action":"HEARTBEAT"})").ignored, 1u);
  EXPECT_TRUE(shows(R"(stibee_webhook_events_total{action="other",effect="ignored"} 3)"));
}

TEST_F(EventIntakes, ABurstIsAFewLines) {
  for (int i = 0; i < 500; ++i)
    send("UNSUBSCRIBED", person(1 + i % 9));
  EXPECT_LT(lines.size(), 200u);
  EXPECT_EQ(count("suppression.added"), 9u);
}

TEST_F(EventIntakes, AnOptOutFollowsItsPersonToANewAddress) {
  send("UNSUBSCRIBED", person(1));
  // 2 takes over the address of 1; nobody had `new` before.
  send("UPDATED", R"({"email":"new@example.com","old_email":")" + address(1) + R"("},)" + R"({"email":")" +
                      address(3) + R"(","old_email":")" + address(2) + R"("})");
  EXPECT_EQ(world.store->suppressed(world.mirror), 2u);
  EXPECT_EQ(status(1), RemoteStatus::Moved);
  EXPECT_TRUE(world.find(address(1)).suppression) << "the address itself stays opted out";
  EXPECT_EQ(status(3), RemoteStatus::Subscribed) << "2 had not opted out";
  send("UPDATED", R"({"email":")" + address(4) + R"(","old_email":")" + address(1) + R"("})");
  EXPECT_EQ(status(4), RemoteStatus::OptedOut);
}

TEST_F(EventIntakes, TwoWhoSwapAddressesSwapTheirOptOuts) {
  send("UNSUBSCRIBED", person(1));
  send("UPDATED", R"({"email":")" + address(1) + R"(","old_email":")" + address(2) + R"("},)" +
                      R"({"email":")" + address(2) + R"(","old_email":")" + address(1) + R"("})");
  EXPECT_EQ(status(2), RemoteStatus::OptedOut);
  EXPECT_EQ(status(1), RemoteStatus::OptedOut) << "one opt-out too many is no harm";
}

TEST_F(EventIntakes, ValuesAreWrittenBackToTheRowThatHasTheOldAddress) {
  plan.writeback["updated"] = "UPDATE …";
  make_intake();
  send("UPDATED", R"({"email":"new@example.com","name":"by hand","old_email":")" + address(1) + R"("},)" +
                      person(2, R"(,"name":"둘리")"));
  std::map<std::string, store::WritebackRequest> waiting;
  for (const auto& writeback : world.store->writebacks(world.mirror, clock.utc(), clock.utc() + 5min, 10))
    waiting[writeback.email.text()] = writeback.request;
  ASSERT_EQ(waiting.size(), 2u);
  EXPECT_EQ(waiting.at(address(1)).fields.at("name"), "by hand");
  EXPECT_EQ(waiting.at(address(2)).fields.at("name"), "둘리");
}

TEST_F(EventIntakes, AnOptOutUnderAnAddressThatTheTableDoesNotHaveYetIsTheMembers) {
  plan.writeback["unsubscribed"] = "UPDATE … WHERE id = :key";
  make_intake();
  send("UPDATED", R"({"email":"new@example.com","old_email":")" + address(1) + R"("})");
  EXPECT_EQ(status(1), RemoteStatus::Moved);
  send("UNSUBSCRIBED", R"({"email":"new@example.com"})");
  EXPECT_EQ(count("suppression.added"), 1u);
  std::optional<domain::MemberKey> told;
  for (const auto& one : world.store->writebacks(world.mirror, clock.utc(), clock.utc() + 5min, 10)) {
    if (one.key) told = one.key;
  }
  EXPECT_EQ(told, store_tests::key(1)) << "written back by key";

  table.at(store_tests::key(1)).name = "other";
  world.read(table);
  EXPECT_FALSE(world.row(address(1)).lane) << "nobody is subscribed under the old address";
  table.at(store_tests::key(1)).email = "newest@example.com";
  world.read(table);
  EXPECT_EQ(world.row("newest@example.com").confirmed.status, RemoteStatus::OptedOut);
}

TEST_F(EventIntakes, WhoseAddressChangesTwiceIsFoundByTheLast) {
  send("UPDATED", R"({"email":"new@example.com","old_email":")" + address(1) + R"("})");
  send("UPDATED", R"({"email":"newest@example.com","old_email":"new@example.com"})");
  EXPECT_EQ(world.row(address(1)).confirmed.moved_to, "newest@example.com");
  send("UNSUBSCRIBED", R"({"email":"newest@example.com"})");
  EXPECT_TRUE(world.find(address(1)).suppression);
}

TEST_F(EventIntakes, WhoChangesBackIsWhereTheTableHasThem) {
  send("UPDATED", R"({"email":"new@example.com","old_email":")" + address(1) + R"("})");
  send("UPDATED", R"({"email":")" + address(1) + R"(","old_email":"new@example.com"})");
  EXPECT_EQ(status(1), RemoteStatus::Subscribed);
  table.erase(store_tests::key(1));
  world.read(table);
  EXPECT_EQ(world.row(address(1)).lane, domain::Lane::Optout) << "who leaves is unsubscribed again";
}

TEST_F(EventIntakes, AnOptOutOfBeforeTheChangeStandsAfterAChangeBack) {
  send("UNSUBSCRIBED", person(1));
  send("UPDATED", R"({"email":"new@example.com","old_email":")" + address(1) + R"("})");
  send("UPDATED", R"({"email":")" + address(1) + R"(","old_email":"new@example.com"})");
  EXPECT_EQ(status(1), RemoteStatus::OptedOut);
}

TEST_F(EventIntakes, AMemberWhoOptedOutAndMovesBeginsAsOptedOut) {
  send("UNSUBSCRIBED", person(1));
  table.at(store_tests::key(1)).email = "new@example.com";
  world.read(table);
  EXPECT_EQ(world.row("new@example.com").confirmed.status, RemoteStatus::OptedOut);
  EXPECT_FALSE(world.row("new@example.com").lane);
}

TEST_F(EventIntakes, TheLateEventOfOurUnsubscribeAfterOurResubscribeIsAnEcho) {
  table.at(store_tests::key(1)).subscribed = false;
  world.read(table, {.now = clock.utc()});
  world.deliver_all(clock.utc());
  table.at(store_tests::key(1)).subscribed = true;
  world.read(table, {.now = clock.utc()});
  world.deliver_all(clock.utc());
  ASSERT_EQ(status(1), RemoteStatus::Subscribed);
  EXPECT_EQ(send("UNSUBSCRIBED", person(1), "MANUAL").echo, 1u);
  EXPECT_EQ(status(1), RemoteStatus::Subscribed);
  EXPECT_EQ(world.store->suppressed(world.mirror), 0u);
  table.at(store_tests::key(1)).subscribed = false;
  world.read(table, {.now = clock.utc()});
  EXPECT_EQ(world.row(address(1)).lane, domain::Lane::Optout);
}

TEST_F(EventIntakes, ANoThatComesAfterALostResubscriptionIsSentOnce) {
  send("UNSUBSCRIBED", person(1));  // and the event of the way back is lost
  table.at(store_tests::key(1)).subscribed = false;
  world.read(table);
  EXPECT_EQ(world.row(address(1)).lane, domain::Lane::Optout);
  world.deliver_all();
  EXPECT_EQ(status(1), RemoteStatus::OptedOut);
  EXPECT_FALSE(world.row(address(1)).lane);
}

TEST_F(EventIntakes, MendsAPersonsValuesOnceAnHour) {
  plan.reconcile.mode = settings::ReconcileMode::Repair;
  make_intake();
  const auto fields = [&] { return world.row(address(1)).confirmed.fields; };
  const auto sent = fields();
  send("UPDATED", person(1, R"(,"name":"by hand")"));
  EXPECT_EQ(fields(), std::nullopt);
  world.read(table);
  world.deliver_all();
  ASSERT_EQ(fields(), sent);
  send("UPDATED", person(1, R"(,"name":"by hand")"));
  EXPECT_EQ(fields(), sent);
  pass(1h);
  send("UPDATED", person(1, R"(,"name":"by hand")"));
  EXPECT_EQ(fields(), std::nullopt);
}

TEST_F(EventIntakes, AStoreThatFailsIsSaidSoThatStibeeTriesAgain) {
  auto owned = test_disk::open_state(*disk);
  const auto* other = owned.get();
  plan.id = owned->open_mirror("members", 1234);
  confine(std::move(owned));
  make_intake();
  disk->fail(test_disk::SimulatedDisk::Trouble::Full, 0, 100);
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(send("UNSUBSCRIBED", person(1)).kind, Intake::Kind::Failed);
  EXPECT_LT(count("store.failed"), 10u);
  EXPECT_TRUE(shows("stibee_store_errors_total 100"));
  EXPECT_TRUE(shows(R"(stibee_webhook_events_total{action="unsubscribed",effect="applied"} 0)"));
  EXPECT_EQ(send("UNSUBSCRIBED", person(1)).kind, Intake::Kind::OnDisk);
  EXPECT_EQ(other->suppressed(plan.id), 1u);
}

}  // namespace
}  // namespace stibee_sync::pipeline

#include "stibee_sync/pipeline/list_read.hpp"

#include "disk/state.hpp"
#include "simulated_asker.hpp"

#include <algorithm>
#include <exception>
#include <map>

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

namespace stibee_sync::pipeline {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

class ListReadTest : public ::testing::Test {
 protected:
  ListReadTest()
      : clock(context, runtime::UtcTime(std::chrono::hours(24 * 365 * 56))),
        worker(runtime::make_inline_worker()),
        state(make_plan()),
        log(telemetry::Log::to([](std::string_view) {})),
        metrics(telemetry::MetricsOptions{"test", false, {}}),
        asker(model, clock) {}

  static std::shared_ptr<const MirrorPlan> make_plan() {
    auto plan = std::make_shared<MirrorPlan>();
    plan->name = "members";
    plan->list_id = 1234;
    plan->mapping.group_ids = {{"gold", 11}, {"silver", 12}};
    plan->mapping.fields = {{"Name", 2}, {"phone", 3}};
    return plan;
  }

  void add(int from, int to) {
    stibee_sim::WebEdit edit;
    edit.list = "1234";
    edit.action = "add";
    for (int i = from; i <= to; ++i)
      edit.emails.push_back("p" + std::to_string(i) + "@example.com");
    edit.fields = {{"name", "둘리"}, {"phone", "010"}};
    model.edit(edit, now());
  }
  void edit(const std::string& action, const std::string& email, std::uint64_t group = 0) {
    stibee_sim::WebEdit wish;
    wish.list = "1234";
    wish.action = action;
    wish.emails = {email};
    wish.group = group;
    model.edit(wish, now());
  }
  stibee_sim::SimTime now() const { return sim_time(clock); }

  ListReadResult read(std::function<bool()> stopping = {}) {
    scan = std::make_shared<store::ListScan>(store->begin_list(mirror));
    asker.targets.clear();
    Services services{clock, confined, key, log, metrics, [] { return 0.5; }};
    ListReadResult result;
    std::exception_ptr error;
    asio::co_spawn(context,
                   read_list(services, *worker, asker, state, scan, ListReadHooks(std::move(stopping), {})),
                   [&](std::exception_ptr thrown, ListReadResult got) {
                     error = std::move(thrown);
                     result = std::move(got);
                   });
    clock.run_until(clock.monotonic() + 24h);
    context.restart();
    if (error) std::rethrow_exception(error);
    return result;
  }
  /// Whom the last read found.
  std::map<std::string, store::Listed> people() {
    std::map<std::string, store::Listed> found;
    store::ListedPair pair;
    while (scan->next(pair))
      found.emplace(pair.email.text(), pair.listed.value());
    return found;
  }
  /// How often it asked for the first page.
  std::ptrdiff_t rounds() const {
    return std::count_if(asker.targets.begin(), asker.targets.end(), [](const std::string& target) {
      return target.find("offset=0&") != std::string::npos;
    });
  }

  asio::io_context context;
  runtime::VirtualClock clock;
  std::unique_ptr<runtime::Worker> worker;
  std::unique_ptr<test_disk::SimulatedDisk> disk = test_disk::disk_with_state();
  std::unique_ptr<store::Store> owned = test_disk::open_state(*disk);
  store::Store* store = owned.get();  // a way of the test's own
  store::MirrorId mirror = store->open_mirror("members", 1234);
  const domain::StateKey key = store->key();
  runtime::Confined<store::Store> confined{std::move(owned), runtime::make_inline_worker()};
  std::shared_ptr<const MirrorPlan> state;
  telemetry::Log log;
  telemetry::Metrics metrics;
  stibee_sim::StibeeModel model{one_list()};
  SimulatedAsker asker;
  std::shared_ptr<store::ListScan> scan;
};

TEST_F(ListReadTest, AsksOnlyForTheNumberOfPeopleWhereThereAreNone) {
  const auto result = read();
  EXPECT_TRUE(result.complete()) << result.why();
  EXPECT_EQ(asker.calls, 1);
  EXPECT_EQ(result.people(), 0U);
}

TEST_F(ListReadTest, ReadsEverybodyWithStatusValuesAndOwnGroups) {
  add(1, 2'500);
  edit("unsubscribe", "p7@example.com");
  edit("auto_delete", "p8@example.com");
  edit("assign_group", "p9@example.com", 11);
  edit("assign_group", "p9@example.com", 99);
  const auto result = read();
  EXPECT_TRUE(result.complete()) << result.why();
  EXPECT_EQ(result.people(), 2'500U);
  EXPECT_EQ(asker.calls, 1 + 3 + 1);
  const auto found = people();
  EXPECT_EQ(found.at("p1@example.com").status, domain::RemoteStatus::Subscribed);
  EXPECT_EQ(found.at("p7@example.com").status, domain::RemoteStatus::OptedOut);
  EXPECT_EQ(found.at("p8@example.com").status, domain::RemoteStatus::AutoDeleted);
  EXPECT_EQ(found.at("p9@example.com").groups, domain::GroupSet{11});
  const domain::FieldValues sent{{"Name", "둘리"}, {"phone", "010"}};
  EXPECT_EQ(found.at("p1@example.com").fields, domain::fingerprint_of(sent, key));
}

TEST_F(ListReadTest, ReadsEveryKnownWrapper) {
  add(1, 30);
  for (const char* wrapper : {"array", "items", "subscribers", "data", "Value"}) {
    model.set_switch("v2_wrapper", wrapper);
    EXPECT_EQ(read().people(), 30U) << wrapper;
  }
}

TEST_F(ListReadTest, NeverTakesAnUnknownShapeForAnEmptyList) {
  add(1, 30);
  model.set_switch("v2_wrapper", "unknown");
  const auto result = read();
  EXPECT_EQ(result.end(), ListReadEnd::NotUnderstood);
  EXPECT_FALSE(result.why().empty());
  EXPECT_EQ(asker.calls, 1 + most_unreadable_answers);
}

TEST_F(ListReadTest, NeverTakesPagesWithoutAnOrderForTheWholeList) {
  add(1, 1'500);
  model.set_switch("v2_order", "unstable");
  // Another order for each call: whoever is missing between two pages cannot be told from who is not there.
  EXPECT_EQ(read().end(), ListReadEnd::NeverStill);
  EXPECT_EQ(rounds(), 5);
}

TEST_F(ListReadTest, ReadsAgainWhenPeopleMoveMeanwhile) {
  add(1, 2'000);
  bool moved = false;
  asker.before = [&](int call) -> std::optional<Reply> {
    if (call == 3 && !std::exchange(moved, true)) edit("add", "new@example.com");
    return std::nullopt;
  };
  const auto result = read();
  EXPECT_TRUE(result.complete()) << result.why();
  EXPECT_EQ(result.people(), 2'001U);
  EXPECT_EQ(rounds(), 2);
}

TEST_F(ListReadTest, GivesUpOnAListThatNeverHoldsStill) {
  add(1, 1'500);
  int next = 10'000;
  asker.before = [&](int) -> std::optional<Reply> {
    edit("add", "q" + std::to_string(next++) + "@example.com");
    return std::nullopt;
  };
  EXPECT_EQ(read().end(), ListReadEnd::NeverStill);
}

TEST_F(ListReadTest, RepeatsFailedPagesWithoutLosingOrDoublingAnybody) {
  add(1, 3'000);
  asker.before = [](int call) -> std::optional<Reply> {
    switch (call % 8) {
      case 1:
        return Reply(503, "busy", std::nullopt);
      case 3:
        return Reply(429, "", std::nullopt);
      case 5:
        return Reply(delivery::NoAnswer{true, domain::Reason::Timeout});
      case 6:
        return Reply(200, "<html>maintenance</html>", std::nullopt);
      default:
        return std::nullopt;
    }
  };
  const auto result = read();
  EXPECT_TRUE(result.complete()) << result.why();
  EXPECT_EQ(result.people(), 3'000U);
}

TEST_F(ListReadTest, GivesUpAfterFailuresInARow) {
  add(1, 10);
  asker.before = [](int call) -> std::optional<Reply> {
    if (call < 2) return std::nullopt;
    return Reply(delivery::NoAnswer{false, domain::Reason::Connect});
  };
  EXPECT_EQ(read().end(), ListReadEnd::Unavailable);
  EXPECT_EQ(asker.calls, 1 + most_list_failures);
}

TEST_F(ListReadTest, SaysAtOnceThatTheKeyIsRefusedAndAfterSeveralAnswersThatTheListIs) {
  add(1, 10);
  asker.key = "another";
  EXPECT_EQ(read().end(), ListReadEnd::KeyRefused);
  EXPECT_EQ(asker.calls, 1);
  asker.key = "sim-key";
  auto elsewhere = std::make_shared<MirrorPlan>(*state);
  elsewhere->list_id = 999;
  state = elsewhere;
  EXPECT_EQ(read().end(), ListReadEnd::Forbidden) << "Stibee does not tell a foreign list from a missing one";
  model.set_switch("v2_unknown_list_answer", "404_empty");
  EXPECT_EQ(read().end(), ListReadEnd::NoSuchList);
  EXPECT_EQ(asker.calls, 2 + most_unreadable_answers);
}

TEST_F(ListReadTest, ARefusalNowAndThenIsAnAccident) {
  add(1, 2'500);
  asker.before = [](int call) -> std::optional<Reply> {
    if (call % 3 == 0) return std::nullopt;
    return Reply(400, R"({"code":"Errors.Service.Unknown"})", std::nullopt);
  };
  const auto result = read();
  EXPECT_TRUE(result.complete()) << result.why();
  EXPECT_EQ(result.people(), 2'500U);
}

TEST_F(ListReadTest, StopsBetweenPages) {
  add(1, 5'000);
  EXPECT_EQ(read([this] { return asker.calls >= 2; }).end(), ListReadEnd::Stopped);
  EXPECT_EQ(asker.calls, 2);
}

TEST_F(ListReadTest, ShowsNobodysGroupsWhileItIsNotKnownWhichAreOurs) {
  auto plan = *make_plan();
  const delivery::v2::ListedPerson person{
      domain::EmailAddress::from_normalised("p1@example.com"), {}, {}, {}, domain::GroupSet{11, 99}, {}, {}};
  EXPECT_EQ(listed_of(person, plan, key).groups, domain::GroupSet{11});
  plan.groups_known = false;
  plan.mapping.group_ids.clear();
  EXPECT_FALSE(listed_of(person, plan, key).groups.has_value());
}

}  // namespace
}  // namespace stibee_sync::pipeline

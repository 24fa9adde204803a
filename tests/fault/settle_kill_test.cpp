#include "fault/world.hpp"

#include <csignal>
#include <fstream>

#include <gtest/gtest.h>

// Between the moment at which Stibee has applied a call and the moment at which its answer is on disk: the
// program dies there, at each durable call, and what comes after repeats that call at most.
namespace stibee_sync::fault {
namespace {

using namespace std::chrono_literals;

/// A call of one kind, and what makes it go out.
struct Call {
  std::string name;
  std::string endpoint;
  std::string cause;  // SQL
  std::string opts_out;
};

const std::vector<Call>& every_call() {
  static const std::vector<Call> all{
      {"Import", "v1.subscribe",
       "INSERT INTO members SELECT i, 'p' || i || '@example.com', true, 'new' FROM generate_series(21, 30) i",
       ""},
      {"Update", "v1.subscribe", "UPDATE members SET name = 'another' WHERE id = 1", ""},
      {"Unsubscribe", "v1.unsubscribe", "UPDATE members SET email_opt_in = false WHERE id = 2",
       "p2@example.com"},
      {"Delete", "v1.delete", "DELETE FROM members WHERE id = 3", ""},
      {"GroupAssign", "v1.assign", "UPDATE members SET grade = 'gold' WHERE id = 4", ""},
      {"GroupRelease", "v1.release", "UPDATE members SET grade = NULL WHERE id = 4", ""},
      {"Resubscribe", "v1.subscribe", "UPDATE members SET email_opt_in = true WHERE id = 12", ""},
  };
  return all;
}

[[maybe_unused]] void PrintTo(const Call& call, std::ostream* out) {
  *out << call.name;
}

class SettleKill : public ::testing::TestWithParam<Call> {
 protected:
  SettleKill() : world_("    on_leave: delete\n") {
    world_.deployment().add_members(1, 12);
    sync();
    world_.deployment().sql("UPDATE members SET email_opt_in = false WHERE id = 12");
    sync();
    world_.remember();
  }
  void sync() { ASSERT_EQ(world_.deployment().syncd({"sync"}).exit_code, 0); }

  bool is_applied() {
    const auto journal = world_.deployment().stibee("/_sim/journal?limit=100000&addresses=no");
    const auto in_flight = world_.deployment().stat("in_flight");
    for (const auto& call : e2e::items(journal, "calls")) {
      if (e2e::text(call, "endpoint") == GetParam().endpoint) return true;
    }
    return in_flight > 0;
  }

  /// The call waits at Stibee, applied; `strike` decides when the daemon dies. False: it did not.
  bool die_at(int durable_call) {
    world_.begin();
    world_.deployment().stibee_post("/_sim/faults", R"({"rules":[{"kind":"stall_after","stall_ms":)" +
                                                        std::string(durable_call == 0 ? "60000" : "700") +
                                                        R"(,"times":1,"endpoint":")" + GetParam().endpoint +
                                                        "\"}]}");
    world_.start();
    EXPECT_TRUE(
        world_.until([&] { return world_.daemon().err().find("daemon.ready") != std::string::npos; }));
    if (!GetParam().opts_out.empty()) world_.opted_out(GetParam().opts_out);
    world_.deployment().sql(GetParam().cause);
    EXPECT_TRUE(world_.until([&] { return is_applied(); }));
    if (durable_call == 0) {
      world_.daemon().send(SIGKILL);
    } else {
      world_.faults().strike_at(Strike::DieBefore, static_cast<std::uint64_t>(durable_call));
    }
    EXPECT_TRUE(world_.settles()) << GetParam().name << " " << durable_call << ": " << world_.daemon().err();
    world_.stop();
    for (const auto& wrong : world_.wrongs())
      ADD_FAILURE() << GetParam().name << ", call " << durable_call << " (" << world_.faults().struck_call()
                    << "): " << wrong;
    EXPECT_EQ(world_.errors_after_death(), std::vector<std::string>{});
    return world_.died();
  }

  World world_;
};

TEST_P(SettleKill, RepeatsTheCallAtMost) {
  EXPECT_TRUE(die_at(0));
  EXPECT_TRUE(die_at(1));
  for (const auto at : chosen(12, 1, 1)) {
    if (at > 1) die_at(static_cast<int>(at));
  }
}

INSTANTIATE_TEST_SUITE_P(Calls, SettleKill, ::testing::ValuesIn(every_call()),
                         [](const auto& call) { return call.param.name; });

}  // namespace
}  // namespace stibee_sync::fault

#include "fault/stories.hpp"

#include <array>
#include <cstdlib>
#include <fstream>
#include <map>

#include <gtest/gtest.h>

// The program dies at its n-th durable call, for every n: it comes back, and the list is the table minus who
// opted out. STIBEE_LONG takes every n; otherwise some of each story, chosen by a seed.
namespace stibee_sync::fault {
namespace {

enum class Death { Killed, HalfWritten, PowerCut, PowerCutNames };
constexpr std::array every_death{Death::Killed, Death::HalfWritten, Death::PowerCut, Death::PowerCutNames};

/// Each call meets one of the deaths in a run; four runs with STIBEE_FAULT_DEATH from 0 to 3 meet all.
int first_death() {
  const char* said = std::getenv("STIBEE_FAULT_DEATH");
  return said == nullptr ? 0 : std::atoi(said);
}

/// STIBEE_FAULT_PART=2/8: of eight processes that share the work, the third.
struct Part {
  std::uint64_t number = 0;
  std::uint64_t of = 1;
};
Part part() {
  Part part;
  const char* said = std::getenv("STIBEE_FAULT_PART");
  if (said == nullptr) return part;
  const std::string words(said);
  part.number = std::stoull(words);
  part.of = std::stoull(words.substr(words.find('/') + 1));
  return part;
}

const char* name_of(Death death) {
  switch (death) {
    case Death::Killed:
      return "killed";
    case Death::HalfWritten:
      return "killed half way through a write";
    case Death::PowerCut:
      return "power cut";
    case Death::PowerCutNames:
      return "power cut, unsynced names lost";
  }
  return "";
}

[[maybe_unused]] void PrintTo(const Story& story, std::ostream* out) {
  *out << story.name;
}

/// Runs, to tell how many there were of what.
void note(const std::string& line) {
  if (const char* file = std::getenv("STIBEE_FAULT_NOTES"))
    std::ofstream(file, std::ios::app) << line << "\n";
}

class CrashPoints : public ::testing::TestWithParam<Story> {
 protected:
  void run(World& world, std::uint64_t at, Death death, std::size_t usually_repeated) {
    const bool loses = death == Death::PowerCut || death == Death::PowerCutNames;
    world.begin(loses);
    if (loses) {
      world.on_death([&] {
        world.faults().lose_unsynced(death == Death::PowerCut ? Faults::Names::Journalled
                                                              : Faults::Names::OnlySynced);
      });
    }
    world.faults().strike_at(death == Death::HalfWritten ? Strike::DieHalfWay : Strike::DieBefore, at);
    const auto trace = [&] {
      return GetParam().name + ", call " + std::to_string(at) + " (" + world.faults().struck_call() + "), " +
             name_of(death);
    };
    try {
      GetParam().play(world);
    } catch (const std::exception& failed) {
      ADD_FAILURE() << trace() << ": " << failed.what();
    }
    for (const auto& wrong : world.wrongs(usually_repeated))
      ADD_FAILURE() << trace() << ": " << wrong;
    for (const auto& line : world.errors_after_death()) {
      if (GetParam().allowed_error.empty() || line.find(GetParam().allowed_error) == std::string::npos)
        ADD_FAILURE() << trace() << ": " << line;
    }
    if (world.died()) ++died_;
    note((world.died() ? "died\t" : "lived\t") + trace());
  }

  int died_ = 0;
};

TEST_P(CrashPoints, AreSurvivedWithNothingLostAndNobodyWronged) {
  World world(GetParam().mirror_extra);
  GetParam().prepare(world);
  world.remember();
  world.begin();
  ASSERT_NO_THROW(GetParam().play(world));
  ASSERT_EQ(world.wrongs(1'000), std::vector<std::string>{});
  const auto calls = world.faults().calls();
  const auto usually_repeated = world.repeated_people();
  ASSERT_GT(calls, 10U);
  note("all\t" + GetParam().name + "\t" + std::to_string(calls));
  auto turn = static_cast<std::size_t>(first_death());
  auto numbers = chosen(calls, 2, calls);
  std::erase_if(numbers, [part = part()](std::uint64_t at) { return at % part.of != part.number; });
  for (const auto at : numbers) {
    run(world, at, every_death[turn++ % every_death.size()], usually_repeated);
    if (HasFatalFailure()) return;
  }
  // The number of calls is not quite the same each time; most must have been met.
  EXPECT_GE(died_ * 2, static_cast<int>(numbers.size()));
}

INSTANTIATE_TEST_SUITE_P(Stories, CrashPoints, ::testing::ValuesIn(stories()),
                         [](const auto& story) { return story.param.name; });

}  // namespace
}  // namespace stibee_sync::fault

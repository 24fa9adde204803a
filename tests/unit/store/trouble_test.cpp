#include "contract/store_world.hpp"
#include "store/sqlite_store_impl.hpp"

#include <csignal>
#include <sys/resource.h>
#include <thread>

#include <gtest/gtest.h>

// Full disks, locked files: an error that says what to do, nothing half done, and a store that goes on.
namespace stibee_sync::store {
namespace {

using namespace store_tests;

Table crowd(int people, const std::string& name = "somebody") {
  Table table;
  for (int i = 0; i < people; ++i)
    table[key(i)] = {"person" + std::to_string(i) + "@example.com", name};
  return table;
}

class StoreTrouble : public ::testing::Test {
 protected:
  Connection& connection() { return static_cast<SqliteStore&>(*world_.store).connection(); }
  void fill_disk() {
    connection().execute(
        ("PRAGMA max_page_count = " + std::to_string(connection().query_number("PRAGMA page_count")))
            .c_str());
  }
  void free_disk() { connection().execute("PRAGMA max_page_count = 1000000"); }

  World world_{sqlite_backend()};
};

TEST_F(StoreTrouble, AFullDiskAtACommitChangesNothingAndTheNextTryGoesThrough) {
  world_.read(crowd(10));
  const auto summary = world_.store->summary(world_.mirror, start);
  fill_disk();
  try {
    world_.read(crowd(5000));
    FAIL() << "no error";
  } catch (const StoreFailure& error) {
    EXPECT_EQ(error.kind(), Failure::Full);
    const std::string what = error.what();
    EXPECT_NE(what.find("state.sqlite"), std::string::npos) << what;
    EXPECT_NE(what.find("free some space"), std::string::npos) << what;
    EXPECT_EQ(what.find("example.com"), std::string::npos) << what;
  }
  EXPECT_EQ(world_.snapshot_keys().size(), 10U);
  EXPECT_EQ(world_.store->summary(world_.mirror, start).pending.at(Lane::Upsert).people,
            summary.pending.at(Lane::Upsert).people);
  EXPECT_TRUE(world_.claim());
  free_disk();
  world_.read(crowd(5000));
  EXPECT_EQ(world_.snapshot_keys().size(), 5000U);
  EXPECT_EQ(world_.store->pending(world_.mirror), 5000U);
}

TEST_F(StoreTrouble, AFullDiskAtAClaimOrSettlementKeepsWhoIsInFlight) {
  world_.read(crowd(3000));
  const auto first = world_.claim(start, 1000);
  ASSERT_TRUE(first);
  fill_disk();
  EXPECT_THROW(world_.claim(start, 3000), StoreError);  // the batch is too long for the pages that are there
  free_disk();
  const auto second = world_.claim(start, 3000);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->people.size(), 2000U);
  fill_disk();
  std::vector<Settlement> people;
  for (const auto& person : first->people) {
    Settlement settlement;
    settlement.email = person.email;
    settlement.next = Settlement::Next::Park;
    settlement.reason = "wrong_email";
    settlement.message = std::string(2000, 'x');
    people.push_back(settlement);
  }
  EXPECT_THROW(world_.store->settle(world_.mirror, people, place, start), StoreError);
  EXPECT_EQ(world_.store->summary(world_.mirror, start).parked.size(), 0U);
  free_disk();
  EXPECT_FALSE(world_.claim());
  world_.store->settle(world_.mirror, people, place, start);
  EXPECT_EQ(world_.store->summary(world_.mirror, start).parked.at("wrong_email"), 1000U);
}

TEST_F(StoreTrouble, AFullDiskWhileStagingSaysWhere) {
  ASSERT_NE(std::signal(SIGXFSZ, SIG_IGN), SIG_ERR);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 1024 * 1024;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string what;
  try {
    world_.read(crowd(100000));
  } catch (const StoreError& error) {
    what = error.what();
  }
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_NE(what.find("stage"), std::string::npos) << what;
  EXPECT_TRUE(world_.snapshot_keys().empty());
  world_.read(crowd(10));
  EXPECT_EQ(world_.snapshot_keys().size(), 10U);
}

TEST_F(StoreTrouble, ARuleThatThrowsChangesNothing) {
  world_.read(crowd(10));
  const PlaceRule broken = [](const auto&, const auto&, UtcTime) -> Placement {
    throw std::runtime_error("rule");
  };
  EXPECT_THROW(world_.read(crowd(10, "other"), {.rule = broken}), std::runtime_error);
  EXPECT_THROW(world_.store->replace_all(world_.mirror, broken, start), std::runtime_error);
  world_.read(crowd(10, "other"));
  const auto claimed = world_.claim();
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->people[0].values[0].value, "other");
  Settlement settlement;
  settlement.email = claimed->people[0].email;
  EXPECT_THROW(world_.store->settle(world_.mirror, {settlement}, broken, start), std::runtime_error);
  EXPECT_FALSE(world_.claim());
}

TEST_F(StoreTrouble, AShortLockByAnotherProgramIsWaitedFor) {
  Connection other(connection().file(), Connection::Mode::ReadWrite);
  other.execute("BEGIN IMMEDIATE");
  std::thread release([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    other.execute("COMMIT");
  });
  EXPECT_NO_THROW(world_.store->set_paused(world_.mirror, true));
  release.join();
  EXPECT_TRUE(world_.store->paused(world_.mirror));
}

TEST_F(StoreTrouble, NoStagingIsLeftBehind) {
  const auto directory = connection().file().parent_path();
  {
    ReadResult ignored;
    const auto scan = world_.scan(crowd(50000), start, ignored);
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      const auto name = entry.path().filename().string();
      EXPECT_TRUE(name.starts_with("state.sqlite") || name.starts_with("suppressions.sqlite")) << name;
    }
  }
  world_.read(crowd(50000));
  EXPECT_EQ(world_.store->pending(world_.mirror), 50000U);
}

TEST_F(StoreTrouble, ErasedValuesAreNotLeftInTheFile) {
  world_.read({{key(1), {"a@x.kr", "a-name-that-must-go"}}});
  world_.deliver_all();
  connection().execute("PRAGMA wal_checkpoint(TRUNCATE)");
  const auto file = connection().file();
  std::FILE* in = std::fopen(file.c_str(), "rb");
  ASSERT_NE(in, nullptr);
  std::string bytes(std::filesystem::file_size(file), '\0');
  ASSERT_EQ(std::fread(bytes.data(), 1, bytes.size(), in), bytes.size());
  std::fclose(in);
  EXPECT_NE(bytes.find("a@x.kr"), std::string::npos);
  EXPECT_EQ(bytes.find("a-name-that-must-go"), std::string::npos);
}

}  // namespace
}  // namespace stibee_sync::store

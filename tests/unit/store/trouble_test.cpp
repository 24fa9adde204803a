#include "disk/state.hpp"
#include "small_state.hpp"
#include "store/tables.hpp"

#include <csignal>
#include <sys/resource.h>

#include <gtest/gtest.h>

// Full disks, locked files: an error that says what to do, nothing half done, and a store that goes on.
namespace stibee_sync::store {
namespace {

using namespace testing_support;
using namespace std::chrono_literals;
using ledger::Settlement;

Table crowd(int people, const std::string& name = "somebody") {
  Table table;
  for (int i = 0; i < people; ++i)
    table[key(i)] = {"person" + std::to_string(i) + "@example.com", name};
  return table;
}

class StoreTrouble : public ::testing::Test {
 protected:
  Connection& connection() { return *store_->tables().connection; }
  void fill_disk() {
    connection().execute(
        ("PRAGMA max_page_count = " + std::to_string(connection().query_number("PRAGMA page_count")))
            .c_str());
  }
  void free_disk() { connection().execute("PRAGMA max_page_count = 1000000"); }
  void read(const Table& table) { read_table(*store_, mirror_, table); }
  std::size_t known_rows() { return snapshot(*store_, mirror_).size(); }

  TemporaryDirectory temporary_;
  OpenReport report_;
  std::unique_ptr<Store> store_ = open_store(temporary_.path(), report_);
  MirrorId mirror_ = store_->open_mirror("members", 1234);
};

TEST_F(StoreTrouble, AFullDiskAtACommitChangesNothingAndTheNextTryGoesThrough) {
  read(crowd(10));
  const auto summary = store_->summary(mirror_, start);
  fill_disk();
  try {
    read(crowd(5000));
    FAIL() << "no error";
  } catch (const StoreFailure& error) {
    EXPECT_EQ(error.kind(), Failure::Full);
    const std::string what = error.what();
    EXPECT_NE(what.find("state.sqlite"), std::string::npos) << what;
    EXPECT_NE(what.find("free some space"), std::string::npos) << what;
    EXPECT_EQ(what.find("example.com"), std::string::npos) << what;
  }
  EXPECT_EQ(known_rows(), 10U);
  EXPECT_EQ(store_->summary(mirror_, start).pending.at(Lane::Upsert).people,
            summary.pending.at(Lane::Upsert).people);
  EXPECT_FALSE(claim(*store_, mirror_).empty());
  free_disk();
  read(crowd(5000));
  EXPECT_EQ(known_rows(), 5000U);
  EXPECT_EQ(store_->pending(mirror_, start), 5000U);
}

std::vector<Settlement> refusals(
    const std::vector<std::pair<domain::EmailAddress, ledger::LedgerRow>>& claimed) {
  std::vector<Settlement> people;
  for (const auto& [address, row] : claimed) {
    Settlement settlement;
    settlement.email = address;
    settlement.next = Settlement::Next::Park;
    settlement.reason = domain::Reason::WrongEmail;
    settlement.message = std::string(2000, 'x');
    people.push_back(settlement);
  }
  return people;
}

TEST_F(StoreTrouble, AFullDiskAtAClaimOrSettlementKeepsWhoIsInFlight) {
  read(crowd(3000));
  const auto first = claim(*store_, mirror_, 1000);
  ASSERT_EQ(first.size(), 1000U);
  fill_disk();
  // The batch is too long for the pages that are there.
  EXPECT_THROW(claim(*store_, mirror_, 3000), StoreError);
  free_disk();
  EXPECT_EQ(claim(*store_, mirror_, 3000).size(), 2000U);
  fill_disk();
  const auto people = refusals(first);
  EXPECT_THROW(settle(*store_, mirror_, people), StoreError);
  EXPECT_EQ(store_->summary(mirror_, start).parked.size(), 0U);
  free_disk();
  EXPECT_TRUE(claim(*store_, mirror_).empty());
  settle(*store_, mirror_, people);
  EXPECT_EQ(store_->summary(mirror_, start).parked.at("wrong_email"), 1000U);
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
    read(crowd(100000));
  } catch (const StoreError& error) {
    what = error.what();
  }
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_NE(what.find("stage"), std::string::npos) << what;
  EXPECT_EQ(known_rows(), 0U);
  read(crowd(10));
  EXPECT_EQ(known_rows(), 10U);
}

TEST_F(StoreTrouble, AReadThatFailsHalfWayChangesNothing) {
  read(crowd(10));
  auto broken = in_transaction([&](Transaction& transaction) {
    auto scan = scan_of(*store_, mirror_, crowd(10, "other"));
    take_over(transaction, mirror_, scan);
    throw std::runtime_error("half way");
  });
  EXPECT_THROW(broken(*store_), std::runtime_error);
  EXPECT_EQ(store_->find(mirror_, email("person0@example.com")).row->values->at(0).value, "somebody");
  read(crowd(10, "other"));
  const auto claimed = claim(*store_, mirror_);
  ASSERT_EQ(claimed.size(), 10U);
  EXPECT_EQ(claimed[0].second.values->at(0).value, "other");
}

TEST_F(StoreTrouble, AClaimThatFailsHalfWayClaimsNobody) {
  read(crowd(10));
  auto job = in_transaction([&](Transaction& transaction) {
    transaction.claim({mirror_, Lane::Upsert, "subscribe:"}, {email("person0@example.com")});
    throw std::runtime_error("half way");
  });
  EXPECT_THROW(job(*store_), std::runtime_error);
  EXPECT_FALSE(store_->find(mirror_, email("person0@example.com")).call);
  EXPECT_EQ(claim(*store_, mirror_).size(), 10U);
}

TEST_F(StoreTrouble, ASettlementThatFailsHalfWayKeepsWhoIsInFlight) {
  read(crowd(10));
  const auto claimed = claim(*store_, mirror_);
  ASSERT_EQ(claimed.size(), 10U);
  auto job = in_transaction([&](Transaction& transaction) {
    settle(transaction, mirror_, refusals(claimed));
    throw std::runtime_error("half way");
  });
  EXPECT_THROW(job(*store_), std::runtime_error);
  EXPECT_TRUE(claim(*store_, mirror_).empty());
  EXPECT_TRUE(store_->summary(mirror_, start).parked.empty());
  EXPECT_EQ(store_->summary(mirror_, start).pending.at(Lane::Upsert).people, 10U);
}

TEST_F(StoreTrouble, NoStagingIsLeftBehind) {
  {
    const auto scan = scan_of(*store_, mirror_, crowd(50000));
    for (const auto& entry : std::filesystem::directory_iterator(temporary_.path())) {
      const auto name = entry.path().filename().string();
      EXPECT_TRUE(name.starts_with("state.sqlite") || name.starts_with("suppressions.sqlite")) << name;
    }
  }
  read(crowd(50000));
  EXPECT_EQ(store_->pending(mirror_, start), 50000U);
}

TEST_F(StoreTrouble, ADeletedFileIsNoticedBeforeAnythingCountsAsKept) {
  read(crowd(3));
  EXPECT_EQ(store_->trouble(), "");
  for (const char* name :
       {"state.sqlite", "state.sqlite-wal", "suppressions.sqlite", "suppressions.sqlite-wal"}) {
    SCOPED_TRACE(name);
    const auto path = temporary_.path() / name;
    const auto elsewhere = temporary_.path() / "elsewhere";
    std::filesystem::rename(path, elsewhere);
    EXPECT_NE(store_->trouble().find("was deleted or replaced"), std::string::npos);
    EXPECT_THROW(set_paused(*store_, mirror_, true), StoreError);
    EXPECT_FALSE(store_->paused(mirror_));
    std::filesystem::rename(elsewhere, path);
    EXPECT_EQ(store_->trouble(), "");
  }
  set_paused(*store_, mirror_, true);
  EXPECT_TRUE(store_->paused(mirror_));
}

TEST_F(StoreTrouble, WhatCouldNotBeWrittenIsTroubleUntilSomethingCan) {
  read(crowd(10));
  // All that is written goes through the log, which may grow no more.
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit none = before;
  none.rlim_cur = 0;
  ::setrlimit(RLIMIT_FSIZE, &none);
  EXPECT_THROW(set_paused(*store_, mirror_, true), StoreError);
  const auto while_full = store_->trouble();
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_NE(while_full, "");
  EXPECT_EQ(store_->trouble(), "");
  set_paused(*store_, mirror_, true);
}

TEST_F(StoreTrouble, ALogIsEmptiedUnlessAReadIsInTheWay) {
  const auto log = temporary_.path() / "state.sqlite-wal";
  read(crowd(50));
  EXPECT_GT(std::filesystem::file_size(log), 0U);
  {
    auto scan = store_->begin_scan(mirror_);
    SnapshotRow row;
    ASSERT_TRUE(scan.next(row));
    set_paused(*store_, mirror_, true);
    EXPECT_FALSE(store_->tidy());
  }
  EXPECT_TRUE(store_->tidy());
  EXPECT_EQ(std::filesystem::file_size(log), 0U);
}

TEST_F(StoreTrouble, AReadThatChangesNothingWritesNothing) {
  SourceFacts facts;
  facts.last_good_rows = 7;
  facts.last_success = start;
  const auto note = [&] {
    in_transaction([&](Transaction& transaction) { transaction.set_facts(mirror_, facts); })(*store_);
  };
  note();
  store_->tidy();
  const auto log = temporary_.path() / "state.sqlite-wal";
  for (int i = 1; i <= 20; ++i) {
    facts.last_success = start + i * second;
    facts.wal_position = i;
    note();
    EXPECT_EQ(std::filesystem::file_size(log), 0U) << i;
    EXPECT_EQ(store_->source_facts(mirror_), facts);
  }
  // It goes with the next change, or the end.
  set_paused(*store_, mirror_, true);
  EXPECT_EQ(open_store_read_only(temporary_.path())->source_facts(mirror_), facts);
  facts.last_success = start + 30 * second;
  note();
  store_.reset();
  store_ = open_store(temporary_.path(), report_);
  EXPECT_EQ(store_->source_facts(mirror_), facts);
  // Or after an hour.
  facts.last_success = start + 2h;
  note();
  EXPECT_EQ(open_store_read_only(temporary_.path())->source_facts(mirror_), facts);
  // What counts is written at once.
  facts.last_good_rows = 8;
  note();
  EXPECT_EQ(open_store_read_only(temporary_.path())->source_facts(mirror_), facts);
}

TEST_F(StoreTrouble, ErasedValuesAreNotLeftInTheFile) {
  read({{key(1), {"a@x.kr", "a-name-that-must-go"}}});
  for (const auto& [address, row] : claim(*store_, mirror_))
    settle(*store_, mirror_, {delivered(address, row)});
  ASSERT_FALSE(store_->find(mirror_, email("a@x.kr")).row->values);
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

// Also where the opt-outs' own file is ahead of the state, which no transaction can mend before there is
// space.
TEST(StoreRelease, WhoIsGivenBackOnAFullDiskIsFoundAgain) {
  for (std::size_t after = 0; after < 30; ++after) {
    const auto disk = test_disk::disk_with_state();
    const auto store = test_disk::open_state(*disk);
    const auto mirror = store->open_mirror("members", 1234);
    read_table(*store, mirror, {{key(1), {"a@x.kr"}}});
    ASSERT_EQ(claim(*store, mirror).size(), 1U);
    disk->fail(test_disk::SimulatedDisk::Trouble::Full, after, 1'000'000);
    try {
      observe(*store, mirror, "b@x.kr", {.suppress = ledger::Suppression{start, "subscriber", ""}});
    } catch (const StoreError&) {
      // There are disks with enough space for it.
    }
    EXPECT_NO_THROW(store->release(mirror, {email("a@x.kr")}));
    disk->end_trouble();
    EXPECT_EQ(claim(*store, mirror).size(), 1U) << after;
  }
}

TEST(StoreLock, AShortOneByAnotherProgramIsWaitedFor) {
  const auto disk = test_disk::disk_with_state();
  const auto store = test_disk::open_state(*disk);
  const auto mirror = store->open_mirror("members", 1234);
  disk->fail(test_disk::SimulatedDisk::Trouble::Busy, 0, 50);
  EXPECT_NO_THROW(set_paused(*store, mirror, true));
  EXPECT_EQ(disk->failed(), 50U);
  EXPECT_TRUE(store->paused(mirror));
}

}  // namespace
}  // namespace stibee_sync::store

#include "small_state.hpp"
#include "stibee_sync/store/store.hpp"
#include "store/closing_mark.hpp"
#include "store/schema.hpp"
#include "store/tables.hpp"

#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sqlite3.h>

// What a start after an orderly end need not do again, and what makes it do it all the same.
namespace stibee_sync::store {
namespace {

using namespace testing_support;
namespace fs = std::filesystem;

/// Pages that a connection fetched from its file so far.
int pages_read(Connection& connection) {
  int pages = 0;
  int most = 0;
  sqlite3_db_status(connection.get(), SQLITE_DBSTATUS_CACHE_MISS, &pages, &most, 0);
  return pages;
}

constexpr auto begin = testing_support::start;

class ClosedStore : public ::testing::Test {
 protected:
  ClosedStore() {
    auto store = open();
    mirror_ = store->open_mirror("members", 1);
    read_table(*store, mirror_, {{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}});
    store->set_placed_by(mirror_, "some policy");
  }
  const fs::path& directory() const { return temporary_.path(); }
  fs::path state() const { return directory() / "state.sqlite"; }
  fs::path suppressions() const { return directory() / "suppressions.sqlite"; }
  std::unique_ptr<Store> open() { return open_store(directory(), report_); }
  bool next_start_checks() {
    open();
    return report_.checked;
  }
  /// What a process did that was killed then.
  template <class Job>
  void in_a_life_that_is_killed(Job job) {
    const auto child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      OpenReport report;
      const auto store = open_store(directory(), report);
      job(*store);
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
  }
  static timespec time_of(const fs::path& file) {
    struct stat info{};
    EXPECT_EQ(::stat(file.c_str(), &info), 0);
    return info.st_mtim;
  }
  static void set_time(const fs::path& file, timespec time) {
    const timespec times[2] = {{0, UTIME_OMIT}, time};
    ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
  }
  static void touch(const fs::path& file) {
    auto time = time_of(file);
    ++time.tv_sec;
    set_time(file, time);
  }

  TemporaryDirectory temporary_;
  OpenReport report_;
  MirrorId mirror_;
};

TEST_F(ClosedStore, ThatNobodyTouchedIsNotLookedThroughAgain) {
  EXPECT_FALSE(report_.checked) << "it was made just now";
  for (int life = 0; life < 3; ++life)
    EXPECT_FALSE(next_start_checks()) << life;
}

TEST_F(ClosedStore, ThatWasWrittenToAndClosedAgainIsNotEither) {
  for (int life = 0; life < 3; ++life) {
    auto store = open();
    EXPECT_FALSE(report_.checked) << life;
    set_paused(*store, mirror_, life % 2 == 0);
  }
  observe(*open(), mirror_, "a@x.kr", {.suppress = ledger::Suppression{begin, "x", ""}});
  EXPECT_FALSE(next_start_checks()) << "the opt-outs' file was written to, too";
}

TEST_F(ClosedStore, ThatAKilledLifeWroteToIsLookedThroughOnce) {
  in_a_life_that_is_killed([&](Store& store) { set_paused(store, mirror_, true); });
  EXPECT_TRUE(next_start_checks());
  EXPECT_FALSE(next_start_checks());
}

TEST_F(ClosedStore, WhoseLogWasEmptiedBeforeTheKillIsLookedThrough) {
  const auto time = time_of(state());
  in_a_life_that_is_killed([&](Store& store) {
    set_paused(store, mirror_, true);
    store.tidy();
  });
  // And a loss of power that took the file's time back.
  set_time(state(), time);
  EXPECT_TRUE(next_start_checks());
}

TEST_F(ClosedStore, ThatAKilledLifeOnlyReadIsAsItWas) {
  in_a_life_that_is_killed([&](Store& store) {
    store.summary(mirror_, begin);
    Transaction(store).commit();
  });
  EXPECT_FALSE(next_start_checks());
}

TEST_F(ClosedStore, TheFirstChangeTakesTheMarkWithIt) {
  const auto store = open();
  const auto marks = [&] {
    Connection look(state(), Connection::Mode::ReadOnly);
    return look.query_number("SELECT count(*) FROM meta WHERE name = 'closed'");
  };
  EXPECT_EQ(marks(), 1);
  {
    Transaction given_up(*store);
    given_up.set_paused(mirror_, true, {});
  }
  EXPECT_EQ(marks(), 1);
  Transaction(*store).commit();
  EXPECT_EQ(marks(), 1) << "nothing was changed";
  set_paused(*store, mirror_, true);
  EXPECT_EQ(marks(), 0);
}

TEST_F(ClosedStore, ACopyInItsPlaceIsLookedThrough) {
  for (const auto& file : {state(), suppressions()}) {
    SCOPED_TRACE(file);
    const auto copy = file.string() + "-copy";
    fs::copy_file(file, copy);
    // With the time of the one that it is a copy of.
    set_time(copy, time_of(file));
    fs::rename(copy, file);
    EXPECT_TRUE(next_start_checks());
    EXPECT_FALSE(next_start_checks());
  }
}

TEST_F(ClosedStore, ThatSomebodyWroteToIsLookedThrough) {
  for (const auto& file : {state(), suppressions()}) {
    SCOPED_TRACE(file);
    touch(file);
    EXPECT_TRUE(next_start_checks());
  }
}

TEST_F(ClosedStore, BesideALogIsLookedThrough) {
  std::ofstream(state().string() + "-wal") << "of somebody who did not close it";
  EXPECT_TRUE(next_start_checks());
}

TEST_F(ClosedStore, OfAnEarlierVersionIsLookedThrough) {
  Connection connection(state(), Connection::Mode::ReadWrite);
  const auto latest = migration_steps().back().to;
  ASSERT_TRUE(ClosingMark::of(connection));
  // As it would be found by the version after this one.
  const MigrationStep later[] = {{latest, ""}, {latest + 1, "CREATE TABLE extra (x)"}};
  migrate(connection, later);
  EXPECT_FALSE(connection.has_mark()) << "and its mark went with the change of the schema";
}

TEST_F(ClosedStore, InWhichDamageWasMetIsLookedThroughWhollyThoughItWasClosedInOrder) {
  std::ofstream(state().string() + "-suspect").close();
  EXPECT_TRUE(next_start_checks());
  EXPECT_FALSE(next_start_checks());
}

TEST_F(ClosedStore, DamageThatAReadMeetsIsFoundByTheNextStart) {
  // Under the mark, as by a disk that forgets.
  const auto time = time_of(state());
  {
    Connection writer(state(), Connection::Mode::ReadWrite);
    writer.execute("UPDATE member SET fingerprint = x'00' WHERE key = 1");
  }
  set_time(state(), time);
  {
    auto store = open();
    ASSERT_FALSE(report_.checked);
    EXPECT_THROW(snapshot(*store, mirror_), StoreError);
  }
  open();
  EXPECT_TRUE(report_.checked);
  EXPECT_TRUE(report_.damaged_set_aside);
}

TEST_F(ClosedStore, RemembersByWhatTheQueueWasPlaced) {
  EXPECT_EQ(open()->placed_by(mirror_), "some policy");
  {
    auto store = open();
    store->set_placed_by(mirror_, "another");
    EXPECT_EQ(store->placed_by(mirror_), "another");
  }
  EXPECT_EQ(open()->placed_by(mirror_), "another");
  in_a_life_that_is_killed([&](Store& store) { set_paused(store, mirror_, true); });
  EXPECT_EQ(open()->placed_by(mirror_), "") << "who knows where the crash left whom";
}

TEST_F(ClosedStore, DoesNotBelieveWhatAClockThatWasSetBackHasPlaced) {
  const auto tomorrow = std::chrono::system_clock::now() + std::chrono::hours(24);
  {
    Connection connection(state(), Connection::Mode::ReadWrite);
    ASSERT_TRUE(ClosingMark::of(connection));
    const auto mark = ClosingMark::make(connection, tomorrow);
    ASSERT_TRUE(mark);
    mark->seal();
  }
  // The connection is closed after the seal, and leaves the file alone then.
  const auto store = open();
  EXPECT_FALSE(report_.checked);
  EXPECT_EQ(store->placed_by(mirror_), "");
}

TEST_F(ClosedStore, TellsHowManyThereAreWithoutLookingAtEach) {
  Table table;
  for (int i = 0; i < 20'000; ++i)
    table[key(i)] = {"person" + std::to_string(i) + "@example.com"};
  {
    auto store = open();
    read_table(*store, mirror_, table);
    store->summary(mirror_, begin);
  }
  const auto started = [&](bool in_order) {
    if (!in_order) touch(state());
    const auto store = open();
    EXPECT_EQ(report_.checked, !in_order);
    EXPECT_EQ(store->people(mirror_), 20'000U);
    const auto summary = store->summary(mirror_, begin);
    EXPECT_EQ(summary.people.at(RemoteStatus::Unknown), 20'000U);
    EXPECT_EQ(summary.wanted_subscribed, 20'000U);
    EXPECT_EQ(summary.pending.at(Lane::Upsert).people, 20'000U);
    return pages_read(*store->tables().connection);
  };
  const auto all = started(false);
  const auto few = started(true);
  EXPECT_LT(few * 20, all) << few << " pages after an orderly end, " << all << " after another";
}

TEST_F(ClosedStore, GoesOnCountingFromWhatTheLastLifeCounted) {
  const auto counts = [&](const Store& store) {
    const auto summary = store.summary(mirror_, begin);
    return std::pair(summary.people.at(RemoteStatus::Subscribed), summary.parked);
  };
  {
    auto store = open();
    const auto people = claim(*store, mirror_, 2);
    ASSERT_EQ(people.size(), 2U);
    ledger::Settlement refused;
    refused.email = people[1].first;
    refused.next = ledger::Settlement::Next::Park;
    refused.reason = domain::Reason::WrongEmail;
    settle(*store, mirror_, {delivered(people[0].first, people[0].second), refused});
    EXPECT_EQ(counts(*store).first, 1U);
  }
  {
    auto store = open();
    ASSERT_FALSE(report_.checked);
    EXPECT_EQ(counts(*store).first, 1U);
    EXPECT_EQ(counts(*store).second, (std::map<std::string, std::size_t>{{"wrong_email", 1}}));
    read_table(*store, mirror_, {{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}, {key(3), {"c@x.kr"}}});
  }
  const auto counted = open()->summary(mirror_, begin);
  touch(state());
  const auto looked_at = open()->summary(mirror_, begin);
  EXPECT_TRUE(report_.checked);
  EXPECT_EQ(counted.people, looked_at.people);
  EXPECT_EQ(counted.parked, looked_at.parked);
  EXPECT_EQ(counted.wanted_subscribed, looked_at.wanted_subscribed);
}

TEST_F(ClosedStore, WhatSomebodyWasToldLastIsKnownToTheNextLife) {
  EXPECT_EQ(open()->told(), "");
  open()->set_told("all is well");
  EXPECT_EQ(open()->told(), "all is well");
  in_a_life_that_is_killed([](Store& store) { store.set_told("the guard holds"); });
  EXPECT_EQ(open()->told(), "the guard holds");
}

}  // namespace
}  // namespace stibee_sync::store

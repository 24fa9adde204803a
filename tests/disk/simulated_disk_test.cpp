#include "disk/state.hpp"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// The disk that dies, tried on the store: what a commit said is on disk must be there afterwards.

namespace stibee_sync::test_disk {
namespace {

using Moment = SimulatedDisk::Moment;
using Trouble = SimulatedDisk::Trouble;
using ::testing::HasSubstr;

constexpr std::int64_t mirrors = 12;

std::string name_of(std::int64_t number) {
  return "mirror" + std::to_string(number);
}

/// Makes mirrors, a commit each, until the disk dies; their ids.
std::vector<store::MirrorId> make_mirrors(const SimulatedDisk& disk) {
  std::vector<store::MirrorId> made;
  try {
    const auto store = open_state(disk);
    for (std::int64_t number = 0; number < mirrors; ++number)
      made.push_back(store->open_mirror(name_of(number), number));
  } catch (const store::StoreError&) {
    EXPECT_TRUE(disk.dead());
  }
  return made;
}

/// Which of them are there, each with its id.
void expect_kept(const SimulatedDisk& disk, const std::vector<store::MirrorId>& made) {
  const auto store = open_state(disk);
  for (std::int64_t number = 0; number < mirrors; ++number) {
    const auto place = static_cast<std::size_t>(number);
    const auto id = store->open_mirror(name_of(number), number);
    if (place < made.size()) {
      EXPECT_EQ(id, made[place]) << name_of(number) << " was on disk";
    }
  }
}

class Dies : public ::testing::TestWithParam<Moment> {};

std::string name_of_moment(const ::testing::TestParamInfo<Moment>& chosen) {
  constexpr const char* names[] = {"Operation", "BeforeSync", "AfterSync"};
  return names[static_cast<std::size_t>(chosen.param)];
}

INSTANTIATE_TEST_SUITE_P(Each, Dies,
                         ::testing::Values(Moment::Operation, Moment::BeforeSync, Moment::AfterSync),
                         name_of_moment);

TEST_P(Dies, WhatWasCommittedIsThereWhereverTheDiskDied) {
  std::mt19937_64 random(1);
  std::size_t deaths = 0;
  for (std::size_t at = 1;; ++at) {
    const auto disk = disk_with_state();
    disk->die_at(GetParam(), at);
    const auto made = make_mirrors(*disk);
    if (!disk->dead()) break;
    ++deaths;
    disk->restart(random);
    expect_kept(*disk, made);
  }
  EXPECT_GE(deaths, static_cast<std::size_t>(mirrors));
}

TEST_P(Dies, AStateThatWasJustBeingMadeIsMadeAfterAll) {
  std::size_t deaths = 0;
  for (std::size_t at = 1;; ++at) {
    std::mt19937_64 random(at);
    SimulatedDisk disk;
    disk.die_at(GetParam(), at);
    const auto made = make_mirrors(disk);
    if (!disk.dead()) break;
    ++deaths;
    disk.restart(random);
    expect_kept(disk, made);
  }
  EXPECT_GE(deaths, static_cast<std::size_t>(mirrors));
}

TEST(SimulatedDisk, LosesWhatWasNotSynced) {
  std::mt19937_64 random(1);
  File file;
  file.write(0, "first");
  file.sync();
  file.write(2, "xxxxx");
  file.truncate(1);
  file.write(9, "y");
  EXPECT_EQ(file.bytes(), std::string("f") + std::string(8, '\0') + "y");
  file.lose_unsynced(File::Keep::Nothing, random);
  EXPECT_EQ(file.bytes(), "first");
  file.write(5, std::string(2000, 'z'));
  file.lose_unsynced(File::Keep::All, random);
  EXPECT_EQ(file.bytes().size(), 2005U);
}

TEST(SimulatedDisk, TearsWritesAtSectors) {
  std::set<std::size_t> kept;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    std::mt19937_64 random(seed);
    File file;
    file.write(0, std::string(4 * 512, 'z'));
    file.lose_unsynced(File::Keep::SomeSectors, random);
    const auto& bytes = file.bytes();
    const auto count = static_cast<std::size_t>(std::ranges::count(bytes, 'z'));
    EXPECT_EQ(count % 512, 0U);
    kept.insert(count);
  }
  EXPECT_GE(kept.size(), 4U);
}

TEST(SimulatedDisk, FullDiskFailsACommitAndTheNextOneSucceeds) {
  const auto disk = disk_with_state();
  const auto store = open_state(*disk);
  disk->fail(Trouble::Full, 0, 1);
  try {
    store->open_mirror("a", 1);
    FAIL() << "there was room";
  } catch (const store::StoreError& error) {
    EXPECT_THAT(error.what(), HasSubstr("the disk is full"));
  }
  EXPECT_EQ(disk->failed(), 1U);
  EXPECT_EQ(store->open_mirror("a", 1), store->open_mirror("a", 1));
}

TEST(SimulatedDisk, LockThatIsGivenBackInTimeIsWaitedFor) {
  const auto disk = disk_with_state();
  const auto store = open_state(*disk);
  disk->fail(Trouble::Busy, 0, 50);
  store->open_mirror("a", 1);
  EXPECT_EQ(disk->failed(), 50U);
  disk->fail(Trouble::Busy, 0, 1000);
  EXPECT_THROW(store->open_mirror("b", 2), store::StoreError);
  EXPECT_LT(disk->failed(), 1050U) << "it gives up after ten seconds";
}

}  // namespace
}  // namespace stibee_sync::test_disk

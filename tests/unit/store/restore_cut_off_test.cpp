#include "small_state.hpp"
#include "stibee_sync/store/backup.hpp"
#include "store/sqlite.hpp"

#include <fstream>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

// A restore that dies on its way leaves nothing that the next one, or a start, takes for its own.
namespace stibee_sync::store {
namespace {

using namespace testing_support;
namespace fs = std::filesystem;

class RestoreCutOff : public ::testing::Test {
 protected:
  RestoreCutOff() {
    fill("earlier");
    back_up(state(), earlier_, start);
    fill("later");
    back_up(state(), later_, start + second);
  }
  fs::path state() const { return temporary_.path() / "state"; }
  std::unique_ptr<Store> open() {
    auto store = open_store(state(), report_);
    EXPECT_FALSE(report_.damaged_set_aside);
    return store;
  }
  void fill(const std::string& name) {
    auto store = open();
    Table table;
    for (int i = 0; i < 200; ++i)
      table[key(i)] = {"person" + std::to_string(i) + "@example.com", name};
    read_table(*store, store->open_mirror("members", 1234), table);
  }
  std::string name_of_somebody(Store& store) {
    const auto row = store.find(store.open_mirror("members", 1234), email("person150@example.com")).row;
    return row && row->values ? row->values->at(0).value : "nobody";
  }
  /// In a process of its own, which `work` ends before anything is closed.
  template <class Work>
  void die_after(Work work) {
    const auto child = ::fork();
    if (child == 0) {
      work();
      ::_exit(1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
  }

  TemporaryDirectory temporary_;
  fs::path earlier_ = temporary_.path() / "earlier";
  fs::path later_ = temporary_.path() / "later";
  OpenReport report_;
};

TEST_F(RestoreCutOff, ItsJournalIsNotPlayedBackIntoAnotherBackup) {
  const auto copy = state() / "state.sqlite.restoring";
  die_after([&] {
    fs::copy_file(earlier_ / "state.sqlite", copy);
    Connection connection(copy, Connection::Mode::ReadWrite);
    // Little memory: pages, and the journal before them, are written before the commit.
    connection.execute(
        "PRAGMA cache_size = 1; BEGIN; UPDATE subscriber SET since = 1; UPDATE member SET shadowed = 1");
    ::_exit(0);
  });
  ASSERT_TRUE(fs::exists(copy.string() + "-journal"));
  restore(later_, state());
  EXPECT_EQ(name_of_somebody(*open()), "later");
}

TEST_F(RestoreCutOff, TheLogOfTheFileThatItTookAwayIsNotTheNextOnes) {
  die_after([&] {
    auto store = open_store(state(), report_);
    Table table;
    for (int i = 0; i < 200; ++i)
      table[key(i)] = {"person" + std::to_string(i) + "@example.com", "logged"};
    read_table(*store, store->open_mirror("members", 1234), table);
    ::_exit(0);
  });
  ASSERT_GT(fs::file_size(state() / "state.sqlite-wal"), 0U);
  fs::rename(state() / "state.sqlite", state() / "state.sqlite.replaced-before");
  restore(earlier_, state());
  EXPECT_EQ(name_of_somebody(*open()), "earlier");
}

TEST_F(RestoreCutOff, WhatItWasMakingIsGoneAfterAStart) {
  for (const char* name :
       {"state.sqlite.restoring", "state.sqlite.restoring-journal", "suppressions.sqlite.restoring"})
    std::ofstream(state() / name) << "person1@example.com";
  open();
  for (const auto& entry : fs::directory_iterator(state()))
    EXPECT_EQ(entry.path().filename().string().find("restoring"), std::string::npos) << entry.path();
}

}  // namespace
}  // namespace stibee_sync::store

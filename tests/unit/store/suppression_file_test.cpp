#include "suppression_file.hpp"

#include <fstream>
#include <sys/stat.h>

#include <gtest/gtest.h>
#include <sqlite3.h>

// The opt-outs' own file beside the state: what is known after either is lost, damaged, restored, or older.
namespace stibee_sync::store {
namespace {

using namespace testing_support;

TEST_F(SuppressionFile, IsMadeForItsOwnerOnly) {
  open();
  opt_out("a@x.kr");
  struct stat info{};
  ASSERT_EQ(::stat(file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  EXPECT_EQ(journal().connection().query_text("PRAGMA journal_mode"), "wal");
  EXPECT_EQ(journal().connection().query_number("PRAGMA synchronous"), 2);
  EXPECT_FALSE(report_.suppressions_rebuilt);
}

TEST_F(SuppressionFile, HoldsNoAddress) {
  open();
  opt_out("very-special-address@x.kr");
  close();
  for (const auto& entry : fs::directory_iterator(temporary_.path())) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    EXPECT_EQ(bytes.find("very-special-address"), std::string::npos) << entry.path();
  }
}

TEST_F(SuppressionFile, ForgetsTheWordsOfSomebodyWhoCameBack) {
  open();
  opt_out("a@x.kr");
  lift("a@x.kr");
  EXPECT_EQ(journal().connection().query_text("SELECT state || reason FROM suppression"), "lifted");
}

TEST_F(SuppressionFile, OutlivesTheStateAndKeepsItsKey) {
  open();
  fill();
  opt_out("a@x.kr");
  const auto ref = store_->key().ref("a@x.kr");
  close();
  fs::remove(state());
  open();
  EXPECT_TRUE(report_.created);
  EXPECT_EQ(store_->key().ref("a@x.kr"), ref);
  EXPECT_EQ(look("a@x.kr").suppression, (Suppression{start, "subscriber", "words"}));
  EXPECT_EQ(store_->suppressed(mirror_), 1U);
}

TEST_F(SuppressionFile, OutlivesADamagedState) {
  open();
  opt_out("a@x.kr");
  close();
  std::ofstream(state(), std::ios::trunc) << std::string(5000, 'x');
  open();
  EXPECT_TRUE(report_.damaged_set_aside);
  EXPECT_FALSE(report_.suppressions_set_aside);
  EXPECT_TRUE(look("a@x.kr").suppression);
}

TEST_F(SuppressionFile, AnOlderStateBesideItLearnsWhoOptedOutSince) {
  open();
  fill();
  const auto old = backup(state());
  open();
  opt_out("a@x.kr", start + second);
  opt_out("b@x.kr", start + second);
  close();
  restore(old, state());
  open();
  EXPECT_EQ(status(), RemoteStatus::OptedOut);
  EXPECT_EQ(store_->find(mirror_, email("a@x.kr")).row->confirmed.since, start + second);
  EXPECT_TRUE(look("a@x.kr").suppression);
  EXPECT_TRUE(look("b@x.kr").suppression);
  EXPECT_EQ(store_->summary(mirror_, start).people.at(RemoteStatus::OptedOut), 1U);
  EXPECT_FALSE(report_.suppressions_rebuilt);
}

TEST_F(SuppressionFile, AnOlderStateLearnsWhatWasLiftedSince) {
  open();
  opt_out("a@x.kr");
  const auto old = backup(state());
  open();
  lift("a@x.kr");
  close();
  restore(old, state());
  open();
  EXPECT_FALSE(look("a@x.kr").suppression);
}

TEST_F(SuppressionFile, WhoIsQueuedInAnOlderStateIsNotSent) {
  open();
  fill();
  show("a@x.kr", RemoteStatus::Unsubscribed);
  ASSERT_TRUE(is_queued("a@x.kr"));
  const auto old = backup(state());
  open();
  opt_out("a@x.kr", start + second);
  close();
  restore(old, state());
  open();
  EXPECT_FALSE(is_queued("a@x.kr"));
  EXPECT_FALSE(store_->next_due({mirror_}));
}

TEST_F(SuppressionFile, ACrashBetweenTheTwoCommitsIsCaughtUpWith) {
  open();
  fill();
  const auto person = store_->key().person_hash("a@x.kr");
  journal().append({entry(person, {start + second, "manual", "words"})});
  open();
  EXPECT_EQ(status(), RemoteStatus::OptedOut);
  EXPECT_EQ(look("a@x.kr").suppression->by, "manual");
  // The write-back was lost with the state's commit.
  const auto waiting = store_->writebacks(mirror_, start + second, start + second, 10);
  ASSERT_EQ(waiting.size(), 1U);
  EXPECT_EQ(waiting[0].email, email("a@x.kr"));
  EXPECT_EQ(waiting[0].key, key(1));
  EXPECT_EQ(waiting[0].request.event, "unsubscribed");
  EXPECT_EQ(waiting[0].request.occurred_by, "manual");
  EXPECT_EQ(waiting[0].request.reason, "words");
  EXPECT_EQ(waiting[0].request.occurred_at, start + second);
  open();
  EXPECT_EQ(store_->writebacks(mirror_, start + second, start + second, 10).size(), 1U) << "once";
}

TEST_F(SuppressionFile, WhatTheStateKnewIsNotWrittenBackAgain) {
  open();
  fill();
  opt_out("a@x.kr", start + second);
  open();
  EXPECT_FALSE(store_->next_writeback({mirror_}));
}

TEST_F(SuppressionFile, AStateThatCannotBeWrittenLearnsItBeforeItsNextChange) {
  open();
  fill();
  auto* db = store_->tables().connection->get();
  sqlite3_commit_hook(db, [](void*) { return 1; }, nullptr);
  EXPECT_THROW(opt_out("a@x.kr", start + second), StoreError);
  EXPECT_EQ(status(), RemoteStatus::Subscribed);
  sqlite3_commit_hook(db, nullptr, nullptr);
  set_paused(*store_, mirror_, false);
  EXPECT_EQ(status(), RemoteStatus::OptedOut);
  EXPECT_EQ(store_->suppressed(mirror_), 1U);
  EXPECT_EQ(store_->summary(mirror_, start).people.at(RemoteStatus::OptedOut), 1U);
  opt_out("b@x.kr");
  open();
  EXPECT_EQ(store_->suppressed(mirror_), 2U);
}

TEST_F(SuppressionFile, ThatCannotBeWrittenLeavesTheStateAsItWas) {
  open();
  fill();
  sqlite3_commit_hook(journal().connection().get(), [](void*) { return 1; }, nullptr);
  EXPECT_THROW(opt_out("a@x.kr"), StoreError);
  EXPECT_EQ(status(), RemoteStatus::Subscribed);
  EXPECT_FALSE(look("a@x.kr").suppression);
  sqlite3_commit_hook(journal().connection().get(), nullptr, nullptr);
  opt_out("a@x.kr");
  EXPECT_EQ(status(), RemoteStatus::OptedOut);
}

TEST_F(SuppressionFile, ThatIsLostIsMadeAgainFromTheState) {
  open();
  fill();
  opt_out("a@x.kr");
  opt_out("nobody@x.kr", start + second);
  close();
  fs::remove(file());
  open();
  EXPECT_TRUE(report_.suppressions_rebuilt);
  EXPECT_EQ(journal().since(0).size(), 3U) << "two addresses and a member";
  // … and again outlives the state.
  close();
  fs::remove(state());
  open();
  EXPECT_EQ(look("nobody@x.kr").suppression, (Suppression{start + second, "subscriber", "words"}));
}

TEST_F(SuppressionFile, ThatIsDamagedIsSetAsideAndMadeAgain) {
  open();
  opt_out("a@x.kr");
  close();
  std::ofstream(file(), std::ios::trunc) << std::string(5000, 'x');
  open();
  ASSERT_TRUE(report_.suppressions_set_aside);
  EXPECT_TRUE(fs::exists(*report_.suppressions_set_aside));
  EXPECT_FALSE(report_.damaged_set_aside);
  EXPECT_TRUE(report_.suppressions_rebuilt);
  EXPECT_EQ(journal().since(0).size(), 1U);
  open();
  EXPECT_FALSE(report_.suppressions_set_aside);
  EXPECT_FALSE(report_.suppressions_rebuilt);
}

TEST_F(SuppressionFile, AHashThatCannotBeIsDamageOfThisFileAndNotOfTheState) {
  open();
  fill();
  opt_out("a@x.kr");
  journal().connection().execute(
      "UPDATE suppression SET person_hash = x'00', sequence = 99 WHERE of_member = 0");
  open();
  EXPECT_TRUE(report_.suppressions_set_aside);
  EXPECT_FALSE(report_.damaged_set_aside);
  EXPECT_EQ(status(), RemoteStatus::OptedOut);
  EXPECT_EQ(journal().since(0).size(), 2U) << "of the address and of the member";
}

TEST_F(SuppressionFile, BothDamagedBeginAfresh) {
  open();
  close();
  for (const auto& damaged : {file(), state()})
    std::ofstream(damaged, std::ios::trunc) << std::string(5000, 'x');
  open();
  EXPECT_TRUE(report_.suppressions_set_aside);
  EXPECT_TRUE(report_.damaged_set_aside);
  EXPECT_EQ(store_->suppressed(mirror_), 0U);
}

TEST_F(SuppressionFile, ThatIsOlderThanTheStateIsCompleted) {
  open();
  opt_out("back@x.kr");
  opt_out("stays@x.kr");
  const auto old = backup(file());
  open();
  lift("back@x.kr");
  opt_out("new@x.kr");
  close();
  restore(old, file());
  open();
  EXPECT_TRUE(report_.suppressions_rebuilt);
  close();
  fs::remove(state());
  open();
  EXPECT_FALSE(look("back@x.kr").suppression);
  EXPECT_TRUE(look("stays@x.kr").suppression);
  EXPECT_TRUE(look("new@x.kr").suppression);
}

TEST_F(SuppressionFile, TwoFilesOfDifferentStatesAreRefusedWithTheCure) {
  open();
  fill();
  opt_out("a@x.kr");
  const auto other = backup(file());
  for (const auto& gone : {file(), state()})
    fs::remove(gone);
  open();
  fill();
  opt_out("b@x.kr");
  close();
  restore(other, file());
  try {
    open();
    FAIL() << "no error";
  } catch (const StoreError& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find(file().string()), std::string::npos) << what;
    EXPECT_NE(what.find(state().string()), std::string::npos) << what;
    EXPECT_NE(what.find("move"), std::string::npos) << what;
  }
  // The first cure.
  fs::remove(file());
  open();
  EXPECT_TRUE(look("b@x.kr").suppression);
  // The other one.
  close();
  restore(other, file());
  fs::remove(state());
  open();
  EXPECT_TRUE(look("a@x.kr").suppression);
  EXPECT_FALSE(look("b@x.kr").suppression);
}

TEST_F(SuppressionFile, IsTakenOverByAStateThatHasNobodyInIt) {
  open();
  opt_out("a@x.kr");
  const auto other = backup(file());
  for (const auto& gone : {file(), state()})
    fs::remove(gone);
  open();
  close();
  restore(other, file());
  open();
  EXPECT_TRUE(look("a@x.kr").suppression);
}

TEST_F(SuppressionFile, OfANewerVersionIsRefusedAndLeftAlone) {
  open();
  close();
  {
    Connection(file(), Connection::Mode::ReadWrite)
        .execute("INSERT INTO schema_version VALUES (99, 'later')");
  }
  EXPECT_THROW(open(), StoreError);
  EXPECT_TRUE(fs::exists(file()));
}

TEST_F(SuppressionFile, IsNotNeededToRead) {
  open();
  fill();
  opt_out("a@x.kr");
  close();
  fs::remove(file());
  const auto reader = open_store_read_only(temporary_.path());
  const auto mirror = reader->open_mirror("members", 1234);
  EXPECT_EQ(reader->suppressed(mirror), 1U);
  EXPECT_EQ(reader->find(mirror, email("a@x.kr")).row->confirmed.status, RemoteStatus::OptedOut);
  auto list = reader->begin_list(mirror);
  list.distinct();
  ListedPair pair;
  ASSERT_TRUE(list.next(pair));
  EXPECT_TRUE(pair.view.suppression);
  EXPECT_FALSE(fs::exists(file()));
}

}  // namespace
}  // namespace stibee_sync::store

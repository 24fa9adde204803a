#include "small_state.hpp"
#include "stibee_sync/text/hex.hpp"
#include "store/schema.hpp"
#include "store/tables.hpp"

#include <filesystem>
#include <fstream>
#include <sys/stat.h>

#include <gtest/gtest.h>
#include <sqlite3.h>

// The opt-outs' own file beside the state: what is known after either is lost, damaged, restored, or older.
namespace stibee_sync::store {
namespace {

using namespace testing_support;
using ledger::RemoteChange;
using ledger::RemoteView;
using ledger::Suppression;
namespace fs = std::filesystem;

class SuppressionFile : public ::testing::Test {
 protected:
  fs::path state() const { return temporary_.path() / "state.sqlite"; }
  fs::path file() const { return temporary_.path() / "suppressions.sqlite"; }

  void open() {
    store_.reset();
    store_ = open_store(temporary_.path(), report_);
    mirror_ = store_->open_mirror("members", 1234);
  }
  void close() { store_.reset(); }
  static void copy(const fs::path& from, const fs::path& to) {
    fs::copy_file(from, to, fs::copy_options::overwrite_existing);
  }
  /// As a person would restore it, with the daemon stopped.
  static void restore(const fs::path& backup, const fs::path& to) {
    for (const char* suffix : {"-wal", "-shm"})
      fs::remove(to.string() + suffix);
    copy(backup, to);
  }
  fs::path backup(const fs::path& of) {
    close();
    const auto to = backups_.path() / of.filename();
    copy(of, to);
    return to;
  }

  RemoteView look(const std::string& address) {
    return ledger::view_of(store_->find(mirror_, email(address)));
  }
  void observe(const std::string& address, const RemoteChange& change, UtcTime now = start) {
    testing_support::observe(*store_, mirror_, address, change, now);
  }
  /// Only the status is another.
  void show(const std::string& address, RemoteStatus status, UtcTime now = start) {
    RemoteChange change;
    if (const auto view = look(address); view.ledger) {
      change.confirmed = view.ledger->confirmed;
      change.confirmed->status = status;
      change.confirmed->since = now;
      if (status == RemoteStatus::Subscribed) change.confirmed->fields = view.ledger->wanted.fields;
    }
    if (status == RemoteStatus::OptedOut) change.suppress = Suppression{now, "subscriber", "words"};
    observe(address, change, now);
  }
  void opt_out(const std::string& address, UtcTime now = start) {
    show(address, RemoteStatus::OptedOut, now);
  }
  void lift(const std::string& address) { observe(address, {.lift = true}); }
  /// A table with one member, who is subscribed and settled.
  void fill(const std::string& address = "a@x.kr") {
    read_table(*store_, mirror_, {{key(1), {address}}});
    show(address, RemoteStatus::Subscribed);
  }
  RemoteStatus status(const std::string& address = "a@x.kr") {
    const auto row = store_->find(mirror_, email(address)).row;
    return row ? row->confirmed.status : RemoteStatus::Unknown;
  }
  bool is_queued(const std::string& address) {
    return store_->find(mirror_, email(address)).row.value().lane.has_value();
  }
  SuppressionJournal& journal() { return *store_->tables().journal; }

  TemporaryDirectory temporary_, backups_;
  OpenReport report_;
  std::unique_ptr<Store> store_;
  MirrorId mirror_;
};

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
  journal().append({{1234, person, {start + second, "manual", ""}, true}});
  open();
  EXPECT_EQ(status(), RemoteStatus::OptedOut);
  EXPECT_EQ(look("a@x.kr").suppression->by, "manual");
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
  EXPECT_EQ(journal().since(0).size(), 2U);
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
  journal().connection().execute("UPDATE suppression SET person_hash = x'00', sequence = 99");
  open();
  EXPECT_TRUE(report_.suppressions_set_aside);
  EXPECT_FALSE(report_.damaged_set_aside);
  EXPECT_EQ(status(), RemoteStatus::OptedOut);
  EXPECT_EQ(journal().since(0).size(), 1U);
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

// ---- a state of version 1 ----------------------------------------------------------------------------

class OldState : public SuppressionFile {
 protected:
  /// What this daemon would have left behind before there were opt-outs on record.
  void make(const char* more = "") {
    std::ofstream(state()).close();
    fs::permissions(state(), fs::perms::owner_read | fs::perms::owner_write);
    Connection connection(state(), Connection::Mode::ReadWrite);
    migrate(connection, migration_steps().first(1));
    connection.execute(
        "INSERT INTO meta VALUES ('state_key', zeroblob(32));"
        "INSERT INTO mirror (id, name, list_id, last_success) VALUES (1, 'members', 1234, 42000), (2, 'new', "
        "2, "
        "NULL);"
        "INSERT INTO subscriber (mirror, email, intent, wanted_fields, status, since, maybe_subscribed, "
        "retried, "
        "attempts, batch_limit, in_doubt, parked_by_rule, lacks_values) VALUES"
        " (1, 'a@x.kr', 0, zeroblob(16), 3, 7000, 0, 0, 0, 0, 0, 0, 0),"
        " (1, 'b@x.kr', 0, zeroblob(16), 1, 8000, 0, 0, 0, 0, 0, 0, 0)");
    connection.execute(more);
  }
};

TEST_F(OldState, CountsMirrorsThatHaveSentPeopleAsAdopted) {
  make();
  open();
  EXPECT_EQ(store_->adopted(mirror_), UtcTime(std::chrono::seconds(42)));
  EXPECT_FALSE(store_->adopted(store_->open_mirror("new", 2)));
  EXPECT_FALSE(store_->reconciled(mirror_));
}

TEST_F(OldState, PutsItsOptOutsOnRecord) {
  const domain::StateKey state_key{domain::StateKey::Bytes{}};
  const auto gone = state_key.person_hash("gone@x.kr");
  make(("INSERT INTO trace VALUES (1, x'" + text::to_hex(gone) + "', 3, 9000, '')").c_str());
  open();
  EXPECT_TRUE(report_.suppressions_rebuilt);
  EXPECT_EQ(store_->suppressed(mirror_), 2U);
  EXPECT_EQ(look("a@x.kr").suppression, (Suppression{UtcTime(std::chrono::seconds(7)), "unknown", ""}));
  EXPECT_EQ(look("gone@x.kr").suppression->at, UtcTime(std::chrono::seconds(9)));
  EXPECT_FALSE(look("b@x.kr").suppression);
}

TEST_F(OldState, BesideANewerFileLearnsFromIt) {
  open();
  const domain::StateKey state_key{domain::StateKey::Bytes{}};
  journal().set_key(domain::StateKey::Bytes{});
  journal().append({{1234, state_key.person_hash("a@x.kr"), {}, false},
                    {1234, state_key.person_hash("b@x.kr"), {start, "subscriber", ""}, true}});
  close();
  fs::remove(state());
  make();
  open();
  EXPECT_FALSE(look("a@x.kr").suppression);  // lifted since
  EXPECT_TRUE(look("b@x.kr").suppression);
  EXPECT_EQ(status("b@x.kr"), RemoteStatus::OptedOut);
}

}  // namespace
}  // namespace stibee_sync::store

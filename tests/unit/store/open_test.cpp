#include "small_state.hpp"
#include "stibee_sync/store/store.hpp"
#include "store/schema.hpp"
#include "store/sqlite.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

// What SQLite's file goes through: made, opened again, damaged, of another version, read beside a writer.
namespace stibee_sync::store {
namespace {

using namespace testing_support;
namespace fs = std::filesystem;

std::string contents(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

mode_t mode_of(const fs::path& path) {
  struct stat info{};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 0777;
}

class OpenStore : public ::testing::Test {
 protected:
  const fs::path& directory() const { return temporary_.path(); }
  fs::path file() const { return directory() / "state.sqlite"; }
  std::unique_ptr<Store> open() { return open_store(directory(), report_); }
  /// A state with one person in it.
  void fill() {
    auto store = open();
    mirror_ = store->open_mirror("members", 1);
    read_table(*store, mirror_, {{key(1), {"a@x.kr"}}});
  }
  void expect_fresh_and_working() {
    auto store = open();
    ASSERT_TRUE(report_.damaged_set_aside);
    EXPECT_TRUE(fs::exists(*report_.damaged_set_aside));
    EXPECT_EQ(report_.damaged_set_aside->string().find(file().string() + ".damaged-20"), 0U);
    const auto mirror = store->open_mirror("members", 1);
    EXPECT_EQ(store->pending(mirror, start), 0U);
    store.reset();
    open();
    EXPECT_FALSE(report_.damaged_set_aside);
  }

  TemporaryDirectory temporary_;
  OpenReport report_;
  MirrorId mirror_;
};

TEST_F(OpenStore, IsMadeForItsOwnerOnlyAndSaysSo) {
  auto store = open();
  EXPECT_TRUE(report_.created);
  EXPECT_FALSE(report_.damaged_set_aside);
  store->open_mirror("members", 1);
  EXPECT_EQ(mode_of(file()), 0600U);
  EXPECT_EQ(mode_of(file().string() + "-wal"), 0600U);
  EXPECT_EQ(mode_of(file().string() + "-shm"), 0600U);
  store.reset();
  open();
  EXPECT_FALSE(report_.created);
}

TEST_F(OpenStore, ClosesAFileThatOthersCouldRead) {
  fill();
  fs::permissions(file(), fs::perms::owner_read | fs::perms::owner_write | fs::perms::others_read);
  open();
  EXPECT_EQ(mode_of(file()), 0600U);
}

TEST_F(OpenStore, MakesItsDirectory) {
  OpenReport report;
  const auto deep = directory() / "a" / "b";
  open_store(deep, report);
  EXPECT_EQ(mode_of(deep), 0700U);
}

TEST_F(OpenStore, AFileThatIsNoDatabaseIsSetAside) {
  std::ofstream(file()) << std::string(5000, 'x');
  expect_fresh_and_working();
}

TEST_F(OpenStore, ATinyFileThatIsNoDatabaseIsSetAside) {
  std::ofstream(file()) << "hello";
  expect_fresh_and_working();
}

TEST_F(OpenStore, AnotherProgramsDatabaseIsSetAsideAndNotTouched) {
  std::ofstream(file()).close();
  {
    Connection other(file(), Connection::Mode::ReadWrite);
    other.execute("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
  }
  const auto before = contents(file());
  open();
  ASSERT_TRUE(report_.damaged_set_aside);
  EXPECT_EQ(contents(*report_.damaged_set_aside), before);
}

TEST_F(OpenStore, ADamagedPageIsFoundAtTheStart) {
  fill();
  const auto size = fs::file_size(file());
  {
    std::fstream damage(file(), std::ios::in | std::ios::out | std::ios::binary);
    damage.seekp(4096);
    damage << std::string(size - 4096, '\x5a');
  }
  expect_fresh_and_working();
}

TEST_F(OpenStore, ATruncatedFileIsFoundAtTheStart) {
  fill();
  fs::resize_file(file(), fs::file_size(file()) / 2);
  expect_fresh_and_working();
}

TEST_F(OpenStore, AValueThatCannotBeIsMetAtWorkAndSetsTheFileAsideAtTheNextStart) {
  fill();
  {
    Connection(file(), Connection::Mode::ReadWrite).execute("UPDATE subscriber SET wanted_groups = 'x'");
  }
  auto store = open();
  EXPECT_FALSE(report_.damaged_set_aside);  // the structure is sound
  EXPECT_THROW(store->find(mirror_, email("a@x.kr")), StoreError);
  store.reset();
  expect_fresh_and_working();
  EXPECT_FALSE(fs::exists(suspicion_of(file())));
}

TEST_F(OpenStore, ASuspicionWithoutDamageIsDropped) {
  fill();
  std::ofstream(suspicion_of(file())).close();
  auto store = open();
  EXPECT_FALSE(report_.damaged_set_aside);
  EXPECT_EQ(store->pending(mirror_, start), 1U);
  EXPECT_FALSE(fs::exists(suspicion_of(file())));
}

TEST_F(OpenStore, AFileWithoutSomeTableColumnOrIndexIsSetAside) {
  for (const char* loss :
       {"DROP TABLE hold", "DROP TABLE writeback", "DROP TABLE meta", "DROP TABLE subscriber",
        "DROP TABLE schema_version", "DROP INDEX queue", "DROP INDEX moved", "DROP VIEW people",
        "ALTER TABLE mirror DROP COLUMN recent", "ALTER TABLE trace RENAME COLUMN since TO until"}) {
    SCOPED_TRACE(loss);
    fill();
    Connection(file(), Connection::Mode::ReadWrite).execute(loss);
    EXPECT_THROW(open_store_read_only(directory()), StoreError);
    expect_fresh_and_working();
  }
}

TEST_F(OpenStore, AnOptOutsFileWithoutATableIsMadeAgain) {
  fill();
  Connection(directory() / "suppressions.sqlite", Connection::Mode::ReadWrite)
      .execute("DROP TABLE suppression");
  open();
  EXPECT_FALSE(report_.damaged_set_aside);
  EXPECT_TRUE(report_.suppressions_set_aside);
  open();
  EXPECT_FALSE(report_.suppressions_set_aside);
}

TEST_F(OpenStore, LeavesOneFileEachWhenItIsClosed) {
  fill();
  for (const auto& entry : fs::directory_iterator(directory()))
    EXPECT_TRUE(entry.path().extension() == ".sqlite") << entry.path();
}

TEST_F(OpenStore, TheLogOfADamagedFileGoesWithIt) {
  std::ofstream(file()) << std::string(5000, 'x');
  std::ofstream(file().string() + "-wal") << "log";
  auto store = open();
  ASSERT_TRUE(report_.damaged_set_aside);
  const auto log = contents(file().string() + "-wal");
  EXPECT_EQ(log.find("log"), std::string::npos);
}

TEST_F(OpenStore, TwoDamagedFilesOfOneSecondKeepTheirNames) {
  std::set<fs::path> names;
  for (int i = 0; i < 3; ++i) {
    std::ofstream(file(), std::ios::trunc) << std::string(5000, 'x');
    open();
    ASSERT_TRUE(report_.damaged_set_aside);
    names.insert(*report_.damaged_set_aside);
    fs::remove(file());
  }
  EXPECT_EQ(names.size(), 3U);
}

TEST_F(OpenStore, AFileOfANewerVersionIsRefusedAndLeftAlone) {
  fill();
  {
    Connection(file(), Connection::Mode::ReadWrite)
        .execute("INSERT INTO schema_version VALUES (99, 'later')");
  }
  const auto before = contents(file());
  try {
    open();
    FAIL() << "no error";
  } catch (const StoreError& error) {
    EXPECT_NE(std::string(error.what()).find("newer"), std::string::npos) << error.what();
  }
  EXPECT_EQ(contents(file()), before);
  EXPECT_THROW(open_store_read_only(directory()), StoreError);
  for (const auto& entry : fs::directory_iterator(directory())) {
    EXPECT_EQ(entry.path().filename().string().find("damaged"), std::string::npos);
  }
}

TEST_F(OpenStore, AnOlderVersionIsBroughtUpToDateStepByStep) {
  fill();
  Connection connection(file(), Connection::Mode::ReadWrite);
  const int now = migration_steps().back().to;
  ASSERT_EQ(schema_version(connection), now);
  const MigrationStep steps[] = {migration_steps()[0],
                                 {now + 1, "ALTER TABLE mirror ADD COLUMN note TEXT NOT NULL DEFAULT 'none'"},
                                 {now + 2, "CREATE TABLE extra (x)"}};
  const auto before = connection.query_number("SELECT count(*) FROM schema_version");
  migrate(connection, steps);
  EXPECT_EQ(schema_version(connection), now + 2);
  EXPECT_EQ(connection.query_text("SELECT note FROM mirror"), "none");
  EXPECT_EQ(connection.query_number("SELECT count(*) FROM subscriber"), 1);
  migrate(connection, steps);
  EXPECT_EQ(connection.query_number("SELECT count(*) FROM schema_version"), before + 2);
}

TEST_F(OpenStore, AMigrationThatFailsChangesNothing) {
  fill();
  Connection connection(file(), Connection::Mode::ReadWrite);
  const int now = migration_steps().back().to;
  const MigrationStep steps[] = {{now + 1, "CREATE TABLE extra (x)"}, {now + 2, "CREATE TABLE extra (x)"}};
  EXPECT_THROW(migrate(connection, steps), StoreError);
  EXPECT_EQ(schema_version(connection), now);
  EXPECT_EQ(connection.query_number("SELECT count(*) FROM sqlite_schema WHERE name = 'extra'"), 0);
}

// ---- reading only ------------------------------------------------------------------------------------

TEST_F(OpenStore, WithoutAStateThereIsNothingToRead) {
  EXPECT_THROW(open_store_read_only(directory()), StoreError);
  EXPECT_TRUE(fs::is_empty(directory()));
}

TEST_F(OpenStore, ReadsBesideAWriterAndSeesWhatItCommits) {
  auto writer = open();
  const auto mirror = writer->open_mirror("members", 1);
  auto reader = open_store_read_only(directory());
  EXPECT_EQ(reader->open_mirror("members", 1), mirror);
  EXPECT_FALSE(reader->paused(mirror));
  set_paused(*writer, mirror, true);
  EXPECT_TRUE(reader->paused(mirror));
  EXPECT_EQ(reader->key().ref("a@x.kr"), writer->key().ref("a@x.kr"));
  // A reader never stops the writer.
  auto scan = reader->begin_scan(mirror);
  set_paused(*writer, mirror, false);
  EXPECT_FALSE(reader->paused(mirror));
}

TEST_F(OpenStore, ReadsWithoutADaemonAndCanPlan) {
  fill();
  const auto before = contents(file());
  {
    auto reader = open_store_read_only(directory());
    const auto mirror = reader->open_mirror("members", 1);
    EXPECT_EQ(reader->summary(mirror, start).pending.at(Lane::Upsert).people, 1U);
    auto scan = reader->begin_scan(mirror);
    SnapshotRow row;
    ASSERT_TRUE(scan.next(row));
    scan.stage_gone(row.key);
    TouchedAddress address;
    ASSERT_TRUE(scan.next_address(address));
    EXPECT_EQ(address.email.text(), "a@x.kr");
    EXPECT_TRUE(address.bearers.empty());
    EXPECT_TRUE(address.ledger);
    scan.decide({}, 0);
    EXPECT_FALSE(scan.next_address(address));
    EXPECT_THROW(set_paused(*reader, mirror, true), StoreError);
    EXPECT_EQ(reader->open_mirror("unknown", 5), MirrorId{});
    EXPECT_EQ(reader->pending(MirrorId{}, start), 0U);
    auto nothing = reader->begin_scan(MirrorId{});
    EXPECT_FALSE(nothing.next(row));
  }
  EXPECT_EQ(contents(file()), before);
}

TEST_F(OpenStore, ReadsInADirectoryWhereNothingMayBeWritten) {
  fill();
  ::setenv("TMPDIR", "/tmp", 1);
  const auto child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // As somebody who may read, but not write.
    int result = 0;
    fs::permissions(file(), fs::perms::owner_read | fs::perms::others_read);
    fs::permissions(directory(), fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read |
                                     fs::perms::others_exec);
    if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(3);
    try {
      const auto reader = open_store_read_only(directory());
      const auto mirror = reader->open_mirror("members", 1);
      if (reader->summary(mirror, start).pending.at(Lane::Upsert).people != 1) result = 1;
      auto scan = reader->begin_scan(mirror);
      SnapshotRow row;
      if (!scan.next(row)) result = 2;
    } catch (const std::exception&) {
      result = 4;
    }
    ::_exit(result);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  ::unsetenv("TMPDIR");
  fs::permissions(directory(), fs::perms::owner_all);
  EXPECT_EQ(std::distance(fs::directory_iterator(directory()), {}), 2);  // no log was made
}

TEST_F(OpenStore, AKilledWriterLeavesAStateThatOpensWithAllThatWasCommitted) {
  const auto child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    OpenReport report;
    auto store = open_store(directory(), report);
    set_paused(*store, store->open_mirror("members", 1), true);
    ::_exit(0);  // the log is not merged
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(fs::file_size(file().string() + "-wal") > 0);
  {
    const auto reader = open_store_read_only(directory());
    EXPECT_TRUE(reader->paused(reader->open_mirror("members", 1)));
  }
  auto store = open();
  EXPECT_FALSE(report_.damaged_set_aside);
  EXPECT_TRUE(store->paused(store->open_mirror("members", 1)));
}

}  // namespace
}  // namespace stibee_sync::store

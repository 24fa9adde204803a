#include "small_state.hpp"
#include "stibee_sync/store/directory_lock.hpp"
#include "stibee_sync/store/store.hpp"

#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace stibee_sync::store {
namespace {

using testing_support::TemporaryDirectory;

mode_t mode_of(const std::filesystem::path& path) {
  struct stat info{};
  EXPECT_EQ(::stat(path.c_str(), &info), 0);
  return info.st_mode & 0777;
}

TEST(DirectoryLock, MakesTheDirectoryForItsOwnerOnly) {
  const TemporaryDirectory temporary;
  const auto directory = temporary.path() / "var" / "state";
  const auto lock = DirectoryLock::acquire(directory);
  ASSERT_TRUE(lock);
  EXPECT_EQ(mode_of(directory), 0700U);
  EXPECT_EQ(mode_of(directory / "lock"), 0600U);
}

TEST(DirectoryLock, IsHeldByOneAtATime) {
  const TemporaryDirectory temporary;
  auto lock = DirectoryLock::acquire(temporary.path());
  ASSERT_TRUE(lock);
  EXPECT_FALSE(DirectoryLock::acquire(temporary.path()));
  auto moved = std::move(*lock);
  lock.reset();
  EXPECT_FALSE(DirectoryLock::acquire(temporary.path()));
  {
    const auto ended = std::move(moved);
  }
  EXPECT_TRUE(DirectoryLock::acquire(temporary.path()));
}

TEST(DirectoryLock, IsFreeAgainWhenItsHolderIsKilled) {
  const TemporaryDirectory temporary;
  const auto child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto lock = DirectoryLock::acquire(temporary.path());
    ::_exit(lock ? 0 : 1);  // without running the destructor
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_TRUE(DirectoryLock::acquire(temporary.path()));
}

TEST(DirectoryLock, SaysWhichDirectoryCannotBeMade) {
  const TemporaryDirectory temporary;
  const auto file = temporary.path() / "file";
  std::ofstream(file) << "not a directory";
  try {
    DirectoryLock::acquire(file / "state");
    FAIL() << "no error";
  } catch (const StoreError& error) {
    EXPECT_NE(std::string(error.what()).find((file / "state").string()), std::string::npos) << error.what();
  }
}

TEST(FreeBytes, TellsWhatTheFileSystemHas) {
  const TemporaryDirectory temporary;
  EXPECT_GT(free_bytes(temporary.path()), 0U);
  EXPECT_THROW(free_bytes(temporary.path() / "nowhere"), StoreError);
}

}  // namespace
}  // namespace stibee_sync::store

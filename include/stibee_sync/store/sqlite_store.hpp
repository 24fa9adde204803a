#pragma once

#include "stibee_sync/store/store.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace stibee_sync::store {

/// The exclusive right to a state directory (`flock` on its `lock` file), held for the object's life.
class DirectoryLock {
 public:
  /// Makes the directory (0700) where it is missing. nullopt: another process holds it. Throws StoreError.
  static std::optional<DirectoryLock> acquire(const std::filesystem::path& directory);
  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&& other) noexcept;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

struct OpenReport {
  bool created = false;                                    // there was no state before
  std::optional<std::filesystem::path> damaged_set_aside;  // the old file was damaged and now has this name
  std::optional<std::filesystem::path> suppressions_set_aside;  // the same of the opt-outs' own file
  bool suppressions_rebuilt = false;  // opt-outs that only the state knew were written to their own file
};

/// `state.sqlite` in `directory`: WAL, synchronous=FULL, mode 0600, schema version with migrations, integrity
/// checked. Beside it, of the same kind, `suppressions.sqlite`: the opt-outs on record and the state's key. A
/// damaged file is renamed beside itself and a fresh one begun: `report` says so. A fresh state takes the key
/// and the opt-outs of the suppressions; lost suppressions are made again from the state; what one of them
/// has not heard of it learns from the other. A file of a newer version is an error, and so are two files
/// whose keys differ, unless one has nobody in it. Throws StoreError.
std::unique_ptr<Store> open_sqlite_store(const std::filesystem::path& directory, OpenReport& report);
/// For commands beside a running daemon or without one: reads only. Throws StoreError if there is no state.
std::unique_ptr<Store> open_sqlite_store_read_only(const std::filesystem::path& directory);
/// Free bytes of the file system that holds the state.
std::uintmax_t free_bytes(const std::filesystem::path& directory);

}  // namespace stibee_sync::store

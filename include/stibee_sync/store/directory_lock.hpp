#pragma once

#include "stibee_sync/store/store_error.hpp"

#include <filesystem>
#include <optional>

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

}  // namespace stibee_sync::store

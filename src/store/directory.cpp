#include "store/directory.hpp"

#include "stibee_sync/store/directory_lock.hpp"
#include "stibee_sync/store/store.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <utility>

namespace stibee_sync::store {
namespace {

[[noreturn]] void fail(const std::string& what, const std::filesystem::path& path, int error) {
  throw StoreError(what + " " + path.string() + ": " + std::strerror(error) +
                   "; check owner, mode and free space of the state directory (state.directory)");
}

}  // namespace

void make_state_directory(const std::filesystem::path& directory) {
  std::error_code error;
  if (std::filesystem::is_directory(directory, error)) return;
  const auto parent = std::filesystem::absolute(directory, error).lexically_normal().parent_path();
  std::filesystem::create_directories(parent, error);
  if (::mkdir(directory.c_str(), 0700) == 0) return;
  const int code = errno;
  if (code == EEXIST && std::filesystem::is_directory(directory, error)) return;
  fail("cannot make the state directory", directory, code);
}

void sync_directory(const std::filesystem::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail("cannot open the state directory", directory, errno);
  const int result = ::fsync(fd);
  const int code = errno;
  ::close(fd);
  // Some file systems cannot sync a directory, and say so.
  if (result != 0 && code != EINVAL && code != ENOTSUP)
    fail("cannot sync the state directory", directory, code);
}

std::filesystem::path temporary_directory() {
  if (const char* set = std::getenv("TMPDIR"); set != nullptr && ::access(set, W_OK | X_OK) == 0) return set;
  // Rather than /tmp, which may lie in memory.
  if (::access("/var/tmp", W_OK | X_OK) == 0) return "/var/tmp";
  return "/tmp";
}

std::optional<DirectoryLock> DirectoryLock::acquire(const std::filesystem::path& directory) {
  make_state_directory(directory);
  const auto file = directory / "lock";
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) fail("cannot open", file, errno);
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int code = errno;
    if (code == EINTR) continue;
    ::close(fd);
    if (code == EWOULDBLOCK) return std::nullopt;
    fail("cannot lock", file, code);
  }
  return DirectoryLock(fd);
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

DirectoryLock& DirectoryLock::operator=(DirectoryLock&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

DirectoryLock::~DirectoryLock() {
  if (fd_ >= 0) ::close(fd_);
}

std::uintmax_t free_bytes(const std::filesystem::path& directory) {
  struct statvfs info{};
  if (::statvfs(directory.c_str(), &info) != 0) fail("cannot look at the free space of", directory, errno);
  return static_cast<std::uintmax_t>(info.f_bavail) * info.f_frsize;
}

}  // namespace stibee_sync::store

#include "fault/preload/ground.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <mutex>
#include <string>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// A copy of each watched file as it was synced last, by inode, and the names that each folder had when it was
// synced. System calls are made directly, past the functions that are counted.
namespace stibee_sync::fault {
namespace {

const char* copies() {
  static const char* const folder = std::getenv(synced_variable);
  return folder;
}

int open_directly(const char* path, int flags) {
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600));
}

std::string copy_of(ino_t inode) {
  return std::string(copies()) + "/" + std::to_string(inode);
}

void write_directly(int fd, const char* bytes, std::size_t size) {
  while (size > 0) {
    const auto written = ::syscall(SYS_write, fd, bytes, size);
    if (written <= 0) return;
    bytes += written;
    size -= static_cast<std::size_t>(written);
  }
}

void put_in_place(const std::string& made, const std::string& name) {
  ::syscall(SYS_rename, made.c_str(), name.c_str());
}

void keep_file(int fd, ino_t inode) {
  char source[64];
  std::snprintf(source, sizeof source, "/proc/self/fd/%d", fd);
  const int in = open_directly(source, O_RDONLY);
  if (in < 0) return;
  const auto made = copy_of(inode) + ".part";
  const int out = open_directly(made.c_str(), O_WRONLY | O_CREAT | O_TRUNC);
  char buffer[1U << 16U];
  for (ssize_t got = 0; (got = ::syscall(SYS_read, in, buffer, sizeof buffer)) > 0;)
    write_directly(out, buffer, static_cast<std::size_t>(got));
  ::syscall(SYS_close, in);
  ::syscall(SYS_close, out);
  put_in_place(made, copy_of(inode));
}

void keep_folder(const char* path, ino_t inode) {
  DIR* folder = ::opendir(path);
  if (folder == nullptr) return;
  std::string names;
  while (const dirent* entry = ::readdir(folder)) {
    const std::string name(entry->d_name);
    if (entry->d_type == DT_REG) names += std::to_string(entry->d_ino) + " " + name + "\n";
  }
  ::closedir(folder);
  const auto made = copy_of(inode) + ".part";
  const int out = open_directly(made.c_str(), O_WRONLY | O_CREAT | O_TRUNC);
  write_directly(out, names.data(), names.size());
  ::syscall(SYS_close, out);
  put_in_place(made, copy_of(inode));
}

std::mutex one_at_a_time;

}  // namespace

void keep_synced(int fd) {
  if (copies() == nullptr) return;
  char path[4096];
  bool nameless = false;
  const auto file = watched_file(fd, path, sizeof path, nameless);
  struct stat info{};
  if (file.empty() || nameless || ::fstat(fd, &info) != 0) return;
  const std::lock_guard lock(one_at_a_time);
  if (S_ISDIR(info.st_mode)) {
    keep_folder(path, info.st_ino);
  } else {
    keep_file(fd, info.st_ino);
  }
}

void forget_synced(const char* created) {
  if (copies() == nullptr) return;
  struct stat info{};
  // The number may have been another file's.
  if (::stat(created, &info) == 0) ::syscall(SYS_unlink, copy_of(info.st_ino).c_str());
}

}  // namespace stibee_sync::fault

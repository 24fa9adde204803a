#include "fault/preload/ground.hpp"

#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

// The functions of the C library by which files come to be, change and go: what the program, SQLite and
// libstdc++ import of them.
namespace {

using namespace stibee_sync::fault;

using OpenAt = int (*)(int, const char*, int, ...);

std::string absolute(const char* path) {
  if (path == nullptr || *path == '/') return path == nullptr ? "" : path;
  char here[4096];
  return ::getcwd(here, sizeof here) == nullptr ? path : std::string(here) + "/" + path;
}

/// `call` of a file that has a descriptor.
template <class Call>
ssize_t struck(Kind kind, const char* name, int fd, std::size_t bytes, Call call) {
  char buffer[4096];
  bool nameless = false;
  const int before = errno;
  const auto file = watched_file(fd, buffer, sizeof buffer, nameless);
  errno = before;
  if (file.empty()) return call(bytes);
  const auto turn = take_turn(nameless ? kind_nameless : kind, name, file, bytes);
  if (turn.error != 0) {
    errno = turn.error;
    return -1;
  }
  const auto result = call(turn.half ? bytes / 2 : bytes);
  if (turn.dies_after) die();
  return result;
}

/// `call` of a file that has a name.
template <class Call>
int struck_by_name(Kind kind, const char* name, const char* path, Call call) {
  const int before = errno;
  const auto file = absolute(path);
  errno = before;
  if (!is_watched(file)) return call();
  const auto turn = take_turn(kind, name, file);
  if (turn.error != 0) {
    errno = turn.error;
    return -1;
  }
  const int result = call();
  if (turn.dies_after) die();
  return result;
}

int open_struck(const char* name, int folder, const char* path, int flags, mode_t mode) {
  const auto open = [&] { return static_cast<int>(::syscall(SYS_openat, folder, path, flags, mode)); };
  const auto as_errno = [](int result) { return result; };  // syscall() sets errno itself
  if ((flags & O_TMPFILE) == O_TMPFILE) return struck_by_name(kind_nameless, name, path, open);
  if ((flags & (O_CREAT | O_TRUNC)) == 0 || !is_watched(absolute(path))) return as_errno(open());
  struct stat info{};
  const bool is_there = ::stat(path, &info) == 0;
  if (is_there && (flags & O_TRUNC) == 0) {
    // Opened, not made; where no file can be made, one that is there can be opened.
    return open();
  }
  return struck_by_name(is_there ? kind_truncate : kind_create, name, path, [&] {
    const int fd = open();
    if (fd >= 0 && !is_there) forget_synced(path);
    return fd;
  });
}

mode_t mode_of(int flags, va_list& arguments) {
  return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_struck("open", AT_FDCWD, path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_struck("open", AT_FDCWD, path, flags, mode);
}

FILE* fopen64(const char* path, const char* mode) {
  static const auto real = next<FILE* (*)(const char*, const char*)>("fopen64");
  FILE* file = nullptr;
  const bool makes = mode[0] != 'r';
  if (!makes) return real(path, mode);
  struck_by_name(kind_create, "fopen", path, [&] {
    file = real(path, mode);
    return file == nullptr ? -1 : 0;
  });
  return file;
}

FILE* fopen(const char* path, const char* mode) {
  return fopen64(path, mode);
}

int mkostemp(char* path, int flags) {
  static const auto real = next<int (*)(char*, int)>("mkostemp");
  return struck_by_name(kind_create, "mkostemp", path, [&] { return real(path, flags); });
}

ssize_t write(int fd, const void* bytes, size_t size) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t)>("write");
  return struck(kind_write, "write", fd, size, [&](std::size_t some) { return real(fd, bytes, some); });
}

ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t offset) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  return struck(kind_write, "pwrite", fd, size,
                [&](std::size_t some) { return real(fd, bytes, some, offset); });
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  return pwrite64(fd, bytes, size, offset);
}

ssize_t writev(int fd, const iovec* parts, int count) {
  static const auto real = next<ssize_t (*)(int, const iovec*, int)>("writev");
  return struck(kind_write, "writev", fd, 1, [&](std::size_t) { return real(fd, parts, count); });
}

ssize_t sendfile64(int out, int in, off64_t* offset, size_t size) {
  static const auto real = next<ssize_t (*)(int, int, off64_t*, size_t)>("sendfile64");
  return struck(kind_write, "sendfile", out, size,
                [&](std::size_t some) { return real(out, in, offset, some); });
}

ssize_t sendfile(int out, int in, off_t* offset, size_t size) {
  return sendfile64(out, in, offset, size);
}

int fsync(int fd) {
  static const auto real = next<int (*)(int)>("fsync");
  return static_cast<int>(struck(kind_sync, "fsync", fd, 0, [&](std::size_t) {
    const int result = real(fd);
    if (result == 0) keep_synced(fd);
    return result;
  }));
}

int fdatasync(int fd) {
  static const auto real = next<int (*)(int)>("fdatasync");
  return static_cast<int>(struck(kind_sync, "fdatasync", fd, 0, [&](std::size_t) {
    const int result = real(fd);
    if (result == 0) keep_synced(fd);
    return result;
  }));
}

int ftruncate64(int fd, off64_t size) noexcept {
  static const auto real = next<int (*)(int, off64_t)>("ftruncate64");
  return static_cast<int>(
      struck(kind_truncate, "ftruncate", fd, 0, [&](std::size_t) { return real(fd, size); }));
}

int ftruncate(int fd, off_t size) noexcept {
  return ftruncate64(fd, size);
}

int fchmod(int fd, mode_t mode) noexcept {
  static const auto real = next<int (*)(int, mode_t)>("fchmod");
  return static_cast<int>(struck(kind_mode, "fchmod", fd, 0, [&](std::size_t) { return real(fd, mode); }));
}

int fchown(int fd, uid_t owner, gid_t group) noexcept {
  static const auto real = next<int (*)(int, uid_t, gid_t)>("fchown");
  return static_cast<int>(
      struck(kind_mode, "fchown", fd, 0, [&](std::size_t) { return real(fd, owner, group); }));
}

int chmod(const char* path, mode_t mode) noexcept {
  static const auto real = next<int (*)(const char*, mode_t)>("chmod");
  return struck_by_name(kind_mode, "chmod", path, [&] { return real(path, mode); });
}

int utimensat(int folder, const char* path, const timespec* times, int flags) noexcept {
  static const auto real = next<int (*)(int, const char*, const timespec*, int)>("utimensat");
  return struck_by_name(kind_mode, "utimensat", path, [&] { return real(folder, path, times, flags); });
}

int rename(const char* from, const char* to) noexcept {
  static const auto real = next<int (*)(const char*, const char*)>("rename");
  return struck_by_name(kind_name, "rename", to, [&] { return real(from, to); });
}

int unlink(const char* path) noexcept {
  static const auto real = next<int (*)(const char*)>("unlink");
  return struck_by_name(kind_name, "unlink", path, [&] { return real(path); });
}

int remove(const char* path) noexcept {
  static const auto real = next<int (*)(const char*)>("remove");
  return struck_by_name(kind_name, "remove", path, [&] { return real(path); });
}

int rmdir(const char* path) noexcept {
  static const auto real = next<int (*)(const char*)>("rmdir");
  return struck_by_name(kind_name, "rmdir", path, [&] { return real(path); });
}

int link(const char* from, const char* to) noexcept {
  static const auto real = next<int (*)(const char*, const char*)>("link");
  return struck_by_name(kind_create, "link", to, [&] { return real(from, to); });
}

int mkdir(const char* path, mode_t mode) noexcept {
  static const auto real = next<int (*)(const char*, mode_t)>("mkdir");
  return struck_by_name(kind_create, "mkdir", path, [&] { return real(path, mode); });
}

}  // extern "C"

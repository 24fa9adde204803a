#include "store/state_files.hpp"

#include "stibee_sync/text/time_format.hpp"
#include "store/directory.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace stibee_sync::store {
namespace {

[[noreturn]] void fail(const std::string& what, const std::filesystem::path& path, int error) {
  throw StoreError(what + " " + path.string() + ": " + std::strerror(error) +
                   "; check owner and mode of the file and of the state directory");
}

}  // namespace

bool make_file(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) fail("cannot open", file, errno);
  struct stat info{};
  int result = ::fstat(fd, &info);
  if (result == 0 && (info.st_mode & 077) != 0) result = ::fchmod(fd, 0600);
  const int code = errno;
  ::close(fd);
  if (result != 0) fail("cannot close to others", file, code);
  return info.st_size == 0;
}

std::filesystem::path set_aside_name(const std::filesystem::path& file, const std::string& why) {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto base = file.string() + "." + why + "-" + text::format_utc(now, "%Y%m%dT%H%M%SZ");
  auto aside = base;
  std::error_code error;
  for (int n = 2; std::filesystem::exists(aside, error); ++n)
    aside = base + "-" + std::to_string(n);
  return aside;
}

void set_logs_aside(const std::filesystem::path& file, const std::filesystem::path& aside) {
  for (const char* suffix : {"-wal", "-shm"}) {
    const auto from = file.string() + suffix;
    const auto to = aside.string() + suffix;
    // A log left behind would be taken for the fresh file's own.
    if (::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT) fail("cannot set aside", from, errno);
  }
}

std::filesystem::path set_aside(const std::filesystem::path& file, const std::string& why) {
  const auto aside = set_aside_name(file, why);
  if (::rename(file.c_str(), aside.c_str()) != 0) fail("cannot set aside", file, errno);
  set_logs_aside(file, aside);
  ::unlink(suspicion_of(file).c_str());
  sync_directory(file.parent_path());
  return aside;
}

std::filesystem::path restoring_name(const std::filesystem::path& file) {
  return file.string() + ".restoring";
}

void remove_unfinished_restore(const std::filesystem::path& directory) {
  for (const char* name : {state_file_name, journal_file_name})
    remove_database(restoring_name(directory / name));
}

void remove_database(const std::filesystem::path& file) {
  for (const char* suffix : {"", "-journal", "-wal", "-shm"})
    ::unlink((file.string() + suffix).c_str());
}

std::optional<domain::StateKey::Bytes> state_key(Connection& connection) {
  Statement find(connection, "SELECT value FROM meta WHERE name = 'state_key'");
  if (!find.step()) return std::nullopt;
  domain::StateKey::Bytes bytes{};
  const auto stored = find.blob(0);
  if (stored.size() != bytes.size()) {
    throw StoreFailure(Failure::Damaged, connection.file().string() + ": the state's key is damaged");
  }
  std::copy(stored.begin(), stored.end(), bytes.begin());
  return bytes;
}

}  // namespace stibee_sync::store

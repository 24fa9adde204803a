#include "store/closing_mark.hpp"

#include <charconv>
#include <cstdint>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <utility>

namespace stibee_sync::store {
namespace {

std::chrono::nanoseconds time_of(const timespec& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// The device is no part of it: its number may be another after each boot.
std::string text_of(const struct stat& file, ClosingMark::Time time) {
  return std::to_string(file.st_ino) + ' ' + std::to_string(time.time_since_epoch().count());
}

}  // namespace

std::optional<ClosingMark::Time> ClosingMark::of(Connection& connection) {
  const auto said = connection.query_text("SELECT value FROM meta WHERE name = 'closed'");
  connection.has_mark(!said.empty());
  struct stat file{};
  if (said.empty() || ::stat(connection.file().c_str(), &file) != 0) return std::nullopt;
  const Time time{time_of(file.st_mtim)};
  if (said != text_of(file, time)) return std::nullopt;
  return time;
}

std::optional<ClosingMark> ClosingMark::make(Connection& connection, Time now) {
  struct stat file{};
  if (::stat(connection.file().c_str(), &file) != 0) return std::nullopt;
  const auto text = text_of(file, now);
  SqlTransaction transaction(connection);
  Statement(connection, "INSERT OR REPLACE INTO meta VALUES ('closed', ?)").bind(1, text).run();
  connection.has_mark(false);  // it is not to go with this change
  transaction.commit();
  if (!connection.empty_log()) return std::nullopt;
  return ClosingMark(connection.file(), now);
}

void ClosingMark::seal() const noexcept {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time_);
  timespec times[2] = {};
  times[0].tv_nsec = UTIME_OMIT;
  times[1].tv_sec = whole.time_since_epoch().count();
  times[1].tv_nsec = (time_ - whole).count();
  ::utimensat(AT_FDCWD, file_.c_str(), times, AT_SYMLINK_NOFOLLOW);
}

bool log_left_behind(const std::filesystem::path& file) {
  struct stat log{};
  return ::stat((file.string() + "-wal").c_str(), &log) == 0 && log.st_size > 0;
}

}  // namespace stibee_sync::store

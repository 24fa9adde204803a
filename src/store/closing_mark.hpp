#pragma once

#include "store/sqlite.hpp"

#include <chrono>
#include <filesystem>
#include <optional>

namespace stibee_sync::store {

/// Says of a file that it was closed in order and that nobody has touched it since, so that the next start
/// need not look through it for damage. It lies in `meta`, goes with the first change (see SqlTransaction),
/// and names the file and the time that the file was given as its own: a copy, a file that was restored, and
/// one that somebody wrote to have others.
class ClosingMark {
 public:
  using Time = std::chrono::sys_time<std::chrono::nanoseconds>;

  /// When the file was closed in order, if it has not been touched since; nullopt: it is to be looked
  /// through. Before anything is written. Throws StoreError.
  static std::optional<Time> of(Connection& connection);

  /// Says it from now on. The last change of a connection. Nullopt: not of such a file. Throws StoreError.
  static std::optional<ClosingMark> make(Connection& connection, Time now);
  /// What makes it count, once the file is closed. Never throws: without it the next start looks.
  void seal() const noexcept;

 private:
  ClosingMark(std::filesystem::path file, Time time) : file_(std::move(file)), time_(time) {}

  std::filesystem::path file_;
  Time time_;
};

/// Whether the log of a file has something in it: whoever wrote that did not close the file.
bool log_left_behind(const std::filesystem::path& file);

}  // namespace stibee_sync::store

#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::test_disk {

/// The bytes of one file: as a program reads them, and what of it would survive a power failure.
class File {
 public:
  const std::string& bytes() const { return bytes_; }
  void write(std::size_t offset, std::string_view data);
  void truncate(std::size_t size);
  void sync() { unsynced_.clear(); }
  bool synced() const { return unsynced_.empty(); }

  /// What is kept of a change that was not synced when the power failed.
  enum class Keep { All, Nothing, SomeFirst, SomeWrites, SomeSectors };
  void lose_unsynced(Keep keep, std::mt19937_64& random);

 private:
  struct Change {
    std::size_t offset = 0;
    std::size_t length = 0;       // written; 0: the file was cut off at `offset`
    std::size_t size_before = 0;  // of the whole file
    std::string before;           // what was overwritten or cut off
    std::string after;            // what was written; only while the power fails
  };
  void undo(Change& change);
  void redo(const Change& change, Keep keep, std::mt19937_64& random);

  std::string bytes_;
  std::vector<Change> unsynced_;
};

/// The disk below one directory as SQLite sees it, kept in memory: it counts what is to last (writes,
/// truncations, syncs, deletions), dies at one of them, loses what was not synced, and fails for a while when
/// told to. While any such disk exists, SQLite finds the files of its directory here and all others on the
/// system's disks; files that are not SQLite's are made in the (empty, real) directory itself. As on a
/// journalling file system, a file is there for good once it is made, and one that was deleted is gone for
/// good with the next sync. One thread.
class SimulatedDisk {
 public:
  SimulatedDisk();
  SimulatedDisk(const SimulatedDisk&) = delete;
  SimulatedDisk& operator=(const SimulatedDisk&) = delete;
  ~SimulatedDisk();

  const std::filesystem::path& directory() const { return directory_; }

  // ---- dying ---------------------------------------------------------------------------------------

  /// Operation: while anything is written, truncated, synced or deleted. A commit is a sync: what it wrote
  /// is lost or not with BeforeSync, and is on disk with AfterSync.
  enum class Moment { Operation, BeforeSync, AfterSync };
  /// Dies at the `count`-th such moment from now (1: the next). From then on every call fails and nothing
  /// reaches a file, until `restart`.
  void die_at(Moment moment, std::size_t count);
  void die();
  void never_die() { until_death_ = 0; }
  bool dead() const { return dead_; }
  /// Called once when it dies, from within SQLite: must not throw.
  void on_death(std::function<void()> told) { told_ = std::move(told); }
  /// The power is back: each file is as it was last synced, with as much of what came later as `random`
  /// has it. No file may be open. Ends troubles as well.
  void restart(std::mt19937_64& random);

  // ---- trouble -------------------------------------------------------------------------------------

  /// Full: nothing can be written. Broken: neither written, synced nor read. Busy: another program holds the
  /// lock for writing.
  enum class Trouble { Full, Broken, Busy };
  /// After `after` operations, the next `times` attempts fail; then all is well again. (Who waits ten
  /// seconds for a lock tries some 110 times; no time passes meanwhile.)
  void fail(Trouble trouble, std::size_t after, std::size_t times);
  void end_trouble() { failures_ = 0; }
  /// Attempts that failed so far.
  std::size_t failed() const { return failed_; }

  /// Operations so far.
  std::size_t operations() const { return operations_; }
  std::size_t syncs() const { return syncs_; }

  /// All that is on the disk, for copies of it. No file may be open.
  using Image = std::map<std::string, std::string>;
  Image image() const;
  void load(const Image& image);

 private:
  friend struct Vfs;
  friend struct Handle;
  struct Node;
  /// Runs `change` of a file, unless the disk is dead, in trouble or full; what SQLite is told.
  template <class Change>
  int change(bool grows, int error, Change change);
  int sync(Node& file);
  bool dies(Moment moment);
  bool fails(bool concerned);
  void count_operation();
  void require_closed() const;

  std::filesystem::path directory_;
  std::map<std::string, std::shared_ptr<Node>> files_;
  std::map<std::string, std::shared_ptr<Node>> deleted_;  // not yet for good
  Moment moment_ = Moment::Operation;
  std::size_t until_death_ = 0;  // 0: lives on
  bool dead_ = false;
  std::function<void()> told_;
  Trouble trouble_ = Trouble::Full;
  std::size_t until_trouble_ = 0;
  std::size_t failures_ = 0;
  std::size_t failed_ = 0;
  std::size_t operations_ = 0;
  std::size_t syncs_ = 0;
};

}  // namespace stibee_sync::test_disk

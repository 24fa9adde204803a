#pragma once

#include "fault/preload/control.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace stibee_sync::fault {

/// What happens to a program that is started with `environment()`: the test's end of the preloaded library.
class Faults {
 public:
  /// `own`: a folder for the control file and the synced copies, made here. `watched`: where calls count.
  Faults(std::filesystem::path own, std::vector<std::filesystem::path> watched);
  ~Faults();
  Faults(const Faults&) = delete;
  Faults& operator=(const Faults&) = delete;

  /// Nothing counted, nothing struck, clocks as they are, nothing synced.
  void reset();
  /// With `keeps_synced`, what lies in the watched folders counts as synced now, and the library notes what
  /// is synced from then on.
  std::map<std::string, std::string> environment(bool keeps_synced = false) const;

  /// Dies at the `count`-th durable call from now, or after `count - 1` that went well all fail.
  void strike_at(Strike strike, std::uint64_t count);
  void fail_from_now(std::int32_t error, std::uint32_t kinds);
  void heal();
  std::uint64_t calls() const { return shared_->calls.load(); }
  std::uint64_t struck() const { return shared_->struck.load(); }
  /// The first, as "pwrite state.sqlite-wal 4096".
  std::string struck_call() const { return shared_->struck_call; }
  void move_clocks(std::int64_t realtime_ns, std::int64_t monotonic_ns, std::int64_t boottime_ns);
  /// What a name that ends with `.test` is from now on; `host`: where it is found, the last byte of
  /// 127.0.0.x.
  void look_up(Lookup lookup, std::uint32_t host = 1);
  std::uint64_t lookups() const { return shared_->lookups.load(); }

  /// The power failed: each watched file is as it was synced last, and empty if it never was. Names: as on a
  /// journalling file system they are there as soon as they are made; or only those that the folder had when
  /// it was synced itself.
  enum class Names { Journalled, OnlySynced };
  void lose_unsynced(Names names) const;

 private:
  void keep_present() const;

  std::filesystem::path own_;
  std::vector<std::filesystem::path> watched_;
  Control* shared_ = nullptr;
};

/// Of a state directory in which nobody works: the people of the calls whose answers were not settled. A copy
/// is looked at.
std::vector<std::vector<std::string>> calls_in_flight(const std::filesystem::path& state);

}  // namespace stibee_sync::fault

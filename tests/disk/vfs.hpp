#pragma once

#include "disk/simulated_disk.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <vector>

namespace stibee_sync::test_disk {

/// One opening of a file. The locks are SQLite's: on the file, and on the index of its log, a bit each.
struct Handle {
  SimulatedDisk* disk = nullptr;
  std::shared_ptr<SimulatedDisk::Node> file;
  int lock = 0;
  bool shares_memory = false;
  std::uint8_t shared = 0;
  std::uint8_t exclusive = 0;
};

/// A file, who has it open, and the memory that they share as the index of its log.
struct SimulatedDisk::Node {
  File content;
  std::set<Handle*> handles;
  std::vector<std::unique_ptr<std::byte[]>> shared_memory;
};

/// From now on SQLite finds the disk's files. The first call makes this the VFS that SQLite uses by default.
void mount(SimulatedDisk& disk);
void unmount(const SimulatedDisk& disk);

}  // namespace stibee_sync::test_disk

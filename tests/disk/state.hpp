#pragma once

#include "disk/simulated_disk.hpp"
#include "stibee_sync/store/store.hpp"

#include <memory>

// The store that ships, on a simulated disk: the only place where such tests open one.
namespace stibee_sync::test_disk {

/// A disk with an empty state, made by the store itself. Its key is always the same, so that runs can be
/// repeated exactly.
std::unique_ptr<SimulatedDisk> disk_with_state();

/// Throws StoreError as a start does, and std::logic_error if the state was taken for damaged.
std::unique_ptr<store::Store> open_state(const SimulatedDisk& disk);

}  // namespace stibee_sync::test_disk

#pragma once

#include "stibee_sync/store/store.hpp"

#include <functional>
#include <memory>

namespace stibee_sync::store {

/// The twin behind the same contract tests; for the simulation and for `plan` without a state.
/// `before_commit` and `after_commit`, if set, are called around every durable change: a simulation throws
/// from them to crash there.
struct MemoryStoreHooks {
  std::function<void()> before_commit;
  std::function<void()> after_commit;
};
class MemoryState;  // survives a "crash": hand it to a new store
std::shared_ptr<MemoryState> make_memory_state();
std::unique_ptr<Store> make_memory_store(std::shared_ptr<MemoryState> state, MemoryStoreHooks hooks = {});

}  // namespace stibee_sync::store

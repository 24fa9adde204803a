#pragma once

#include "store/schema.hpp"
#include "store/sqlite.hpp"

#include <chrono>
#include <optional>
#include <span>

namespace stibee_sync::store {

/// SQLite's quick check (structure of every page; not that each index agrees with its table), for at
/// most `budget`, so that a start never takes long: what could not be checked in time is taken for sound.
/// Damage that is met later makes the next start check everything, indexes too (nullopt). False: damaged.
/// Throws StoreError if the file cannot be read.
bool looks_sound(Connection& connection, std::optional<std::chrono::milliseconds> budget);

/// Throws StoreFailure(Damaged) if a table, column, index or view is missing that these steps make up to
/// `version`: whatever took it, the rest is no state either.
void require_schema(Connection& connection, std::span<const MigrationStep> steps, int version);

}  // namespace stibee_sync::store

#pragma once

#include "store/sqlite.hpp"

#include <optional>
#include <span>

namespace stibee_sync::store {

/// Brings a file from version `to - 1` to `to`. Steps are never edited once released: a later change is a
/// later step.
struct MigrationStep {
  int to = 1;
  const char* sql = "";
};

/// All steps of this program, in order; the last one's `to` is the version that it works with.
std::span<const MigrationStep> migration_steps();

/// Tell our files from other programs' SQLite files, and from each other: "STBS", "STBO".
inline constexpr int application_id = 0x53544253;
inline constexpr int journal_application_id = 0x5354424f;

/// The steps of the opt-outs' own file.
std::span<const MigrationStep> journal_steps();

/// The version of the schema; nullopt: an empty database. Throws StoreFailure(Damaged) if the file is a
/// database, but not ours.
std::optional<int> schema_version(Connection& connection, int application = application_id);

/// Brings an empty or older file to the last step's version, in one transaction. Throws StoreError if the
/// file is of a later version; it is then untouched.
void migrate(Connection& connection, std::span<const MigrationStep> steps, int application = application_id);

}  // namespace stibee_sync::store

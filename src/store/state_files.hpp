#pragma once

#include "stibee_sync/domain/fingerprint.hpp"
#include "store/sqlite.hpp"

#include <filesystem>
#include <optional>
#include <string>

// The two files of a state, as files.

namespace stibee_sync::store {

inline constexpr const char* state_file_name = "state.sqlite";
inline constexpr const char* journal_file_name = "suppressions.sqlite";

/// Makes the file where it is missing, and closes it to others. SQLite gives its log and index files the mode
/// of the main file, so this one decides for all. Whether it is empty. Throws StoreError.
bool make_file(const std::filesystem::path& file);
/// Renames it, with its log, to FILE.WHY-TIME, which is returned. Throws StoreError.
std::filesystem::path set_aside(const std::filesystem::path& file, const std::string& why);
/// FILE.WHY-TIME, which no file has.
std::filesystem::path set_aside_name(const std::filesystem::path& file, const std::string& why);
/// What SQLite keeps beside the file alone. Throws StoreError.
void set_logs_aside(const std::filesystem::path& file, const std::filesystem::path& aside);
/// A file that is made while a backup is restored, and what a restore that was cut off left of it.
std::filesystem::path restoring_name(const std::filesystem::path& file);
void remove_unfinished_restore(const std::filesystem::path& directory);
/// A file with whatever SQLite keeps beside it.
void remove_database(const std::filesystem::path& file);
/// The key of the state's hashes; nullopt: it has none. Throws StoreFailure if it is damaged.
std::optional<domain::StateKey::Bytes> state_key(Connection& connection);

}  // namespace stibee_sync::store

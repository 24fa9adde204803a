#pragma once

#include <filesystem>

namespace stibee_sync::store {

/// Makes the directory (0700), and its parents, where it is missing. Throws StoreError.
void make_state_directory(const std::filesystem::path& directory);
/// Makes renamings in it durable. Throws StoreError.
void sync_directory(const std::filesystem::path& directory);
/// For temporary files of those who only read the state.
std::filesystem::path temporary_directory();

}  // namespace stibee_sync::store

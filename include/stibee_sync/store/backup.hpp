#pragma once

#include "stibee_sync/domain/time.hpp"
#include "stibee_sync/store/store_error.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

// A backup is a folder with a copy of each of the two state files. Both bear the same mark, so that files of
// different backups are told apart. Everything here is blocking, for commands; throws StoreError.

namespace stibee_sync::store {

struct BackupContents {
  struct MirrorCopied {
    std::string name;
    std::int64_t list_id = 0;
    std::size_t people = 0;  // known, on the list or not
  };
  std::vector<MirrorCopied> mirrors;
  std::size_t opt_outs = 0;  // on record
  std::string made;          // ISO 8601, UTC; "": the files bear no mark
};

/// Copies the state of `directory`, as it is at one moment, into the folder `target`, which is made (0700)
/// with its parents, or is empty; files get mode 0600. Beside a daemon or without one; only reads the state.
/// Without room, or with anything else that fails, nothing is left in `target`.
BackupContents back_up(const std::filesystem::path& directory, const std::filesystem::path& target,
                       domain::UtcTime now);

struct Restored {
  BackupContents contents;
  /// The opt-outs' file that was there is of the same state and knows all that the backup does: it stayed.
  bool opt_outs_kept = false;
  std::vector<std::filesystem::path> set_aside;  // what was there before
};

/// Puts a backup back into `directory`, whose lock the caller holds. Both files are looked through first:
/// those that are damaged, newer than this program, or of different backups or states are refused, and
/// nothing is changed. What was there is set aside. The lists are then taken over anew before anything is
/// sent, since somebody may have opted out there meanwhile.
Restored restore(const std::filesystem::path& source, const std::filesystem::path& directory);

}  // namespace stibee_sync::store

#pragma once

#include <atomic>
#include <cstdint>

// What the test and the preloaded library share: a small file that both map. The test may change it while the
// program runs.
namespace stibee_sync::fault {

/// What of a durable call is struck: a program dies at it, or the call fails.
enum class Strike : std::uint32_t {
  Nothing,
  DieBefore,
  DieHalfWay,  // of a write half is written; as DieBefore of any other call
  DieAfter,
  FailOnce,
  FailFromThen,  // until the test says Nothing
};

enum Kind : std::uint32_t {
  kind_write = 1U << 0U,
  kind_sync = 1U << 1U,
  kind_truncate = 1U << 2U,
  kind_create = 1U << 3U,    // files, folders, links
  kind_name = 1U << 4U,      // renamed, removed
  kind_mode = 1U << 5U,      // modes, owners, times
  kind_nameless = 1U << 6U,  // of files without a name, which no crash leaves behind
  every_durable_kind = (1U << 6U) - 1,
  every_kind = (1U << 7U) - 1,
};

/// What becomes of a lookup of a name that ends with `.test`.
enum class Lookup : std::uint32_t {
  Fails,  // until another word, as of a name server that is not there
  Hangs,  // until another word
  Found,  // at 127.0.0.`host`
};

struct Control {
  std::atomic<std::uint64_t> calls;      // durable calls of `kinds` so far
  std::atomic<std::uint64_t> strike_at;  // the number of the call that is struck; 0: none
  std::atomic<Strike> strike;
  std::atomic<std::uint32_t> kinds;  // which are counted and struck
  std::atomic<std::int32_t> error;   // of calls that fail
  std::atomic<std::uint64_t> struck;
  char struck_call[256];  // the first, as "pwrite state.sqlite-wal 4096"

  // Added to what the clocks say, in nanoseconds.
  std::atomic<std::int64_t> realtime;
  std::atomic<std::int64_t> monotonic;
  std::atomic<std::int64_t> boottime;

  std::atomic<Lookup> lookup;
  std::atomic<std::uint32_t> host;
  std::atomic<std::uint64_t> lookups;  // begun
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

// The environment by which the library knows its work.
inline constexpr const char* control_variable = "STIBEE_FAULT_CONTROL";  // the file
inline constexpr const char* watched_variable = "STIBEE_FAULT_WATCHED";  // folders, with `:` between them
inline constexpr const char* synced_variable = "STIBEE_FAULT_SYNCED";    // where synced bytes are kept

}  // namespace stibee_sync::fault

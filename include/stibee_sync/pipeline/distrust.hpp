#pragma once

#include <string_view>

namespace stibee_sync::pipeline {

/// Why a source is not believed, in words for ops: of a hold, and beside the number of who waits. Whoever
/// says it in another language knows it by these.
inline constexpr std::string_view no_rows = "the source has no rows: nothing is removed";
inline constexpr std::string_view another_server =
    "the database is another server or timeline than at the last read, or was set back, and may lack what "
    "was "
    "read before";
inline constexpr std::string_view another_server_waits =
    "the database is another server or timeline than at the last read, or was set back, and may lack what "
    "was "
    "read before: its differences wait until they are approved (`guard`)";
static_assert(another_server_waits.starts_with(another_server));

}  // namespace stibee_sync::pipeline

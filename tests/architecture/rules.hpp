#pragma once

#include "tree.hpp"

namespace stibee_sync::architecture {

/// Rooms include only the rooms below them, and only their public headers; each third-party library belongs
/// to one room and stays out of public headers (Asio's types excepted, in the rooms that run coroutines).
Findings check_includes(const Tree& tree);
/// What a room's CMakeLists.txt names after USES agrees with the same table.
Findings check_linking(const Tree& tree);

/// Each source of a room, each *_test.cpp and each *_fuzz.cpp is named in a CMakeLists.txt, and that is
/// reached.
Findings check_everything_is_built(const Tree& tree);
/// No file grows beyond what a reader takes in; main stays a composition root.
Findings check_sizes(const Tree& tree);
/// No folder whose name says nothing; every header has #pragma once.
Findings check_names(const Tree& tree);
/// No two files of the product have one name.
Findings check_one_name_one_file(const Tree& tree);
/// No two types that public headers declare for all to see have one name, and none inside a class (but
/// aliases) has theirs.
Findings check_one_name_one_type(const Tree& tree);
/// Rules are not handed to the store, and it has one implementation.
Findings check_store_calls_nobody(const Tree& tree);

}  // namespace stibee_sync::architecture

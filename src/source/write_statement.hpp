#pragma once

#include "stibee_sync/source/writer.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stibee_sync::source {

/// A statement as PostgreSQL takes it.
struct NumberedStatement {
  std::string sql;                 // with $1 … $n
  std::vector<std::string> names;  // of $1 … $n; one that stands in two places is two parameters, so that it
                                   // may have two types
  /// Where pieces of `sql` come from, in order: byte in `sql` → byte in the original.
  std::vector<std::pair<std::size_t, std::size_t>> origins;
};

/// Throws Failure(NotAsMapped) for an unknown name, `$1`, and a statement that names no parameter.
NumberedStatement number_parameters(const WriteStatement& statement);

/// "line 2, column 5" of the original for the character (from 1) of the numbered text.
std::string original_place(const NumberedStatement& numbered, std::string_view original,
                           std::size_t position);

/// `text` with each `$n` called by its name: what PostgreSQL says of parameters.
std::string with_names(const NumberedStatement& numbered, std::string_view text);

}  // namespace stibee_sync::source

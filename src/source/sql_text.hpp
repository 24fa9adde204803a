#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::source {

/// A name as SQL reads it: in double quotes it is exact, without them PostgreSQL folds it to lower case. We
/// try the exact spelling first and the folded one second, so that a camelCase column needs no quotes in
/// YAML.
struct SqlName {
  std::string exact;
  std::string folded;  // equal to `exact` if quoted
};

struct TableName {
  std::optional<SqlName> schema;
  SqlName name;
};

/// "table", "schema.table", each part quoted or not; nullopt if it is neither.
std::optional<TableName> parse_table_name(std::string_view text);
/// A single name; text that is not a well-formed quoted name is taken as it stands.
SqlName parse_column_name(std::string_view text);

std::string quote_name(std::string_view name);
/// For a session with standard_conforming_strings, where a backslash stands for itself.
std::string quote_literal(std::string_view text);
/// `$stibee$TEXT$stibee$`, or with another tag where that one occurs in it.
std::string dollar_quoted(std::string_view text);

/// Where the literal, quoted name, dollar-quoted text or comment that begins at `at` ends; `at` if none
/// begins there.
std::size_t after_opaque(std::string_view sql, std::size_t at);

/// The query without white space, comments and semicolons at its end.
std::string_view without_trailing_semicolon(std::string_view query);

/// "line 2, column 5" of the character (not byte) that `position`, counted from 1, names.
std::string line_and_column(std::string_view text, std::size_t position);

/// Those of `candidates` that `wanted` may have been meant to be, nearest first, at most three.
std::vector<std::string> nearest(std::string_view wanted, const std::vector<std::string>& candidates);

/// `a, b or c`
std::string list_of(const std::vector<std::string>& names);

}  // namespace stibee_sync::source

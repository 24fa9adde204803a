#pragma once

#include "session.hpp"
#include "stibee_sync/source/source.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::source {

/// A plan that the catalog has confirmed.
struct Resolved {
  std::string select;                // delivers the plan's columns in key order
  std::string keys;                  // delivers the key alone, called k, in no order
  std::string rows;                  // FROM and WHERE of both
  std::vector<std::string> columns;  // the plan's, as `select` lists them: `"members"."id"`
  std::string table;                 // `"public"."members"`; empty for a query
  std::string key;                   // the name of the key's column
  std::vector<domain::ColumnType> types;
  bool integer_key = true;
  /// Where the key is a text its order is that of its bytes in UTF-8, which the server's "C" is not if it
  /// stores another encoding.
  enum class KeyOrder { Own, Bytes, Utf8Bytes };
  KeyOrder key_order = KeyOrder::Own;
  std::vector<std::string> boolean_columns;  // of the relation, read or not
};

/// What ORDER BY takes for a column of keys. Pure.
std::string in_key_order(const std::string& column, Resolved::KeyOrder order);

/// Selects the oid (first) and more of the table that a plan means; none if there is no such table.
extern const std::string_view find_table_statement;
/// Its $1 to $5. Throws Failure.
Parameters table_parameters(const ReadPlan& plan);

/// Finds the table or tries the query, checks columns, types and privileges. Executes nothing of the query.
/// Throws Failure or StatementFailed.
Resolved resolve(Session& session, const ReadPlan& plan);

}  // namespace stibee_sync::source

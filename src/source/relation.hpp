#pragma once

#include "session.hpp"
#include "stibee_sync/source/source.hpp"

#include <string>
#include <vector>

namespace stibee_sync::source {

/// A plan that the catalog has confirmed.
struct Resolved {
  std::string select;  // delivers the plan's columns in key order
  std::string keys;    // delivers the key alone, called k, in no order
  std::string table;   // `"public"."members"`; empty for a query
  std::string key;     // the name of the key's column
  std::vector<domain::ColumnType> types;
  bool integer_key = true;
  std::vector<std::string> boolean_columns;  // of the relation, read or not
};

/// Finds the table or tries the query, checks columns, types and privileges. Executes nothing of the query.
/// Throws Failure or StatementFailed.
Resolved resolve(Session& session, const ReadPlan& plan);

}  // namespace stibee_sync::source

#pragma once

#include "session.hpp"
#include "stibee_sync/source/source.hpp"

#include <string>
#include <vector>

namespace stibee_sync::source {

/// A plan that the catalog has confirmed.
struct Resolved {
  std::string select;  // delivers the plan's columns in key order
  std::vector<domain::ColumnType> types;
  bool integer_key = true;
};

/// Finds the table or tries the query, checks columns, types and privileges. Executes nothing of the query.
/// Throws Failure, or what libpqxx throws.
Resolved resolve(pqxx::transaction_base& transaction, const Session& session, const ReadPlan& plan);

}  // namespace stibee_sync::source

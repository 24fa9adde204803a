#pragma once

#include "session.hpp"
#include "stibee_sync/source/source.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace stibee_sync::source {

/// What the catalog says of a type.
struct TypeInfo {
  std::string name;  // as SQL spells it: "character varying", "timestamp without time zone"
  domain::ColumnType family = domain::ColumnType::Other;
  bool text_key = false;     // text or varchar: its own order is bytes under COLLATE "C"
  bool group_value = false;  // text, varchar, citext, an enum, or an array of them
};

using Oid = pqxx::oid;
using Types = std::map<Oid, TypeInfo>;

/// Looks the types up. Throws StatementFailed.
Types types_of(Session& session, const std::vector<Oid>& oids);

bool is_boolean(Oid type);

/// Why `column` of this type cannot be what the mapping needs, with the cure; nullopt if it can.
std::optional<std::string> unsuitable(const std::string& column, const TypeInfo& type, ReadPlan::Needs needs,
                                      const std::string& time_zone);

}  // namespace stibee_sync::source

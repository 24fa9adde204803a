#include "type_family.hpp"

#include "sql_text.hpp"

#include <algorithm>

namespace stibee_sync::source {
namespace {

/// The built-in types, by the numbers that every PostgreSQL gives them.
enum Builtin : Oid {
  Bool = 16,
  Name = 19,
  Int8 = 20,
  Int2 = 21,
  Int4 = 23,
  TextType = 25,
  Bpchar = 1042,
  Varchar = 1043,
  DateType = 1082,
  TimestampType = 1114,
  TimestampTzType = 1184,
  UuidType = 2950,
};

domain::ColumnType family_of(Oid oid, const std::string& name, bool enumeration) {
  switch (oid) {
    case Bool:
      return domain::ColumnType::Boolean;
    case Int2:
    case Int4:
    case Int8:
      return domain::ColumnType::Integer;
    case Name:
    case TextType:
    case Bpchar:
    case Varchar:
      return domain::ColumnType::Text;
    case DateType:
      return domain::ColumnType::Date;
    case TimestampType:
      return domain::ColumnType::Timestamp;
    case TimestampTzType:
      return domain::ColumnType::TimestampTz;
    case UuidType:
      return domain::ColumnType::Uuid;
    default:
      return enumeration || name == "citext" ? domain::ColumnType::Text : domain::ColumnType::Other;
  }
}

bool may_be_group(Oid oid, const std::string& name, bool enumeration) {
  return oid == TextType || oid == Varchar || enumeration || name == "citext";
}

std::string cast_in_query(const std::string& column, const std::string& expression) {
  return "use `query` instead of `table` and select " + expression + " AS " + quote_name(column);
}

}  // namespace

bool is_boolean(Oid type) {
  return type == Bool;
}

Types types_of(Session& session, const std::vector<Oid>& oids) {
  std::string list;
  for (const auto oid : oids) {
    if (!list.empty()) list += ',';
    list += std::to_string(oid);
  }
  const auto rows = session.rows(
      "SELECT t.oid, t.typname, t.typtype = 'e', format_type(t.oid, NULL), "
      "e.oid, e.typname, e.typtype = 'e' "
      "FROM pg_catalog.pg_type t "
      "LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND t.typcategory = 'A' AND e.typarray = t.oid "
      "WHERE t.oid IN (" +
      list + ")");
  Types types;
  for (const auto& row : rows) {
    const auto oid = row[0].as<Oid>();
    const auto name = row[1].as<std::string>();
    const bool enumeration = row[2].as<bool>();
    TypeInfo info;
    info.name = row[3].as<std::string>();
    info.family = family_of(oid, name, enumeration);
    info.text_key = oid == TextType || oid == Varchar;
    info.group_value = may_be_group(oid, name, enumeration);
    if (!row[4].is_null()) {
      const auto element = row[4].as<Oid>();
      const auto element_name = row[5].as<std::string>();
      const bool element_enumeration = row[6].as<bool>();
      info.group_value = may_be_group(element, element_name, element_enumeration);
      if (family_of(element, element_name, element_enumeration) == domain::ColumnType::Text)
        info.family = domain::ColumnType::TextArray;
    }
    types.emplace(oid, std::move(info));
  }
  return types;
}

std::optional<std::string> unsuitable(const std::string& column, const TypeInfo& type, ReadPlan::Needs needs,
                                      const std::string& time_zone) {
  using Needs = ReadPlan::Needs;
  const std::string is = "column " + quote_name(column) + " is " + type.name + ", but ";
  const std::string quoted = quote_name(column);
  switch (needs) {
    case Needs::Any:
      return std::nullopt;
    case Needs::Key:
      if (type.family == domain::ColumnType::Integer || type.family == domain::ColumnType::Uuid ||
          type.text_key)
        return std::nullopt;
      return is + "`key` must be an integer, text, varchar or uuid; " +
             cast_in_query(column, quoted + "::text");
    case Needs::Text:
      if (type.family == domain::ColumnType::Text) return std::nullopt;
      return is + "`email` must be text; " + cast_in_query(column, quoted + "::text");
    case Needs::Boolean:
      if (type.family == domain::ColumnType::Boolean) return std::nullopt;
      return is + "a yes-or-no is needed there; " +
             cast_in_query(column, "a boolean expression such as (" + quoted + " = 'Y')");
    case Needs::TimestampTz:
      if (type.family == domain::ColumnType::TimestampTz) return std::nullopt;
      if (type.family == domain::ColumnType::Timestamp) {
        return is + "without a zone it names no instant; " +
               cast_in_query(column, quoted + " AT TIME ZONE '" + time_zone + "'");
      }
      return is + "a timestamp with time zone is needed there; " + cast_in_query(column, "one");
    case Needs::Groups:
      if (type.group_value) return std::nullopt;
      return is + "`groups` must be text, varchar, an enum or an array of them; " +
             cast_in_query(column, type.family == domain::ColumnType::Text ? "rtrim(" + quoted + ")"
                                                                           : quoted + "::text");
  }
  return std::nullopt;
}

}  // namespace stibee_sync::source

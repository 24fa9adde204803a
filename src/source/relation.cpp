#include "relation.hpp"

#include "failure.hpp"
#include "sql_text.hpp"
#include "type_family.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace stibee_sync::source {
namespace {

using Kind = SourceError::Kind;

constexpr std::string_view query_prefix = "SELECT * FROM (\n";

std::vector<std::string_view> texts_of(const ReadPlan& plan) {
  std::vector<std::string_view> texts{plan.table, plan.query, plan.where};
  texts.insert(texts.end(), plan.columns.begin(), plan.columns.end());
  return texts;
}

/// The relation as the FROM clause names it, and the columns it has.
struct Relation {
  std::string from;       // `"public"."members"` or `(\n query \n) AS source`
  std::string qualifier;  // `"members"` or `source`
  std::string spelled;    // for messages and GRANTs
  std::string role;
  std::vector<std::string> columns;
  std::vector<std::string> unreadable;  // columns that the role may not read
  std::vector<std::string> booleans;
};

[[noreturn]] void no_such_table(Session& session, const ReadPlan& plan, const TableName& table) {
  const auto rows = session.rows(
      "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = "
      "c.relnamespace "
      "WHERE c.relkind IN ('r','p','v','m','f') AND n.nspname <> 'information_schema' AND n.nspname !~ "
      "'^pg_' LIMIT 10000");
  std::vector<std::string> elsewhere;
  std::vector<std::string> names;
  for (const auto& row : rows) {
    const auto schema = row[0].as<std::string>();
    const auto name = row[1].as<std::string>();
    const auto full = schema == "public" ? name : schema + "." + name;
    if ((name == table.name.exact || name == table.name.folded) && elsewhere.size() < 3)
      elsewhere.push_back(schema + "." + name);
    names.push_back(table.schema ? schema + "." + name : full);
  }
  const std::string problem = "table " + plan.table + " does not exist or is not in the search_path";
  if (!elsewhere.empty())
    throw Failure(Kind::NotAsMapped,
                  problem + "; there is " + list_of(elsewhere) + ": name the schema in `table`", "42P01");
  const auto wanted = (table.schema ? table.schema->exact + "." : "") + table.name.exact;
  const auto near = nearest(wanted, names);
  throw Failure(Kind::NotAsMapped,
                problem + (near.empty() ? "; check `table` and the database in `database.url`"
                                        : "; did you mean " + list_of(near) + "?"),
                "42P01");
}

TableName table_name(const ReadPlan& plan) {
  if (auto table = parse_table_name(plan.table)) return std::move(*table);
  throw Failure(Kind::NotAsMapped,
                "`table` is no table name; write table or schema.table, with double quotes around a "
                "part that has a dot or a space in it");
}

Relation find_table(Session& session, const ReadPlan& plan) {
  const auto table = table_name(plan);
  const auto found = session.rows(std::string(find_table_statement), table_parameters(plan));
  if (found.empty()) no_such_table(session, plan, table);

  const auto row = found[0];
  const auto schema_name = row[3].as<std::string>();
  Relation relation;
  relation.from = quote_name(row[1].as<std::string>()) + "." + quote_name(row[2].as<std::string>());
  relation.qualifier = quote_name(row[2].as<std::string>());
  relation.spelled = schema_name + "." + row[4].as<std::string>();
  relation.role = row[5].as<std::string>();
  if (!row[6].as<bool>()) {
    throw Failure(Kind::Refused,
                  "the role may not use schema " + schema_name +
                      "; as its owner run: GRANT USAGE ON SCHEMA " + schema_name + " TO " + relation.role +
                      "; GRANT SELECT ON " + relation.spelled + " TO " + relation.role + ";",
                  "42501");
  }
  if (row[8].as<bool>()) {
    throw Failure(Kind::NotAsMapped,
                  "the materialised view " + relation.spelled +
                      " has never been filled; as its owner run: REFRESH MATERIALIZED VIEW " +
                      relation.spelled + ";",
                  "55000");
  }
  const bool whole = row[7].as<bool>();
  for (const auto& column :
       session.rows("SELECT attname, has_column_privilege(attrelid, attnum, 'SELECT'), atttypid "
                    "FROM pg_catalog.pg_attribute "
                    "WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
                    {row[0].as<std::string>()})) {
    relation.columns.push_back(column[0].as<std::string>());
    if (!whole && !column[1].as<bool>()) relation.unreadable.push_back(relation.columns.back());
    if (is_boolean(column[2].as<Oid>())) relation.booleans.push_back(relation.columns.back());
  }
  return relation;
}

/// What PostgreSQL says of a statement that it does not take.
struct Objection {
  SourceError error;
  std::string words;  // sanitised
};

/// Throws `answer` if it has other causes than the statement.
Objection of_statement(const Answer& answer, const ReadPlan& plan) {
  Objection objection;
  objection.words = sanitise(answer.text, texts_of(plan));
  // Ours are the only parameters; PostgreSQL calls one too many a violation of the protocol.
  if (answer.sqlstate == "08P01" && !answer.fatal) {
    objection.words = "it holds a parameter such as $1";
    objection.error =
        Failure(Kind::NotAsMapped, "PostgreSQL refuses the statement: " + objection.words, answer.sqlstate)
            .error();
    return objection;
  }
  if (answer.sqlstate == "55000") {
    objection.error = Failure(Kind::NotAsMapped,
                              "PostgreSQL refuses the statement: " + objection.words +
                                  "; where it reads a materialised view that was never filled, run REFRESH "
                                  "MATERIALIZED VIEW",
                              answer.sqlstate)
                          .error();
    return objection;
  }
  const auto of_class = answer.sqlstate.substr(0, 2);
  if (of_class != "42" && of_class != "0A" && of_class != "3F" && of_class != "22" && of_class != "21")
    throw StatementFailed{answer};
  objection.error = classify(answer.sqlstate, objection.words);
  return objection;
}

Relation try_query(Session& session, const ReadPlan& plan) {
  const auto query = without_trailing_semicolon(plan.query);
  if (query.empty()) throw Failure(Kind::NotAsMapped, "`query` is empty; write a SELECT");
  Relation relation;
  relation.from = "(\n" + std::string(query) + "\n) AS source";
  relation.qualifier = "source";
  relation.spelled = "`query`";
  // The extended protocol takes one statement only, so a query cannot smuggle in another.
  const auto answer =
      session.execute(std::string(query_prefix) + std::string(query) + "\n) AS source LIMIT 0", {});
  if (answer.succeeded) {
    for (pqxx::row_size_type i = 0; i < answer.table.columns(); ++i) {
      relation.columns.emplace_back(answer.table.column_name(i));
      if (is_boolean(answer.table.column_type(i))) relation.booleans.push_back(relation.columns.back());
    }
    return relation;
  }
  const auto said = of_statement(answer, plan);
  if (answer.text.find("multiple commands") != std::string::npos) {
    throw Failure(Kind::NotAsMapped, "`query` holds several statements; it must be one SELECT",
                  answer.sqlstate);
  }
  if (said.error.kind != Kind::NotAsMapped || answer.sqlstate == "55000") throw Failure(said.error);
  std::string where;
  if (answer.position > query_prefix.size())
    where = " at " + line_and_column(query, answer.position - query_prefix.size());
  throw Failure(Kind::NotAsMapped,
                "`query` does not work" + where + ": " + said.words + "; it must be one SELECT",
                answer.sqlstate);
}

/// The column that the plan means by `name`.
std::string find_column(const Relation& relation, const std::string& name) {
  const auto wanted = parse_column_name(name);
  for (const auto* spelling : {&wanted.exact, &wanted.folded}) {
    const auto count = std::count(relation.columns.begin(), relation.columns.end(), *spelling);
    if (count == 1) return *spelling;
    if (count > 1) {
      throw Failure(Kind::NotAsMapped,
                    "`query` returns " + std::to_string(count) + " columns named " + quote_name(*spelling) +
                        "; give each its own name with AS",
                    "42702");
    }
  }
  std::string message = "column " + quote_name(wanted.exact) + " does not exist in " + relation.spelled;
  if (const auto near = nearest(wanted.exact, relation.columns); !near.empty()) {
    message += "; did you mean " + list_of(near) + "?";
  } else {
    auto some = relation.columns;
    some.resize(std::min<std::size_t>(some.size(), 8));
    message += some.empty()
                   ? "; it has no columns"
                   : "; it has " + list_of(some) + (some.size() < relation.columns.size() ? ", …" : "");
  }
  throw Failure(Kind::NotAsMapped, message, "42703");
}

/// Runs the finished SELECT with LIMIT 0: PostgreSQL checks all of it, `where` included, and names the types.
std::vector<Oid> probe(Session& session, const ReadPlan& plan, const Relation& relation,
                       const std::string& select) {
  const auto answer = session.execute(select + " LIMIT 0", {});
  if (answer.succeeded) {
    std::vector<Oid> types;
    for (pqxx::row_size_type i = 0; i < answer.table.columns(); ++i)
      types.push_back(answer.table.column_type(i));
    return types;
  }
  auto said = of_statement(answer, plan);
  if (said.error.kind == Kind::Refused && !plan.table.empty()) {
    said.error.message =
        fit("the role may not read " + relation.spelled + "; as its owner run: GRANT SELECT ON " +
            relation.spelled + " TO " + relation.role + ";");
  }
  // The columns and the table stand on the first line of `select`, the condition on those after it.
  const bool in_condition =
      !plan.where.empty() && !line_and_column(select, answer.position).starts_with("line 1,");
  const bool of_mapping = said.error.kind == Kind::NotAsMapped && answer.sqlstate != "55000";
  if (of_mapping && (in_condition || (!plan.where.empty() && answer.position == 0))) {
    said.error.message =
        fit("`where` does not work: " + said.words + "; it must be a condition, without the word WHERE");
  }
  throw Failure(said.error);
}

void require_sense(const ReadPlan& plan) {
  if (plan.table.empty() == plan.query.empty()) {
    throw Failure(Kind::NotAsMapped, "the source needs either `table` or `query`");
  }
  if (!plan.query.empty() && !plan.where.empty()) {
    throw Failure(Kind::NotAsMapped, "`where` goes with `table`; put the condition into `query`");
  }
  if (plan.columns.size() < 2 || plan.needs.size() != plan.columns.size()) {
    throw Failure(Kind::NotAsMapped, "the source needs at least `key` and `email`");
  }
}

}  // namespace

const std::string_view find_table_statement =
    "SELECT c.oid, n.nspname, c.relname, quote_ident(n.nspname), quote_ident(c.relname), "
    "quote_ident(current_user), has_schema_privilege(n.oid, 'USAGE'), has_table_privilege(c.oid, 'SELECT'), "
    "c.relkind = 'm' AND NOT c.relispopulated "
    "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind IN ('r','p','v','m','f') AND c.relname IN ($1, $2) "
    "AND CASE WHEN $3::boolean THEN n.nspname IN ($4, $5) ELSE pg_table_is_visible(c.oid) END "
    "ORDER BY c.relname = $1 DESC, n.nspname = $4 DESC LIMIT 1";

Parameters table_parameters(const ReadPlan& plan) {
  const auto table = table_name(plan);
  const auto schema = table.schema.value_or(SqlName{});
  return {table.name.exact, table.name.folded, table.schema ? "true" : "false", schema.exact, schema.folded};
}

std::string in_key_order(const std::string& column, Resolved::KeyOrder order) {
  switch (order) {
    case Resolved::KeyOrder::Own:
      return column;
    case Resolved::KeyOrder::Bytes:
      return column + " COLLATE \"C\"";
    case Resolved::KeyOrder::Utf8Bytes:
      return "pg_catalog.convert_to(" + column + "::text, 'UTF8')";
  }
  return column;
}

Resolved resolve(Session& session, const ReadPlan& plan) {
  require_sense(plan);
  const bool is_table = !plan.table.empty();
  const auto relation = is_table ? find_table(session, plan) : try_query(session, plan);
  Resolved resolved;
  std::string list;
  std::vector<std::string> names;
  for (const auto& column : plan.columns) {
    names.push_back(find_column(relation, column));
    resolved.columns.push_back(relation.qualifier + "." + quote_name(names.back()));
    list += (list.empty() ? "" : ", ") + resolved.columns.back();
  }
  for (const auto& name : names) {
    if (std::find(relation.unreadable.begin(), relation.unreadable.end(), name) == relation.unreadable.end())
      continue;
    throw Failure(Kind::Refused,
                  "the role may not read column " + quote_name(name) +
                      "; as the table's owner run: GRANT SELECT ON " + relation.spelled + " TO " +
                      relation.role + ";",
                  "42501");
  }

  resolved.rows = " FROM " + relation.from;
  // The line feed keeps a comment at the end of the condition from swallowing the parenthesis.
  if (!plan.where.empty()) resolved.rows += " WHERE (\n" + plan.where + "\n)";
  resolved.select = "SELECT " + list + resolved.rows;
  resolved.keys = "SELECT " + resolved.columns[0] + " AS k" + resolved.rows;
  if (is_table) resolved.table = relation.from;
  resolved.key = names[0];

  const auto oids = probe(session, plan, relation, resolved.select);
  const auto types = types_of(session, oids);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto& type = types.at(oids.at(i));
    if (const auto problem = unsuitable(names[i], type, plan.needs[i], plan.time_zone)) {
      throw Failure(Kind::NotAsMapped, *problem, "42804");
    }
    resolved.types.push_back(type.family);
  }

  resolved.boolean_columns = relation.booleans;
  const auto& key = types.at(oids.at(0));
  resolved.integer_key = key.family == domain::ColumnType::Integer;
  if (key.text_key) {
    const auto encoding = session.parameter("server_encoding");
    const bool same_bytes = encoding == "UTF8" || encoding == "SQL_ASCII";
    resolved.key_order = same_bytes ? Resolved::KeyOrder::Bytes : Resolved::KeyOrder::Utf8Bytes;
  }
  resolved.select += " ORDER BY " + in_key_order(resolved.columns[0], resolved.key_order);
  return resolved;
}

}  // namespace stibee_sync::source

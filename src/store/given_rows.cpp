#include "store/given_rows.hpp"

#include <new>

#include <sqlite3.h>

// A virtual table of SQLite's: the least that one needs.
namespace stibee_sync::store {
namespace {

struct Table {
  sqlite3_vtab base;
  const GivenRows* rows;
};

struct Cursor {
  sqlite3_vtab_cursor base;
  const GivenRows* rows;
  std::size_t at;
};

int connect(sqlite3* db, void* rows, int, const char* const*, sqlite3_vtab** table, char**) {
  const auto* given = static_cast<const GivenRows*>(rows);
  std::string sql = "CREATE TABLE given (";
  for (std::size_t i = 1; i <= given->columns(); ++i)
    sql += (i == 1 ? "c" : ", c") + std::to_string(i);
  sql += ")";
  const int code = sqlite3_declare_vtab(db, sql.c_str());
  if (code != SQLITE_OK) return code;
  auto* made = new (std::nothrow) Table{{}, given};
  if (made == nullptr) return SQLITE_NOMEM;
  *table = &made->base;
  return SQLITE_OK;
}

int disconnect(sqlite3_vtab* table) {
  delete reinterpret_cast<Table*>(table);
  return SQLITE_OK;
}

int best_index(sqlite3_vtab*, sqlite3_index_info* info) {
  info->estimatedCost = 100;
  info->estimatedRows = 100;
  return SQLITE_OK;
}

int open(sqlite3_vtab* table, sqlite3_vtab_cursor** cursor) {
  auto* made = new (std::nothrow) Cursor{{}, reinterpret_cast<Table*>(table)->rows, 0};
  if (made == nullptr) return SQLITE_NOMEM;
  *cursor = &made->base;
  return SQLITE_OK;
}

Cursor& own(sqlite3_vtab_cursor* cursor) {
  return *reinterpret_cast<Cursor*>(cursor);
}

int close(sqlite3_vtab_cursor* cursor) {
  delete &own(cursor);
  return SQLITE_OK;
}

int filter(sqlite3_vtab_cursor* cursor, int, const char*, int, sqlite3_value**) {
  own(cursor).at = 0;
  return SQLITE_OK;
}

int next(sqlite3_vtab_cursor* cursor) {
  ++own(cursor).at;
  return SQLITE_OK;
}

int at_end(sqlite3_vtab_cursor* cursor) {
  return own(cursor).at >= own(cursor).rows->size() ? 1 : 0;
}

int column(sqlite3_vtab_cursor* cursor, sqlite3_context* context, int number) {
  own(cursor).rows->tell(context, own(cursor).at, number + 1);
  return SQLITE_OK;
}

int row_number(sqlite3_vtab_cursor* cursor, sqlite3_int64* number) {
  *number = static_cast<sqlite3_int64>(own(cursor).at);
  return SQLITE_OK;
}

// Without a way to create one it exists once, under the name of the module.
sqlite3_module module_of_rows() {
  sqlite3_module module{};
  module.xConnect = connect;
  module.xBestIndex = best_index;
  module.xDisconnect = disconnect;
  module.xOpen = open;
  module.xClose = close;
  module.xFilter = filter;
  module.xNext = next;
  module.xEof = at_end;
  module.xColumn = column;
  module.xRowid = row_number;
  return module;
}

}  // namespace

GivenRows::GivenRows(Connection& connection, const char* name, std::size_t columns) : columns_(columns) {
  static const sqlite3_module module = module_of_rows();
  const int code = sqlite3_create_module_v2(connection.get(), name, &module, this, nullptr);
  if (code != SQLITE_OK) connection.fail(code);
}

void GivenRows::add() {
  cells_.resize(cells_.size() + columns_);
}

GivenRows& GivenRows::bind(int column, std::int64_t value) {
  last(column) = {value, 0, Kind::Integer};
  return *this;
}

GivenRows& GivenRows::bind(int column, std::string_view text) {
  keep(last(column), Kind::Text, text.data(), text.size());
  return *this;
}

GivenRows& GivenRows::bind(int column, std::span<const std::uint8_t> bytes) {
  keep(last(column), Kind::Blob, reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return *this;
}

void GivenRows::keep(Cell& cell, Kind kind, const char* bytes, std::size_t size) {
  cell = {static_cast<std::int64_t>(bytes_.size()), size, kind};
  bytes_.append(bytes, size);
}

std::string_view GivenRows::text(std::size_t row, int column) const {
  const auto& found = cell(row, column);
  return std::string_view(bytes_).substr(static_cast<std::size_t>(found.number), found.size);
}

void GivenRows::clear() {
  cells_.clear();
  bytes_.clear();
}

void GivenRows::tell(sqlite3_context* context, std::size_t row, int column) const {
  const auto& found = cell(row, column);
  const char* bytes = bytes_.data() + (found.kind == Kind::Integer ? 0 : found.number);
  switch (found.kind) {
    case Kind::Null:
      return;  // as it is if nothing is said
    case Kind::Integer:
      return sqlite3_result_int64(context, found.number);
    case Kind::Text:
      return sqlite3_result_text64(context, bytes, found.size, SQLITE_STATIC, SQLITE_UTF8);
    case Kind::Blob:
      return sqlite3_result_blob64(context, bytes, found.size, SQLITE_STATIC);
  }
}

}  // namespace stibee_sync::store

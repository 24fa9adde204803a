#pragma once

#include "store/sqlite.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct sqlite3_context;

namespace stibee_sync::store {

/// Rows in memory that statements of the connection read like a table, with the columns c1, c2, …: one
/// statement does for many people what would else be one each, and finds the next person near the last. Must
/// outlive the statements that read it, and is not changed while one of them runs.
class GivenRows {
 public:
  /// `name`: of the table.
  GivenRows(Connection& connection, const char* name, std::size_t columns);
  GivenRows(const GivenRows&) = delete;
  GivenRows& operator=(const GivenRows&) = delete;

  /// One more row, of which all columns are NULL; those that follow are bound in it. Texts are copied.
  void add();
  GivenRows& bind(int column, std::int64_t value);
  GivenRows& bind(int column, std::string_view text);
  GivenRows& bind(int column, std::span<const std::uint8_t> bytes);
  GivenRows& bind_null(int) { return *this; }

  std::size_t size() const { return cells_.size() / columns_; }
  std::int64_t integer(std::size_t row, int column) const { return cell(row, column).number; }
  std::string_view text(std::size_t row, int column) const;
  void clear();

  /// For SQLite.
  std::size_t columns() const { return columns_; }
  void tell(sqlite3_context* context, std::size_t row, int column) const;

 private:
  enum class Kind : std::uint8_t { Null, Integer, Text, Blob };
  struct Cell {
    std::int64_t number = 0;  // or where its bytes begin
    std::size_t size = 0;
    Kind kind = Kind::Null;
  };
  const Cell& cell(std::size_t row, int column) const {
    return cells_[row * columns_ + static_cast<std::size_t>(column) - 1];
  }
  Cell& last(int column) { return cells_[cells_.size() - columns_ + static_cast<std::size_t>(column) - 1]; }
  void keep(Cell& cell, Kind kind, const char* bytes, std::size_t size);

  std::size_t columns_;
  std::vector<Cell> cells_;
  std::string bytes_;
};

}  // namespace stibee_sync::store

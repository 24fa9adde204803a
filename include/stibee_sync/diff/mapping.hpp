#pragma once

#include "stibee_sync/domain/column_type.hpp"
#include "stibee_sync/domain/member.hpp"
#include "stibee_sync/domain/reason.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace stibee_sync::diff {

/// Which column of the read feeds what. Indexes count the columns of the read from 0; the key is always
/// column 0 and the address column 1.
struct Mapping {
  bool integer_key = true;
  std::size_t max_address_length = domain::EmailAddress::max_length_v1;
  std::optional<std::size_t> subscribed;
  std::optional<std::size_t> consented_at;
  std::optional<std::size_t> ad_agreed;
  std::vector<std::size_t> groups;
  struct MappedField {
    std::string tag;
    std::size_t column;
    domain::ColumnType type = domain::ColumnType::Text;
  };
  std::vector<MappedField> fields;
  std::map<std::string, domain::GroupId> group_ids;  // value → groupId
  std::vector<domain::ColumnType> types;             // of every column of the read
  std::vector<std::string> column_names;             // for messages
};

/// A row that cannot be used, with the column's name. If the address itself is fine, it is here, so that the
/// person is not taken for gone, and `subscribed` says whether the row wants them mailed: an opt-out counts
/// even when a value is unusable.
struct Rejection {
  explicit Rejection(domain::Reason why) : reason(why) {}
  domain::Reason reason;
  std::string column;
  std::optional<domain::EmailAddress> email;
  bool subscribed = true;
};

/// One row of COPY text format split into columns; nullopt is SQL NULL.
class RowFields {
 public:
  RowFields() = default;
  RowFields(const RowFields&) = delete;  // the views look into this very object
  RowFields& operator=(const RowFields&) = delete;

  /// Splits and unescapes one line (without its line feed). The views live until the next call and as long as
  /// `line`. Returns false if the number of columns is not `expected`.
  bool split(std::string_view line, std::size_t expected);
  const std::vector<std::optional<std::string_view>>& values() const { return values_; }

 private:
  std::vector<std::optional<std::string_view>> values_;
  std::string unescaped_;
};

/// The key of a row without splitting all of it: what an unchanged row costs. A rejection here
/// (NullKey, BadKey, InvalidUtf8, NulByte) has no column name.
std::variant<domain::MemberKey, Rejection> key_of(std::string_view line, bool integer_key);

/// As many different group values without a mapping are remembered; more say nothing new.
inline constexpr std::size_t max_unknown_groups = 100;

/// Row → member. Group values without a mapping are added to `unknown_groups` (may be null; each once, up to
/// `max_unknown_groups`) and ignored, and so are NULL and, if it has no mapping, the empty text. Pure. Throws
/// std::out_of_range if the mapping names a column that the row has not.
std::variant<domain::Member, Rejection> map_row(const std::vector<std::optional<std::string_view>>& row,
                                                const Mapping& mapping,
                                                std::vector<std::string>* unknown_groups);

/// Which columns had non-NULL values, counted up to `enough`; kept across a read for the guard. Costs next to
/// nothing once every column has shown enough values.
class NullWatch {
 public:
  /// Two: a lone value that is cleared is an ordinary edit, a column that loses all of several is not.
  static constexpr std::size_t enough = 2;
  explicit NullWatch(std::size_t columns) : non_null_(columns, 0), open_(columns) {}
  /// One raw line of COPY text format.
  void see(std::string_view line);
  const std::vector<std::size_t>& non_null() const { return non_null_; }

 private:
  std::vector<std::size_t> non_null_;
  std::size_t open_;  // columns that have not yet shown enough
};

}  // namespace stibee_sync::diff

#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace stibee_sync::json {

/// A JSON value; objects keep the order in which members were added. Plain values, no sharing.
class Value {
 public:
  using Array = std::vector<Value>;
  using Member = std::pair<std::string, Value>;
  using Object = std::vector<Member>;

  Value() = default;  // null
  Value(std::nullptr_t) {}
  Value(bool value) : data_(value) {}
  Value(int value) : data_(std::int64_t{value}) {}
  Value(std::int64_t value) : data_(value) {}
  /// Beyond int64: kept as a double.
  Value(std::uint64_t value) {
    if (value <= static_cast<std::uint64_t>(INT64_MAX)) {
      data_ = static_cast<std::int64_t>(value);
    } else {
      data_ = static_cast<double>(value);
    }
  }
  Value(double value) : data_(value) {}
  Value(const char* value) : data_(std::string(value)) {}
  Value(std::string_view value) : data_(std::string(value)) {}
  Value(std::string value) : data_(std::move(value)) {}
  Value(Array value) : data_(std::move(value)) {}
  Value(Object value) : data_(std::move(value)) {}

  static Value array() { return Value(Array{}); }
  static Value object() { return Value(Object{}); }

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(data_); }
  bool is_array() const { return std::holds_alternative<Array>(data_); }
  bool is_object() const { return std::holds_alternative<Object>(data_); }
  /// Null pointers where the value is of another type.
  const bool* if_bool() const { return std::get_if<bool>(&data_); }
  const std::int64_t* if_integer() const { return std::get_if<std::int64_t>(&data_); }
  const double* if_double() const { return std::get_if<double>(&data_); }
  const std::string* if_string() const { return std::get_if<std::string>(&data_); }
  const Array* if_array() const { return std::get_if<Array>(&data_); }
  const Object* if_object() const { return std::get_if<Object>(&data_); }

  /// A member of an object; null if there is none or this is no object.
  const Value* find(std::string_view key) const;
  /// The same, regardless of ASCII case: Stibee's backend writes keys in either (a Go service decodes them
  /// so).
  const Value* find_any_case(std::string_view key) const;

  /// Adds a member; this must be an object (or null, which becomes one). Returns *this.
  Value& set(std::string key, Value value);
  /// Appends; this must be an array (or null, which becomes one).
  Value& push_back(Value value);

 private:
  std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object> data_{nullptr};
};

/// nullopt if `text` is not exactly one JSON value (depth ≤ 32, valid UTF-8, finite numbers), but for a UTF-8
/// byte order mark before it. Numbers beyond int64 become doubles; of a key given twice the last value
/// counts.
std::optional<Value> parse(std::string_view text);
/// Compact, one line. Strings must be UTF-8; invalid bytes become U+FFFD.
std::string to_string(const Value& value);
/// Two spaces of indentation, for people.
std::string to_pretty_string(const Value& value);
/// The JSON string literal of `text`, with its quotes, appended to `out`: what exact byte counts are built
/// from.
void append_quoted(std::string& out, std::string_view text);
/// The same without quotes.
void append_escaped(std::string& out, std::string_view text);

}  // namespace stibee_sync::json

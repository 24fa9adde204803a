#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <variant>

namespace stibee_sync::domain {

/// The value of a source row's key column. Integer keys order as numbers, text and uuid keys as bytes: the
/// same order in which PostgreSQL delivers them (`ORDER BY key`, text with COLLATE "C"), so that the stream
/// and the stored snapshot can be merged.
class MemberKey {
 public:
  MemberKey() = default;
  explicit MemberKey(std::int64_t number) : value_(number) {}
  explicit MemberKey(std::string text) : value_(std::move(text)) {}

  bool is_integer() const { return std::holds_alternative<std::int64_t>(value_); }
  std::int64_t integer() const { return std::get<std::int64_t>(value_); }
  const std::string& text() const { return std::get<std::string>(value_); }
  /// For reports to a human; a key may be personal data, so it never reaches a log.
  std::string to_string() const { return is_integer() ? std::to_string(integer()) : text(); }

  friend bool operator==(const MemberKey&, const MemberKey&) = default;
  friend std::strong_ordering operator<=>(const MemberKey& a, const MemberKey& b) {
    if (a.value_.index() != b.value_.index()) return a.value_.index() <=> b.value_.index();
    if (a.is_integer()) return a.integer() <=> b.integer();
    return a.text().compare(b.text()) <=> 0;
  }

 private:
  std::variant<std::int64_t, std::string> value_{std::int64_t{0}};
};

}  // namespace stibee_sync::domain

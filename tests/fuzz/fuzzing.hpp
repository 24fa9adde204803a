#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

// What several fuzz targets need.
namespace stibee_sync::fuzzing {

/// Ends the process, by which every runner knows a finding.
inline void require(bool condition, std::string_view what) {
  if (condition) return;
  std::cerr << "violated: " << what << '\n';
  std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Values taken off the front of an input; zeros and "" once it is used up.
class Bytes {
 public:
  explicit Bytes(std::string_view input) : rest_(input) {}

  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::int64_t integer() {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i)
      value = (value << 8) | byte();
    return static_cast<std::int64_t>(value);
  }
  /// A byte says how long it is.
  std::string_view text() { return take(byte()); }
  std::string_view take(std::size_t most) {
    const auto part = rest_.substr(0, most);
    rest_.remove_prefix(part.size());
    return part;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace stibee_sync::fuzzing

#pragma once

#include <string_view>
#include <vector>

namespace stibee_sync::settings {

/// A key or password. It can be revealed on purpose but not printed by accident: there is no stream operator.
/// Its memory is overwritten when it is destroyed, assigned over or moved from. Copies are independent.
/// Not thread-safe while being assigned; reading from several threads is fine.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view value);
  Secret(const Secret& other);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret other) noexcept;
  ~Secret();

  /// The value itself; valid until this object is assigned, moved from or destroyed.
  [[nodiscard]] std::string_view reveal() const noexcept;
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }

  /// Takes the same time wherever the first difference lies.
  friend bool operator==(const Secret& left, const Secret& right) noexcept;

  template <class Stream>
  friend Stream& operator<<(Stream&, const Secret&) = delete;

 private:
  std::vector<char> bytes_;  // not a string: short strings leave copies of themselves behind when moved
};

}  // namespace stibee_sync::settings

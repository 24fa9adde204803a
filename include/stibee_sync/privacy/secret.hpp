#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::privacy {

/// Overwrites memory that nobody reads any more; the optimiser may not leave that out.
void wipe(void* memory, std::size_t size) noexcept;
/// Empties a text that held a secret, and leaves nothing of it in its memory.
void wipe(std::string& text) noexcept;

/// Wipes what it is given back, so that a container leaves nothing behind when it grows or ends.
template <typename T>
struct WipingAllocator {
  using value_type = T;

  WipingAllocator() = default;
  template <typename U>
  WipingAllocator(const WipingAllocator<U>&) noexcept {}

  T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }
  void deallocate(T* memory, std::size_t count) noexcept {
    wipe(memory, count * sizeof(T));
    std::allocator<T>().deallocate(memory, count);
  }

  friend bool operator==(const WipingAllocator&, const WipingAllocator&) noexcept { return true; }
};

/// A key, a password, or bytes that hold one. It can be revealed on purpose but not printed by accident.
/// Its memory is overwritten when it is destroyed, assigned over or grows. Copies are independent.
/// Not thread-safe while being changed; reading from several threads is fine.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view value);
  Secret(const Secret& other) = default;
  Secret(Secret&& other) noexcept = default;
  Secret& operator=(Secret other) noexcept;
  ~Secret() = default;

  void append(std::string_view more);
  /// The value itself; valid until this object is changed, moved from or destroyed.
  [[nodiscard]] std::string_view reveal() const noexcept;
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }

  /// Takes the same time wherever the first difference lies.
  friend bool operator==(const Secret& left, const Secret& right) noexcept;

  template <class Stream>
  friend Stream& operator<<(Stream&, const Secret&) = delete;

 private:
  // Not a string: short strings leave copies of themselves behind when moved.
  std::vector<char, WipingAllocator<char>> bytes_;
};

}  // namespace stibee_sync::privacy

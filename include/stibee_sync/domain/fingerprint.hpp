#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace stibee_sync::domain {

/// 128-bit keyed hash (SipHash-2-4-128) of some text. Keyed, so that a fingerprint of a phone number found in
/// a state file cannot be turned back by trying all numbers without the key that lies beside it.
struct Fingerprint {
  std::array<std::uint8_t, 16> bytes{};
  friend auto operator<=>(const Fingerprint&, const Fingerprint&) = default;
};

/// The secret of one state directory: 32 random bytes made at its first start and kept in the store.
/// Everything keyed derives from it. Thread-safe (immutable).
class StateKey {
 public:
  static constexpr std::size_t size = 32;
  using Bytes = std::array<std::uint8_t, size>;
  explicit StateKey(const Bytes& bytes);
  /// From the operating system's generator.
  static Bytes random_bytes();

  /// Fast; for change detection.
  Fingerprint fingerprint(std::string_view text) const;
  /// Keyed BLAKE2b-256 of an address: what suppressions and tombstones keep of a person who is gone.
  std::array<std::uint8_t, 32> person_hash(std::string_view normalised_address) const;
  /// The `ref` by which a person appears in logs: 12 hex digits of the person's hash.
  std::string ref(std::string_view normalised_address) const;

 private:
  std::array<std::uint8_t, 16> fingerprint_key_{};
  Bytes person_key_{};
};

}  // namespace stibee_sync::domain

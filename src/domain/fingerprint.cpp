#include "stibee_sync/domain/fingerprint.hpp"

#include "stibee_sync/text/hex.hpp"

#include <stdexcept>

#include <sodium.h>

namespace stibee_sync::domain {
namespace {

// Sub-key numbers and context are part of the state file's format: changing one makes every stored
// fingerprint and suppression unrecognisable.
constexpr char context[crypto_kdf_CONTEXTBYTES + 1] = "stibeesy";
constexpr std::uint64_t fingerprint_subkey = 1;
constexpr std::uint64_t person_subkey = 2;

void ensure_sodium() {
  // Cheap and thread-safe after the first call.
  if (sodium_init() < 0)
    throw std::runtime_error(
        "libsodium cannot start: no source of randomness; check that /dev/urandom exists");
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

StateKey::StateKey(const Bytes& bytes) {
  static_assert(size == crypto_kdf_KEYBYTES);
  static_assert(std::tuple_size_v<decltype(fingerprint_key_)> == crypto_shorthash_siphashx24_KEYBYTES);
  static_assert(sizeof(Fingerprint::bytes) == crypto_shorthash_siphashx24_BYTES);
  ensure_sodium();
  crypto_kdf_derive_from_key(fingerprint_key_.data(), fingerprint_key_.size(), fingerprint_subkey, context,
                             bytes.data());
  crypto_kdf_derive_from_key(person_key_.data(), person_key_.size(), person_subkey, context, bytes.data());
}

StateKey::Bytes StateKey::random_bytes() {
  ensure_sodium();
  Bytes bytes;
  randombytes_buf(bytes.data(), bytes.size());
  return bytes;
}

Fingerprint StateKey::fingerprint(std::string_view text) const {
  Fingerprint result;
  crypto_shorthash_siphashx24(result.bytes.data(), bytes_of(text), text.size(), fingerprint_key_.data());
  return result;
}

std::array<std::uint8_t, 32> StateKey::person_hash(std::string_view normalised_address) const {
  std::array<std::uint8_t, 32> hash{};
  crypto_generichash(hash.data(), hash.size(), bytes_of(normalised_address), normalised_address.size(),
                     person_key_.data(), person_key_.size());
  return hash;
}

std::string StateKey::ref(std::string_view normalised_address) const {
  const auto hash = person_hash(normalised_address);
  return text::to_hex(std::span(hash).first<6>());
}

}  // namespace stibee_sync::domain

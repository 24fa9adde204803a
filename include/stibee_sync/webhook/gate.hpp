#pragma once

#include "stibee_sync/domain/fingerprint.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::webhook {

/// A network of IP addresses. IPv4 is held as IPv4-mapped IPv6, so that both spellings of an address match.
class Network {
 public:
  /// nullopt if `address` is no IPv4 or IPv6 literal, or `prefix_length` is beyond its bits.
  static std::optional<Network> parse(std::string_view address, int prefix_length);
  /// False for what is no address.
  bool contains(std::string_view address) const;

 private:
  Network() = default;
  std::array<std::uint8_t, 16> address_{};
  int prefix_length_ = 128;
  bool is_v4_ = false;
};

/// Where a request comes from, in the words of the request.
struct Caller {
  std::string path;                        // as sent
  std::string peer;                        // address of the other end of the connection
  std::vector<std::string> forwarded_for;  // each X-Forwarded-For header, in order
};

enum class Verdict { Admitted, NoSuchPath, WrongSecret, WrongSource };
std::string_view name(Verdict verdict);  // "admitted", "no_such_path", …

/// Tells Stibee from the rest: there is no signature, so it is the secret in the path /webhook/SECRET and the
/// source address. Immutable; any thread.
class Gate {
 public:
  /// `proxies` are believed about X-Forwarded-For; from anybody else the header counts for nothing.
  Gate(std::string_view secret, std::vector<Network> allowed, std::vector<Network> proxies);

  /// Takes the same time whatever part of the secret is right, and whatever its length: hashes are compared.
  /// All checks are made in any case.
  Verdict judge(const Caller& caller) const;
  /// The address that counts: the connection's, or through trusted proxies the last one that is none of them.
  /// "" if a proxy names something that is no address.
  std::string source_of(const Caller& caller) const;

 private:
  bool trusts(std::string_view address) const;

  domain::StateKey key_;  // of this object only
  std::array<std::uint8_t, 32> secret_{};
  std::vector<Network> allowed_;
  std::vector<Network> proxies_;
};

}  // namespace stibee_sync::webhook

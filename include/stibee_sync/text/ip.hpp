#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stibee_sync::text {

/// An IP address. Pure value; any thread.
class IpAddress {
 public:
  /// nullopt for what is no IPv4 literal (four decimal numbers) and no IPv6 literal (without zone and
  /// brackets).
  static std::optional<IpAddress> parse(std::string_view literal);

  /// Written as IPv4: `::ffff:10.0.0.1` is none, though it is the same machine.
  bool is_v4() const { return is_v4_; }
  int bits() const { return is_v4_ ? 32 : 128; }
  /// 127.0.0.0/8 and ::1.
  bool is_loopback() const;
  /// The form the system writes it in.
  std::string text() const;
  /// With all bits after the first `prefix_length` (0 … bits()) cleared.
  IpAddress masked(int prefix_length) const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  friend class IpNetwork;
  bool is_mapped() const;

  std::array<std::uint8_t, 16> bytes_{};  // IPv4 as IPv4-mapped IPv6
  bool is_v4_ = false;
};

/// A network of IP addresses. Both spellings of an IPv4 address (`10.0.0.1`, `::ffff:10.0.0.1`) are the same
/// to it, and `::/0` is all of IPv6 and nothing of IPv4.
class IpNetwork {
 public:
  /// nullopt if `address` is no IP literal, or `prefix_length` is beyond its bits.
  static std::optional<IpNetwork> parse(std::string_view address, int prefix_length);
  bool contains(const IpAddress& address) const;

 private:
  explicit IpNetwork(const IpAddress& address) : address_(address) {}
  IpAddress address_;  // as IPv6, masked
  int prefix_length_ = 128;
  bool is_v4_ = false;
};

/// An address and a port to listen on.
struct ListenAddress {
  std::string host;        ///< an IP literal, IPv6 without brackets
  std::uint16_t port = 0;  ///< 0 lets the system choose
  /// `127.0.0.1:9464`, `[::1]:9464`
  std::string text() const;
  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

}  // namespace stibee_sync::text

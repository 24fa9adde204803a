#pragma once

#include "stibee_sync/domain/fingerprint.hpp"
#include "stibee_sync/text/ip.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::webhook {

/// Where a request comes from, in the words of the request.
struct RequestOrigin {
  std::string path;                        // as sent
  std::string peer;                        // address of the other end of the connection
  std::vector<std::string> forwarded_for;  // each X-Forwarded-For header, in order
};

enum class Verdict { Admitted, NoSuchPath, WrongSecret, WrongSource };
std::string_view name(Verdict verdict);  // "admitted", "no_such_path", …

/// What the address at the other end of a connection says before the first byte.
enum class Peer {
  Stranger,  // nothing that it could send would be admitted
  Caller,    // may call
  Proxy,     // for whom it speaks, its header says
};

/// Tells Stibee from the rest: there is no signature, so it is the secret in the path /webhook/SECRET and the
/// source address. Immutable; any thread.
class Gate {
 public:
  /// `proxies` are believed about X-Forwarded-For; from anybody else the header counts for nothing.
  Gate(std::string_view secret, std::vector<text::IpNetwork> allowed, std::vector<text::IpNetwork> proxies);

  /// Takes the same time whatever part of the secret is right, and whatever its length: hashes are compared.
  /// All checks are made in any case.
  Verdict judge(const RequestOrigin& caller) const;
  Peer peer(std::string_view address) const;
  /// The address that counts: the connection's, or through trusted proxies the last one that is none of them.
  /// "" if a proxy names something that is no address.
  std::string source_of(const RequestOrigin& caller) const;

 private:
  bool trusts(std::string_view address) const;

  domain::StateKey key_;  // of this object only
  std::array<std::uint8_t, 32> secret_{};
  std::vector<text::IpNetwork> allowed_;
  std::vector<text::IpNetwork> proxies_;
};

}  // namespace stibee_sync::webhook

#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl.hpp>

namespace stibee_sync::http {

using StreamSocket = boost::asio::generic::stream_protocol::socket;
using TlsStream = boost::asio::ssl::stream<StreamSocket&>;

/// The identity a TLS peer must prove, and whom we believe.
class TlsClient {
 public:
  /// Throws std::runtime_error when ca_file cannot be used.
  TlsClient(std::string host, bool host_is_ip_literal, const std::optional<std::filesystem::path>& ca_file);

  /// Sets SNI and the name to verify on a stream made from context().
  void prepare(TlsStream& stream) const;

  boost::asio::ssl::context& context() { return context_; }

 private:
  std::string host_;
  bool ip_literal_;
  boost::asio::ssl::context context_;
};

/// After a failed handshake: what is wrong with the peer's certificate, or nothing when something else
/// failed.
std::optional<std::string> certificate_problem(TlsStream& stream);

}  // namespace stibee_sync::http

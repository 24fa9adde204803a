#include "http/tls.hpp"

#include <fstream>
#include <stdexcept>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace stibee_sync::http {

namespace ssl = boost::asio::ssl;

TlsClient::TlsClient(std::string host, bool host_is_ip_literal,
                     const std::optional<std::filesystem::path>& ca_file)
    : host_(std::move(host)), ip_literal_(host_is_ip_literal), context_(ssl::context::tls_client) {
  context_.set_default_verify_paths();
  if (ca_file) {
    if (!std::ifstream(*ca_file)) {
      throw std::runtime_error("ca_file " + ca_file->string() +
                               " cannot be opened: check that it exists and that "
                               "the service may read it");
    }
    boost::system::error_code error;
    context_.load_verify_file(ca_file->string(), error);
    if (error) {
      ERR_clear_error();
      throw std::runtime_error("ca_file " + ca_file->string() +
                               " holds no certificate that can be read: it must be "
                               "PEM, beginning with '-----BEGIN CERTIFICATE-----'");
    }
  }
  context_.set_verify_mode(ssl::verify_peer);
  SSL_CTX_set_min_proto_version(context_.native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_options(context_.native_handle(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
}

void TlsClient::prepare(TlsStream& stream) const {
  SSL* const handle = stream.native_handle();
  X509_VERIFY_PARAM* const verify = SSL_get0_param(handle);
  X509_VERIFY_PARAM_set_hostflags(verify,
                                  X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  // The name is checked as part of the chain verification, so that a wrong host fails inside the handshake.
  const bool set = ip_literal_ ? X509_VERIFY_PARAM_set1_ip_asc(verify, host_.c_str()) == 1
                               : X509_VERIFY_PARAM_set1_host(verify, host_.c_str(), host_.size()) == 1 &&
                                     SSL_set_tlsext_host_name(handle, host_.c_str()) == 1;
  if (!set) throw std::runtime_error("OpenSSL does not accept the host name of the base URL");
}

std::optional<std::string> certificate_problem(TlsStream& stream) {
  const long result = SSL_get_verify_result(stream.native_handle());
  if (result == X509_V_OK) return std::nullopt;
  return std::string(X509_verify_cert_error_string(result));
}

}  // namespace stibee_sync::http

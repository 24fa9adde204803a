#include "integration/http/certificates.hpp"

#include <atomic>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace stibee_sync::http::test {
namespace {

template <typename T, void (*destroy)(T*)>
struct Destroy {
  void operator()(T* object) const { destroy(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Destroy<EVP_PKEY, EVP_PKEY_free>>;
using X509Ptr = std::unique_ptr<X509, Destroy<X509, X509_free>>;
using BioPtr = std::unique_ptr<BIO, Destroy<BIO, BIO_free_all>>;

void require(bool condition, const char* what) {
  if (!condition) throw std::runtime_error(std::string("OpenSSL: ") + what);
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<std::size_t>(size));
}

BioPtr memory(const std::string& text = {}) {
  BioPtr bio(text.empty() ? BIO_new(BIO_s_mem())
                          : BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  require(bio != nullptr, "memory BIO");
  return bio;
}

void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  require(extension != nullptr, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

Certificate make(const CertificateWish& wish, bool authority, const Certificate* issuer) {
  static std::atomic<long> serial = 1000;
  const Key key(EVP_EC_gen("P-256"));
  require(key != nullptr, "key");
  const X509Ptr certificate(X509_new());
  X509* const x509 = certificate.get();
  X509_set_version(x509, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
  const long end = static_cast<long>(wish.valid_from_now.count());
  X509_gmtime_adj(X509_getm_notBefore(x509),
                  std::min(static_cast<long>(wish.begins_from_now.count()), end - 86400));
  X509_gmtime_adj(X509_getm_notAfter(x509), end);
  X509_set_pubkey(x509, key.get());
  X509_NAME* const subject = X509_get_subject_name(x509);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wish.common_name.c_str()), -1, -1, 0);
  X509Ptr issuer_certificate;
  Key issuer_key;
  if (issuer != nullptr) {
    issuer_certificate.reset(
        PEM_read_bio_X509(memory(issuer->certificate_pem).get(), nullptr, nullptr, nullptr));
    issuer_key.reset(PEM_read_bio_PrivateKey(memory(issuer->key_pem).get(), nullptr, nullptr, nullptr));
    require(issuer_certificate && issuer_key, "issuer");
  }
  X509* const signer = issuer_certificate ? issuer_certificate.get() : x509;
  X509_set_issuer_name(x509, X509_get_subject_name(signer));
  extend(x509, signer, NID_basic_constraints, authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  extend(x509, signer, NID_subject_key_identifier, "hash");
  if (authority) extend(x509, signer, NID_key_usage, "critical,keyCertSign,cRLSign");
  std::string alternatives;
  for (const auto& name : wish.alternatives)
    alternatives += (alternatives.empty() ? "" : ",") + name;
  if (!alternatives.empty()) extend(x509, signer, NID_subject_alt_name, alternatives);
  require(X509_sign(x509, issuer_key ? issuer_key.get() : key.get(), EVP_sha256()) > 0, "sign");

  Certificate result;
  const auto certificate_bio = memory();
  PEM_write_bio_X509(certificate_bio.get(), x509);
  result.certificate_pem = text_of(certificate_bio.get());
  const auto key_bio = memory();
  PEM_write_bio_PrivateKey(key_bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  result.key_pem = text_of(key_bio.get());
  return result;
}

CertificateWish authority_wish() {
  CertificateWish wish({});
  wish.common_name = "stibee test authority";
  return wish;
}

}  // namespace

Authority::Authority() : own_(make(authority_wish(), true, nullptr)) {}

Certificate Authority::issue(const CertificateWish& wish) const {
  return make(wish, false, &own_);
}

Certificate self_signed(const CertificateWish& wish) {
  return make(wish, false, nullptr);
}

TemporaryFile::TemporaryFile(const std::string& content) {
  std::string name = (std::filesystem::temp_directory_path() / "stibee-http-XXXXXX").string();
  const int file = ::mkstemp(name.data());
  require(file >= 0, "mkstemp");
  ::close(file);
  path_ = name;
  std::ofstream(path_) << content;
}

TemporaryFile::~TemporaryFile() {
  std::filesystem::remove(path_);
}

}  // namespace stibee_sync::http::test

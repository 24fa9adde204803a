#include "certificate.hpp"

#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <sys/stat.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace stibee_sim {

namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Memory = std::unique_ptr<BIO, Deleter<BIO_free_all>>;

struct Authority {
  Key key;
  Certificate certificate;
};

void expect(bool worked, const char* what) {
  if (!worked) throw std::runtime_error(std::string{"certificate: "} + what + " failed");
}

Key make_key() {
  Key key{EVP_EC_gen("P-256")};
  expect(key != nullptr, "making a key");
  return key;
}

std::string text_of(BIO* memory) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(memory, &data);
  return std::string{data, static_cast<std::size_t>(size)};
}

std::string pem(X509* certificate) {
  const Memory memory{BIO_new(BIO_s_mem())};
  expect(PEM_write_bio_X509(memory.get(), certificate) == 1, "writing a certificate");
  return text_of(memory.get());
}

std::string pem(EVP_PKEY* key) {
  const Memory memory{BIO_new(BIO_s_mem())};
  expect(PEM_write_bio_PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
         "writing a key");
  return text_of(memory.get());
}

void add_extension(X509* certificate, X509* issuer, int which, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>> extension{
      X509V3_EXT_conf_nid(nullptr, &context, which, value.c_str())};
  expect(extension != nullptr, ("the extension " + value).c_str());
  expect(X509_add_ext(certificate, extension.get(), -1) == 1, "adding an extension");
}

Certificate start_certificate(EVP_PKEY* key, const std::string& name, long from_seconds, long until_seconds) {
  Certificate certificate{X509_new()};
  expect(certificate != nullptr, "making a certificate");
  X509_set_version(certificate.get(), 2);
  // A client that met an earlier run must not see the same issuer and serial number with another key.
  std::uint64_t serial = 0;
  expect(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1, "a serial number");
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial >> 1U);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), from_seconds);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), until_seconds);
  X509_set_pubkey(certificate.get(), key);
  auto* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return certificate;
}

constexpr long day = 24L * 60 * 60;
constexpr const char* own_name = "stibee-sim authority";

Authority make_authority(const std::string& name) {
  Authority authority{make_key(), nullptr};
  authority.certificate = start_certificate(authority.key.get(), name, -day, 30 * day);
  X509* certificate = authority.certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(certificate, certificate, NID_subject_key_identifier, "hash");
  expect(X509_sign(certificate, authority.key.get(), EVP_sha256()) > 0, "signing the authority");
  return authority;
}

void write_file(const std::filesystem::path& path, const std::string& text, mode_t mode) {
  const auto before = ::umask(static_cast<mode_t>(0777U & ~mode));
  std::ofstream file{path, std::ios::binary | std::ios::trunc};
  ::umask(before);
  file << text;
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path.string());
}

std::optional<Authority> kept_authority(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  const std::string both = text.str();
  const Memory memory{BIO_new_mem_buf(both.data(), static_cast<int>(both.size()))};
  Authority authority{Key{PEM_read_bio_PrivateKey(memory.get(), nullptr, nullptr, nullptr)}, nullptr};
  authority.certificate.reset(PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr));
  if (authority.key == nullptr || authority.certificate == nullptr) {
    throw std::runtime_error(path.string() + " holds no authority; delete it and a new one is made");
  }
  return authority;
}

Authority authority_for(const Options& options) {
  if (options.keep_ca.empty()) return make_authority(own_name);
  if (auto kept = kept_authority(options.keep_ca)) return std::move(*kept);
  Authority made = make_authority(own_name);
  write_file(options.keep_ca, pem(made.key.get()) + pem(made.certificate.get()), 0600);
  return made;
}

std::string names(const Options& options) {
  if (options.certificate == ServerCertificate::WrongHost) return "DNS:somebody-else.example";
  std::string text = "DNS:localhost,IP:127.0.0.1,IP:::1";
  for (const auto& host : options.hosts) {
    const bool is_address =
        host.find_first_not_of("0123456789.") == std::string::npos || host.find(':') != std::string::npos;
    text += (is_address ? ",IP:" : ",DNS:") + host;
  }
  return text;
}

}  // namespace

Identity make_identity(const Options& options) {
  const Authority trusted = authority_for(options);
  Authority other;
  if (options.certificate == ServerCertificate::Untrusted)
    other = make_authority("somebody else's authority");
  const Authority& signer = options.certificate == ServerCertificate::Untrusted ? other : trusted;

  long from = -day;
  long until = 30 * day;
  if (options.certificate == ServerCertificate::Expired) from = -10 * day, until = -day;
  if (options.certificate == ServerCertificate::NotYet) from = day;
  const Key key = make_key();
  const Certificate certificate = start_certificate(key.get(), "stibee-sim", from, until);
  X509* issuer = signer.certificate.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer));
  add_extension(certificate.get(), issuer, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(certificate.get(), issuer, NID_key_usage, "critical,digitalSignature");
  add_extension(certificate.get(), issuer, NID_ext_key_usage, "serverAuth");
  add_extension(certificate.get(), issuer, NID_subject_alt_name, names(options));
  expect(X509_sign(certificate.get(), signer.key.get(), EVP_sha256()) > 0, "signing the certificate");

  Identity identity{pem(trusted.certificate.get()), pem(certificate.get()), pem(key.get())};
  if (!options.write_ca.empty()) write_file(options.write_ca, identity.authority_pem, 0644);
  return identity;
}

}  // namespace stibee_sim

#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace stibee_sync::http::test {

class Certificate {
 public:
  std::string certificate_pem;
  std::string key_pem;
};

class CertificateWish {
 public:
  explicit CertificateWish(std::vector<std::string> subject_alternatives)
      : alternatives(std::move(subject_alternatives)) {}

  std::vector<std::string> alternatives;  // "DNS:localhost", "IP:127.0.0.1"
  std::string common_name = "stibee test";
  std::chrono::seconds valid_from_now = std::chrono::hours(24);  // negative: expired
  std::chrono::seconds begins_from_now =
      -std::chrono::hours(24);  // and a day before it expired at the latest
};

/// A certificate authority that lives for one test.
class Authority {
 public:
  Authority();

  Certificate issue(const CertificateWish& wish) const;
  const std::string& pem() const { return own_.certificate_pem; }

 private:
  Certificate own_;
};

/// Signed by itself, known to nobody.
Certificate self_signed(const CertificateWish& wish);

/// A file in the temporary directory, gone with the object.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace stibee_sync::http::test

#include "http/tls.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

namespace stibee_sync::http {
namespace {

std::string reason_of(const std::filesystem::path& ca_file) {
  try {
    const TlsClient client("api.example", false, ca_file);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(TlsClient, NamesACaFileThatIsMissing) {
  EXPECT_THAT(reason_of("/nonexistent/ca.pem"), ::testing::HasSubstr("/nonexistent/ca.pem cannot be opened"));
}

TEST(TlsClient, NamesACaFileThatHoldsNoCertificate) {
  const auto path =
      std::filesystem::temp_directory_path() / ("stibee-ca-" + std::to_string(::getpid()) + ".pem");
  std::ofstream(path) << "this is no certificate\n";
  EXPECT_THAT(reason_of(path), ::testing::HasSubstr("holds no certificate"));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace stibee_sync::http

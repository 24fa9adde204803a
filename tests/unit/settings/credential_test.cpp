#include "stibee_sync/settings/credential.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::settings {
namespace {

Environment credentials_in(std::string directory) {
  return [directory = std::move(directory)](std::string_view name) {
    return name == "CREDENTIALS_DIRECTORY" ? std::optional<std::string>(directory) : std::nullopt;
  };
}

TEST(Credential, IsWhatLiesInTheDirectoryOfCredentials) {
  const auto environment = credentials_in("/run/credentials/x.service");
  EXPECT_TRUE(is_credential("/run/credentials/x.service/key", environment));
  EXPECT_TRUE(is_credential("/run/credentials/x.service/more/key", environment));
  EXPECT_TRUE(is_credential("/run/./credentials/x.service/key", environment));
  EXPECT_FALSE(is_credential("/run/credentials/x.service2/key", environment));
  EXPECT_FALSE(is_credential("/run/credentials/x.service/../key", environment));
  EXPECT_FALSE(is_credential("/run/credentials", environment));
  EXPECT_TRUE(is_credential("/run/credentials/key", credentials_in("/run/credentials/")));
}

TEST(Credential, NothingIsOneWithoutTheDirectory) {
  EXPECT_FALSE(is_credential("/key", [](std::string_view) { return std::nullopt; }));
  EXPECT_FALSE(is_credential("/key", credentials_in("")));
}

}  // namespace
}  // namespace stibee_sync::settings

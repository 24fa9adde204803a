#include "workspace.hpp"

#include <ostream>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stibee_sync::settings {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// A file with an API key in `file`, which is line 2.
std::string naming(const std::string& file) {
  return "stibee:\n  api_key_file: " + file + "\ndatabase: {url: postgresql://a@b/c}\n" +
         std::string(minimal_mirrors);
}

struct BadFile {
  const char* name;
  std::string content;
  unsigned mode;
  std::string reason;
  friend void PrintTo(const BadFile& bad, std::ostream* out) { *out << bad.name; }
};
class BadSecretFile : public testing::TestWithParam<BadFile> {};

TEST_P(BadSecretFile, IsRefusedAtTheLineThatNamesItAndNotRepeated) {
  const Workspace workspace;
  workspace.write("key", GetParam().content, GetParam().mode);
  EXPECT_THAT(workspace.problems(naming("./key")),
              ElementsAre(AllOf(testing::StartsWith("2:17: `stibee.api_key_file` names "),
                                HasSubstr(GetParam().reason), Not(HasSubstr("hunter")))));
}

const BadFile files[] = {
    {"Empty", "", 0400, "/key\" is empty; put the secret in it"},
    {"OnlyWhiteSpace", " \r\n\t\n", 0400, "/key\" is empty; put the secret in it"},
    {"ReadableByOthers", "hunter2", 0444,
     "/key\" can be read or written by other users; run `chmod o-rw` on it"},
    {"WritableByOthers", "hunter2", 0602,
     "/key\" can be read or written by other users; run `chmod o-rw` on it"},
    {"SeveralLines", "hunter2\nhunter3\n", 0400,
     "/key\" has more than one line; put nothing but the secret in it, on one line"},
    {"CarriageReturnInside", "hunter2\rhunter3", 0400, "/key\" has more than one line"},
    {"Nul", std::string("hunter\0002", 8), 0400, "/key\" has control characters in it"},
    {"TooLarge", std::string(4097, 'x'), 0400,
     "/key\" is larger than 4 KiB; put nothing but the secret in it"},
    {"SpaceInside", "hunter2 hunter3", 0400,
     "a file that holds something else than an API key; copy the key again"},
    {"NotAscii", "hunter\xc3\xa9", 0400,
     "a file that holds something else than an API key; copy the key again"},
};
INSTANTIATE_TEST_SUITE_P(Files, BadSecretFile, testing::ValuesIn(files),
                         [](const testing::TestParamInfo<BadFile>& one) {
                           return std::string(one.param.name);
                         });

TEST(SecretFile, MissingOneIsNamed) {
  const Workspace workspace;
  EXPECT_THAT(workspace.problems(naming("${CREDENTIALS_DIRECTORY}/none")),
              ElementsAre("2:17: `stibee.api_key_file` names a secret that cannot be used: \"" +
                          workspace.folder().string() +
                          "/credentials/none\" does not exist; create it, or correct the path"));
}

TEST(SecretFile, WhatMayBeTheSecretItselfIsNotRepeated) {
  const Workspace workspace;
  EXPECT_THAT(
      workspace.problems(naming("0123456789abcdef")),
      ElementsAre("2:17: `stibee.api_key_file` names a secret that cannot be used: the file does not exist; "
                  "create it, or correct the path"));
}

TEST(SecretFile, DirectoryIsRefused) {
  const Workspace workspace;
  EXPECT_THAT(workspace.problems(naming("./credentials")),
              ElementsAre(HasSubstr("/credentials\" is a directory; name the file inside it")));
}

TEST(SecretFile, DevicesAndPipesAreRefusedWithoutWaiting) {
  const Workspace workspace;
  EXPECT_THAT(workspace.problems(naming("/dev/zero")),
              ElementsAre(HasSubstr("\"/dev/zero\" is not a regular file")));
  ASSERT_EQ(::mkfifo((workspace.folder() / "fifo").c_str(), 0600), 0);
  EXPECT_THAT(workspace.problems(naming("./fifo")), ElementsAre(HasSubstr("/fifo\" is not a regular file")));
}

TEST(SecretFile, WithoutSystemdTheCredentialsAreBesideTheConfiguration) {
  Workspace workspace;
  workspace.variables.clear();
  const auto result = workspace.load(minimal());
  ASSERT_TRUE(result.ok()) << to_string(result.problems().front());
  EXPECT_EQ(result.settings().stibee.api_key_file, workspace.folder() / "credentials/stibee_api_key");
}

TEST(SecretFile, UnsetCredentialsDirectoryIsExplained) {
  Workspace workspace;
  workspace.variables.clear();
  std::filesystem::remove_all(workspace.folder() / "credentials");
  EXPECT_THAT(
      workspace.problems(naming("${CREDENTIALS_DIRECTORY}/key")),
      ElementsAre(
          "2:17: `stibee.api_key_file` needs CREDENTIALS_DIRECTORY, which is not set; run under systemd "
          "with LoadCredential=, make a folder `credentials` beside the configuration, or write the path "
          "out"));
}

TEST(SecretFile, WhiteSpaceAroundItIsTrimmed) {
  const Workspace workspace;
  workspace.write("key", "\r\n  hunter2\t\r\n", 0640);
  const auto result = workspace.load(naming("key"));
  ASSERT_TRUE(result.ok()) << to_string(result.problems().front());
  EXPECT_EQ(result.settings().stibee.api_key.reveal(), "hunter2");
}

TEST(SecretFile, WebhookSecretMustFitIntoAUrl) {
  const Workspace workspace;
  workspace.write("hook", "a/b", 0600);
  EXPECT_THAT(
      workspace.problems(minimal() + "webhook: {secret_file: hook}\n"),
      ElementsAre(
          "12:24: `webhook.secret_file` names a secret with characters that a URL would have to encode; "
          "make one of letters and digits, with `openssl rand -hex 32` for example"));
}

TEST(SecretFile, TheAddressOfNoticesMustBeOneAndIsNotRepeated) {
  const Workspace workspace;
  const std::string yaml = minimal() + "notify: {url_file: hook}\n";
  const std::string names = "12:20: `notify.url_file` names a file whose address ";
  const std::string copy = "; copy the address of the incoming webhook again: https://HOST/…";
  const std::pair<std::string_view, std::string> addresses[] = {
      {"hooks.example.org/s3cret", "is no URL beginning with https://" + copy},
      {"ftp://hooks.example.org/s3cret", "is no URL beginning with https://" + copy},
      {"https://hooks example.org/s3cret", "is no URL beginning with https://" + copy},
      {"https://me:s3cret@hooks.example.org/x", "has a user name or password in it" + copy},
      {"https://hooks.example.org/x#s3cret", "has a fragment (#)" + copy},
      {"https:///s3cret", "has no valid host" + copy},
      {"https://hooks.example.org:0/s3cret", "has no valid port" + copy},
      {"http://hooks.example.org/s3cret",
       "is plain http to another machine, which would show it to the network; use https://; plain http is "
       "for a loopback address only"},
  };
  for (const auto& [address, wrong] : addresses) {
    workspace.write("hook", address, 0600);
    EXPECT_THAT(workspace.problems(yaml), ElementsAre(names + wrong)) << address;
  }
  for (const auto* const address : {"http://127.0.0.1:8080/x", "http://[::1]/", "https://hooks.example.org",
                                    "https://hooks.example.org/a@b/c?token=d"}) {
    workspace.write("hook", address, 0600);
    EXPECT_THAT(workspace.problems(yaml), IsEmpty()) << address;
  }
}

}  // namespace
}  // namespace stibee_sync::settings

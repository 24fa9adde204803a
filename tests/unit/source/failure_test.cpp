#include "source/failure.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stibee_sync::source {
namespace {

using Kind = SourceError::Kind;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Sanitising, DropsSeverityPositionAndEveryFurtherLine) {
  EXPECT_EQ(sanitise("ERROR:  there is no parameter $1 at character 31\nDETAIL:  secret\n", {}),
            "there is no parameter $1");
}

TEST(Sanitising, KeepsOnlyQuotedNamesThatTheConfigurationHolds) {
  const auto text =
      R"(ERROR:  column "e_mail" or "kim@example.com" or "010-1234" does not exist at character 8)";
  EXPECT_EQ(sanitise(text, {"SELECT e_mail, 'kim@example.com' FROM members"}),
            R"(column "e_mail" or … or … does not exist)");
}

TEST(Sanitising, DropsAddressesOutsideQuotesAndUnclosedQuotes) {
  EXPECT_EQ(sanitise("ERROR:  bad value kim@example.com here", {}), "bad value … here");
  EXPECT_EQ(sanitise("ERROR:  unterminated quoted string at or near \"'kim@example.com", {}),
            "unterminated quoted string at or near …");
  EXPECT_EQ(sanitise("ERROR:  can't do 'kim'", {}), "can't do …");
}

TEST(Fitting, CutsAtCharactersAndMendsBytes) {
  std::string longer;
  for (int i = 0; i < 200; ++i)
    longer += "가";
  const auto cut = fit(longer);
  EXPECT_LE(cut.size(), max_message);
  EXPECT_EQ(cut.size() % 3, 0U);
  EXPECT_TRUE(cut.ends_with("…"));
  EXPECT_EQ(fit("a\xC3(\n\n b\xFF"), "a?( b?");
  EXPECT_EQ(fit(std::string(max_message, 'x')), std::string(max_message, 'x'));
}

TEST(Classification, FollowsTheSqlstate) {
  struct Case {
    const char* sqlstate;
    Kind kind;
  };
  for (const auto& [sqlstate, kind] : {Case{"08006", Kind::Unreachable}, Case{"57P01", Kind::Unreachable},
                                       Case{"57P03", Kind::Unreachable}, Case{"53300", Kind::Unreachable},
                                       Case{"55P03", Kind::Unreachable}, Case{"28P01", Kind::Refused},
                                       Case{"28000", Kind::Refused},     Case{"42501", Kind::Refused},
                                       Case{"42P01", Kind::NotAsMapped}, Case{"42703", Kind::NotAsMapped},
                                       Case{"42601", Kind::NotAsMapped}, Case{"3D000", Kind::NotAsMapped},
                                       Case{"0A000", Kind::NotAsMapped}, Case{"25006", Kind::NotAsMapped},
                                       Case{"22021", Kind::Failed},      Case{"22P05", Kind::Failed},
                                       Case{"22P02", Kind::Failed},      Case{"53100", Kind::Failed},
                                       Case{"40001", Kind::Failed},      Case{"XX001", Kind::Failed},
                                       Case{"P0001", Kind::Failed},      Case{"", Kind::Failed}}) {
    const auto error = classify(sqlstate, "");
    EXPECT_EQ(error.kind, kind) << sqlstate;
    EXPECT_EQ(error.sqlstate, sqlstate);
    EXPECT_FALSE(error.message.empty());
  }
}

TEST(Classification, ACodeOfAForeignServerIsNotOurOwnConnectionsEnd) {
  for (const std::string sqlstate : {"08001", "08006", "08003", "HV00N"}) {
    const auto error = classify(sqlstate, "");
    EXPECT_EQ(error.kind, Kind::Unreachable) << sqlstate;
    EXPECT_THAT(error.message, HasSubstr("foreign server")) << sqlstate;
  }
  EXPECT_EQ(classify("HV00B", "").kind, Kind::Failed);
}

TEST(Classification, NamesWhatAPoolerHasAgainstUs) {
  const auto statement = of_pooler("08P01", "transaction blocks not allowed in statement pooling mode");
  ASSERT_TRUE(statement.has_value());
  EXPECT_EQ(statement->kind, Kind::NotAsMapped);
  EXPECT_THAT(statement->message, testing::AllOf(HasSubstr("PgBouncer"), HasSubstr("statement mode"),
                                                 HasSubstr("pool_mode = transaction")));
  const auto full = of_pooler("08P01", "query_wait_timeout");
  ASSERT_TRUE(full.has_value());
  EXPECT_EQ(full->kind, Kind::Unreachable);
  EXPECT_THAT(full->message, HasSubstr("pool size"));
  EXPECT_EQ(of_pooler("08P01", "kim@example.com")->message.find("kim"), std::string::npos);
  EXPECT_FALSE(of_pooler("42P01", "statement pooling mode").has_value());
}

TEST(ConnectError, TakesTheServersCodeInAnyLanguage) {
  const auto error =
      connect_error("connection to server at \"db\", port 5432 failed: 치명적오류:  28P01\n", "db:5432");
  EXPECT_EQ(error.kind, Kind::Refused);
  EXPECT_EQ(error.sqlstate, "28P01");
  EXPECT_THAT(error.message, HasSubstr("db:5432"));
}

TEST(ConnectError, WhoeverTurnsConnectionsAwayIsUnreachable) {
  for (const std::string sqlstate : {"55000", "53200", "57P03", "XX000"}) {
    const auto error = connect_error("connection to server failed: FATAL:  " + sqlstate + "\n", "db:5432");
    EXPECT_EQ(error.kind, Kind::Unreachable) << sqlstate;
    EXPECT_EQ(error.sqlstate, sqlstate);
  }
  EXPECT_EQ(connect_error("connection to server failed: FATAL:  3D000\n", "db").kind, Kind::NotAsMapped);
}

TEST(ConnectError, NamesWhatLibpqFoundWithoutQuotingIt) {
  EXPECT_THAT(
      connect_error("could not translate host name \"pa:ss@db\" to address: Name or service not known", "db")
          .message,
      testing::AllOf(HasSubstr("cannot be resolved"), Not(HasSubstr("pa:ss"))));
  EXPECT_EQ(connect_error("failed: fe_sendauth: no password supplied", "db").kind, Kind::Refused);
  EXPECT_THAT(connect_error("connection failed: something about \"s3cret\"", "db").message,
              testing::AllOf(HasSubstr("something about"), Not(HasSubstr("s3cret"))));
}

}  // namespace
}  // namespace stibee_sync::source

#include "source/write_statement.hpp"

#include "source/failure.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stibee_sync::source {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

WriteStatement statement(std::string sql, bool fields_known = false) {
  WriteStatement result;
  result.event = fields_known ? "updated" : "unsubscribed";
  result.sql = std::move(sql);
  result.fields = {"name", "phone", "생일"};
  result.fields_known = fields_known;
  return result;
}

NumberedStatement numbered(const std::string& sql, bool fields_known = false) {
  return number_parameters(statement(sql, fields_known));
}

std::string refusal(const std::string& sql, bool fields_known = false) {
  try {
    number_parameters(statement(sql, fields_known));
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().kind, SourceError::Kind::NotAsMapped);
    return failure.error().message;
  }
  return "(accepted)";
}

TEST(WriteStatementParameters, AreNumberedInTheirOrder) {
  const auto parsed = numbered("UPDATE m SET why = :reason, who=:occurred_by WHERE lower(email) = :email;");
  EXPECT_EQ(parsed.sql, "UPDATE m SET why = $1, who=$2 WHERE lower(email) = $3");
  EXPECT_THAT(parsed.names, ElementsAre("reason", "occurred_by", "email"));
}

TEST(WriteStatementParameters, OfOneNameAreSeparateSoThatEachHasTheTypeOfItsPlace) {
  const auto parsed = numbered("UPDATE m SET note = :key WHERE id = :key");
  EXPECT_EQ(parsed.sql, "UPDATE m SET note = $1 WHERE id = $2");
  EXPECT_THAT(parsed.names, ElementsAre("key", "key"));
}

TEST(WriteStatementParameters, TimeIsOneWithItsZone) {
  EXPECT_EQ(numbered("UPDATE m SET at = :occurred_at WHERE id = :key").sql,
            "UPDATE m SET at = ($1::timestamptz) WHERE id = $2");
  EXPECT_EQ(numbered("SELECT :occurred_at::date").sql, "SELECT ($1::timestamptz)::date");
}

TEST(WriteStatementParameters, AreNotLookedForInLiteralsNamesAndComments) {
  for (const auto* part :
       {"':email'", "'it''s :email'", R"(E'\':email')", R"("a:email")", "$$:email$$", "$a$ $$ :email $a$",
        "/* :email /* :email */ :email */ 1", "1 -- :email\n", "x::email", "f(a := 1)", "a [1 : 2]"}) {
    const auto parsed = numbered("SELECT " + std::string(part) + ", :key");
    EXPECT_EQ(parsed.sql, "SELECT " + std::string(part) + ", $1") << part;
    EXPECT_THAT(parsed.names, ElementsAre("key")) << part;
  }
}

TEST(WriteStatementParameters, MayTouchWhatStandsBesideThem) {
  EXPECT_EQ(numbered("SELECT f(:email,:key)||:reason::text").sql, "SELECT f($1,$2)||$3::text");
  EXPECT_EQ(numbered("SELECT a FROM t WHERE e=:email").sql, "SELECT a FROM t WHERE e=$1");
}

TEST(WriteStatementParameters, DollarInsideAWordQuotesNothing) {
  const auto parsed = numbered("SELECT a$b$ FROM t WHERE x = :key AND c$b$ = 1");
  EXPECT_EQ(parsed.sql, "SELECT a$b$ FROM t WHERE x = $1 AND c$b$ = 1");
}

TEST(WriteStatementParameters, OfFieldsBelongToTheStatementOfUpdated) {
  const auto parsed = numbered("UPDATE m SET n = :field_name, b = :field_생일 WHERE e = :email", true);
  EXPECT_EQ(parsed.sql, "UPDATE m SET n = $1, b = $2 WHERE e = $3");
  EXPECT_THAT(parsed.names, ElementsAre("field_name", "field_생일", "email"));
  EXPECT_THAT(refusal("UPDATE m SET n = :field_name WHERE e = :email"),
              HasSubstr("only in the statement of"));
  EXPECT_THAT(refusal("UPDATE m SET n = :field_nam WHERE e = :email", true),
              HasSubstr("did you mean :field_name?"));
}

TEST(WriteStatementParameters, UnknownOneIsRefusedWithTheNearest) {
  EXPECT_EQ(refusal("UPDATE m SET a = 1 WHERE e = :emial"),
            ":emial is no parameter of a write-back; did you mean :email?");
  EXPECT_THAT(refusal("SELECT x[1:n] WHERE e = :email"), HasSubstr("space after a colon"));
  EXPECT_THAT(refusal("UPDATE m SET a = 1 WHERE e = :Email"), HasSubstr(":email"));
  EXPECT_THAT(refusal("UPDATE m SET a = 1 WHERE e = $1"), HasSubstr("name the value instead"));
}

TEST(WriteStatementParameters, MustBeThere) {
  EXPECT_THAT(refusal("UPDATE m SET a = ':email' -- :key"), HasSubstr("names no parameter"));
  EXPECT_THAT(refusal(""), HasSubstr("names no parameter"));
}

TEST(WriteStatementPlaces, AreThoseOfTheOriginal) {
  const std::string sql = "UPDATE m SET at = :occurred_at,\n 이름 = :reason WHERE emial = :email";
  const auto parsed = numbered(sql);
  const auto place_of = [&](const std::string& word) {
    const auto byte = parsed.sql.find(word);
    std::size_t character = 1;
    for (std::size_t i = 0; i < byte; ++i)
      character += (static_cast<unsigned char>(parsed.sql[i]) & 0xC0) != 0x80 ? 1 : 0;
    return original_place(parsed, sql, character);
  };
  EXPECT_EQ(place_of("UPDATE"), "line 1, column 1");
  EXPECT_EQ(place_of("$1"), "line 1, column 20");
  EXPECT_EQ(place_of("이름"), "line 2, column 2");
  EXPECT_EQ(place_of("WHERE"), "line 2, column 15");
  EXPECT_EQ(place_of("emial"), "line 2, column 21");
  EXPECT_EQ(place_of("$3"), "line 2, column 29");
}

TEST(WriteStatementNames, TakeThePlaceOfNumbersInMessages) {
  const auto parsed = numbered("SELECT :email, :reason");
  EXPECT_EQ(with_names(parsed, "type of parameter $2, not $1"), "type of parameter :reason, not :email");
  EXPECT_EQ(with_names(parsed, "a $ or $9 or $x $"), "a $ or $9 or $x $");
}

}  // namespace
}  // namespace stibee_sync::source

#include "source/sql_text.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::source {
namespace {

TEST(TableName, IsReadWithAndWithoutASchema) {
  const auto plain = parse_table_name("Members");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->schema);
  EXPECT_EQ(plain->name.exact, "Members");
  EXPECT_EQ(plain->name.folded, "members");

  const auto qualified = parse_table_name(" shop.members ");
  ASSERT_TRUE(qualified);
  EXPECT_EQ(qualified->schema->exact, "shop");
  EXPECT_EQ(qualified->name.exact, "members");
}

TEST(TableName, KeepsQuotedPartsExactWithTheirDotsAndQuotes) {
  const auto table = parse_table_name(R"("My.Shop"."Mem ""x"" bers")");
  ASSERT_TRUE(table);
  EXPECT_EQ(table->schema->exact, "My.Shop");
  EXPECT_EQ(table->schema->folded, "My.Shop");
  EXPECT_EQ(table->name.exact, R"(Mem "x" bers)");
}

TEST(TableName, IsRefusedWhenItIsNone) {
  for (const auto* text : {"", ".", "a.", ".b", "a.b.c", "\"open", "\"\"", "a\"b\"", "\"a\"b"}) {
    EXPECT_FALSE(parse_table_name(text)) << text;
  }
}

TEST(ColumnName, LosesItsQuotesButNothingElse) {
  EXPECT_EQ(parse_column_name("\"eMail\"").folded, "eMail");
  EXPECT_EQ(parse_column_name("eMail").exact, "eMail");
  EXPECT_EQ(parse_column_name("eMail").folded, "email");
  EXPECT_EQ(parse_column_name("\"odd").exact, "\"odd");
}

TEST(QuotedName, DoublesQuotes) {
  EXPECT_EQ(quote_name("a\"b"), "\"a\"\"b\"");
}

TEST(TrailingSemicolon, IsTakenOffWithCommentsAndSpace) {
  EXPECT_EQ(without_trailing_semicolon("SELECT 1;"), "SELECT 1");
  EXPECT_EQ(without_trailing_semicolon("SELECT 1 ;; \n -- done;\n /* a /* b */ ; */ "), "SELECT 1");
  EXPECT_EQ(without_trailing_semicolon("SELECT 1 -- one"), "SELECT 1");
  EXPECT_EQ(without_trailing_semicolon(" ; "), "");
}

TEST(TrailingSemicolon, StaysInsideLiterals) {
  for (const auto* query : {"SELECT ';'", "SELECT 'it''s;'", "SELECT $$;$$", "SELECT $a1$;$$;$a1$",
                            "SELECT \"a;--\"", R"(SELECT E'\';')", "SELECT 1; SELECT 2", "SELECT '--'"}) {
    EXPECT_EQ(without_trailing_semicolon(query), query);
  }
}

TEST(Position, IsTranslatedToLineAndColumnOfCharacters) {
  EXPECT_EQ(line_and_column("SELECT x", 8), "line 1, column 8");
  EXPECT_EQ(line_and_column("SELECT '가'\nFORM t", 12), "line 2, column 1");
  EXPECT_EQ(line_and_column("ab", 9), "line 1, column 3");
}

TEST(NearNames, AreFoundNearestFirst) {
  EXPECT_EQ(nearest("emial", {"id", "e_mial2", "email", "phone"}),
            (std::vector<std::string>{"email", "e_mial2"}));
  EXPECT_TRUE(nearest("zzzzzz", {"id", "email"}).empty());
  EXPECT_EQ(list_of({"a", "b", "c"}), "a, b or c");
}

}  // namespace
}  // namespace stibee_sync::source

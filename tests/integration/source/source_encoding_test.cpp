#include "reading.hpp"

namespace stibee_sync::source {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SourceEncoding : public ::testing::Test {
 protected:
  Delivered read(const std::string& database, const ReadPlan& plan) {
    const auto reader = make_postgres_reader(connection_to(cluster_.url(database)));
    return read_all(*reader, plan);
  }
  PostgresCluster& cluster_ = PostgresCluster::shared();
};

TEST_F(SourceEncoding, ADatabaseWithoutEncodingDeliversItsBytesRaw) {
  const auto database =
      cluster_.create_database("ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
  cluster_.execute(R"(CREATE TABLE members (id text, email text);
                      INSERT INTO members VALUES ('b', E'caf\xe9'), ('a', E'\xc7\xd1'), (E'\xff', 'z'), ('c', '한'))",
                   database);
  const auto delivered = read(database, plan_for("members"));
  ASSERT_TRUE(delivered.complete()) << delivered.error().message;
  EXPECT_THAT(delivered.rows, ElementsAre("a\t\xc7\xd1", "b\tcaf\xe9", "c\t한", "\xff\tz"));
}

TEST_F(SourceEncoding, OtherEncodingsArriveAsUtf8InTheByteOrderOfWhatIsDelivered) {
  for (const auto* encoding : {"LATIN1", "EUC_KR"}) {
    const auto database = cluster_.create_database("ENCODING '" + std::string(encoding) +
                                                   "' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
    const std::string values =
        std::string(encoding) == "LATIN1" ? "('é'),('z'),('ü'),('a')" : "('한'),('가'),('漢'),('a'),('☆')";
    cluster_.execute(
        "CREATE TABLE members (id text, email text);"
        "INSERT INTO members SELECT v, v FROM (VALUES " +
            values + ") t(v)",
        database);
    const auto delivered = read(database, plan_for("members"));
    ASSERT_TRUE(delivered.complete()) << delivered.error().message;
    EXPECT_TRUE(std::is_sorted(delivered.rows.begin(), delivered.rows.end())) << encoding;
    EXPECT_EQ(delivered.rows.front(), "a\ta");
    EXPECT_EQ(delivered.rows.back(), std::string(encoding) == "LATIN1" ? "ü\tü" : "한\t한");
  }
}

TEST_F(SourceEncoding, AValueThatCannotBeConvertedFailsTheReadWithACure) {
  const auto database =
      cluster_.create_database("ENCODING 'EUC_KR' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
  // A byte pair that the encoding has room for, but no character.
  cluster_.execute(
      "CREATE TABLE members (id int, email text);"
      "INSERT INTO members VALUES (1, 'a'), (2, E'\\xc9\\xfe')",
      database);
  const auto delivered = read(database, plan_for("members"));
  ASSERT_FALSE(delivered.complete());
  EXPECT_EQ(delivered.error().kind, Kind::Failed);
  EXPECT_EQ(delivered.error().sqlstate, "22P05");
  EXPECT_THAT(delivered.error().message, HasSubstr("`where`"));
}

}  // namespace
}  // namespace stibee_sync::source

#include "stibee_sync/source/change_feed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stibee_sync::source {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

FeedSite site() {
  FeedSite made;
  made.mirror = "members";
  made.table = "\"public\".\"members\"";
  made.relations = {made.table, "\"public\".\"east\""};
  made.key = "\"id\"";
  made.key_type = "bigint";
  made.owner = "sh\"op";
  made.role = "mirror";
  return made;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

TEST(FeedSql, GivesEachRelationFourTriggersThatAlwaysFire) {
  const auto sql = feed_sql(site());
  EXPECT_EQ(count(sql, "CREATE TRIGGER"), 8U);
  EXPECT_EQ(count(sql, "ENABLE ALWAYS TRIGGER"), 8U);
  EXPECT_EQ(count(sql, " ON \"public\".\"east\""), 4U);
}

TEST(FeedSql, IsOneTransaction) {
  for (const auto& sql : {feed_sql(site()), feed_removal_sql("members")}) {
    EXPECT_EQ(count(sql, "\nBEGIN;\n"), 1U);
    EXPECT_TRUE(sql.ends_with("COMMIT;\n"));
  }
}

TEST(FeedSql, PinsTheSearchPathOfItsOneDefiner) {
  const auto sql = feed_sql(site());
  EXPECT_EQ(count(sql, "SECURITY DEFINER SET search_path = pg_catalog, pg_temp"), 1U);
  EXPECT_EQ(count(sql, "CREATE FUNCTION"), 1U);
  EXPECT_THAT(sql, HasSubstr("REVOKE ALL ON FUNCTION stibee_syncd.\"members_changed\"() FROM PUBLIC;"));
}

TEST(FeedSql, NotifiesOnlyWhereTransactionsAreNotPrepared) {
  auto made = site();
  EXPECT_THAT(feed_sql(made), HasSubstr("PERFORM pg_notify('stibee_syncd.members', '')"));
  made.notifies = false;
  EXPECT_THAT(feed_sql(made), Not(HasSubstr("pg_notify")));
  EXPECT_THAT(feed_sql(made), HasSubstr("max_prepared_transactions"));
}

TEST(FeedSql, QuotesNames) {
  const auto sql = feed_sql(site());
  EXPECT_THAT(sql, HasSubstr("SET LOCAL ROLE \"sh\"\"op\";"));
  EXPECT_THAT(sql, HasSubstr("has_schema_privilege('sh\"op', "));
}

TEST(FeedSql, NoNameEndsABlockThatItStandsIn) {
  auto made = site();
  made.key = "\"a$stibee$b$stibee_$\"";
  made.owner = "$stibee$";
  const auto sql = feed_sql(made);
  EXPECT_EQ(count(sql, "$stibee__$"), 2U);
  EXPECT_EQ(count(sql, "DO $stibee_$"), 1U);
  EXPECT_EQ(count(sql, "DO $stibee$"), 1U);
}

TEST(FeedSql, ReadsTheSameWhateverTheRunnersSessionIsSetTo) {
  for (const auto& sql : {feed_sql(site()), feed_removal_sql("members")}) {
    EXPECT_THAT(sql, HasSubstr("SET LOCAL client_encoding = 'UTF8';"));
    EXPECT_THAT(sql, HasSubstr("SET LOCAL standard_conforming_strings = on;"));
  }
}

TEST(FeedSql, ATableNamedOverTwoLinesStaysInItsComment) {
  auto made = site();
  made.table = "\"public\".\"a\nDROP TABLE b;\"";
  EXPECT_EQ(count(feed_sql(made), "\nDROP TABLE b;"), 0U);
}

TEST(FeedSql, AQueryHasNoFeedAndATableMay) {
  ReadPlan plan;
  plan.table = "members";
  EXPECT_FALSE(why_no_feed(plan));
  plan.table.clear();
  plan.query = "SELECT 1";
  ASSERT_TRUE(why_no_feed(plan));
  EXPECT_THAT(*why_no_feed(plan), HasSubstr("use `table`"));
}

}  // namespace
}  // namespace stibee_sync::source

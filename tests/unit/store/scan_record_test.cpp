#include "store/scan_record.hpp"

#include "small_state.hpp"
#include "store/row_codec.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace stibee_sync::store {
namespace {

using domain::MemberKey;

std::string sort_key(const MemberKey& key) {
  std::string bytes;
  append_sort_key(bytes, key);
  return bytes;
}

TEST(SortKey, OrdersKeysAsTheirValuesDoAndGivesThemBack) {
  const std::vector<MemberKey> keys = {MemberKey(std::numeric_limits<std::int64_t>::min()),
                                       MemberKey(std::int64_t{-256}),
                                       MemberKey(std::int64_t{-1}),
                                       MemberKey(std::int64_t{0}),
                                       MemberKey(std::int64_t{255}),
                                       MemberKey(std::int64_t{256}),
                                       MemberKey(std::numeric_limits<std::int64_t>::max()),
                                       MemberKey(""),
                                       MemberKey("A"),
                                       MemberKey("AA"),
                                       MemberKey("a"),
                                       MemberKey("가")};
  for (std::size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(key_from_sort_key(sort_key(keys[i])), keys[i]);
    if (i > 0) {
      EXPECT_LT(sort_key(keys[i - 1]), sort_key(keys[i])) << i;
    }
  }
}

TEST(SortKey, OfAnAddressOrdersByAddressFirst) {
  std::string short_one, long_one;
  append_sort_key(short_one, "a@x.kr", MemberKey("z"));
  append_sort_key(long_one, "a@x.kr.org", MemberKey("a"));
  EXPECT_LT(short_one, long_one);
  EXPECT_EQ(email_of_sort_key(long_one), "a@x.kr.org");
}

TEST(ScanRecord, RowsComeBackAsTheyWere) {
  RowRecord row;
  row.key = MemberKey("k");
  row.existed = true;
  row.fingerprint.bytes[3] = 7;
  row.email = "a@x.kr";
  row.old_email = "b@x.kr";
  row.subscribed = false;
  row.rejection = "too_long";
  row.rejected_column = "name";
  std::string payload;
  append_payload(payload, row);
  const auto back = row_record(sort_key(row.key), payload);
  EXPECT_EQ(back.key, row.key);
  EXPECT_FALSE(back.gone);
  EXPECT_TRUE(back.existed);
  EXPECT_FALSE(back.unchanged);
  EXPECT_EQ(back.fingerprint, row.fingerprint);
  EXPECT_EQ(back.email, row.email);
  EXPECT_EQ(back.old_email, row.old_email);
  EXPECT_FALSE(back.subscribed);
  EXPECT_EQ(back.rejection, row.rejection);
  EXPECT_EQ(back.rejected_column, row.rejected_column);
  EXPECT_TRUE(back.moves());
}

TEST(ScanRecord, MembersComeBackAsTheyWere) {
  AddressEvent event;
  event.email = "a@x.kr";
  event.kind = AddressEvent::Kind::Bears;
  event.key = MemberKey(std::int64_t{-5});
  event.was_subscribed = false;
  auto& member = event.member.emplace();
  member.email = domain::EmailAddress::from_normalised("a@x.kr");
  member.consented_at = domain::UtcTime(std::chrono::milliseconds(-3));
  member.ad_agreed = true;
  member.groups = {-1, 5, 1'000'000'000'000};
  member.fields = {{"name", ""}, {"memo", std::string("a\0\tb", 4)}};
  std::string bytes, payload;
  append_sort_key(bytes, event.email, event.key);
  append_payload(payload, event);
  const auto back = address_event(bytes, payload);
  EXPECT_EQ(back.key, event.key);
  EXPECT_EQ(back.was_subscribed, std::optional(false));
  ASSERT_TRUE(back.member);
  EXPECT_EQ(back.member->email, member.email);
  EXPECT_EQ(back.member->consented_at, member.consented_at);
  EXPECT_EQ(back.member->ad_agreed, member.ad_agreed);
  EXPECT_EQ(back.member->groups, member.groups);
  EXPECT_EQ(back.member->fields, member.fields);
}

TEST(ScanRecord, DecisionsComeBackAsTheyWere) {
  DecisionRecord record;
  record.email = "a@x.kr";
  record.touched = true;
  record.change_class = -3;
  record.decision.key = MemberKey("k");
  record.decision.values = domain::FieldValues{{"name", "x"}};
  record.decision.wanted.intent = domain::Intent::Absent;
  record.decision.wanted.left_at = testing_support::start;
  record.decision.wanted.ad_agreed = false;
  record.decision.wanted.groups = {9};
  record.decision.wanted.silenced = true;
  record.decision.wanted.renewed = testing_support::start - testing_support::second;
  record.decision.inherits =
      ledger::Suppression{testing_support::start, "subscriber", "words", testing_support::start};
  record.rows = {{MemberKey("k"), true}, {MemberKey(std::int64_t{1}), false}};
  record.shadows = {{MemberKey("k"), true}};
  std::string bytes;
  append_record(bytes, record);
  const auto back = decision_record(bytes);
  EXPECT_EQ(back.email, record.email);
  EXPECT_TRUE(back.touched);
  EXPECT_EQ(back.change_class, -3);
  EXPECT_EQ(back.decision.key, record.decision.key);
  EXPECT_EQ(back.decision.values, record.decision.values);
  EXPECT_EQ(back.decision.wanted, record.decision.wanted);
  EXPECT_EQ(back.decision.inherits, record.decision.inherits);
  ASSERT_EQ(back.rows.size(), 2U);
  EXPECT_TRUE(back.rows[0].moves);
  EXPECT_EQ(back.rows[1].key, MemberKey(std::int64_t{1}));
  ASSERT_EQ(back.shadows.size(), 1U);
  EXPECT_TRUE(back.shadows[0].shadowed);
}

TEST(ScanRecord, ACutRecordIsAnErrorAndNothingWorse) {
  DecisionRecord record;
  record.email = "a@x.kr";
  record.decision.values = domain::FieldValues{{"name", "x"}};
  std::string bytes;
  append_record(bytes, record);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(decision_record(std::string_view(bytes).substr(0, size)), StoreError) << size;
  }
}

TEST(ScanRecord, SomebodyListedComesBackAsTheyWere) {
  for (const auto status : all_statuses) {
    Listed listed;
    listed.status = status;
    listed.fields.bytes[0] = 200;
    listed.ad_agreed = true;
    listed.groups = domain::GroupSet{-4, 5'000'000'000};
    listed.modified = domain::UtcTime(std::chrono::milliseconds(-1));
    std::string bytes;
    append_payload(bytes, listed);
    EXPECT_EQ(listed_record(bytes), listed);
  }
  std::string bytes;
  append_payload(bytes, Listed{});
  EXPECT_EQ(listed_record(bytes), Listed{});
  EXPECT_THROW(listed_record(std::string_view(bytes).substr(0, 3)), StoreError);
}

}  // namespace
}  // namespace stibee_sync::store

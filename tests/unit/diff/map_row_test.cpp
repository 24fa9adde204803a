#include "stibee_sync/diff/mapping.hpp"

#include <stdexcept>

#include <gtest/gtest.h>

namespace stibee_sync::diff {
namespace {

using namespace std::string_view_literals;
using Row = std::vector<std::optional<std::string_view>>;

enum Column : std::size_t {
  Id,
  Email,
  OptIn,
  Consented,
  Marketing,
  Grade,
  Tags,
  Name,
  Vip,
  Birthday,
  Joined,
  Seen,
  Points
};

Mapping full_mapping() {
  Mapping mapping;
  mapping.subscribed = OptIn;
  mapping.consented_at = Consented;
  mapping.ad_agreed = Marketing;
  mapping.groups = {Grade, Tags};
  mapping.fields = {
      {"name", Name, domain::ColumnType::Text},         {"vip", Vip, domain::ColumnType::Boolean},
      {"birthday", Birthday, domain::ColumnType::Date}, {"joined", Joined, domain::ColumnType::Timestamp},
      {"seen", Seen, domain::ColumnType::TimestampTz},  {"points", Points, domain::ColumnType::Integer}};
  mapping.group_ids = {{"gold", 30}, {"silver", 10}, {"b c", 20}, {"NULL", 40}};
  mapping.types = {
      domain::ColumnType::Integer,     domain::ColumnType::Text,      domain::ColumnType::Boolean,
      domain::ColumnType::TimestampTz, domain::ColumnType::Boolean,   domain::ColumnType::Text,
      domain::ColumnType::TextArray,   domain::ColumnType::Text,      domain::ColumnType::Boolean,
      domain::ColumnType::Date,        domain::ColumnType::Timestamp, domain::ColumnType::TimestampTz,
      domain::ColumnType::Integer};
  mapping.column_names = {"id",   "email", "opt_in",   "consented", "marketing", "grade", "tags",
                          "name", "vip",   "birthday", "joined",    "seen",      "points"};
  return mapping;
}

Row full_row() {
  return {"1",
          "Kim@Example.com",
          "t",
          "2026-01-02 03:04:05.678+09",
          "t",
          "gold",
          "{\"b c\",gold}",
          "김민수",
          "t",
          "1990-05-06",
          "2020-01-02 03:04:05.999",
          "2025-01-02 03:04:05.6+09",
          "-12"};
}

domain::Member mapped(const Row& row, const Mapping& mapping = full_mapping()) {
  return std::get<domain::Member>(map_row(row, mapping, nullptr));
}

Rejection rejected(const Row& row, const Mapping& mapping = full_mapping()) {
  return std::get<Rejection>(map_row(row, mapping, nullptr));
}

TEST(MapRow, MapsEverythingThatIsMapped) {
  const domain::Member member = mapped(full_row());
  EXPECT_EQ(member.email.text(), "kim@example.com");
  EXPECT_TRUE(member.subscribed);
  EXPECT_EQ(member.consented_at, domain::UtcTime(std::chrono::milliseconds(1767290645678)));
  EXPECT_EQ(member.ad_agreed, true);
  EXPECT_EQ(member.groups, (domain::GroupSet{20, 30}));
  EXPECT_EQ(member.fields, (domain::FieldValues{{"name", "김민수"},
                                                {"vip", "Y"},
                                                {"birthday", "1990-05-06"},
                                                {"joined", "2020-01-02 03:04:05"},
                                                {"seen", "2025-01-02 03:04:05"},
                                                {"points", "-12"}}));
}

TEST(MapRow, NullIsNoConsentNoAgreementNoGroupAndAnEmptyValue) {
  Row row(13);
  row[Id] = "1";
  row[Email] = "kim@example.com";
  const domain::Member member = mapped(row);
  EXPECT_FALSE(member.subscribed);
  EXPECT_EQ(member.consented_at, domain::no_consent);
  EXPECT_EQ(member.ad_agreed, false);
  EXPECT_TRUE(member.groups.empty());
  for (const domain::FieldValue& field : member.fields)
    EXPECT_EQ(field.value, "") << field.tag;
  EXPECT_EQ(member.fields.size(), 6u);
}

TEST(MapRow, WhatIsNotMappedIsNotTouched) {
  const domain::Member member = mapped({"1", "kim@example.com"}, Mapping{});
  EXPECT_TRUE(member.subscribed);
  EXPECT_EQ(member.consented_at, std::nullopt);
  EXPECT_EQ(member.ad_agreed, std::nullopt);
  EXPECT_TRUE(member.groups.empty());
  EXPECT_TRUE(member.fields.empty());
}

TEST(MapRow, FalseIsFalse) {
  Row row = full_row();
  row[OptIn] = row[Marketing] = row[Vip] = "f";
  const domain::Member member = mapped(row);
  EXPECT_FALSE(member.subscribed);
  EXPECT_EQ(member.ad_agreed, false);
  EXPECT_EQ(member.fields[1].value, "N");
}

TEST(MapRow, ConsentAtInfinityLiftsNothing) {
  for (const char* text : {"infinity", "-infinity", "0044-03-15 12:00:00+00 BC", "nonsense"}) {
    Row row = full_row();
    row[Consented] = text;
    EXPECT_EQ(mapped(row).consented_at, domain::no_consent) << text;
  }
}

TEST(MapRow, GroupsAreSortedWithoutDuplicatesAndNullElements) {
  Row row = full_row();
  row[Grade] = "silver";
  row[Tags] = "{gold,NULL,silver,\"NULL\",gold}";
  EXPECT_EQ(mapped(row).groups, (domain::GroupSet{10, 30, 40}));
}

TEST(MapRow, GroupValuesWithoutMappingAreReportedOnceAndIgnored) {
  std::vector<std::string> unknown;
  Row row = full_row();
  row[Grade] = "bronze";
  row[Tags] = "{bronze,iron,gold,\"\"}";
  const auto result = map_row(row, full_mapping(), &unknown);
  EXPECT_EQ(std::get<domain::Member>(result).groups, (domain::GroupSet{30}));
  map_row(row, full_mapping(), &unknown);
  EXPECT_EQ(unknown, (std::vector<std::string>{"bronze", "iron"}));
}

TEST(MapRow, UnknownGroupValuesAreRememberedOnlyUpToALimit) {
  std::vector<std::string> unknown;
  for (std::size_t i = 0; i < 2 * max_unknown_groups; ++i) {
    const std::string value = "group " + std::to_string(i);
    Row row = full_row();
    row[Grade] = value;
    map_row(row, full_mapping(), &unknown);
  }
  EXPECT_EQ(unknown.size(), max_unknown_groups);
}

TEST(MapRow, BadAddressIsRejectedWithItsReasonAndWithoutAddress) {
  struct Case {
    std::optional<std::string_view> email;
    std::string reason;
  };
  const Case cases[] = {
      {std::nullopt, "null_email"},
      {"", "empty_address"},
      {"kim.example.com", "no_at_sign"},
      {"kim@", "bad_domain"},
      {"k im@example.com", "white_space_or_control"},
      {"k\0im@example.com"sv, "white_space_or_control"},
      {"\xff@example.com", "invalid_utf8"},
  };
  for (const Case& c : cases) {
    Row row = full_row();
    row[Email] = c.email;
    row[OptIn] = "f";
    const Rejection rejection = rejected(row);
    EXPECT_EQ(name(rejection.reason), c.reason);
    EXPECT_EQ(rejection.column, "email");
    EXPECT_EQ(rejection.email, std::nullopt);
    EXPECT_FALSE(rejection.subscribed);
  }
}

TEST(MapRow, AddressLengthIsThatOfTheApi) {
  Mapping mapping = full_mapping();
  mapping.max_address_length = domain::EmailAddress::max_length_v2;
  const std::string long_address = std::string(60, 'a') + "@example.com";
  Row row = full_row();
  row[Email] = long_address;
  EXPECT_EQ(rejected(row, mapping).reason, domain::Reason::AddressTooLong);
  EXPECT_EQ(mapped(row).email.text(), long_address);
}

TEST(MapRow, UnusableValueIsRejectedWithColumnAddressAndOptOut) {
  struct Case {
    Column column;
    std::string_view value;
    std::string reason;
    std::string name;
  };
  const Case cases[] = {
      {Name, "\xed\xa0\x80", "invalid_utf8", "name"},
      {Name, "a\0b"sv, "nul_byte", "name"},
      {Points, "\xff", "invalid_utf8", "points"},
      {Grade, "\xff", "invalid_utf8", "grade"},
      {Grade, "go\0ld"sv, "nul_byte", "grade"},
      {Tags, "{\"\xc0\x80\"}", "invalid_utf8", "tags"},
      {Tags, "{{a},{b}}", "bad_array", "tags"},
      {Tags, "gold", "bad_array", "tags"},
      {Birthday, "infinity", "bad_date", "birthday"},
      {Birthday, "0044-03-15 BC", "bad_date", "birthday"},
      {Birthday, "10000-01-01", "bad_date", "birthday"},
      {Joined, "0044-03-15 12:00:00 BC", "bad_date", "joined"},
      {Joined, "-infinity", "bad_date", "joined"},
      {Seen, "12026-01-01 00:00:00+09", "bad_date", "seen"},
  };
  for (const Case& c : cases) {
    for (const bool subscribed : {true, false}) {
      Row row = full_row();
      row[c.column] = c.value;
      row[OptIn] = subscribed ? "t" : "f";
      const Rejection rejection = rejected(row);
      EXPECT_EQ(name(rejection.reason), c.reason) << c.name;
      EXPECT_EQ(rejection.column, c.name);
      ASSERT_TRUE(rejection.email) << c.name;
      EXPECT_EQ(rejection.email->text(), "kim@example.com");
      EXPECT_EQ(rejection.subscribed, subscribed) << c.name;
    }
  }
}

TEST(MapRow, BadBytesInColumnsThatAreNotMappedHarmNobody) {
  EXPECT_EQ(mapped({"1", "kim@example.com", "\xff", "a\0b"sv}, Mapping{}).email.text(), "kim@example.com");
}

TEST(MapRow, MappingThatDoesNotFitTheRowIsAProgrammingError) {
  Row row = full_row();
  row.pop_back();
  EXPECT_THROW(map_row(row, full_mapping(), nullptr), std::out_of_range);
}

TEST(MapRow, WhatIsNoGroupIsOnlyNotedOnceIfSomebodyAsksAndItSaysAnything) {
  Row row = full_row();
  row[Grade] = "bronze";
  row[Tags] = "{\"\",bronze,gold}";
  std::vector<std::string> unknown;
  map_row(row, full_mapping(), &unknown);
  EXPECT_EQ(unknown, std::vector<std::string>{"bronze"});
  const auto result = map_row(row, full_mapping(), nullptr);
  ASSERT_TRUE(std::holds_alternative<domain::Member>(result));
  EXPECT_EQ(std::get<domain::Member>(result).groups, domain::GroupSet{30});
}

TEST(MapRow, AFlagIsSentAsStibeeHasItAndAnythingElseAsItIs) {
  for (const auto& [value, sent] : {std::pair{"t", "Y"}, std::pair{"f", "N"}, std::pair{"maybe", "maybe"}}) {
    Row row = full_row();
    row[Vip] = value;
    const auto result = map_row(row, full_mapping(), nullptr);
    ASSERT_TRUE(std::holds_alternative<domain::Member>(result));
    EXPECT_EQ(std::get<domain::Member>(result).fields.at(1), (domain::FieldValue{"vip", sent}));
  }
}

TEST(MapRow, ARejectionOfAColumnWithoutANameNamesNone) {
  Mapping mapping = full_mapping();
  mapping.column_names.clear();
  Row row = full_row();
  row[Birthday] = "infinity";
  const auto result = map_row(row, mapping, nullptr);
  ASSERT_TRUE(std::holds_alternative<Rejection>(result));
  EXPECT_TRUE(std::get<Rejection>(result).column.empty());
  EXPECT_EQ(std::get<Rejection>(result).reason, domain::Reason::BadDate);
}

}  // namespace
}  // namespace stibee_sync::diff

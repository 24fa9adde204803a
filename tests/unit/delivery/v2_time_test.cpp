#include "stibee_sync/delivery/v2_reading.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::delivery::v2 {
namespace {

using namespace std::chrono_literals;

// 2024-11-12 08:09:13 UTC.
const domain::UtcTime noon_in_korea =
    std::chrono::sys_days(std::chrono::year(2024) / 11 / 12) + 8h + 9min + 13s;

TEST(V2TimeForms, an_offset_is_ahead_of_utc_or_behind_it_with_or_without_a_colon) {
  for (const char* text : {"2024-11-12 17:09:13 +0900", "2024-11-12T17:09:13+09:00", "2024-11-12 08:09:13 Z",
                           "2024-11-12T08:09:13z", "2024-11-12T08:09:13+0000", "2024-11-11 18:09:13 -1400",
                           "2024-11-12 22:09:13 +14:00", "2024-11-12 07:10:13 -0059"})
    EXPECT_EQ(parse_time(text), noon_in_korea) << text;
}

TEST(V2TimeForms, without_an_offset_it_is_koreas_time) {
  EXPECT_EQ(parse_time("2024-11-12 17:09:13"), noon_in_korea);
  EXPECT_EQ(parse_time("2024-11-12 17:09:13 "), noon_in_korea);
}

TEST(V2TimeForms, a_name_of_the_zone_of_up_to_six_signs_may_follow) {
  for (const char* zone : {"KST", "A", "+09", "-03", "GMT+9", "ABCDEF", "A1B2C3", ""})
    EXPECT_EQ(parse_time(std::string("2024-11-12 17:09:13 +0900 ") + zone), noon_in_korea) << zone;
  for (const char* zone : {"ABCDEFG", "kst", "K T", "K_T", "K/T"})
    EXPECT_EQ(parse_time(std::string("2024-11-12 17:09:13 +0900 ") + zone), std::nullopt) << zone;
  EXPECT_EQ(parse_time("2024-11-12 17:09:13 +0900KST"), std::nullopt) << "not without a blank before it";
}

TEST(V2TimeForms, a_fraction_is_cut_to_milliseconds) {
  EXPECT_EQ(parse_time("2024-11-12 17:09:13.5"), noon_in_korea + 500ms);
  EXPECT_EQ(parse_time("2024-11-12 17:09:13.05"), noon_in_korea + 50ms);
  EXPECT_EQ(parse_time("2024-11-12 17:09:13.005"), noon_in_korea + 5ms);
  EXPECT_EQ(parse_time("2024-11-12 17:09:13.0059"), noon_in_korea + 5ms);
  EXPECT_EQ(parse_time("2024-11-12 17:09:13.9999999999 +0900 KST"), noon_in_korea + 999ms);
  EXPECT_EQ(parse_time("2024-11-12 17:09:13. +0900"), std::nullopt);
  EXPECT_EQ(parse_time("2024-11-12 17:09:13.x"), std::nullopt);
}

TEST(V2TimeForms, every_part_has_its_bounds) {
  for (const char* text :
       {"2024-11-12 00:00:00", "2024-11-12 23:59:59", "2024-11-12 23:59:60", "0000-01-01 00:00:00",
        "9999-12-31 00:00:00", "2024-02-29 00:00:00", "2024-11-12 00:00:00 +1459"})
    EXPECT_TRUE(parse_time(text)) << text;
  for (const char* text :
       {"2024-11-12 24:00:00", "2024-11-12 23:60:00", "2024-11-12 23:59:61", "2024-00-12 00:00:00",
        "2024-13-12 00:00:00", "2024-11-00 00:00:00", "2024-11-31 00:00:00", "2023-02-29 00:00:00",
        "2024-11-12 00:00:00 +1500", "2024-11-12 00:00:00 +0060"})
    EXPECT_FALSE(parse_time(text)) << text;
}

// Everything that is not of the form, at each of its places: cut off there, and with another sign there.
TEST(V2TimeForms, a_sign_that_is_missing_or_another_one_makes_it_no_time) {
  const std::string good = "2024-11-12 17:09:13";
  ASSERT_TRUE(parse_time(good));
  for (std::size_t at = 0; at < good.size(); ++at) {
    EXPECT_FALSE(parse_time(good.substr(0, at))) << at;
    for (const char sign : {'x', '/', ':' == good[at] ? '.' : ':', '\0'}) {
      std::string changed = good;
      changed[at] = sign;
      EXPECT_FALSE(parse_time(changed)) << changed;
    }
  }
  const std::string offset = good + " +0900";
  for (std::size_t at = good.size() + 2; at < offset.size(); ++at) {
    EXPECT_FALSE(parse_time(offset.substr(0, at))) << at;
    std::string changed = offset;
    changed[at] = 'x';
    EXPECT_FALSE(parse_time(changed)) << changed;
  }
}

}  // namespace
}  // namespace stibee_sync::delivery::v2

#include "diff/timestamp.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::diff {
namespace {

using namespace std::chrono;

domain::UtcTime at(int y, unsigned mo, unsigned d, int h = 0, int mi = 0, int s = 0, int ms = 0) {
  return domain::UtcTime(sys_days(year(y) / month(mo) / day(d))) + hours(h) + minutes(mi) + seconds(s) +
         milliseconds(ms);
}

TEST(ParseTimestamptz, ReadsWhatPostgresPrints) {
  EXPECT_EQ(parse_timestamptz("2026-01-02 03:04:05+09"), at(2026, 1, 1, 18, 4, 5));
  EXPECT_EQ(parse_timestamptz("2026-01-02 03:04:05.678+09"), at(2026, 1, 1, 18, 4, 5, 678));
  EXPECT_EQ(parse_timestamptz("2026-01-02 03:04:05.6+00"), at(2026, 1, 2, 3, 4, 5, 600));
  EXPECT_EQ(parse_timestamptz("2026-01-02 03:04:05.06+00"), at(2026, 1, 2, 3, 4, 5, 60));
  EXPECT_EQ(parse_timestamptz("2026-01-02 03:04:05.678999+00"), at(2026, 1, 2, 3, 4, 5, 678));
  EXPECT_EQ(parse_timestamptz("2026-01-02 03:04:05+05:30"), at(2026, 1, 1, 21, 34, 5));
  EXPECT_EQ(parse_timestamptz("2026-01-02 03:04:05-03:30"), at(2026, 1, 2, 6, 34, 5));
  EXPECT_EQ(parse_timestamptz("1900-01-01 00:00:00+08:27:52"), at(1899, 12, 31, 15, 32, 8));
  EXPECT_EQ(parse_timestamptz("2024-02-29 23:59:59+00"), at(2024, 2, 29, 23, 59, 59));
  EXPECT_EQ(parse_timestamptz("9999-12-31 23:59:59+00"), at(9999, 12, 31, 23, 59, 59));
}

TEST(ParseTimestamptz, RefusesWhatIsNoPointInTime) {
  for (const char* text : {"",
                           "infinity",
                           "-infinity",
                           "0044-03-15 12:00:00+00 BC",
                           "10000-01-01 00:00:00+00",
                           "2026-01-02",
                           "2026-01-02 03:04:05",
                           "2026-01-02T03:04:05+09",
                           "2026-01-02 03:04:05Z",
                           "2026-13-02 03:04:05+09",
                           "2026-02-29 03:04:05+09",
                           "2026-01-02 24:00:00+09",
                           "2026-01-02 03:60:05+09",
                           "2026-01-02 03:04:60+09",
                           "2026-01-02 03:04:05.+09",
                           "2026-01-02 03:04:05.1234567+09",
                           "2026-01-02 03:04:05+9",
                           "2026-01-02 03:04:05+09:",
                           "2026-01-02 03:04:05+09:3",
                           "2026-01-02 03:04:05+09:30:00x",
                           "02/01/2026 03:04:05+09",
                           "2026-01-02 03:04:05 +09",
                           "2026-1-2 03:04:05+09"})
    EXPECT_EQ(parse_timestamptz(text), std::nullopt) << text;
}

TEST(StibeeDate, CutsFractionAndOffset) {
  EXPECT_EQ(stibee_date("2026-01-02", false), "2026-01-02");
  EXPECT_EQ(stibee_date("0001-01-01", false), "0001-01-01");
  EXPECT_EQ(stibee_date("2026-01-02 03:04:05", true), "2026-01-02 03:04:05");
  EXPECT_EQ(stibee_date("2026-01-02 03:04:05.678901", true), "2026-01-02 03:04:05");
  EXPECT_EQ(stibee_date("2026-01-02 03:04:05.6+09", true), "2026-01-02 03:04:05");
  EXPECT_EQ(stibee_date("2026-01-02 03:04:05-03:30", true), "2026-01-02 03:04:05");
}

TEST(StibeeDate, RefusesWhatHasNoFourDigitYear) {
  for (const char* text :
       {"", "infinity", "-infinity", "10000-01-01", "0044-03-15 BC", "01/02/2026", "2026-01-02 "})
    EXPECT_EQ(stibee_date(text, false), std::nullopt) << text;
  for (const char* text :
       {"", "infinity", "-infinity", "10000-01-01 00:00:00", "0044-03-15 12:00:00 BC",
        "0044-03-15 12:00:00+08:27:52 BC", "2026-01-02", "2026-01-02 03:04", "2026-01-02 03:04:05."})
    EXPECT_EQ(stibee_date(text, true), std::nullopt) << text;
}

}  // namespace
}  // namespace stibee_sync::diff

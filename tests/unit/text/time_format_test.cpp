#include "stibee_sync/text/time_format.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::text {
namespace {

using namespace std::chrono;

constexpr UtcMilliseconds noon = sys_days(year(2025) / 3 / 1) + hours(12) + minutes(30) + milliseconds(250);

TEST(TimeFormat, WritesUtcToTheMillisecond) {
  EXPECT_EQ(iso_utc(noon), "2025-03-01T12:30:00.250Z");
  EXPECT_EQ(timestamptz(noon), "2025-03-01 12:30:00.250+00");
  EXPECT_EQ(iso_utc(UtcMilliseconds(milliseconds(7))), "1970-01-01T00:00:00.007Z");
  EXPECT_EQ(iso_utc(UtcMilliseconds(milliseconds(-1))), "1969-12-31T23:59:59.999Z");
}

TEST(TimeFormat, WritesAnyOtherPattern) {
  EXPECT_EQ(format_utc(floor<seconds>(noon), "%Y%m%dT%H%M%SZ"), "20250301T123000Z");
  EXPECT_EQ(format_utc(floor<seconds>(noon), "%a, %d %b %Y %H:%M:%S GMT"), "Sat, 01 Mar 2025 12:30:00 GMT");
}

}  // namespace
}  // namespace stibee_sync::text

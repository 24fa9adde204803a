#include "http/http_date.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::http {
namespace {

using namespace std::chrono_literals;

const auto now = std::chrono::system_clock::from_time_t(1'790'000'000);  // 2026
constexpr std::chrono::sys_seconds rfc_example{784'111'777s};

TEST(HttpDate, ReadsTheThreeFormsOfTheStandard) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", now), rfc_example);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", now), rfc_example);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994", now), rfc_example);
}

TEST(HttpDate, TakesATwoDigitYearMoreThanFiftyYearsAheadAsPast) {
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-77 08:49:37 GMT", now),
            parse_http_date("Sun, 06 Nov 1977 08:49:37 GMT", now));
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-30 08:49:37 GMT", now),
            parse_http_date("Wed, 06 Nov 2030 08:49:37 GMT", now));
}

TEST(HttpDate, RefusesAnythingElse) {
  for (const auto* text :
       {"", "soon", "Sun, 06 Nov 1994 08:49:37 KST", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, xx Nov 1994 08:49:37 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06-Nov-94 08:49 GMT", "1994-11-06T08:49:37Z"}) {
    EXPECT_EQ(parse_http_date(text, now), std::nullopt) << text;
  }
}

TEST(HttpDate, WritesWhatItReads) {
  EXPECT_EQ(format_http_date(rfc_example), "Sun, 06 Nov 1994 08:49:37 GMT");
  const auto leap = parse_http_date("Thu, 29 Feb 2024 23:59:59 GMT", now);
  ASSERT_TRUE(leap);
  EXPECT_EQ(format_http_date(*leap), "Thu, 29 Feb 2024 23:59:59 GMT");
}

}  // namespace
}  // namespace stibee_sync::http

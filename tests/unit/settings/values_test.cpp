#include "settings/values.hpp"

#include <array>

#include <gtest/gtest.h>

namespace stibee_sync::settings {
namespace {

template <class T>
bool refused(const Parsed<T>& parsed) {
  return std::holds_alternative<Unreadable>(parsed);
}

TEST(Duration, ReadsEveryUnit) {
  EXPECT_EQ(std::get<milliseconds>(parse_duration("100ms")), milliseconds(100));
  EXPECT_EQ(std::get<milliseconds>(parse_duration("30s")), seconds(30));
  EXPECT_EQ(std::get<milliseconds>(parse_duration("5m")), minutes(5));
  EXPECT_EQ(std::get<milliseconds>(parse_duration("1h")), hours(1));
  EXPECT_EQ(std::get<milliseconds>(parse_duration("30d")), hours(720));
}

TEST(Duration, RefusesWhatIsNone) {
  for (const auto* text : {"", "s", "-1s", "+1s", "1.5s", "1 s", "1S", "1s ", "1h30m", "0x10s", "1e3s",
                           "99999999999999999999s"}) {
    EXPECT_TRUE(refused(parse_duration(text))) << text;
  }
}

TEST(Duration, IsWrittenInItsLargestUnit) {
  for (const auto* text : {"0s", "100ms", "30s", "90s", "5m", "1h", "25h", "30d"}) {
    EXPECT_EQ(written(std::get<milliseconds>(parse_duration(text))), text);
  }
}

TEST(Rate, ReadsPerSecondMinuteHourAndOtherWindows) {
  EXPECT_EQ(std::get<Rate>(parse_rate("10/s")), (Rate{10, seconds(1)}));
  EXPECT_EQ(std::get<Rate>(parse_rate("100/min")), (Rate{100, minutes(1)}));
  EXPECT_EQ(std::get<Rate>(parse_rate("100/m")), (Rate{100, minutes(1)}));
  EXPECT_EQ(std::get<Rate>(parse_rate("5/h")), (Rate{5, hours(1)}));
  EXPECT_EQ(std::get<Rate>(parse_rate("10/6s")), (Rate{10, seconds(6)}));
}

TEST(Rate, RefusesWhatIsNone) {
  for (const auto* text : {"", "/s", "10/", "10", "-1/s", "10/0s", "10/2h", "0/s", "100001/s", "10 /s",
                           "10/s/s", "10x", "1/d"}) {
    EXPECT_TRUE(refused(parse_rate(text))) << text;
  }
}

TEST(Rate, IsWrittenAsItIsRead) {
  for (const auto* text : {"10/s", "100/min", "5/h", "10/6s", "3/100ms"}) {
    EXPECT_EQ(written(std::get<Rate>(parse_rate(text))), text);
  }
}

TEST(Listen, ReadsBothFamilies) {
  EXPECT_EQ(std::get<ListenAddress>(parse_listen_address("0.0.0.0:80")), (ListenAddress{"0.0.0.0", 80}));
  EXPECT_EQ(std::get<ListenAddress>(parse_listen_address("[0:0::1]:0")), (ListenAddress{"::1", 0}));
}

TEST(Listen, RefusesWhatIsNone) {
  for (const auto* text :
       {"", ":", "9464", ":9464", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:-1", "::1:9464", "[127.0.0.1]:1",
        "[::1]", "[::1:1", "host.example:80", "127.1:80", "127.0.0.1:080x", "1.2.3.4.5:1"}) {
    EXPECT_TRUE(refused(parse_listen_address(text))) << text;
  }
}

TEST(Network, ReadsAddressesAndPrefixes) {
  EXPECT_EQ(to_string(std::get<Cidr>(parse_cidr("10.0.0.0/8"))), "10.0.0.0/8");
  EXPECT_EQ(to_string(std::get<Cidr>(parse_cidr("0.0.0.0/0"))), "0.0.0.0/0");
  EXPECT_EQ(to_string(std::get<Cidr>(parse_cidr("192.0.2.1"))), "192.0.2.1/32");
  EXPECT_EQ(to_string(std::get<Cidr>(parse_cidr("2001:DB8:0::/33"))), "2001:db8::/33");
}

TEST(Network, RefusesWhatIsNone) {
  for (const auto* text : {"", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.1/31",
                           "2001:db8::/129", "::1/127", "x/8", "10/8", "10.0.0.0/8/8", "10.0.0.0/ 8"}) {
    EXPECT_TRUE(refused(parse_cidr(text))) << text;
  }
}

TEST(BaseUrl, AcceptsHttpsAnywhereAndHttpOnLoopback) {
  for (const auto* text : {"https://api.stibee.com", "https://api.stibee.com:8443", "https://[2001:db8::1]:1",
                           "https://10.0.0.1/stibee", "http://127.0.0.1:8080", "http://127.9.9.9",
                           "http://localhost:1", "http://[::1]:80"}) {
    const auto parsed = parse_base_url(text);
    ASSERT_FALSE(refused(parsed)) << text << ": " << std::get<Unreadable>(parsed).what;
    EXPECT_EQ(std::get<std::string>(parsed), text);
  }
  EXPECT_EQ(std::get<std::string>(parse_base_url("https://h/a//")), "https://h/a");
}

TEST(BaseUrl, RefusesEverythingElse) {
  for (const auto* text : {"",
                           "api.stibee.com",
                           "ftp://h",
                           "https://",
                           "https:///x",
                           "https://h:0",
                           "https://h:x",
                           "https://h:",
                           "https://h:65536",
                           "https://u@h",
                           "https://h/u@x",
                           "https://h?x",
                           "https://h#x",
                           "https://h h",
                           "https://h/a b",
                           "https://[::1",
                           "https://[1.2.3.4]",
                           "https://[::1]x",
                           "http://10.0.0.1",
                           "http://127.0.0.1.example.org",
                           "http://localhost.example.org",
                           "HTTPS://h",
                           "https://h/v2",
                           "https://h\r\nX: y"}) {
    EXPECT_TRUE(refused(parse_base_url(text))) << text;
  }
}

TEST(DatabaseUrl, AcceptsWhatHasNoPassword) {
  for (const auto* text :
       {"postgresql://", "postgresql://mirror@db.example.org/shop?sslmode=verify-full",
        "postgres://db:5432/shop", "postgresql://mirror@db:5432,db2:5432/shop?application_name=a@b",
        "postgresql:///shop?host=/run/postgresql", "host=db dbname=shop user='o''", "service=shop",
        "host = db  port=5432 "}) {
    const auto wrong = refuse_database_url(text);
    if (std::string_view(text).ends_with("'o''")) {
      EXPECT_TRUE(wrong) << "an open quote";
    } else {
      EXPECT_FALSE(wrong) << text;
    }
  }
}

TEST(TimeZone, IsANameAndNothingElse) {
  EXPECT_TRUE(is_time_zone_name("Asia/Seoul"));
  EXPECT_TRUE(is_time_zone_name("Etc/GMT+9"));
  EXPECT_FALSE(is_time_zone_name(""));
  EXPECT_FALSE(is_time_zone_name("Asia/Seoul'"));
  EXPECT_FALSE(is_time_zone_name("Asia Seoul"));
}

TEST(Shown, IsShortPrintableAndWholeUtf8) {
  EXPECT_EQ(shown("a\nb\x7f"), "\"a?b?\"");
  EXPECT_EQ(shown("가나다", 4), "\"가…\"");
  EXPECT_EQ(shown("가나다", 9), "\"가나다\"");
}

TEST(Nearest, GuessesTypingErrorsOnly) {
  constexpr std::array<std::string_view, 3> words{"poll_interval", "name", "list_id"};
  EXPECT_EQ(nearest("pol_interval", words), "poll_interval");
  EXPECT_EQ(nearest("poll-intervall", words), "poll_interval");
  EXPECT_EQ(nearest("naem", words), "name");
  EXPECT_EQ(nearest("listid", words), "list_id");
  EXPECT_EQ(nearest("colour", words), "");
  EXPECT_EQ(nearest("mat", std::vector<std::string_view>{"rat", "cat"}), "rat") << "the first of several";
  EXPECT_EQ(nearest(std::string(100'000, 'x'), words), "");
}

}  // namespace
}  // namespace stibee_sync::settings

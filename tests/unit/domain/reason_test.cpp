#include "stibee_sync/domain/reason.hpp"

#include <set>

#include <gtest/gtest.h>

namespace stibee_sync::domain {
namespace {

TEST(Reason, each_has_a_text_of_its_own_and_comes_back_from_it) {
  std::set<std::string> texts;
  for (const Reason reason : all_reasons()) {
    const auto text = name(reason);
    EXPECT_TRUE(texts.insert(text).second) << text;
    EXPECT_EQ(text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), std::string::npos) << text;
    EXPECT_EQ(reason_from(text), reason) << text;
    EXPECT_EQ(reason.http_status(), 0);
  }
  EXPECT_EQ(texts.size(), std::size_t{Reason::HttpStatus});
  EXPECT_FALSE(texts.contains(""));
}

TEST(Reason, an_http_status_is_part_of_the_text) {
  for (int status = 100; status < 1000; ++status) {
    const auto reason = Reason::http(status);
    EXPECT_EQ(name(reason), "http_" + std::to_string(status));
    EXPECT_EQ(reason_from(name(reason)), reason);
    EXPECT_EQ(reason.code(), Reason::HttpStatus);
  }
  EXPECT_NE(Reason::http(400), Reason::http(404));
}

TEST(Reason, other_texts_are_none) {
  EXPECT_EQ(name(std::nullopt), "");
  for (const char* text : {"", "wrongemail", "WRONG_EMAIL", "wrong_email ", "http_", "http_99", "http_1000",
                           "http_404x", "http_-404", "http_ 404", "http", "constructor"})
    EXPECT_FALSE(reason_from(text)) << text;
}

TEST(Reason, what_parks_people_is_told_from_what_is_repeated) {
  EXPECT_TRUE(parks(Reason::WrongEmail));
  EXPECT_TRUE(parks(Reason::ConfirmationInDoubt));
  EXPECT_TRUE(parks(Reason::DuplicateAddress));
  EXPECT_FALSE(parks(Reason::Timeout));
  EXPECT_FALSE(parks(Reason::http(404)));
}

}  // namespace
}  // namespace stibee_sync::domain

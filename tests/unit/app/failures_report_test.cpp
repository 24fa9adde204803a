#include "app/failures_report.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::app {
namespace {

TEST(FailuresAsked, SurvivesTheQuery) {
  FailuresAsked asked;
  asked.reason = "http_403&reveal";
  asked.limit = 17;
  const auto read = failures_asked("mirror=members&" + query_of(asked));
  EXPECT_EQ(read.reason, asked.reason);
  EXPECT_EQ(read.limit, 17u);
  EXPECT_FALSE(read.reveal);
  asked.reveal = true;
  EXPECT_TRUE(failures_asked(query_of(asked)).reveal);
}

TEST(FailuresAsked, WithoutAnythingMeansAll) {
  const auto read = failures_asked("");
  EXPECT_EQ(read.reason, "");
  EXPECT_FALSE(read.reveal);
}

TEST(FailuresReport, OfAReasonThatNobodyHasDoesNotSayThatNobodyIsParked) {
  auto report = json::Value::object();
  report.set("reasons", json::Value::array());
  report.set("people", json::Value::array());
  EXPECT_EQ(render_failures(report), "nobody is parked\n");
  report.set("reason", "wrong_emial");
  EXPECT_EQ(render_failures(report),
            "nobody is parked as `wrong_emial`; `stibee-syncd failures` shows all reasons\n");
}

}  // namespace
}  // namespace stibee_sync::app

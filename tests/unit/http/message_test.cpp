#include "stibee_sync/http/message.hpp"

#include "stibee_sync/http/result.hpp"

#include <sstream>

#include <gmock/gmock.h>

namespace stibee_sync::http {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

const auto now = std::chrono::system_clock::from_time_t(1'790'000'000);

Response with_retry_after(std::string value) {
  std::vector<Header> headers;
  headers.emplace_back("Retry-After", std::move(value));
  return Response(429, std::move(headers), "");
}

std::string reason_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Request, NeverPrintsSecretsTargetsOrBodies) {
  Request request("PUT", "/v2/lists/1/subscribers/kim%40example.org", {{"X-Plain", "plain value"}},
                  "kim@example.org");
  request.add_secret_header("AccessToken", privacy::Secret("the-key"));
  std::ostringstream text;
  text << request << request.secret_headers().front();
  EXPECT_THAT(text.str(), HasSubstr("PUT"));
  EXPECT_THAT(text.str(), HasSubstr("AccessToken"));
  for (const auto* hidden : {"the-key", "kim", "plain value"})
    EXPECT_THAT(text.str(), Not(HasSubstr(hidden)));
  EXPECT_THAT(testing::PrintToString(request), Not(HasSubstr("the-key")));
}

TEST(Request, RefusesALineBreakInASecretWithoutShowingIt) {
  Request request("GET", "/");
  const auto reason =
      reason_of([&] { request.add_secret_header("AccessToken", privacy::Secret("abc\r\nX-Evil: 1")); });
  EXPECT_THAT(reason, HasSubstr("'AccessToken' contains a control character"));
  EXPECT_THAT(reason, Not(HasSubstr("abc")));
}

TEST(Request, RefusesWhatWouldBreakTheFraming) {
  EXPECT_NE(reason_of([] { Request("G ET", "/"); }), "accepted");
  EXPECT_NE(reason_of([] { Request("GET", "no-slash"); }), "accepted");
  EXPECT_NE(reason_of([] { Request("GET", "/a b"); }), "accepted");
  EXPECT_NE(reason_of([] { Request("GET", "/a\r\nHost: x"); }), "accepted");
  EXPECT_NE(reason_of([] { Request("GET", "/", {{"Content-Length", "3"}}); }), "accepted");
  EXPECT_NE(reason_of([] { Request("GET", "/").add_header("host", "x"); }), "accepted");
  EXPECT_NE(reason_of([] { Request("GET", "/").add_header("na me", "x"); }), "accepted");
  EXPECT_EQ(reason_of([] { Request("GET", "/").add_header("X-Name", "김\tx"); }), "accepted");
}

TEST(Response, FindsHeadersWhateverTheirCase) {
  const Response response(200, {{"Content-TYPE", "application/json"}}, "{}");
  EXPECT_EQ(response.header("content-type"), "application/json");
  EXPECT_EQ(response.header("x-none"), std::nullopt);
}

TEST(Response, ReadsRetryAfterInSeconds) {
  EXPECT_EQ(with_retry_after("0").retry_after(now), 0s);
  EXPECT_EQ(with_retry_after("17").retry_after(now), 17s);
}

TEST(Response, ReadsRetryAfterAsADate) {
  const auto later = std::chrono::system_clock::from_time_t(784'111'770);
  EXPECT_EQ(with_retry_after("Sun, 06 Nov 1994 08:49:37 GMT").retry_after(later), 7s);
  EXPECT_EQ(with_retry_after("Sun, 06 Nov 1994 08:49:37 GMT").retry_after(later + 500ms), 7s);
  EXPECT_EQ(with_retry_after("Sun, 06 Nov 1994 08:49:37 GMT").retry_after(now), 0s);
}

TEST(Response, NeverWaitsMoreThanADayOnAServersWord) {
  EXPECT_EQ(with_retry_after("99999999").retry_after(now), 24h);
  EXPECT_EQ(with_retry_after("99999999999999999999999999").retry_after(now), 24h);
  EXPECT_EQ(with_retry_after("Sun, 06 Nov 2044 08:49:37 GMT").retry_after(now), 24h);
}

TEST(Response, IgnoresARetryAfterItCannotRead) {
  for (const auto* text : {"", "-1", "1.5", "soon", "1 s"}) {
    EXPECT_EQ(with_retry_after(text).retry_after(now), std::nullopt) << text;
  }
  EXPECT_EQ(Response(429, {}, "").retry_after(now), std::nullopt);
}

TEST(Failure, HasANameForEveryKind) {
  std::vector<std::string_view> names;
  for (const auto kind :
       {FailureKind::Resolve, FailureKind::Connect, FailureKind::Tls, FailureKind::CertificateInvalid,
        FailureKind::Timeout, FailureKind::ConnectionClosed, FailureKind::Protocol, FailureKind::TooLarge,
        FailureKind::Cancelled}) {
    names.push_back(to_string(kind));
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
  EXPECT_THAT(names, Not(::testing::Contains("unknown")));
}

}  // namespace
}  // namespace stibee_sync::http

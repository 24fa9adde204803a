// Requests whose end could be taken to be in two places: whoever forwards them may see another one than we
// do, so that what is hidden in the first must never be answered as a second.
#include "integration/http/raw_client.hpp"
#include "stibee_sync/http/server.hpp"

#include <mutex>

#include <gmock/gmock.h>

namespace stibee_sync::http::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

/// Remembers what it was asked.
class Asked {
 public:
  Handler handler() {
    return [this](ServerRequest request) -> asio::awaitable<ServerResponse> {
      note(request.path + ":" + request.body);
      co_return ServerResponse(200, "text/plain", "ok");
    };
  }
  std::vector<std::string> all() const {
    const std::lock_guard lock(mutex_);
    return all_;
  }

 private:
  void note(std::string what) {
    const std::lock_guard lock(mutex_);
    all_.push_back(std::move(what));
  }
  mutable std::mutex mutex_;
  std::vector<std::string> all_;
};

const std::string hidden = "POST /hidden HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
const std::string chunk = "4\r\nbody\r\n0\r\n\r\n";

struct Smuggled {
  std::string name;
  std::string start;    // "" for that of any request
  std::string headers;  // each with its end
  std::string body;     // what it is followed by, without what is hidden
};

/// Each of these must be refused, and end its connection.
std::vector<Smuggled> ambiguous() {
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  const auto length = [](const std::string& text) { return "Content-Length: " + text + "\r\n"; };
  const auto encoding = [](const std::string& text) { return "Transfer-Encoding: " + text + "\r\n"; };
  return {
      {"LengthThenChunked", "", length("4") + chunked, chunk},
      {"ChunkedThenLength", "", chunked + length("4"), chunk},
      {"TwoLengths", "", length("4") + length("0"), "body"},
      {"TwoLengthsTheOtherWayRound", "", length("0") + length("4"), "body"},
      {"ListOfLengths", "", length("0, 4"), "body"},
      {"LengthWithSign", "", length("+4"), "body"},
      {"NegativeLength", "", length("-4"), "body"},
      {"LengthInHex", "", length("0x4"), "body"},
      {"LengthWithSpaceInIt", "", length("0 4"), "body"},
      {"EmptyLength", "", length(""), "body"},
      {"LengthThatOverflows", "", length("18446744073709551620"), "body"},
      {"SpaceBeforeTheColon", "", "Content-Length : 4\r\n", "body"},
      {"SpaceBeforeTheColonOfTheEncoding", "", "Transfer-Encoding : chunked\r\n", chunk},
      {"UnknownEncoding", "", encoding("gzip"), "body"},
      {"IdentityEncoding", "", encoding("identity"), "body"},
      {"EncodingThatOnlySoundsLikeIt", "", encoding("xchunked"), chunk},
      {"ChunkedIsNotTheLast", "", encoding("chunked, gzip"), chunk},
      {"ChunkedThenIdentity", "", encoding("chunked, identity"), chunk},
      {"ChunkedTwiceInOneLine", "", encoding("chunked, chunked"), chunk},
      {"ChunkedTwice", "", chunked + chunked, chunk},
      {"ChunkedThenAnother", "", chunked + encoding("identity"), chunk},
      {"AnotherThenChunked", "", encoding("identity") + chunked, chunk},
      {"QuotedEncoding", "", encoding("\"chunked\""), chunk},
      {"EncodingAfterAVerticalTab", "",
       encoding("\x0b"
                "chunked"),
       chunk},
      {"EmptyEncoding", "", encoding(""), "body"},
      {"ChunkedInHttp10", "POST /first HTTP/1.0\r\n", chunked, chunk},
      {"FirstHeaderBeginsWithSpace", "POST /first HTTP/1.1\r\n X: y\r\n", length("4"), "body"},
      {"BareLineFeed", "", "X: y\n" + length("4"), "body"},
      {"BareLineFeedAtTheEnd", "POST /first HTTP/1.1\nHost: localhost\nContent-Length: 0\n\n", "", ""},
      {"BareCarriageReturn", "", "X: y\rContent-Length: 4\r\n", "body"},
      {"NulInAHeader", "", std::string("X: y\0z\r\n", 8) + length("4"), "body"},
      {"HeaderWithoutAColon", "", "nonsense\r\n" + length("4"), "body"},
      {"HeaderWithoutAName", "", ": y\r\n" + length("4"), "body"},
      {"NegativeChunk", "", chunked, "-4\r\nbody\r\n0\r\n\r\n"},
      {"ChunkInHex0x", "", chunked, "0x4\r\nbody\r\n0\r\n\r\n"},
      {"ChunkThatOverflows", "", chunked, "10000000000000004\r\nbody\r\n0\r\n\r\n"},
      {"ChunkWithoutItsEnd", "", chunked, "4\r\nbody0\r\n\r\n"},
      {"ChunkEndsInABareLineFeed", "", chunked, "4\nbody\r\n0\r\n\r\n"},
      {"ChunkIsLongerThanItSays", "", chunked, "2\r\nbody\r\n0\r\n\r\n"},
      {"NoChunkSize", "", chunked, "\r\nbody\r\n0\r\n\r\n"},
      {"Http09", "POST /first\r\n", length("4"), "body"},
      {"AnotherVersion", "POST /first HTTP/3.7\r\n", length("4"), "body"},
      {"VersionInLowerCase", "POST /first http/1.1\r\n", length("4"), "body"},
      {"NoTarget", "POST HTTP/1.1\r\n", length("4"), "body"},
      {"SpaceInTheTarget", "POST /fir st HTTP/1.1\r\n", length("4"), "body"},
      {"TwoHosts", "", "Host: other\r\n" + length("4"), "body"},
  };
}

std::ostream& operator<<(std::ostream& out, const Smuggled& each) {
  return out << each.name;
}

class Smuggling : public ::testing::TestWithParam<Smuggled> {};

TEST_P(Smuggling, WhatIsHiddenInARequestIsNeverAskedAndTheConnectionEnds) {
  const auto& each = GetParam();
  Asked asked;
  auto options = on_loopback();
  options.allowed_methods = {"GET", "POST"};
  options.max_body_bytes = 1000;
  RunningServer server(options, asked.handler());
  const std::string start = each.start.empty() ? "POST /first HTTP/1.1\r\n" : each.start;
  const std::string host = start.find("Host:") == std::string::npos ? "Host: localhost\r\n" : "";
  const std::string end = start.ends_with("\n\n") ? "" : "\r\n";
  // In one piece, and with what is hidden coming by itself.
  for (const bool apart : {false, true}) {
    RawClient client(server.port());
    const auto whole = start + host + each.headers + end + each.body;
    client.send(apart ? whole : whole + hidden);
    if (apart) client.send(hidden);
    const auto answers = client.read_all();
    EXPECT_THAT(answers, StartsWith("HTTP/1.1 400 ")) << "and not " << ::testing::PrintToString(asked.all());
    EXPECT_EQ(answers.find("HTTP/1.1 200"), std::string::npos);
    EXPECT_EQ(answers.find("[no end]"), std::string::npos);
    EXPECT_THAT(asked.all(), IsEmpty());
  }
  RawClient honest(server.port());
  honest.send(
      "POST /honest HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_THAT(honest.read_all(), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(asked.all(), ElementsAre("/honest:body"));
}

INSTANTIATE_TEST_SUITE_P(Requests, Smuggling, ::testing::ValuesIn(ambiguous()),
                         [](const auto& one) { return one.param.name; });

TEST(SmugglingNot, WhatIsPlainIsTaken) {
  Asked asked;
  auto options = on_loopback();
  options.allowed_methods = {"POST"};
  options.max_body_bytes = 1000;
  RunningServer server(options, asked.handler());
  RawClient client(server.port());
  const std::string head = "POST /first HTTP/1.1\r\nHost: localhost\r\n";
  for (const std::string& request :
       {head + "Content-Length: 4\r\n\r\nbody", head + "Content-Length:4  \r\n\r\nbody",
        head + "content-length: 4\r\n\r\nbody", head + "Transfer-Encoding: chunked\r\n\r\n" + chunk,
        // A folded line counts as one (RFC 9112, 5.2).
        head + "Content-Length:\r\n 4\r\n\r\nbody", head + "Transfer-Encoding:\r\n chunked\r\n\r\n" + chunk,
        head + "Transfer-Encoding: Chunked\r\n\r\n2;x=y\r\nbo\r\n2\r\ndy\r\n0\r\nTrailer: z\r\n\r\n"}) {
    client.send(request);
    EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 200 ")) << request;
  }
  const std::string one = "/first:body";
  EXPECT_THAT(asked.all(), ElementsAre(one, one, one, one, one, one, one));
}

}  // namespace
}  // namespace stibee_sync::http::test

// Every fault at every byte of two exchanges over one connection, directly and through a proxy: what is said
// of an exchange is true, and nothing is ever shown to whoever carries the bytes.
#include "integration/fault_proxy.hpp"
#include "integration/http/client_fixture.hpp"
#include "integration/http/connect_proxy.hpp"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <set>

namespace stibee_sync::http::test {
namespace {

using stibee_sync::testing::Fault;
using stibee_sync::testing::FaultPoint;
using stibee_sync::testing::FaultProxy;
using stibee_sync::testing::Way;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto key = "the-key";
const std::string reply = R"({"ok":true,"who":"lee@example.com"})";

/// How often each part of a sweep is tried: everything in the long run.
std::size_t stride(std::size_t usual) {
  const char* wanted = std::getenv("STIBEE_LONG");
  return wanted != nullptr && *wanted != '\0' ? 1 : usual;
}

/// The exchange of that number names it in its body.
std::string person(int number) {
  return R"({"email":"kim@example.com","number":)" + std::to_string(number) + "}";
}

/// A server that answers everything, and remembers what it was asked.
class Witness {
 public:
  explicit Witness(ServerTls tls) : server_([this](Peer& peer, int) { serve(peer); }, std::move(tls)) {}

  std::uint16_t port() const { return server_.port(); }
  /// How often it was asked by the exchange of that number, once all connections have ended.
  int asked(int number) {
    server_.await_idle();
    const std::lock_guard lock(mutex_);
    return static_cast<int>(std::count(asked_.begin(), asked_.end(), person(number)));
  }
  std::size_t asked() {
    server_.await_idle();
    const std::lock_guard lock(mutex_);
    return asked_.size();
  }

 private:
  void serve(Peer& peer) {
    while (true) {
      const auto request = peer.read_request();
      if (request.empty()) return;
      {
        const std::lock_guard lock(mutex_);
        asked_.push_back(request.substr(request.find("\r\n\r\n") + 4));
      }
      // In three pieces, so that there is something between them.
      const auto whole = answer(200, reply);
      const auto body = whole.size() - reply.size();
      peer.send(whole.substr(0, 20));
      peer.send(whole.substr(20, body - 20));
      peer.send(whole.substr(body));
    }
  }
  std::mutex mutex_;
  std::vector<std::string> asked_;
  ScriptedServer server_;
};

enum class Route { Direct, Proxy };

std::ostream& operator<<(std::ostream& out, Route route) {
  return out << (route == Route::Direct ? "Direct" : "Proxy");
}

const Authority& authority() {
  static const Authority one;
  return one;
}

const Certificate& certificate() {
  static const Certificate one = authority().issue(CertificateWish({"DNS:localhost", "IP:127.0.0.1"}));
  return one;
}

class Faults : public ClientFixture, public ::testing::WithParamInterface<std::tuple<Route, Way, Fault>> {
 protected:
  static Route route() { return std::get<0>(GetParam()); }
  static Way way() { return std::get<1>(GetParam()); }
  static Fault fault() { return std::get<2>(GetParam()); }

  /// Two exchanges, then a third after whatever happened.
  struct Course {
    std::vector<Attempt> attempts;
    std::vector<int> asked;  // of each, how often the server had the whole of it
    std::size_t to_server = 0, to_client = 0;
    bool struck = false;
    std::string bytes;
    int connections = 0;
  };

  Course run_course(std::optional<FaultPoint> point) {
    Witness witness{ServerTls(certificate())};
    std::optional<ConnectProxy> tunnel;
    if (route() == Route::Proxy) tunnel.emplace(witness.port());
    FaultProxy network(tunnel ? tunnel->port() : witness.port(), point);
    auto options =
        options_for("https://127.0.0.1:" + std::to_string(tunnel ? witness.port() : network.port()));
    options.ca_file = ca_.path();
    if (tunnel) options.proxy = ProxyAddress{"127.0.0.1", network.port()};
    if (fault() == Fault::Stall) {
      options.request_timeout = patience;
      options.connect_timeout = patience;
    }
    start(std::move(options));
    Course course;
    for (int i = 0; i < 3; ++i) {
      if (i == 2) network.release();
      course.attempts.push_back(exchange(post(person(i))));
    }
    client.reset();
    course.to_server = network.passed(Way::ToServer);
    course.to_client = network.passed(Way::ToClient);
    course.struck = network.struck();
    course.connections = network.connections();
    course.bytes = network.bytes();
    network.reset_all();
    for (int i = 0; i < 3; ++i)
      course.asked.push_back(witness.asked(i));
    EXPECT_EQ(static_cast<std::size_t>(course.asked[0] + course.asked[1] + course.asked[2]), witness.asked())
        << "the server was asked something that nobody said";
    return course;
  }

  static constexpr auto patience = 200ms;
  TemporaryFile ca_{authority().pem()};
};

/// What must hold whatever the network does.
void judge(const std::vector<Attempt>& attempts, const std::vector<int>& asked) {
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    const auto& one = attempts[i];
    EXPECT_LE(asked[i], 1) << "the request went out twice, exchange " << i;
    if (one.ok()) {
      EXPECT_EQ(one.response().status(), 200);
      EXPECT_EQ(one.response().body(), reply) << "an answer that is not the server's, exchange " << i;
      EXPECT_EQ(asked[i], 1);
      continue;
    }
    const auto& failure = one.failure();
    EXPECT_TRUE(failure.request_sent || asked[i] == 0)
        << "the server has it, and it is said that it cannot: " << failure;
    EXPECT_TRUE(failure.request_sent || !failure.response_started) << failure;
    EXPECT_THAT(failure.detail, AllOf(Not(HasSubstr(key)), Not(HasSubstr("example.com"))));
  }
}

TEST_P(Faults, AtAnyByteWhatIsSaidOfAnExchangeIsTrueAndNothingIsShown) {
  const auto whole = run_course(std::nullopt);
  ASSERT_EQ(whole.asked, (std::vector<int>{1, 1, 1}));
  ASSERT_EQ(whole.connections, 1) << "all three over one connection";
  // Sizes of signatures vary by a few bytes; the third exchange is what comes after.
  const auto end = (way() == Way::ToServer ? whole.to_server : whole.to_client) - 150;
  const std::size_t usual = fault() == Fault::Stall ? 311 : 53;
  std::set<FailureKind> kinds;
  int struck = 0;
  int failed = 0;
  int cases = 0;
  for (std::size_t after = 0; after < end; after += stride(usual)) {
    SCOPED_TRACE(::testing::Message() << fault() << " after " << after << " bytes " << way());
    FaultPoint point;
    point.way = way();
    point.after = after;
    point.fault = fault();
    const auto course = run_course(point);
    ++cases;
    struck += course.struck ? 1 : 0;
    judge(course.attempts, course.asked);
    for (const auto& one : course.attempts) {
      if (one.ok()) continue;
      ++failed;
      kinds.insert(one.failure().kind);
    }
    const bool harmless = fault() == Fault::Crumble;
    EXPECT_TRUE(!harmless || (course.attempts[0].ok() && course.attempts[1].ok()));
    // The next one after a failure makes a connection of its own, and is through.
    const auto& last = course.attempts[2];
    EXPECT_TRUE(last.ok() || course.attempts[1].ok()) << last.failure();
    EXPECT_THAT(course.bytes,
                AllOf(Not(HasSubstr(key)), Not(HasSubstr("example.com")), Not(HasSubstr("subscribers"))));
    if (HasFailure()) break;
  }
  EXPECT_GE(struck, cases - cases / 10 - 1);
  if (fault() != Fault::Crumble) {
    EXPECT_GE(failed, cases / 2) << "else nothing was broken";
  }
  // Each is told as what it is.
  for (const auto kind : kinds) {
    EXPECT_TRUE(fault() != Fault::Stall || kind == FailureKind::Timeout) << kind;
    EXPECT_NE(kind, FailureKind::Cancelled);
    EXPECT_NE(kind, FailureKind::TooLarge);
    EXPECT_NE(kind, FailureKind::Resolve);
  }
  std::string said;
  for (const auto kind : kinds)
    said += (said.empty() ? "" : " ") + std::string(to_string(kind));
  RecordProperty("cases", cases);
  RecordProperty("kinds", said);
}

INSTANTIATE_TEST_SUITE_P(Network, Faults,
                         ::testing::Combine(::testing::Values(Route::Direct, Route::Proxy),
                                            ::testing::Values(Way::ToServer, Way::ToClient),
                                            ::testing::Values(Fault::Cut, Fault::Reset, Fault::HalfClose,
                                                              Fault::Stall, Fault::Crumble, Fault::Garble)),
                         [](const auto& one) {
                           return ::testing::PrintToString(std::get<2>(one.param)) +
                                  ::testing::PrintToString(std::get<1>(one.param)) +
                                  ::testing::PrintToString(std::get<0>(one.param));
                         });

}  // namespace
}  // namespace stibee_sync::http::test

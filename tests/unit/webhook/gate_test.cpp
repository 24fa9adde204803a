#include "stibee_sync/webhook/gate.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::webhook {
namespace {

text::IpNetwork network(std::string_view address, int prefix_length) {
  return text::IpNetwork::parse(address, prefix_length).value();
}

RequestOrigin caller(std::string path, std::string peer, std::vector<std::string> forwarded_for = {}) {
  RequestOrigin caller;
  caller.path = std::move(path);
  caller.peer = std::move(peer);
  caller.forwarded_for = std::move(forwarded_for);
  return caller;
}

const std::string stibee = "52.78.132.66";

Gate gate() {
  return Gate("s3cret", {network(stibee, 32), network("2001:db8::", 32)},
              {network("10.0.0.0", 8), network("::1", 128)});
}

TEST(WebhookGate, AdmitsTheRightSecretFromTheRightSource) {
  EXPECT_EQ(gate().judge(caller("/webhook/s3cret", stibee)), Verdict::Admitted);
}

TEST(WebhookGate, RefusesEveryOtherSecret) {
  for (const std::string path :
       {"/webhook/", "/webhook/s3cre", "/webhook/s3cret2", "/webhook/S3CRET", "/webhook/s3cret/",
        "/webhook//s3cret", "/webhook/%733cret", "/webhook/s3cret%00", "/webhook/ s3cret"}) {
    EXPECT_EQ(gate().judge(caller(path, stibee)), Verdict::WrongSecret) << path;
  }
  EXPECT_EQ(gate().judge(caller("/webhook/" + std::string(8000, 's'), stibee)), Verdict::WrongSecret);
}

TEST(WebhookGate, KnowsNoOtherPath) {
  for (const std::string path :
       {"", "/", "/webhook", "/WEBHOOK/s3cret", "//webhook/s3cret", "/hook/s3cret"}) {
    EXPECT_EQ(gate().judge(caller(path, stibee)), Verdict::NoSuchPath) << path;
  }
}

TEST(WebhookGate, KnowsAStrangerBeforeTheFirstByte) {
  EXPECT_EQ(gate().peer(stibee), Peer::Caller);
  EXPECT_EQ(gate().peer("::ffff:52.78.132.66"), Peer::Caller);
  EXPECT_EQ(gate().peer("10.1.2.3"), Peer::Proxy);
  for (const std::string peer : {"52.78.132.67", "127.0.0.1", "", "unix", "2001:db9::1"})
    EXPECT_EQ(gate().peer(peer), Peer::Stranger) << peer;
}

TEST(WebhookGate, RefusesEveryOtherSource) {
  for (const std::string peer : {"52.78.132.67", "127.0.0.1", "", "unix", "2001:db9::1", "52.78.132.66.1"}) {
    EXPECT_EQ(gate().judge(caller("/webhook/s3cret", peer)), Verdict::WrongSource) << peer;
  }
}

TEST(WebhookGate, BothSpellingsOfAnAddressAreOneAddress) {
  EXPECT_EQ(gate().judge(caller("/webhook/s3cret", "::ffff:52.78.132.66")), Verdict::Admitted);
  EXPECT_EQ(gate().judge(caller("/webhook/s3cret", "::ffff:344e:8442")), Verdict::Admitted);
  EXPECT_EQ(gate().judge(caller("/webhook/s3cret", "2001:0DB8:0:0::17")), Verdict::Admitted);
  const Gate mapped("s3cret", {network("::ffff:52.78.132.0", 120)}, {});
  EXPECT_EQ(mapped.judge(caller("/webhook/s3cret", stibee)), Verdict::Admitted);
}

TEST(WebhookGate, AForgedHeaderCountsForNothing) {
  EXPECT_EQ(gate().judge(caller("/webhook/s3cret", "203.0.113.9", {stibee})), Verdict::WrongSource);
  EXPECT_EQ(gate().judge(caller("/webhook/s3cret", stibee, {"203.0.113.9"})), Verdict::Admitted);
}

TEST(WebhookGate, BelievesATrustedProxyAboutTheHopBeforeIt) {
  EXPECT_EQ(gate().judge(caller("/webhook/s3cret", "10.1.2.3", {stibee})), Verdict::Admitted);
  EXPECT_EQ(gate().judge(caller("/webhook/s3cret", "10.1.2.3", {"1.2.3.4, " + stibee + ", 10.9.9.9"})),
            Verdict::Admitted);
  // What stands left of the last stranger, the stranger wrote.
  EXPECT_EQ(gate().judge(caller("/webhook/s3cret", "10.1.2.3", {stibee + ", 203.0.113.9"})),
            Verdict::WrongSource);
  EXPECT_EQ(gate().judge(caller("/webhook/s3cret", "10.1.2.3", {stibee, "203.0.113.9"})),
            Verdict::WrongSource);
}

TEST(WebhookGate, TakesAHopWithPortOrQuotes) {
  for (const std::string hop : {"52.78.132.66:4711", "\"52.78.132.66\"", "[2001:db8::1]:443",
                                "\"[2001:db8::1]\"", "  52.78.132.66  ", "::ffff:52.78.132.66"}) {
    EXPECT_EQ(gate().judge(caller("/webhook/s3cret", "10.1.2.3", {hop})), Verdict::Admitted) << hop;
  }
}

TEST(WebhookGate, AProxyThatSaysNothingUsableAdmitsNobody) {
  for (const std::string header :
       {"", "unknown", "_hidden", "[", "\"", "52.78.132.66,", "52.78.132.66, x", ":"}) {
    EXPECT_EQ(gate().source_of(caller("/", "10.1.2.3", {header})), "") << header;
    EXPECT_EQ(gate().judge(caller("/webhook/s3cret", "10.1.2.3", {header})), Verdict::WrongSource) << header;
  }
  EXPECT_EQ(gate().source_of(caller("/", "10.1.2.3")), "10.1.2.3") << "it calls for itself";
  EXPECT_EQ(gate().source_of(caller("/", "10.1.2.3", {"10.0.0.7, 10.0.0.8"})), "10.0.0.7");
}

TEST(WebhookGate, TheZoneOfAnAddressDoesNotCount) {
  const Gate local("s3cret", {network("fe80::", 10)}, {});
  EXPECT_EQ(local.judge(caller("/webhook/s3cret", "fe80::1%eth0")), Verdict::Admitted);
}

}  // namespace
}  // namespace stibee_sync::webhook

#include "stibee_sync/pipeline/server_trust.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::pipeline {
namespace {

store::SourceFacts read_at(const std::string& identity, std::optional<std::int64_t> position) {
  store::SourceFacts facts;
  facts.server_identity = identity;
  facts.wal_position = position;
  return facts;
}

source::ReadShape server(const std::string& identity, std::optional<std::int64_t> position) {
  source::ReadShape shape;
  shape.server_identity = identity;
  shape.wal_before = position;
  return shape;
}

source::ReadShape standby(const std::string& identity, std::optional<std::int64_t> position) {
  auto shape = server(identity, position);
  shape.in_recovery = true;
  return shape;
}

source::ReadShape promoted(const std::string& identity, std::int64_t position, std::int64_t replayed) {
  auto shape = server(identity, position);
  shape.wal_promoted = replayed;
  return shape;
}

TEST(ServerTrust, AServerThatHasSeenAllThatWasReadIsTrusted) {
  EXPECT_EQ(trust_in(server("7/1", 100), read_at("7/1", 100)), ServerTrust::Trusted);
  EXPECT_EQ(trust_in(standby("7/1", 100), read_at("7/1", 100)), ServerTrust::Trusted);
  EXPECT_EQ(trust_in(server("7/1", 101), read_at("7/1", 100)), ServerTrust::Trusted);
}

TEST(ServerTrust, AStandbyThatIsBehindHoweverLittleMayStillCome) {
  EXPECT_EQ(trust_in(standby("7/1", 99), read_at("7/1", 100)), ServerTrust::Behind);
  EXPECT_EQ(trust_in(standby("", 99), read_at("", 100)), ServerTrust::Behind);
  EXPECT_EQ(trust_in(standby("7/2", 99), read_at("7/1", 100)), ServerTrust::Behind);
}

TEST(ServerTrust, APrimaryThatLacksSomethingNeverWillHaveIt) {
  EXPECT_EQ(trust_in(server("7/1", 99), read_at("7/1", 100)), ServerTrust::Another);
  EXPECT_EQ(trust_in(server("7/2", 99), read_at("7/1", 100)), ServerTrust::Another);
}

TEST(ServerTrust, APromotedServerIsTrustedIfItHadReplayedAllThatWasRead) {
  EXPECT_EQ(trust_in(promoted("7/2", 150, 100), read_at("7/1", 100)), ServerTrust::Trusted);
  EXPECT_EQ(trust_in(promoted("7/2", 150, 99), read_at("7/1", 100)), ServerTrust::Another);
  // Restarted since, it does not tell any more.
  EXPECT_EQ(trust_in(server("7/2", 150), read_at("7/1", 100)), ServerTrust::Another);
  // In between there was another one, of which nothing is known.
  EXPECT_EQ(trust_in(promoted("7/3", 150, 120), read_at("7/1", 100)), ServerTrust::Another);
}

TEST(ServerTrust, PositionsOfAnotherClusterSayNothing) {
  EXPECT_EQ(trust_in(server("8/1", 500), read_at("7/1", 100)), ServerTrust::Another);
  EXPECT_EQ(trust_in(standby("8/1", 5), read_at("7/1", 100)), ServerTrust::Another);
}

TEST(ServerTrust, AServerThatDoesNotTellIsTrusted) {
  EXPECT_EQ(trust_in(server("", std::nullopt), read_at("", std::nullopt)), ServerTrust::Trusted);
  EXPECT_EQ(trust_in(server("7/1", std::nullopt), read_at("7/1", 100)), ServerTrust::Trusted);
  EXPECT_EQ(trust_in(server("7/1", 1), read_at("7/1", std::nullopt)), ServerTrust::Trusted);
  EXPECT_EQ(trust_in(server("7/1", 100), read_at("", std::nullopt)), ServerTrust::Trusted);
}

}  // namespace
}  // namespace stibee_sync::pipeline

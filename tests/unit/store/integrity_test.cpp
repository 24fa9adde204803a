#include "store/integrity.hpp"

#include "small_state.hpp"

#include <chrono>
#include <fstream>

#include <gtest/gtest.h>

namespace stibee_sync::store {
namespace {

using namespace testing_support;

class Integrity : public ::testing::Test {
 protected:
  Integrity() {
    std::ofstream(file_).close();
    Connection connection(file_, Connection::Mode::ReadWrite);
    connection.execute(
        "CREATE TABLE t (x INTEGER PRIMARY KEY, y TEXT); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i "
        "+ 1 FROM n "
        "WHERE i < 300000) INSERT INTO t SELECT i, hex(randomblob(60)) FROM n");
  }
  void damage(std::streamoff at) {
    std::fstream out(file_, std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(at);
    out << std::string(4096, '\x5a');
  }

  TemporaryDirectory temporary_;
  std::filesystem::path file_ = temporary_.path() / "some.sqlite";
};

TEST_F(Integrity, ASoundFileIsSound) {
  Connection connection(file_, Connection::Mode::ReadWrite);
  EXPECT_TRUE(looks_sound(connection, std::nullopt));
  EXPECT_TRUE(looks_sound(connection, std::chrono::seconds(60)));
}

TEST_F(Integrity, ADamagedPageIsFound) {
  damage(4096 * 1000);
  Connection connection(file_, Connection::Mode::ReadWrite);
  EXPECT_FALSE(looks_sound(connection, std::nullopt));
}

TEST_F(Integrity, TheCheckEndsWhenItsTimeIsUpAndTheConnectionStaysUsable) {
  Connection connection(file_, Connection::Mode::ReadWrite);
  EXPECT_TRUE(looks_sound(connection, std::chrono::milliseconds(0)));
  EXPECT_EQ(connection.query_number("SELECT count(*) FROM t"), 300000);
}

TEST_F(Integrity, DamageMetAtWorkLeavesASuspicionForTheNextStart) {
  damage(4096 * 1000);
  Connection connection(file_, Connection::Mode::ReadWrite);
  EXPECT_THROW(connection.query_number("SELECT count(y) FROM t WHERE y <> ''"), StoreFailure);
  EXPECT_TRUE(std::filesystem::exists(suspicion_of(file_)));
}

}  // namespace
}  // namespace stibee_sync::store

#include "source/patience.hpp"

#include <array>
#include <chrono>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace stibee_sync::source {
namespace {

using namespace std::chrono_literals;

/// One end is watched, the other is the server's.
class PatienceTest : public ::testing::Test {
 protected:
  PatienceTest() {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends_.data()), 0);
    interrupt_.watch(ends_[0]);
  }
  ~PatienceTest() override {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  /// Waits for the end of the connection.
  bool ends_within(std::chrono::milliseconds limit) const {
    pollfd fd{ends_[0], POLLIN, 0};
    return ::poll(&fd, 1, static_cast<int>(limit.count())) == 1;
  }

  std::array<int, 2> ends_{};
  Interrupt interrupt_;
};

TEST_F(PatienceTest, EndsTheConnectionOfACallThatTakesTooLong) {
  Patience patience(interrupt_, 20ms);
  {
    const Patience::Call in_time(patience);
  }
  EXPECT_FALSE(patience.ran_out());
  const Patience::Call too_long(patience);
  EXPECT_TRUE(ends_within(60s));
  EXPECT_TRUE(patience.ran_out());
  EXPECT_FALSE(interrupt_.requested()) << "silence is no request";
}

TEST_F(PatienceTest, BetweenTwoCallsTimeDoesNotCount) {
  Patience patience(interrupt_, 20ms);
  {
    const Patience::Call call(patience);
  }
  EXPECT_FALSE(ends_within(100ms));
  EXPECT_FALSE(patience.ran_out());
}

TEST_F(PatienceTest, GoesBeforeItsTimeIsUp) {
  auto patience = std::make_optional<Patience>(interrupt_, 10min);
  {
    const Patience::Call call(*patience);
  }
  patience.reset();
  EXPECT_FALSE(ends_within(0ms));
}

}  // namespace
}  // namespace stibee_sync::source

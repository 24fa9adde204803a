#include "integration/source/feeding.hpp"
#include "source/interrupt.hpp"
#include "source/session.hpp"

#include <atomic>
#include <random>
#include <thread>

namespace stibee_sync::source {
namespace {

using Random = std::mt19937;

int one_of(Random& random, int count) {
  return std::uniform_int_distribution<int>(0, count - 1)(random);
}

/// Transactions that change, move, add and remove people, in a quarter of cases in vain.
void write(const Connection& connection, unsigned seed, const std::atomic<int>& drains) {
  Random random(seed);
  Interrupt interrupt;
  const Interrupt::Call call(interrupt);
  Session session(connection, interrupt);
  const auto person = [&] { return std::to_string(one_of(random, 40)); };
  for (int i = 0; i < 100 || drains < 40; ++i) {
    session.run("BEGIN");
    for (int statements = 1 + one_of(random, 4); statements > 0; --statements) {
      const auto value = "'" + std::to_string(seed) + "-" + std::to_string(i) + "'";
      const std::string all[] = {
          "UPDATE members SET email = " + value + " WHERE id = " + person(),
          "UPDATE members SET email = " + value + " WHERE id BETWEEN 10 AND 20",
          "DELETE FROM members WHERE id = " + person(),
          "INSERT INTO members VALUES (" + person() + ", " + value +
              ") ON CONFLICT (id) DO UPDATE SET email = EXCLUDED.email",
          "UPDATE members SET id = id + 100 WHERE id = " + person() +
              " AND NOT EXISTS (SELECT FROM members o WHERE o.id = members.id + 100)",
          "DELETE FROM members WHERE id > 120",
      };
      // Deadlocks and collisions undo the transaction, as they would in any application.
      if (!session.execute(all[one_of(random, 6)]).succeeded) break;
    }
    session.run(one_of(random, 4) == 0 || !session.in_transaction() ? "ROLLBACK" : "COMMIT");
  }
}

/// A drainer that dies now and then, before what it read is remembered or before it is taken out.
class MortalDrainer {
 public:
  MortalDrainer(Connection connection, FeedPlan plan, unsigned seed)
      : connection_(std::move(connection)), plan_(std::move(plan)), random_(seed) {}

  /// Whether there was nothing.
  bool step() {
    if (!feed_) feed_ = make_postgres_change_feed(connection_);
    const auto drained = drain(*feed_, plan_);
    if (!drained.whole()) throw std::runtime_error(drained.message());
    const int fate = one_of(random_, 8);
    if (fate == 0) return die();
    for (const auto& [key, row] : drained.rows) {
      if (row) {
        people_[key] = *row;
      } else {
        people_.erase(key);
      }
    }
    if (fate == 1) return die();
    if (const auto error = feed_->discard(plan_.mirror, drained.report().feed.ids))
      throw std::runtime_error(error->message);
    return drained.report().feed.ids.empty();
  }
  const std::map<std::string, std::string>& people() const { return people_; }

 private:
  bool die() {
    feed_.reset();
    return false;
  }
  Connection connection_;
  FeedPlan plan_;
  Random random_;
  std::unique_ptr<ChangeFeed> feed_;
  std::map<std::string, std::string> people_;
};

class FeedCrash : public FeedTest, public ::testing::WithParamInterface<unsigned> {};

TEST_P(FeedCrash, NothingIsLostBetweenWritersAndADrainerThatDies) {
  make_table("id bigint PRIMARY KEY, email text");
  install();
  std::atomic<int> writing = 3;
  std::atomic<int> drains = 0;
  std::vector<std::thread> writers;
  for (unsigned i = 0; i < 3; ++i) {
    writers.emplace_back([&, i] {
      write(connection("postgres"), GetParam() * 10 + i, drains);
      --writing;
    });
  }
  MortalDrainer drainer(connection(), plan_, GetParam());
  while (writing > 0) {
    drainer.step();
    ++drains;
  }
  for (auto& writer : writers)
    writer.join();
  while (!drainer.step())
    continue;
  std::map<std::string, std::string> table;
  for (const auto& row : sql("SELECT id, id || E'\t' || email FROM members"))
    table[*row[0]] = *row[1];
  EXPECT_EQ(drainer.people(), table) << "seed " << GetParam();
  EXPECT_FALSE(table.empty());
}

INSTANTIATE_TEST_SUITE_P(Seeds, FeedCrash, ::testing::Values(1U, 2U));

}  // namespace
}  // namespace stibee_sync::source

// A network, a server and a pooler that fail at any point of a read or a write.
#include "integration/fault_proxy.hpp"
#include "integration/pgbouncer.hpp"
#include "reading.hpp"
#include "stibee_sync/source/writer.hpp"

#include <chrono>
#include <cstdlib>
#include <fstream>

namespace stibee_sync::source {
namespace {

using namespace std::chrono_literals;
using stibee_sync::testing::ClusterOptions;
using stibee_sync::testing::Fault;
using stibee_sync::testing::FaultPoint;
using stibee_sync::testing::FaultProxy;
using stibee_sync::testing::PgBouncer;
using stibee_sync::testing::Way;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::size_t members = 1'500;

bool long_run() {
  const char* wanted = std::getenv("STIBEE_LONG");
  return wanted != nullptr && *wanted != '\0';
}

class SourceFault : public SourceTest {
 protected:
  void SetUp() override {
    sql("CREATE TABLE members (id int PRIMARY KEY, email text); INSERT INTO members SELECT i, repeat('x', "
        "90) || i "
        "FROM generate_series(1, " +
        std::to_string(members) + ") i");
  }
  FaultProxy::Target server() {
    return cluster().directory() + "/.s.PGSQL." + std::to_string(cluster().port());
  }
  Connection through(const FaultProxy& network) {
    auto connection = connection_to("postgresql://postgres@127.0.0.1:" + std::to_string(network.port()) +
                                    "/" + database_ + "?sslmode=disable&gssencmode=disable");
    connection.longest_silence = 500ms;
    connection.connect_timeout = 2s;
    return connection;
  }
  /// Ends our sessions at the server, and waits a moment for it: one that is sending ends when it is read
  /// again.
  void end_sessions() {
    cluster().value("SELECT count(pg_terminate_backend(pid, 300)) FROM pg_stat_activity WHERE datname = '" +
                    database_ + "' AND application_name = 'stibee-syncd'");
  }
  static WriteStatement statement() {
    WriteStatement made;
    made.event = "updated";
    made.sql = "UPDATE members SET email = :email WHERE id = :key::int";
    return made;
  }

  /// One read while that happens, and one afterwards.
  void read_under(const FaultPoint& point) {
    FaultProxy network(server(), point);
    const auto reader = make_postgres_reader(through(network));
    const auto first = read_all(*reader, plan_for("members"));
    if (first.complete()) {
      EXPECT_EQ(first.rows.size(), members) << "a part was taken for the whole";
    } else {
      EXPECT_EQ(first.error().kind, Kind::Unreachable) << first.error().message;
      EXPECT_FALSE(reader->connected());
      ++failed_;
    }
    network.release();
    const auto second = read_all(*reader, plan_for("members"));
    ASSERT_TRUE(second.complete()) << second.error().message;
    EXPECT_EQ(second.rows.size(), members);
    ++cases_;
  }
  void write_under(const FaultPoint& point) {
    FaultProxy network(server(), point);
    const auto writer = make_postgres_writer(through(network));
    const auto fresh = "new" + std::to_string(++cases_);
    const auto stored = [this] {
      return cluster().value("SELECT email FROM members WHERE id = 7", database_);
    };
    const auto before = stored();
    const auto first = writer->execute(statement(), {{"email", fresh}, {"key", "7"}});
    if (const auto* rows = std::get_if<std::size_t>(&first)) {
      EXPECT_EQ(*rows, 1U);
      EXPECT_EQ(stored(), fresh) << "said to be committed, and is not";
    } else {
      const auto& failure = std::get<WriteFailure>(first);
      EXPECT_EQ(failure.scope, WriteFailure::Scope::Database) << failure.error.message;
      EXPECT_THAT(failure.error.message, Not(HasSubstr(fresh)));
      ++failed_;
    }
    // What was stalled stays so: that it holds the row's lock ends by itself.
    auto again = first;
    for (int tries = 0; tries < 20; ++tries) {
      again = writer->execute(statement(), {{"email", fresh}, {"key", "7"}});
      if (std::holds_alternative<std::size_t>(again)) break;
    }
    ASSERT_TRUE(std::holds_alternative<std::size_t>(again)) << std::get<WriteFailure>(again).error.message;
    EXPECT_EQ(stored(), fresh);
  }

  int cases_ = 0;
  int failed_ = 0;
};

class SourceFaultAtAnyByte : public SourceFault,
                             public ::testing::WithParamInterface<std::tuple<Way, Fault>> {
 protected:
  static FaultPoint at(std::size_t after) {
    FaultPoint point;
    point.way = std::get<0>(GetParam());
    point.fault = std::get<1>(GetParam());
    point.after = after;
    return point;
  }
  /// So much goes each way undisturbed, ending with what `last` says.
  template <class Act>
  void sweep(std::size_t end, Act act) {
    const bool slow = std::get<1>(GetParam()) == Fault::Stall;
    const std::size_t step = long_run() ? end / 1'000 + 1 : end / (slow ? 5 : 13) + 1;
    for (std::size_t after = 0; after < end && !HasFailure(); after += step) {
      SCOPED_TRACE(::testing::Message() << after << " of " << end << " bytes " << std::get<0>(GetParam()));
      act(after);
    }
    // The last bytes decide whether a read is whole.
    for (std::size_t last = 1; last <= (slow ? 2 : 14) && !HasFailure(); last += 5)
      act(end - last);
    EXPECT_GE(failed_, cases_ / 2) << "else nothing was broken";
    RecordProperty("cases", cases_);
  }
};

TEST_P(SourceFaultAtAnyByte, AReadIsWholeOrFailsAndTheNextIsWhole) {
  std::size_t end = 0;
  {
    FaultProxy network(server());
    const auto reader = make_postgres_reader(through(network));
    ASSERT_TRUE(read_all(*reader, plan_for("members")).complete());
    end = network.passed(std::get<0>(GetParam()));
  }
  sweep(end, [this](std::size_t after) { read_under(at(after)); });
}

TEST_P(SourceFaultAtAnyByte, AWriteThatIsSaidToBeDoneIsCommitted) {
  std::size_t end = 0;
  {
    FaultProxy network(server());
    const auto writer = make_postgres_writer(through(network));
    ASSERT_TRUE(std::holds_alternative<std::size_t>(
        writer->execute(statement(), {{"email", "a@example.com"}, {"key", "7"}})));
    end = network.passed(std::get<0>(GetParam()));
  }
  sweep(end, [this](std::size_t after) { write_under(at(after)); });
}

INSTANTIATE_TEST_SUITE_P(Network, SourceFaultAtAnyByte,
                         ::testing::Combine(::testing::Values(Way::ToServer, Way::ToClient),
                                            ::testing::Values(Fault::Cut, Fault::Reset, Fault::HalfClose,
                                                              Fault::Stall)),
                         [](const auto& one) {
                           return ::testing::PrintToString(std::get<1>(one.param)) +
                                  ::testing::PrintToString(std::get<0>(one.param));
                         });

/// Ends the session when the piece of that number is about to be passed on, in either direction.
class Terminating {
 public:
  Terminating(int at, std::function<void()> end) : at_(at), end_(std::move(end)) {}
  FaultProxy::Before before() {
    return [this](Way, std::size_t) {
      if (pieces_++ == at_ && armed_) end_();
    };
  }
  /// How many pieces a read has differs with how they meet on the way: that piece may be one of the next
  /// read.
  void disarm() { armed_ = false; }
  int pieces() const { return pieces_; }

 private:
  const int at_;
  const std::function<void()> end_;
  std::atomic<int> pieces_ = 0;
  std::atomic<bool> armed_ = true;
};

TEST_F(SourceFault, ASessionThatIsTerminatedAtAnyStepOfAReadIsNeverATrueEnd) {
  Terminating none(-1, [] {});
  {
    FaultProxy network(server(), std::nullopt, none.before());
    ASSERT_TRUE(read_all(*make_postgres_reader(through(network)), plan_for("members")).complete());
  }
  int failed = 0;
  const int all = none.pieces();
  ASSERT_GT(all, 10);
  for (int at = 0; at < all; ++at) {
    SCOPED_TRACE(at);
    Terminating one(at, [this] { end_sessions(); });
    FaultProxy network(server(), std::nullopt, one.before());
    auto connection = through(network);
    connection.longest_silence = 20s;
    const auto reader = make_postgres_reader(connection);
    const auto first = read_all(*reader, plan_for("members"));
    one.disarm();
    if (first.complete()) {
      EXPECT_EQ(first.rows.size(), members);
    } else {
      ++failed;
      EXPECT_EQ(first.error().kind, Kind::Unreachable) << first.error().message;
    }
    EXPECT_EQ(read_all(*reader, plan_for("members")).rows.size(), members);
  }
  EXPECT_GT(failed, all / 3);
  RecordProperty("steps", all);
}

TEST_F(SourceFault, ASessionThatIsTerminatedAtAnyStepOfAWriteBackIsToldAsTheDatabasesFault) {
  Terminating none(-1, [] {});
  {
    FaultProxy network(server(), std::nullopt, none.before());
    const auto writer = make_postgres_writer(through(network));
    ASSERT_TRUE(
        std::holds_alternative<std::size_t>(writer->execute(statement(), {{"email", "a"}, {"key", "7"}})));
  }
  int failed = 0;
  const int all = none.pieces();
  for (int at = 0; at < all; ++at) {
    SCOPED_TRACE(at);
    Terminating one(at, [this] { end_sessions(); });
    FaultProxy network(server(), std::nullopt, one.before());
    auto connection = through(network);
    connection.longest_silence = 20s;
    const auto writer = make_postgres_writer(connection);
    const auto fresh = "new" + std::to_string(at);
    const auto first = writer->execute(statement(), {{"email", fresh}, {"key", "7"}});
    const auto stored = cluster().value("SELECT email FROM members WHERE id = 7", database_);
    if (std::holds_alternative<std::size_t>(first)) {
      EXPECT_EQ(stored, fresh);
    } else {
      ++failed;
      EXPECT_EQ(std::get<WriteFailure>(first).scope, WriteFailure::Scope::Database)
          << std::get<WriteFailure>(first).error.message;
    }
    auto again = writer->execute(statement(), {{"email", fresh}, {"key", "7"}});
    // The last steps are those of this call.
    if (!std::holds_alternative<std::size_t>(again))
      again = writer->execute(statement(), {{"email", fresh}, {"key", "7"}});
    EXPECT_TRUE(std::holds_alternative<std::size_t>(again));
    EXPECT_EQ(cluster().value("SELECT email FROM members WHERE id = 7", database_), fresh);
  }
  EXPECT_GT(failed, 2);
}

TEST_F(SourceFault, APoolerIsReadThroughInEachModeOrSaysWhichItNeeds) {
  if (!PgBouncer::installed()) GTEST_SKIP() << "pgbouncer (package pgbouncer) is missing";
  for (const auto* mode : {"session", "transaction"}) {
    const PgBouncer pooler(cluster(), mode);
    const auto reader = make_postgres_reader(connection_to(pooler.url(database_, "postgres")));
    const auto writer = make_postgres_writer(connection_to(pooler.url(database_, "postgres")));
    for (int i = 0; i < 5; ++i) {
      const auto delivered = read_all(*reader, plan_for("members"));
      ASSERT_TRUE(delivered.complete()) << mode << ": " << delivered.error().message;
      EXPECT_EQ(delivered.rows.size(), members);
      const auto written = writer->execute(statement(), {{"email", mode}, {"key", "7"}});
      ASSERT_TRUE(std::holds_alternative<std::size_t>(written)) << mode;
      EXPECT_EQ(cluster().value("SELECT email FROM members WHERE id = 7", database_), mode);
    }
  }
  const PgBouncer pooler(cluster(), "statement");
  const auto reader = make_postgres_reader(connection_to(pooler.url(database_, "postgres")));
  const auto delivered = read_all(*reader, plan_for("members"));
  ASSERT_FALSE(delivered.complete());
  EXPECT_TRUE(delivered.rows.empty());
  EXPECT_EQ(delivered.error().kind, Kind::NotAsMapped);
  EXPECT_THAT(delivered.error().message, AllOf(HasSubstr("statement mode"), HasSubstr("pool_mode")));
  const auto writer = make_postgres_writer(connection_to(pooler.url(database_, "postgres")));
  const auto written = writer->execute(statement(), {{"email", "statement"}, {"key", "7"}});
  ASSERT_TRUE(std::holds_alternative<WriteFailure>(written));
  EXPECT_THAT(std::get<WriteFailure>(written).error.message, HasSubstr("statement mode"));
  EXPECT_EQ(cluster().value("SELECT email FROM members WHERE id = 7", database_), "transaction");
}

TEST(SourceOverTls, AServerWithAnotherNameIsToldNothingWhereTheUrlVerifiesIt) {
  ClusterOptions options;
  options.tcp = true;
  options.tls = true;
  PostgresCluster cluster(options);
  cluster.execute(
      "CREATE ROLE mirrorrole LOGIN PASSWORD 's3cret-word'; CREATE TABLE members (id int, email text); GRANT "
      "SELECT ON "
      "members TO mirrorrole");
  const auto root = cluster.directory() + "/root.crt";
  std::ofstream(root) << std::ifstream(cluster.directory() + "/data/server.crt").rdbuf();
  const FaultProxy network(static_cast<std::uint16_t>(cluster.port()));
  const auto connection = [&](const std::string& host, const std::string& mode) {
    auto made = connection_to("postgresql://mirrorrole@" + host + ":" + std::to_string(network.port()) +
                              "/postgres?hostaddr=127.0.0.1&gssencmode=disable&sslmode=" + mode +
                              "&sslrootcert=" + root);
    made.password = privacy::Secret("s3cret-word");
    return made;
  };
  const auto wrong =
      read_all(*make_postgres_reader(connection("db.example.org", "verify-full")), plan_for("members"));
  ASSERT_FALSE(wrong.complete());
  EXPECT_EQ(wrong.error().kind, Kind::Unreachable);
  EXPECT_THAT(wrong.error().message, HasSubstr("TLS failed"));
  EXPECT_THAT(wrong.error().message, AllOf(Not(HasSubstr("s3cret")), Not(HasSubstr("mirrorrole"))));
  EXPECT_THAT(network.bytes(), AllOf(Not(HasSubstr("mirrorrole")), Not(HasSubstr("s3cret"))));
  EXPECT_EQ(cluster.value("SELECT count(*) FROM pg_stat_activity WHERE usename = 'mirrorrole'"), "0");
  const auto right =
      read_all(*make_postgres_reader(connection("localhost", "verify-full")), plan_for("members"));
  EXPECT_TRUE(right.complete()) << right.error().message;
  EXPECT_THAT(network.bytes(), Not(HasSubstr("mirrorrole"))) << "all of it goes through TLS";
}

}  // namespace
}  // namespace stibee_sync::source

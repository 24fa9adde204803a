#include "reading.hpp"

#include <arpa/inet.h>
#include <chrono>
#include <fstream>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace stibee_sync::source {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

SourceError error_of(const Connection& connection) {
  return read_all(*make_postgres_reader(connection), plan_for("members")).error();
}

/// A listener on loopback that accepts nothing, or a port where nobody listens.
class Port {
 public:
  explicit Port(bool listening) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length), 0);
    EXPECT_TRUE(!listening || ::listen(fd_, 1) == 0);
    number_ = ntohs(address.sin_port);
  }
  ~Port() { ::close(fd_); }
  std::string url() const { return "postgresql://mirror@127.0.0.1:" + std::to_string(number_) + "/shop"; }
  int accept() const { return ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC); }

 private:
  int fd_;
  int number_ = 0;
};

TEST(SourceConnect, APortWhereNobodyListensIsRefusedAtOnce) {
  const Port port(false);
  const auto start = steady_clock::now();
  const auto error = error_of(connection_to(port.url()));
  EXPECT_EQ(error.kind, Kind::Unreachable);
  EXPECT_THAT(error.message,
              AllOf(HasSubstr("127.0.0.1:"), HasSubstr("nothing listens"), Not(HasSubstr("mirror"))));
  EXPECT_LT(steady_clock::now() - start, 3s);
}

TEST(SourceConnect, AServerThatNeverAnswersEndsWithTheTimeOut) {
  const Port port(true);
  auto connection = connection_to(port.url());
  connection.connect_timeout = 1s;
  const auto error = error_of(connection);
  EXPECT_EQ(error.kind, Kind::Unreachable);
  EXPECT_THAT(error.message, HasSubstr("no answer within 1 s"));
}

TEST(SourceConnect, ATimeOutInTheUrlWins) {
  const Port port(true);
  auto connection = connection_to(port.url() + "?connect_timeout=1");
  connection.connect_timeout = 60s;
  EXPECT_THAT(error_of(connection).message, HasSubstr("no answer within 1 s"));
}

TEST(SourceConnect, CancelEndsAConnectionAttempt) {
  const Port port(true);
  auto connection = connection_to(port.url());
  connection.connect_timeout = 60s;
  const auto reader = make_postgres_reader(connection);
  std::thread canceller([&] {
    const int client = port.accept();
    reader->cancel();
    ::close(client);
  });
  const auto start = steady_clock::now();
  const auto error = read_all(*reader, plan_for("members")).error();
  canceller.join();
  EXPECT_EQ(error.kind, Kind::Cancelled);
  EXPECT_LT(steady_clock::now() - start, 10s);
}

TEST(SourceConnect, AHostThatDoesNotExistIsNamed) {
  auto connection = connection_to("postgresql://mirror@no-such-host.invalid/shop");
  EXPECT_THAT(error_of(connection).message,
              AllOf(HasSubstr("no-such-host.invalid"), HasSubstr("cannot be resolved")));
  connection.url = "host=/nonexistent dbname=shop";
  EXPECT_THAT(error_of(connection).message, AllOf(HasSubstr("/nonexistent"), HasSubstr("nothing listens")));
}

TEST(SourceConnect, AUrlThatCannotBeReadIsNotRepeated) {
  for (const auto* url :
       {"postgresql://u:s3cret@[db/shop", "s3cret", "postgresql://u@h/db?s3cret=1", "host='s3cret"}) {
    const auto error = error_of(connection_to(url));
    EXPECT_EQ(error.kind, Kind::NotAsMapped) << url;
    EXPECT_THAT(error.message, AllOf(HasSubstr("`database.url`"), Not(HasSubstr("s3cret")))) << url;
  }
}

class SourcePassword : public ::testing::Test {
 protected:
  static stibee_sync::testing::ClusterOptions over_tcp() {
    stibee_sync::testing::ClusterOptions options;
    options.tcp = true;
    options.tls = true;
    return options;
  }
  SourcePassword() {
    cluster_.execute(
        "CREATE ROLE mirror LOGIN PASSWORD 'it''s \\ a \"p=w d'; CREATE TABLE members (id int, email text);"
        "GRANT SELECT ON members TO mirror");
  }
  Connection connection(const std::string& password) const {
    auto connection = connection_to(cluster_.tcp_url("postgres", "mirror"));
    connection.password = privacy::Secret(password);
    return connection;
  }
  PostgresCluster cluster_{over_tcp()};
};

TEST_F(SourcePassword, IsPassedWhateverCharactersItHas) {
  EXPECT_EQ(error_of(connection("it's \\ a \"p=w d")).message, "(no error)");

  const auto wrong = error_of(connection("wr0ng"));
  EXPECT_EQ(wrong.kind, Kind::Refused);
  EXPECT_EQ(wrong.sqlstate, "28P01");
  EXPECT_THAT(wrong.message,
              AllOf(HasSubstr("`password_file`"), Not(HasSubstr("wr0ng")), Not(HasSubstr("mirror"))));

  const auto none = error_of(connection(""));
  EXPECT_EQ(none.kind, Kind::Refused);
  EXPECT_THAT(none.message, HasSubstr("asks for a password"));

  // The key=value form, and what the URL itself asks for.
  auto keyed = connection("it's \\ a \"p=w d");
  keyed.url = "host=127.0.0.1 port=" + std::to_string(cluster_.port()) +
              " dbname=postgres user=mirror application_name='my app' options='-c search_path=nowhere'";
  const auto reader = make_postgres_reader(keyed);
  EXPECT_THAT(read_all(*reader, plan_for("members")).error().message, HasSubstr("there is public.members"));
  EXPECT_TRUE(read_all(*reader, plan_for("public.members")).complete());
  EXPECT_EQ(cluster_.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'my app'"), "1");
}

TEST_F(SourcePassword, GoesOverTlsWhereTheUrlAsksForIt) {
  auto secure = connection("it's \\ a \"p=w d");
  const auto plain = secure.url;
  secure.url = plain + "?sslmode=require";
  const auto reader = make_postgres_reader(secure);
  EXPECT_TRUE(read_all(*reader, plan_for("members")).complete());
  EXPECT_EQ(cluster_.value("SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND "
                           "usename = 'mirror'"),
            "1");

  const auto certificate = cluster_.directory() + "/root.crt";
  std::ofstream(certificate) << std::ifstream(cluster_.directory() + "/data/server.crt").rdbuf();
  secure.url = plain + "?sslmode=verify-full&sslrootcert=" + certificate;
  EXPECT_EQ(error_of(secure).message, "(no error)");
  secure.url = plain + "?sslmode=verify-full&sslrootcert=/nonexistent";
  EXPECT_EQ(error_of(secure).kind, Kind::Unreachable);
  EXPECT_THAT(error_of(secure).message, HasSubstr("TLS failed"));
}

TEST_F(SourcePassword, AndAMissingDatabaseAreToldApart) {
  auto connection = connection_to(cluster_.tcp_url("nowhere", "mirror"));
  connection.password = privacy::Secret("it's \\ a \"p=w d");
  const auto error = error_of(connection);
  EXPECT_EQ(error.kind, Kind::NotAsMapped);
  EXPECT_EQ(error.sqlstate, "3D000");
}

}  // namespace
}  // namespace stibee_sync::source

// The program over real sockets, with curl as an independent client.

#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace stibee_sim::testing {

namespace json = boost::json;

namespace {

struct Output {
  int exit_code = -1;
  std::string text;
};

Output run(const std::string& command) {
  Output output;
  FILE* pipe = ::popen((command + " 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) return output;
  std::array<char, 4096> buffer{};
  while (const auto got = std::fread(buffer.data(), 1, buffer.size(), pipe))
    output.text.append(buffer.data(), got);
  const int status = ::pclose(pipe);
  output.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return output;
}

// A running stibee-sim; stopped with the test.
class Program {
 public:
  explicit Program(std::vector<std::string> arguments) {
    std::array<int, 2> out{};
    if (::pipe(out.data()) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(out[1], STDOUT_FILENO);
      ::close(out[0]);
      ::close(out[1]);
      arguments.insert(arguments.begin(), STIBEE_SIM_PROGRAM);
      std::vector<char*> words;
      for (auto& argument : arguments)
        words.push_back(argument.data());
      words.push_back(nullptr);
      ::execv(STIBEE_SIM_PROGRAM, words.data());
      ::_exit(127);
    }
    ::close(out[1]);
    read_ready(out[0]);
    ::close(out[0]);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    if (pid_ > 0) stop();
  }

  int stop() {
    ::kill(pid_, SIGTERM);
    return wait();
  }
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  const json::value& ready() const { return ready_; }
  std::string port() const { return std::to_string(ready_.at("port").as_int64()); }
  std::string control() const {
    return "http://127.0.0.1:" + std::to_string(ready_.at("control_port").as_int64());
  }

 private:
  void read_ready(int from) {
    std::string line;
    pollfd waiting{from, POLLIN, 0};
    while (line.find('\n') == std::string::npos && ::poll(&waiting, 1, 20000) > 0) {
      std::array<char, 512> buffer{};
      const auto got = ::read(from, buffer.data(), buffer.size());
      if (got <= 0) break;
      line.append(buffer.data(), static_cast<std::size_t>(got));
    }
    boost::system::error_code error;
    ready_ = json::parse(line, error);
    if (error) ADD_FAILURE() << "not ready: " << line;
  }

  pid_t pid_ = -1;
  json::value ready_;
};

// Takes one POST after the other and answers each with the status asked for.
class Receiver {
 public:
  Receiver() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(socket_, 8);
    socklen_t size = sizeof address;
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  ~Receiver() { ::close(socket_); }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/webhook/secret"; }

  std::string take(const std::string& status) {
    pollfd waiting{socket_, POLLIN, 0};
    if (::poll(&waiting, 1, 20000) <= 0) return "nobody came";
    const int peer = ::accept(socket_, nullptr, nullptr);
    std::string text;
    while (text.find("]}") == std::string::npos) {
      std::array<char, 4096> buffer{};
      const auto got = ::read(peer, buffer.data(), buffer.size());
      if (got <= 0) break;
      text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    const std::string answer = "HTTP/1.1 " + status + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    EXPECT_EQ(::write(peer, answer.data(), answer.size()), static_cast<ssize_t>(answer.size()));
    ::close(peer);
    return text;
  }

 private:
  int socket_;
  std::uint16_t port_ = 0;
};

const std::string key_and_type = "-H 'AccessToken: sim-key' -H 'Content-Type: application/json' ";

std::string subscribe(const std::string& base, const std::string& email, const std::string& options = "") {
  return "curl -sS --max-time 20 " + options + " " + key_and_type + "-X POST " + base +
         "/v1/lists/1234/subscribers -d '" + R"({"subscribers":[{"email":")" + email + R"("}]})" + "'";
}

class ProgramTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "stibee-sim-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string file(const std::string& name) const { return (directory_ / name).string(); }
  static json::value stats(const std::string& base) {
    return json::parse(run("curl -sS " + base + "/_sim/stats").text);
  }

  std::filesystem::path directory_;
};

}  // namespace

TEST_F(ProgramTest, ServesPlainOnLoopbackAndEndsCleanly) {
  Program sim{{"--plain", "--list", "1234", "--port-file", file("port")}};
  const auto base = "http://127.0.0.1:" + sim.port();
  EXPECT_EQ(run("cat " + file("port")).text, sim.port() + "\n");
  EXPECT_NE(run(subscribe(base, "a@x.kr")).text.find(R"("success":[{"email":"a@x.kr"}])"), std::string::npos);
  EXPECT_NE(run("curl -sS " + base + "/_sim/dump").text.find("a@x.kr"), std::string::npos);
  EXPECT_EQ(stats(base).at("calls").as_int64(), 1);
  EXPECT_EQ(sim.stop(), 0);
}

TEST_F(ProgramTest, ShutsDownWhenAsked) {
  Program sim{{"--plain"}};
  EXPECT_EQ(run("curl -sS -X POST http://127.0.0.1:" + sim.port() + "/_sim/shutdown").exit_code, 0);
  EXPECT_EQ(sim.wait(), 0);
}

TEST_F(ProgramTest, ServesHttpsThatOnlyItsAuthorityVouchesFor) {
  Program sim{{"--write-ca", file("ca.pem"), "--host", "api.example.test"}};
  for (const std::string host : {"localhost", "127.0.0.1", "api.example.test"}) {
    const auto resolve = "--resolve " + host + ":" + sim.port() + ":127.0.0.1 ";
    const auto base = "https://" + host + ":" + sim.port();
    EXPECT_EQ(run(subscribe(base, host + "@x.kr", resolve + "--cacert " + file("ca.pem"))).exit_code, 0)
        << host;
  }
  EXPECT_EQ(run(subscribe("https://localhost:" + sim.port(), "b@x.kr")).exit_code, 60);
}

TEST_F(ProgramTest, ShowsBadCertificatesWhenAsked) {
  for (const std::string kind : {"wrong-host", "expired", "not-yet", "untrusted"}) {
    Program sim{{"--certificate", kind, "--write-ca", file("ca.pem"), "--control-listen", "127.0.0.1:0"}};
    const auto answer =
        run(subscribe("https://localhost:" + sim.port(), "a@x.kr", "--cacert " + file("ca.pem")));
    EXPECT_EQ(answer.exit_code, 60) << kind;
    EXPECT_EQ(stats(sim.control()).at("calls").as_int64(), 0) << kind;
  }
}

TEST_F(ProgramTest, KeepsItsAuthorityFromStartToStart) {
  const std::vector<std::string> arguments{"--keep-ca", file("authority.pem"), "--write-ca", file("ca.pem")};
  std::string first;
  {
    Program sim{arguments};
    first = run("cat " + file("ca.pem")).text;
  }
  Program sim{arguments};
  EXPECT_EQ(run("cat " + file("ca.pem")).text, first);
  EXPECT_EQ(
      run(subscribe("https://localhost:" + sim.port(), "a@x.kr", "--cacert " + file("ca.pem"))).exit_code, 0);
}

TEST_F(ProgramTest, CallsOverlapUnderLatency) {
  Program sim{{"--plain", "--latency", "400ms"}};
  const auto base = "http://127.0.0.1:" + sim.port();
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back(
        [&base, i] { EXPECT_EQ(run(subscribe(base, std::to_string(i) + "@x.kr")).exit_code, 0); });
  }
  for (auto& client : clients)
    client.join();
  const auto seen = stats(base);
  EXPECT_GE(seen.at("peak_in_flight").as_int64(), 2);
  EXPECT_EQ(seen.at("in_flight").as_int64(), 0);
  EXPECT_EQ(seen.at("same_address_in_flight").as_int64(), 0);
}

TEST_F(ProgramTest, DropsAndCutsConnections) {
  Program sim{{"--plain"}};
  const auto base = "http://127.0.0.1:" + sim.port();
  const std::string plan =
      R"({"script":{"v1.subscribe":["drop_before","drop_after","cut_body","garbage_body"]}})";
  EXPECT_EQ(run("curl -sS -X POST " + base + "/_sim/faults -d '" + plan + "'").text, "{}\n");
  EXPECT_EQ(run(subscribe(base, "a@x.kr")).exit_code, 52);  // empty reply
  EXPECT_EQ(run(subscribe(base, "b@x.kr")).exit_code, 52);
  EXPECT_EQ(run(subscribe(base, "c@x.kr")).exit_code, 18);  // partial file
  EXPECT_EQ(run(subscribe(base, "d@x.kr")).exit_code, 0);
  const auto dump = run("curl -sS " + base + "/_sim/dump").text;
  EXPECT_EQ(dump.find("a@x.kr"), std::string::npos);
  for (const char* email : {"b@x.kr", "c@x.kr", "d@x.kr"})
    EXPECT_NE(dump.find(email), std::string::npos) << email;
}

TEST_F(ProgramTest, AClientThatGaveUpIsNoLongerInFlightButItsCallApplies) {
  Program sim{{"--plain"}};
  const auto base = "http://127.0.0.1:" + sim.port();
  run("curl -sS -X POST " + base +
      R"(/_sim/faults -d '{"script":{"v1.subscribe":[{"kind":"stall_before","stall_ms":1500}]}}')");
  EXPECT_EQ(run(subscribe(base, "a@x.kr", "--max-time 0.3")).exit_code, 28);
  EXPECT_EQ(run(subscribe(base, "a@x.kr")).exit_code, 0);
  EXPECT_EQ(stats(base).at("same_address_in_flight").as_int64(), 0);
  // The stalled call ends by itself; asked until it has, for at most 20 s.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (stats(base).at("in_flight").as_int64() > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
  EXPECT_EQ(stats(base).at("repeated_people").as_int64(), 1);
}

TEST_F(ProgramTest, PostsWebhooksAndTriesAgain) {
  Receiver receiver;
  Program sim{{"--plain", "--webhook", "1234=" + receiver.url(), "--switch", "webhook_retry_ms=20"}};
  const auto base = "http://127.0.0.1:" + sim.port();
  const auto edit = run("curl -sS -X POST " + base +
                        R"(/_sim/people -d '{"list":"1234","action":"add","email":"a@x.kr"}')");
  EXPECT_EQ(edit.text, "{\"changed\":1}\n");
  EXPECT_NE(receiver.take("500 Internal Server Error").find("POST /webhook/secret HTTP/1.1"),
            std::string::npos);
  EXPECT_NE(receiver.take("200 OK").find(R"("action":"SUBSCRIBED")"), std::string::npos);
  EXPECT_EQ(run(subscribe(base, "b@x.kr")).exit_code, 0);
  EXPECT_NE(receiver.take("204 No Content").find("b@x.kr"), std::string::npos);
}

TEST_F(ProgramTest, LargeBodiesWithExpectContinueAreReadWhole) {
  Program sim{{"--plain"}};
  const auto base = "http://127.0.0.1:" + sim.port();
  const auto answer = run(
      "head -c 3000000 /dev/zero | tr '\\0' ' ' | curl -sS -o /dev/null -w '%{http_code} %{size_upload}' " +
      key_and_type + "-H 'Expect: 100-continue' -X PUT " + base +
      "/v1/lists/1234/subscribers/unsubscribe --data-binary @-");
  EXPECT_EQ(answer.text, "413 3000000");
}

TEST_F(ProgramTest, RefusesToStartOnBadOptions) {
  const std::string program = STIBEE_SIM_PROGRAM;
  EXPECT_EQ(run(program + " --nonsense").exit_code, 64);
  EXPECT_EQ(run(program + " --list x").exit_code, 64);
  EXPECT_EQ(run(program + " --rate 10").exit_code, 64);
  EXPECT_EQ(run(program + " --switch plan=gold").exit_code, 64);
  EXPECT_EQ(run(program + " --plain --listen 0.0.0.0:0").exit_code, 64);
  Program sim{{"--plain"}};
  EXPECT_EQ(run(program + " --plain --listen 127.0.0.1:" + sim.port()).exit_code, 69);
  EXPECT_NE(run(program + " --help").text.find("v1_already_subscribed"), std::string::npos);
}

}  // namespace stibee_sim::testing

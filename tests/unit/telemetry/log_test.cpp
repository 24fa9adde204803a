#include "stibee_sync/telemetry/log.hpp"

#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <set>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>

namespace stibee_sync::telemetry {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

struct Captured {
  std::vector<std::string> lines;
  Log log = Log::to([this](std::string_view line) { lines.emplace_back(line); });
};

struct Pipe {
  Pipe() {
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  }
  ~Pipe() {
    close_reader();
    close(ends[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  void close_reader() {
    if (ends[0] >= 0) close(ends[0]);
    ends[0] = -1;
  }
  std::string read_available() const {
    std::string all;
    pollfd ready{.fd = ends[0], .events = POLLIN, .revents = 0};
    char buffer[4096];
    while (poll(&ready, 1, 0) == 1 && (ready.revents & POLLIN) != 0) {
      const ssize_t count = read(ends[0], buffer, sizeof buffer);
      if (count <= 0) break;
      all.append(buffer, static_cast<std::size_t>(count));
    }
    return all;
  }
  int ends[2] = {-1, -1};
};

TEST(Event, EachHasItsOwnName) {
  std::set<std::string_view> names(event_names.begin(), event_names.end());
  EXPECT_EQ(names.size(), event_count);
  EXPECT_FALSE(names.contains(""));
  EXPECT_EQ(name(Event::DaemonStart), "daemon.start");
  EXPECT_EQ(name(Event::SourceUntrusted), "source.untrusted");
  EXPECT_EQ(name(Event::PersonParked), "person.parked");
  EXPECT_EQ(name(Event::SuppressionLifted), "suppression.lifted");
  EXPECT_EQ(name(Event::PrivacyErased), "privacy.erased");
}

TEST(Log, HandsEachLineToTheSink) {
  std::vector<std::string> lines;
  Log log = Log::to([&](std::string_view line) { lines.emplace_back(line); }, {},
                    [] { return std::chrono::system_clock::time_point{1s}; });
  log.event(Level::Warn, Event::ApiThrottled, "slow down", {{"endpoint", "subscribe"}, {"limit", 10}});
  EXPECT_THAT(lines, ElementsAre(R"({"ts":"1970-01-01T00:00:01.000Z","level":"warn","event":"api.throttled",)"
                                 R"("msg":"slow down","endpoint":"subscribe","limit":10})"));
}

TEST(Log, TakesFieldsThatWereCollected) {
  Captured captured;
  const std::vector<Field> fields{{"a", 1}, {"b", true}};
  captured.log.event(Level::Info, Event::SyncFinished, "done", fields);
  EXPECT_THAT(captured.lines, ElementsAre(HasSubstr(R"("a":1,"b":true})")));
}

TEST(Log, LeavesOutWhatIsBelowItsLevelAndTheLevelCanChange) {
  Captured captured;
  captured.log.debug("not shown");
  captured.log.set_level(Level::Debug);
  captured.log.debug("shown", {{"n", 1}});
  captured.log.trace("not shown");
  EXPECT_TRUE(captured.log.enabled(Level::Debug));
  EXPECT_FALSE(captured.log.enabled(Level::Trace));
  captured.log.set_level(Level::Error);
  captured.log.event(Level::Warn, Event::SourceLost, "not shown");
  EXPECT_THAT(captured.lines, ElementsAre(HasSubstr(R"("level":"debug","msg":"shown","n":1})")));
}

TEST(Log, NeverPrintsARegisteredSecretOrAnAddress) {
  Captured captured;
  captured.log.never_print("s3cret-key");
  captured.log.event(Level::Error, Event::ApiUnauthorised, "s3cret-key", {{"who", "kim@example.com"}});
  EXPECT_THAT(captured.lines, ElementsAre(HasSubstr(R"("msg":"<secret>","who":"<address>"})")));
}

TEST(Log, ASinkOrClockThatThrowsCostsTheLineAndNothingElse) {
  int calls = 0;
  std::vector<std::string> lines;
  Log log = Log::to([&](std::string_view line) {
    if (++calls == 1) throw std::runtime_error("no");
    lines.emplace_back(line);
  });
  log.event(Level::Info, Event::SyncStarted, "first");
  EXPECT_EQ(log.lines_lost(), 1U);
  log.event(Level::Info, Event::SyncStarted, "second");
  log.event(Level::Info, Event::SyncStarted, "third");
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_THAT(lines[0], HasSubstr(R"("msg":"second","lines_lost":1})"));
  EXPECT_THAT(lines[1], HasSubstr(R"("msg":"third"})"));
}

TEST(Log, WritesJsonWhereNoTerminalIsAndIsCompleteWhenDestroyed) {
  const Pipe pipe;
  {
    Log log({.fd = pipe.ends[1]});
    for (int i = 0; i < 100; ++i)
      log.event(Level::Info, Event::SyncStarted, "line", {{"i", i}});
  }
  const std::string all = pipe.read_available();
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 100);
  EXPECT_THAT(all, StartsWith("{\"ts\":"));
  EXPECT_THAT(all, HasSubstr("\"i\":99}\n"));
}

TEST(Log, AnErrorIsWrittenBeforeTheCallReturns) {
  const Pipe pipe;
  Log log({.fd = pipe.ends[1]});
  log.event(Level::Info, Event::SyncStarted, "before");
  log.event(Level::Error, Event::StoreFailed, "the last words");
  // The wait is bounded (a stalled reader must not hold the caller), so a busy machine gets the rest of the
  // time here.
  EXPECT_TRUE(log.flush(10s));
  EXPECT_THAT(pipe.read_available(), HasSubstr("the last words"));
}

TEST(Log, WritesTextOnATerminal) {
  const int master = posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(master, 0);
  ASSERT_EQ(grantpt(master) | unlockpt(master), 0);
  const int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  {
    Log log({.fd = terminal});
    log.event(Level::Info, Event::DaemonReady, "ready");
  }
  char buffer[512];
  const ssize_t count = read(master, buffer, sizeof buffer);
  ASSERT_GT(count, 0);
  EXPECT_THAT(std::string(buffer, static_cast<std::size_t>(count)), HasSubstr(" daemon.ready: ready"));
  close(terminal);
  close(master);
}

TEST(Log, GivesTheJournalItsPriorities) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  struct stat about{};
  ASSERT_EQ(fstat(ends[1], &about), 0);
  const std::string stream = std::to_string(about.st_dev) + ":" + std::to_string(about.st_ino);
  setenv("JOURNAL_STREAM", stream.c_str(), 1);
  {
    Log log({.fd = ends[1], .journal_socket = "/nonexistent/socket"});
    log.event(Level::Error, Event::StoreFailed, "disk full");
  }
  unsetenv("JOURNAL_STREAM");
  char buffer[512];
  const ssize_t count = read(ends[0], buffer, sizeof buffer);
  ASSERT_GT(count, 0);
  EXPECT_THAT(std::string(buffer, static_cast<std::size_t>(count)), StartsWith("<3>{\"ts\":"));
  close(ends[0]);
  close(ends[1]);
}

/// A journal that only reads, and the stream that a service's standard error is.
class Journal {
 public:
  Journal() {
    std::string folder = "/tmp/stibee-journal-XXXXXX";
    folder_ = ::mkdtemp(folder.data());
    listen();
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, stream_), 0);
    struct stat about{};
    EXPECT_EQ(fstat(stream_[1], &about), 0);
    const auto stream = std::to_string(about.st_dev) + ":" + std::to_string(about.st_ino);
    setenv("JOURNAL_STREAM", stream.c_str(), 1);
  }
  ~Journal() {
    unsetenv("JOURNAL_STREAM");
    close(socket_);
    close(stream_[0]);
    close(stream_[1]);
    unlink(path().c_str());
    rmdir(folder_.c_str());
  }
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  LogOptions options() const { return {.fd = stream_[1], .journal_socket = path()}; }
  void restart() {
    close(socket_);
    unlink(path().c_str());
    listen();
  }
  void go_away() {
    unlink(path().c_str());
    close(socket_);
  }
  std::string next_entry() const { return text_from(socket_); }  // "" when there is none
  std::string stream() const { return text_from(stream_[0]); }

 private:
  std::string path() const { return folder_ + "/socket"; }
  void listen() {
    socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  static std::string text_from(int fd) {
    std::string text(65536, '\0');
    const auto count = recv(fd, text.data(), text.size(), 0);
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
  }

  std::string folder_;
  int socket_ = -1;
  int stream_[2] = {-1, -1};
};

TEST(Log, TheJournalGetsEventMirrorAndRefAsFieldsBesideTheLine) {
  const Journal journal;
  Log log(journal.options());
  log.never_print("hunter2");
  log.event(Level::Warn, Event::PersonParked, "a row cannot be sent",
            {{"mirror", "members"}, {"ref", "0123456789ab"}, {"reason", "hunter2"}});
  log.debug("not at this level");
  log.event(Level::Info, Event::DaemonReady, "a\nb");
  ASSERT_TRUE(log.flush(10s));
  const auto entry = journal.next_entry();
  EXPECT_THAT(entry, StartsWith("MESSAGE={\"ts\":"));
  EXPECT_THAT(entry, EndsWith("\"mirror\":\"members\",\"ref\":\"0123456789ab\",\"reason\":\"<secret>\"}\n"
                              "PRIORITY=4\nSYSLOG_IDENTIFIER=stibee-syncd\nEVENT=person.parked\n"
                              "MIRROR=members\nREF=0123456789ab\n"));
  EXPECT_THAT(
      journal.next_entry(),
      EndsWith("\"msg\":\"a\\nb\"}\nPRIORITY=6\nSYSLOG_IDENTIFIER=stibee-syncd\nEVENT=daemon.ready\n"));
  EXPECT_EQ(journal.next_entry(), "");
  EXPECT_EQ(journal.stream(), "") << "nothing is said twice";
}

TEST(Log, WhileTheJournalIsAwayItsStreamGetsTheLinesAndAfterARestartItGetsEntriesAgain) {
  Journal journal;
  Log log(journal.options());
  log.event(Level::Info, Event::DaemonStart, "first");
  ASSERT_TRUE(log.flush(10s));
  EXPECT_THAT(journal.next_entry(), HasSubstr("EVENT=daemon.start\n"));
  journal.restart();
  log.event(Level::Info, Event::DaemonReady, "second");
  ASSERT_TRUE(log.flush(10s));
  EXPECT_THAT(journal.next_entry(), HasSubstr("EVENT=daemon.ready\n"));
  journal.go_away();
  log.event(Level::Error, Event::StoreFailed, "third");
  ASSERT_TRUE(log.flush(10s));
  EXPECT_THAT(journal.stream(), AllOf(StartsWith("<3>{\"ts\":"), EndsWith("\"msg\":\"third\"}\n")));
  EXPECT_EQ(log.lines_lost(), 0U);
  journal.restart();
}

TEST(Log, AJournalThatDoesNotReadBlocksNobodyAndNoEnd) {
  const Journal journal;
  auto options = journal.options();
  options.queue_lines = 16;
  std::optional<Log> log(std::in_place, options);
  const std::string padding(500, 'x');
  for (int i = 0; i < 2000; ++i)
    log->event(Level::Info, Event::SyncStarted, padding);
  EXPECT_GT(log->lines_lost(), 0U);
  log.reset();  // comes back
}

TEST(Log, WhereTheFormatIsGivenTheJournalGetsLines) {
  const Journal journal;
  auto options = journal.options();
  options.format = LineFormat::Text;
  Log log(options);
  log.event(Level::Info, Event::DaemonReady, "ready");
  ASSERT_TRUE(log.flush(10s));
  EXPECT_THAT(journal.stream(), AllOf(StartsWith("<6>"), EndsWith(" INFO  daemon.ready: ready\n")));
  EXPECT_EQ(journal.next_entry(), "");
}

TEST(Log, AStalledReaderLosesTheOldestLinesAndNeverBlocksTheCaller) {
  const Pipe pipe;
  Log log({.fd = pipe.ends[1], .queue_lines = 64});
  const std::string padding(200, 'x');
  log.event(Level::Info, Event::DaemonStart, "before the stall");
  ASSERT_TRUE(log.flush(10s));

  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 5000; ++i)
    log.event(Level::Info, Event::SyncStarted, padding);
  for (int i = 0; i < 100; ++i)
    log.event(Level::Error, Event::SyncFailed, "during the stall", {{"i", i}});
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_GT(log.lines_lost(), 0U);

  std::string all = pipe.read_available();
  for (int rounds = 0; rounds < 1000 && !log.flush(10ms); ++rounds)
    all += pipe.read_available();
  log.event(Level::Info, Event::SyncFinished, "after the stall");
  ASSERT_TRUE(log.flush(10s));
  all += pipe.read_available();
  const auto shown = [&](std::string_view text) { return all.find(text) != std::string::npos; };
  EXPECT_TRUE(shown("before the stall"));
  EXPECT_TRUE(shown(R"("during the stall","i":99)")) << "the newest lines survive";
  EXPECT_TRUE(shown(R"("lines_lost":)"));
  EXPECT_TRUE(shown("after the stall"));
}

TEST(Log, IsDestroyedInBoundedTimeAlthoughTheReaderHasStalled) {
  const Pipe pipe;
  const auto begin = std::chrono::steady_clock::now();
  {
    Log log({.fd = pipe.ends[1], .queue_lines = 64});
    for (int i = 0; i < 1000; ++i)
      log.event(Level::Info, Event::SyncStarted, std::string(1000, 'x'));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
}

TEST(Log, SurvivesAReaderThatWentAway) {
  Pipe pipe;
  pipe.close_reader();
  Log log({.fd = pipe.ends[1]});
  log.event(Level::Info, Event::SyncStarted, "nobody reads this");
  EXPECT_TRUE(log.flush(10s));
  EXPECT_EQ(log.lines_lost(), 1U);
}

TEST(Log, KeepsLinesOfSeveralThreadsWhole) {
  Captured captured;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i)
        captured.log.event(Level::Info, Event::SyncStarted, "line", {{"i", i}});
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  ASSERT_THAT(captured.lines, SizeIs(800));
  EXPECT_THAT(captured.lines, testing::Each(testing::AllOf(StartsWith("{\"ts\""), testing::EndsWith("}"))));
}

}  // namespace
}  // namespace stibee_sync::telemetry

#include "integration/e2e/process.hpp"

#include <arpa/inet.h>
#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <netinet/in.h>
#include <sstream>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace stibee_sync::e2e {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string fresh_prefix() {
  static std::atomic<int> number{0};
  return "/tmp/stibee-e2e-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
}

}  // namespace

void pause_between_questions() {
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

Process::Process(std::vector<std::string> command, std::map<std::string, std::string> environment,
                 std::string log_prefix)
    : prefix_(std::move(log_prefix)) {
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a crashed test must not leave servers behind
    const int out = ::open((prefix_ + ".out").c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
    const int err = ::open((prefix_ + ".err").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
    const int in = ::open("/dev/null", O_RDONLY);
    ::dup2(in, 0);
    ::dup2(out, 1);
    ::dup2(err, 2);
    for (const auto& [name, value] : environment)
      ::setenv(name.c_str(), value.c_str(), 1);
    std::vector<char*> arguments;
    for (auto& word : command)
      arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
}

Process::~Process() {
  if (running()) {
    send(SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
}

void Process::send(int signal) {
  if (!status_) ::kill(pid_, signal);
}

bool Process::running() {
  if (status_) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == pid_) {
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return false;
  }
  return true;
}

Finished Process::wait(std::chrono::milliseconds limit) {
  eventually(limit, [&] { return !running(); });
  Finished finished;
  finished.exit_code = status_.value_or(-1);
  finished.out = out();
  finished.err = err();
  return finished;
}

std::string Process::out() const {
  return read_file(prefix_ + ".out");
}
std::string Process::err() const {
  return read_file(prefix_ + ".err");
}

Finished run(std::vector<std::string> command, std::map<std::string, std::string> environment,
             std::chrono::milliseconds limit) {
  const auto prefix = fresh_prefix();
  Finished finished;
  {
    Process process(std::move(command), std::move(environment), prefix);
    finished = process.wait(limit);
  }
  ::unlink((prefix + ".out").c_str());
  ::unlink((prefix + ".err").c_str());
  return finished;
}

Page http(int port, const std::string& method, const std::string& path, const std::string& body,
          const std::string& headers) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  timeval limit{30, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    throw std::runtime_error("nobody listens on port " + std::to_string(port));
  }
  const std::string host = headers.find("Host: ") == std::string::npos ? "Host: 127.0.0.1\r\n" : "";
  std::string request = method + " " + path + " HTTP/1.1\r\n" + host + "Connection: close\r\n" + headers;
  if (!body.empty()) {
    request += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  }
  request += "\r\n" + body;
  if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) < 0) {
    ::close(fd);
    throw std::runtime_error("cannot send");
  }
  std::string answer;
  char buffer[65536];
  for (ssize_t got = 0; (got = ::recv(fd, buffer, sizeof buffer, 0)) > 0;) {
    answer.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(fd);
  Page page;
  const auto end = answer.find("\r\n\r\n");
  if (answer.size() < 12 || end == std::string::npos) throw std::runtime_error("no HTTP answer");
  page.status = std::stoi(answer.substr(9, 3));
  page.head = answer.substr(0, end);
  page.body = answer.substr(end + 4);
  return page;
}

}  // namespace stibee_sync::e2e

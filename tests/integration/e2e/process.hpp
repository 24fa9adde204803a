#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace stibee_sync::e2e {

struct Finished {
  int exit_code = -1;  // 128 + signal if it was killed
  std::string out;
  std::string err;
};

/// A program that runs beside the test. Standard output and error go to files; killed with its test.
class Process {
 public:
  Process(std::vector<std::string> command, std::map<std::string, std::string> environment,
          std::string log_prefix);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void send(int signal);
  bool running();
  /// Waits for the end; the test fails the expectation if it does not come in time (exit code -1).
  Finished wait(std::chrono::milliseconds limit);
  std::string out() const;
  std::string err() const;
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  std::optional<int> status_;
  std::string prefix_;
};

/// Runs a program to its end.
Finished run(std::vector<std::string> command, std::map<std::string, std::string> environment = {},
             std::chrono::milliseconds limit = std::chrono::minutes(2));

/// One HTTP exchange over plain TCP on loopback; the body of the answer. Throws std::runtime_error if nobody
/// answers.
struct Page {
  int status = 0;
  std::string head;
  std::string body;
};
Page http(int port, const std::string& method, const std::string& path, const std::string& body = {},
          const std::string& headers = {});

/// Asks until `done` says yes; false when the limit passed first.
template <class Done>
bool eventually(std::chrono::milliseconds limit, Done done);

void pause_between_questions();

template <class Done>
bool eventually(std::chrono::milliseconds limit, Done done) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    if (done()) return true;
    if (std::chrono::steady_clock::now() >= deadline) return false;
    pause_between_questions();
  }
}

}  // namespace stibee_sync::e2e

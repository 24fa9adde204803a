#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

namespace stibee_sync::e2e {

/// Stands in for a daemon at its control socket, for answers that a real one gives in rare moments only.
class ScriptedDaemon {
 public:
  /// From a request, and how many came before it, to the whole answer (`http::test::answer`). On a thread of
  /// its own.
  using Script = std::function<std::string(const std::string& request, int number)>;

  ScriptedDaemon(const std::filesystem::path& socket, Script script);
  ~ScriptedDaemon();
  ScriptedDaemon(const ScriptedDaemon&) = delete;
  ScriptedDaemon& operator=(const ScriptedDaemon&) = delete;

  int requests() const { return requests_; }

 private:
  void serve();

  Script script_;
  std::atomic<int> requests_ = 0;
  int listener_;
  std::thread thread_;
};

}  // namespace stibee_sync::e2e

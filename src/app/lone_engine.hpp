#pragma once

#include "app/leadership.hpp"

#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>

namespace stibee_sync::app {

/// The engine of a command that does a daemon's work without one (`sync`, `reconcile`), in its turn among
/// daemons that share the lists. On the loop thread.
class LoneEngine {
 public:
  /// Both outlive it.
  LoneEngine(const Ground& ground, const settings::Settings& settings);

  /// Waits a moment for the lead, and opens the engine. Why there is none; nullopt: there is.
  boost::asio::awaitable<std::optional<std::string>> open();
  /// Before anything is sent: where other daemons may have worked on the lists since, what the state knows of
  /// them is not believed before they are read again, as a daemon does that takes over.
  void take_over();
  /// How many changes at Stibee wait to be written to the database.
  boost::asio::awaitable<std::size_t> writebacks();
  /// Writes to the database what waits to be written, for as long as one after the other works. "", or words
  /// for those that are left.
  boost::asio::awaitable<std::string> write_back();
  /// Ends its loops, and gives up the lead.
  boost::asio::awaitable<void> stop();
  /// Nobody waits any longer.
  void interrupt() {
    interrupted_ = true;
    leadership_.stop();
  }

  explicit operator bool() const { return engine_ != nullptr; }
  Engine* operator->() const { return engine_.get(); }
  Engine& operator*() const { return *engine_; }

 private:
  boost::asio::awaitable<void> look_after_the_lead();

  const Ground& ground_;
  const settings::Settings& settings_;
  Leadership leadership_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<runtime::Timer> timer_;
  bool looks_ = false;
  bool interrupted_ = false;
};

}  // namespace stibee_sync::app

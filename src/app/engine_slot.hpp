#pragma once

#include "app/engine.hpp"
#include "stibee_sync/runtime/bell.hpp"

#include <cstddef>
#include <memory>
#include <utility>

#include <boost/asio/awaitable.hpp>

namespace stibee_sync::app {

class EngineSlot;

/// The right to use an engine: it is there as long as this is. On the loop thread.
class EngineLease {
 public:
  EngineLease(EngineSlot& slot, Engine& engine);
  EngineLease(EngineLease&& other) noexcept
      : slot_(std::exchange(other.slot_, nullptr)), engine_(std::exchange(other.engine_, nullptr)) {}
  EngineLease& operator=(EngineLease&&) = delete;
  ~EngineLease();
  Engine& operator*() const { return *engine_; }
  Engine* operator->() const { return engine_; }

 private:
  EngineSlot* slot_;
  Engine* engine_;
};

/// Where the listeners, which outlive every engine, find the one of the moment. A reload takes it back once
/// nobody uses it, and puts another there; who comes meanwhile waits. On the loop thread.
class EngineSlot {
 public:
  explicit EngineSlot(runtime::Clock& clock) : returned_(clock.make_timer()), lent_(clock) {}

  /// Waits while there is none.
  boost::asio::awaitable<EngineLease> borrow();
  /// From now on this one is lent.
  void lend(Engine& engine);
  /// Nobody gets the engine any more; returns when nobody has it.
  boost::asio::awaitable<void> take_back();

 private:
  friend class EngineLease;
  Engine* engine_ = nullptr;
  std::size_t leases_ = 0;
  std::unique_ptr<runtime::Timer> returned_;
  runtime::Bell lent_;
};

}  // namespace stibee_sync::app

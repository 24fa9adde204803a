#include "app/engine_slot.hpp"

namespace stibee_sync::app {

namespace asio = boost::asio;

EngineLease::EngineLease(EngineSlot& slot, Engine& engine) : slot_(&slot), engine_(&engine) {
  ++slot.leases_;
}

EngineLease::~EngineLease() {
  if (slot_ == nullptr) return;
  if (--slot_->leases_ == 0) slot_->returned_->wake();
}

asio::awaitable<EngineLease> EngineSlot::borrow() {
  while (engine_ == nullptr)
    co_await lent_.wait();
  EngineLease lease(*this, *engine_);
  co_return lease;
}

void EngineSlot::lend(Engine& engine) {
  engine_ = &engine;
  lent_.ring();
}

asio::awaitable<void> EngineSlot::take_back() {
  engine_ = nullptr;
  while (leases_ > 0)
    co_await returned_->wait_until(runtime::forever);
}

}  // namespace stibee_sync::app

#pragma once

#include "app/call_slots.hpp"
#include "stibee_sync/http/transport.hpp"
#include "stibee_sync/pipeline/asker.hpp"
#include "stibee_sync/privacy/secret.hpp"

#include <string>
#include <utility>

namespace stibee_sync::app {

/// Calls that a command makes itself, with slots of `CallSlots`; a connection each. On the loop thread; the
/// references outlive it.
class LoneAsker final : public pipeline::Asker {
 public:
  /// `patience`: how long a call waits for a slot.
  LoneAsker(http::Transport& transport, CallSlots& slots, privacy::Secret key, domain::Duration patience)
      : transport_(transport), slots_(slots), key_(std::move(key)), patience_(patience) {}

  boost::asio::awaitable<pipeline::Reply> ask_until(delivery::ApiRequest request,
                                                    runtime::MonotonicTime until) override;
  /// Why the last call had no answer, in words; "": it had one.
  const std::string& trouble() const { return trouble_; }
  /// That was because the daemon here does not lead, and so asks nothing and lets nobody ask.
  bool stands_by() const { return stands_by_; }

 private:
  pipeline::Reply not_asked(std::string why);

  http::Transport& transport_;
  CallSlots& slots_;
  privacy::Secret key_;
  domain::Duration patience_;
  std::string trouble_;
  bool stands_by_ = false;
};

}  // namespace stibee_sync::app

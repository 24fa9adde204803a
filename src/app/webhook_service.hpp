#pragma once

#include "app/engine_slot.hpp"
#include "stibee_sync/http/server.hpp"
#include "stibee_sync/settings/settings.hpp"
#include "stibee_sync/telemetry/line_budget.hpp"
#include "stibee_sync/webhook/gate.hpp"

#include <optional>
#include <string_view>

#include <boost/asio/awaitable.hpp>

namespace stibee_sync::app {

/// What Stibee, and whoever finds the address, can ask of the webhook listener: POST /webhook/SECRET. On the
/// loop thread. An event is on disk before it is answered 2xx; there is nothing to lose between.
class WebhookService {
 public:
  WebhookService(Ground ground, EngineSlot& engines);

  /// From now on these callers are admitted, and no others.
  void admit(const settings::Webhook& settings);
  /// A connection budget of its own, small limits, short times.
  http::ServerOptions server_options(const settings::Webhook& settings);
  http::Handler handler();

 private:
  boost::asio::awaitable<http::ServerResponse> handle(http::ServerRequest request);
  void refused(int status);
  void handler_failed(const std::exception_ptr& error);
  void report_rejection(std::string_view reason, std::string_view source);

  Ground ground_;
  EngineSlot& engines_;
  std::optional<webhook::Gate> gate_;
  telemetry::LineBudget rejections_;
  telemetry::LineBudget failures_;
};

/// In one line, what the listener is and whom it lets in: for `check`. Without the secret.
std::string describe(const settings::Webhook& settings);

}  // namespace stibee_sync::app

#pragma once

#include "app/engine_slot.hpp"
#include "stibee_sync/http/server.hpp"
#include "stibee_sync/settings/settings.hpp"
#include "stibee_sync/telemetry/trouble.hpp"
#include "stibee_sync/webhook/gate.hpp"
#include "stibee_sync/webhook/list_event.hpp"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

namespace stibee_sync::app {

/// What Stibee, and whoever finds the address, can ask of the webhook listener: POST /webhook/SECRET. On the
/// loop thread. An event is on disk before it is answered 2xx; there is nothing to lose between. One that an
/// admitted caller brought and that could not be taken makes the list be read soon.
class WebhookService {
 public:
  WebhookService(Ground ground, EngineSlot& engines);

  /// From now on these callers are admitted, and no others.
  void admit(const settings::Webhook& settings);
  /// A connection budget of its own, small limits, short times.
  http::ServerOptions server_options(const settings::Webhook& settings);
  http::Handler handler();

 private:
  /// How many connections a peer may have.
  std::size_t connections_for(const std::string& peer);
  /// What whoever is not admitted is answered.
  std::optional<http::ServerResponse> screen(const http::ServerRequest& head);
  boost::asio::awaitable<http::ServerResponse> handle(http::ServerRequest request);
  boost::asio::awaitable<http::ServerResponse> take(std::shared_ptr<const webhook::ListEvent> event);
  /// Of that list, or of any; what was in the event, only the list itself can tell now.
  void event_missed(std::optional<std::int64_t> list_id);
  void refused(int status);
  void handler_failed(const std::exception_ptr& error);
  void report_rejection(std::string_view reason, std::string_view source);

  Ground ground_;
  EngineSlot& engines_;
  std::optional<webhook::Gate> gate_;
  std::string secret_cure_;                  // for whoever calls with another secret
  std::unique_ptr<runtime::Worker> reader_;  // of large bodies
  telemetry::LastingTrouble rejections_;     // by reason
  telemetry::LastingTrouble failures_;
};

/// In one line, what the listener is and whom it lets in: for `check`. Without the secret.
std::string describe(const settings::Webhook& settings);

}  // namespace stibee_sync::app

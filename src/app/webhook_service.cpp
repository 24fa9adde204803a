#include "app/webhook_service.hpp"

#include "stibee_sync/privacy/redaction.hpp"
#include "stibee_sync/webhook/list_event.hpp"

#include <exception>
#include <memory>
#include <utility>

namespace stibee_sync::app {

namespace asio = boost::asio;
using http::ServerRequest;
using http::ServerResponse;
using telemetry::Event;
using telemetry::Level;
using telemetry::WebhookOutcome;

namespace {

constexpr std::size_t max_header_bytes = std::size_t{8} << 10;
constexpr std::size_t max_body_bytes = std::size_t{64} << 10;
constexpr std::size_t max_connections = 64;

ServerResponse answer(int status, std::string text) {
  return ServerResponse(status, "text/plain; charset=utf-8", std::move(text));
}

std::vector<text::IpNetwork> networks(const std::vector<settings::Cidr>& given) {
  std::vector<text::IpNetwork> out;
  for (const auto& cidr : given) {
    // The settings have checked them.
    if (auto network = text::IpNetwork::parse(cidr.address, cidr.prefix_length)) out.push_back(*network);
  }
  return out;
}

webhook::RequestOrigin caller_of(const ServerRequest& request) {
  webhook::RequestOrigin caller;
  caller.path = request.path;
  caller.peer = request.peer_address;
  for (const auto& header : request.headers) {
    if (header.name == "x-forwarded-for") caller.forwarded_for.push_back(header.value);
  }
  return caller;
}

/// What a status that the listener answers by itself means for the metric.
WebhookOutcome outcome_of(int status) {
  switch (status) {
    case 408:
      return WebhookOutcome::TimedOut;
    case 413:
    case 431:
      return WebhookOutcome::TooLarge;
    case 503:
      return WebhookOutcome::Failed;
    default:
      return WebhookOutcome::Malformed;
  }
}

std::string listed(const std::vector<settings::Cidr>& networks) {
  std::string text;
  for (const auto& network : networks)
    text += (text.empty() ? "" : ", ") + settings::to_string(network);
  return text;
}

}  // namespace

WebhookService::WebhookService(Ground ground, EngineSlot& engines)
    : ground_(ground),
      engines_(engines),
      rejections_(5, std::chrono::seconds(10)),
      failures_(5, std::chrono::seconds(10)) {}

void WebhookService::admit(const settings::Webhook& settings) {
  gate_.emplace(settings.secret.reveal(), networks(settings.allow_from), networks(settings.trusted_proxies));
}

http::ServerOptions WebhookService::server_options(const settings::Webhook& settings) {
  http::ServerOptions options(settings.listen);
  options.max_connections = max_connections;
  options.max_header_bytes = max_header_bytes;
  options.max_body_bytes = max_body_bytes;
  options.allowed_methods = {"POST"};
  options.header_timeout = std::chrono::seconds(3);
  options.body_timeout = std::chrono::seconds(5);
  options.write_timeout = std::chrono::seconds(5);
  options.idle_timeout = std::chrono::seconds(10);
  // A public name arrives here, which nobody need configure twice: the secret is what counts.
  options.check_host = false;
  options.on_refusal = [this](int status) { refused(status); };
  options.on_error = [this](std::exception_ptr error) { handler_failed(error); };
  return options;
}

http::Handler WebhookService::handler() {
  return [this](ServerRequest request) { return handle(std::move(request)); };
}

asio::awaitable<ServerResponse> WebhookService::handle(ServerRequest request) {
  auto& metrics = ground_.metrics;
  const auto caller = caller_of(request);
  const auto verdict = gate_->judge(caller);
  if (verdict != webhook::Verdict::Admitted) {
    metrics.webhook_request(WebhookOutcome::Forbidden);
    report_rejection(webhook::name(verdict), gate_->source_of(caller));
    // One answer for all: who guesses learns nothing.
    co_return answer(404, "not found\n");
  }
  auto parsed = webhook::parse_event(request.body);
  if (const auto* problem = std::get_if<webhook::Malformed>(&parsed)) {
    metrics.webhook_request(WebhookOutcome::Malformed);
    report_rejection(webhook::name(*problem), gate_->source_of(caller));
    co_return answer(400, "this is no event\n");
  }
  auto event = std::make_shared<const webhook::ListEvent>(std::get<webhook::ListEvent>(std::move(parsed)));
  const auto engine = co_await engines_.borrow();
  const auto intake = co_await engine->events().take(std::move(event));
  switch (intake.kind) {
    case pipeline::Intake::Kind::Failed:
      metrics.webhook_request(WebhookOutcome::Failed);
      co_return answer(500, "try again later\n");
    case pipeline::Intake::Kind::NotOurs:
      metrics.webhook_request(WebhookOutcome::Ignored);
      co_return answer(200, "ignored\n");
    case pipeline::Intake::Kind::OnDisk:
      break;
  }
  metrics.webhook_request(WebhookOutcome::Accepted);
  if (intake.applied > 0) engine->events_applied();
  co_return answer(200, "ok\n");
}

void WebhookService::refused(int status) {
  ground_.metrics.webhook_request(outcome_of(status));
  report_rejection("http_" + std::to_string(status), "");
}

void WebhookService::handler_failed(const std::exception_ptr& error) {
  ground_.metrics.webhook_request(WebhookOutcome::Failed);
  const auto left_out = failures_.take(ground_.clock.monotonic());
  if (!left_out) return;
  std::string what = "unknown";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& failure) {
    what = privacy::sanitise(failure.what());
  }
  ground_.log.event(Level::Error, Event::WebhookRejected, "internal error while an event was taken",
                    {{"reason", "internal"}, {"detail", what}, {"left_out", *left_out}});
}

void WebhookService::report_rejection(std::string_view reason, std::string_view source) {
  const auto left_out = rejections_.take(ground_.clock.monotonic());
  if (!left_out) return;
  ground_.log.event(Level::Warn, Event::WebhookRejected, "a request to the webhook listener was refused",
                    {{"reason", reason}, {"source", source}, {"left_out", *left_out}});
}

std::string describe(const settings::Webhook& settings) {
  std::string text =
      "POST /webhook/SECRET on " + settings.listen.text() + ", from " + listed(settings.allow_from);
  if (!settings.trusted_proxies.empty()) text += ", also through " + listed(settings.trusted_proxies);
  return text;
}

}  // namespace stibee_sync::app

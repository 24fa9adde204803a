#include "app/webhook_service.hpp"

#include "app/setup.hpp"
#include "stibee_sync/privacy/redaction.hpp"
#include "stibee_sync/settings/credential.hpp"
#include "stibee_sync/webhook/list_event.hpp"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio/co_spawn.hpp>

namespace stibee_sync::app {

namespace asio = boost::asio;
using http::ServerRequest;
using http::ServerResponse;
using telemetry::Event;
using telemetry::Level;
using telemetry::WebhookOutcome;

namespace {

constexpr std::size_t max_header_bytes = std::size_t{8} << 10;
/// One event can name thousands of people.
constexpr std::size_t max_body_bytes = std::size_t{4} << 20;
/// What is larger is read beside the loop, which it would hold up.
constexpr std::size_t small_body_bytes = std::size_t{64} << 10;
/// So many people go through one transaction.
constexpr std::size_t people_at_once = 1000;
constexpr std::size_t max_connections = 64;
/// So that no single caller takes them all.
constexpr std::size_t max_connections_of_one = 48;

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

/// All but the path.
webhook::RequestOrigin caller_of(const ServerRequest& request) {
  webhook::RequestOrigin caller;
  caller.peer = request.peer_address;
  for (const auto& header : request.headers) {
    if (header.name == "x-forwarded-for") caller.forwarded_for.push_back(header.value);
  }
  return caller;
}

/// What a status that the listener answers by itself means for the metric. What is no HTTP comes from
/// somebody who did not show the secret: nothing of Stibee's is lost.
WebhookOutcome outcome_of(int status) {
  switch (status) {
    case 408:
      return WebhookOutcome::TimedOut;
    case 413:
      return WebhookOutcome::TooLarge;
    case 400:
    case 431:
      return WebhookOutcome::Forbidden;
    case 503:
      return WebhookOutcome::Failed;
    default:
      return WebhookOutcome::Malformed;
  }
}

using Parsed = std::variant<webhook::ListEvent, webhook::Malformed>;

asio::awaitable<std::shared_ptr<Parsed>> parse(runtime::Worker* reader, std::string body) {
  if (body.size() <= small_body_bytes) co_return std::make_shared<Parsed>(webhook::parse_event(body));
  auto work = [body = std::move(body)] { return std::make_shared<Parsed>(webhook::parse_event(body)); };
  auto parsed = co_await runtime::offload(*reader, std::move(work));
  co_return parsed;
}

/// The people from `first` on, as an event of their own: applied in a transaction that others need not wait
/// long for. The sender learns of no part, but repeats all of them if one fails, which changes nothing more.
std::shared_ptr<const webhook::ListEvent> part_of(const webhook::ListEvent& whole, std::size_t first) {
  auto part = std::make_shared<webhook::ListEvent>();
  part->list_id = whole.list_id;
  part->action = whole.action;
  part->actor = whole.actor;
  if (first == 0) part->unusable = whole.unusable;
  const auto last = std::min(whole.people.size(), first + people_at_once);
  part->people.assign(whole.people.begin() + static_cast<std::ptrdiff_t>(first),
                      whole.people.begin() + static_cast<std::ptrdiff_t>(last));
  return part;
}

/// Whoever says it, it is no call of ours; anything else may be the echo of a call of the daemon that leads,
/// and is for that one to judge.
bool is_subscribers_no(const webhook::ListEvent& event) {
  return event.action == webhook::Action::Unsubscribed && event.actor == webhook::Actor::Subscriber;
}

std::string listed(const std::vector<settings::Cidr>& networks) {
  std::string text;
  for (const auto& network : networks)
    text += (text.empty() ? "" : ", ") + settings::to_string(network);
  return text;
}

}  // namespace

WebhookService::WebhookService(Ground ground, EngineSlot& engines)
    : ground_(ground), engines_(engines), reader_(runtime::make_thread_worker("webhook")) {}

void WebhookService::admit(const settings::Webhook& settings) {
  secret_cure_ =
      "if the secret was changed, put the one of the webhook's address into webhook.secret_file, then " +
      settings::how_to_renew(settings.secret_file, system_environment);
  gate_.emplace(settings.secret.reveal(), networks(settings.allow_from), networks(settings.trusted_proxies));
}

http::ServerOptions WebhookService::server_options(const settings::Webhook& settings) {
  http::ServerOptions options(settings.listen);
  options.max_connections = max_connections;
  options.max_header_bytes = max_header_bytes;
  options.max_body_bytes = max_body_bytes;
  options.allowed_methods = {"POST"};
  options.header_timeout = std::chrono::seconds(3);
  options.body_timeout = std::chrono::seconds(10);
  options.write_timeout = std::chrono::seconds(5);
  options.idle_timeout = std::chrono::seconds(10);
  // A public name arrives here, which nobody need configure twice: the secret is what counts.
  options.check_host = false;
  options.peer_connections = [this](const std::string& peer) { return connections_for(peer); };
  options.screen = [this](const ServerRequest& head) { return screen(head); };
  options.on_refusal = [this](int status) { refused(status); };
  options.on_body_lost = [this](const ServerRequest&) { event_missed(std::nullopt); };
  options.on_error = [this](std::exception_ptr error) { handler_failed(error); };
  return options;
}

http::Handler WebhookService::handler() {
  return [this](ServerRequest request) { return handle(std::move(request)); };
}

std::size_t WebhookService::connections_for(const std::string& peer) {
  switch (gate_->peer(peer)) {
    case webhook::Peer::Proxy:
      return max_connections;
    case webhook::Peer::Caller:
      return max_connections_of_one;
    case webhook::Peer::Stranger:
      break;
  }
  ground_.metrics.webhook_request(WebhookOutcome::Forbidden);
  report_rejection(webhook::name(webhook::Verdict::WrongSource), peer);
  return 0;
}

std::optional<ServerResponse> WebhookService::screen(const ServerRequest& head) {
  auto caller = caller_of(head);
  caller.path = head.path;
  const auto verdict = gate_->judge(caller);
  privacy::wipe(caller.path);
  if (verdict == webhook::Verdict::Admitted) return std::nullopt;
  ground_.metrics.webhook_request(WebhookOutcome::Forbidden);
  report_rejection(webhook::name(verdict), gate_->source_of(caller));
  // One answer for all: who guesses learns nothing.
  return answer(404, "not found\n");
}

asio::awaitable<ServerResponse> WebhookService::handle(ServerRequest request) {
  const auto source = gate_->source_of(caller_of(request));
  const auto parsed = co_await parse(reader_.get(), std::move(request.body));
  if (const auto* problem = std::get_if<webhook::Malformed>(parsed.get())) {
    ground_.metrics.webhook_request(WebhookOutcome::Malformed);
    report_rejection(webhook::name(*problem), source);
    event_missed(std::nullopt);
    co_return answer(400, "this is no event\n");
  }
  auto event = std::make_shared<const webhook::ListEvent>(std::get<webhook::ListEvent>(std::move(*parsed)));
  auto answered = co_await take(std::move(event));
  co_return answered;
}

asio::awaitable<ServerResponse> WebhookService::take(std::shared_ptr<const webhook::ListEvent> event) {
  auto& metrics = ground_.metrics;
  const auto engine = co_await engines_.borrow();
  if (!engine->surely_leads() && !is_subscribers_no(*event)) {
    metrics.webhook_request(WebhookOutcome::Failed);
    report_rejection("standby", "");
    // Whoever takes the lists over reads them; this one may go on.
    if (!engine->stands_by()) event_missed(event->list_id);
    co_return answer(503, "another daemon leads\n");
  }
  std::size_t first = 0;
  std::size_t applied = 0;
  do {
    auto part = event->people.size() <= people_at_once ? event : part_of(*event, first);
    const auto intake = co_await engine->events().take(std::move(part));
    applied += intake.applied;
    switch (intake.kind) {
      case pipeline::Intake::Kind::Failed:
        metrics.webhook_request(WebhookOutcome::Failed);
        event_missed(event->list_id);
        if (applied > 0) engine->events_applied();
        co_return answer(500, "try again later\n");
      case pipeline::Intake::Kind::NotOurs:
        metrics.webhook_request(WebhookOutcome::Ignored);
        co_return answer(200, "ignored\n");
      case pipeline::Intake::Kind::OnDisk:
        break;
    }
    first += people_at_once;
  } while (first < event->people.size());
  metrics.webhook_request(WebhookOutcome::Accepted);
  if (applied > 0) engine->events_applied();
  co_return answer(200, "ok\n");
}

void WebhookService::event_missed(std::optional<std::int64_t> list_id) {
  // Only whoever may call, and knows the secret, gets so far. There may be no engine at the moment.
  auto tell = [](EngineSlot* engines, std::optional<std::int64_t> list) -> asio::awaitable<void> {
    const auto engine = co_await engines->borrow();
    engine->event_missed(list);
  };
  asio::co_spawn(ground_.context, tell(&engines_, list_id), [](std::exception_ptr) {});
}

void WebhookService::refused(int status) {
  ground_.metrics.webhook_request(outcome_of(status));
  report_rejection("http_" + std::to_string(status), "");
}

void WebhookService::handler_failed(const std::exception_ptr& error) {
  ground_.metrics.webhook_request(WebhookOutcome::Failed);
  event_missed(std::nullopt);
  const auto left_out = failures_.happened(ground_.clock.monotonic());
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
  const auto left_out = rejections_.happened(ground_.clock.monotonic(), reason);
  if (!left_out) return;
  std::vector<telemetry::Field> fields{{"reason", reason}, {"source", source}, {"left_out", *left_out}};
  if (reason == webhook::name(webhook::Verdict::WrongSecret)) fields.emplace_back("cure", secret_cure_);
  ground_.log.event(Level::Warn, Event::WebhookRejected, "a request to the webhook listener was refused",
                    fields);
}

std::string describe(const settings::Webhook& settings) {
  std::string text =
      "POST /webhook/SECRET on " + settings.listen.text() + ", from " + listed(settings.allow_from);
  if (!settings.trusted_proxies.empty()) text += ", also through " + listed(settings.trusted_proxies);
  return text;
}

}  // namespace stibee_sync::app

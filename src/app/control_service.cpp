#include "app/control_service.hpp"

#include "app/call_slots.hpp"
#include "app/control_answer.hpp"
#include "app/door.hpp"
#include "app/held_report.hpp"
#include "app/human_word.hpp"
#include "app/metrics_report.hpp"
#include "app/mirror_choice.hpp"
#include "app/page/page.hpp"
#include "app/reconcile_report.hpp"
#include "app/render.hpp"
#include "stibee_sync/http/query.hpp"
#include "stibee_sync/text/time_format.hpp"

#include <algorithm>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace stibee_sync::app {

namespace asio = boost::asio;
using http::ServerRequest;
using http::ServerResponse;

namespace {

/// Root, the daemon's own user, and members of the socket's group may steer the daemon. The socket's mode
/// says the same, but holds only as long as the folders above it do.
bool may_steer(const std::optional<http::PeerCredentials>& peer, const std::filesystem::path& socket) {
  struct stat info{};
  if (!peer || ::stat(socket.c_str(), &info) != 0) return false;
  if (peer->uid == 0 || peer->uid == ::geteuid() || peer->gid == info.st_gid) return true;
  return std::find(peer->groups.begin(), peer->groups.end(), info.st_gid) != peer->groups.end();
}

constexpr std::string_view mirror_key = "mirror";

std::string mirror_asked(const ServerRequest& request, const json::Value& body) {
  if (request.method == "POST") return text_of(body, mirror_key);
  return http::query_value(request.query, mirror_key).value_or("");
}

}  // namespace

std::string mirror_query(const std::string& name) {
  std::string query;
  http::add_to_query(query, mirror_key, name);
  return query;
}

DaemonView daemon_view(std::vector<MirrorView> mirrors, const settings::Settings& settings,
                       domain::UtcTime now) {
  DaemonView view;
  view.now = now;
  view.mirrors = std::move(mirrors);
  view.dialect = make_dialect(settings);
  view.limits = limits(settings);
  view.max_in_flight = static_cast<std::size_t>(settings.stibee.max_in_flight);
  return view;
}

DaemonView view_of(Engine& engine, std::vector<MirrorView> mirrors, domain::UtcTime now) {
  auto seen = daemon_view(std::move(mirrors), engine.settings(), now);
  for (std::size_t i = 0; i < seen.mirrors.size(); ++i) {
    auto& mirror = seen.mirrors[i];
    mirror.condition = engine.ingest().condition(i);
    mirror.forbidden = engine.forbidden(i);
    mirror.refused = engine.refused(i);
    mirror.taking_over = !engine.reconciler().adopted(i);
    mirror.stands_by = engine.stands_by();
    mirror.trouble = engine.reconciler().trouble(i);
    mirror.progress = engine.dispatch().progress(i);
  }
  seen.dispatch = engine.dispatch().condition();
  return seen;
}

ControlService::ControlService(Ground ground, EngineSlot& engines, telemetry::Health& health,
                               Chronicle& chronicle, const Leadership& leadership, Reload reload)
    : ground_(ground),
      engines_(engines),
      health_(health),
      chronicle_(chronicle),
      leadership_(leadership),
      reload_(std::move(reload)),
      pause_ends_(ground.clock.make_timer()),
      names_(runtime::make_thread_worker("names")),
      people_(runtime::make_thread_worker("people")),
      explainer_(ground.clock, ground.store, ground.key, *people_) {}

ControlService::~ControlService() {
  for (const auto& each : people_readers_) {
    if (const auto reader = each.lock()) reader->cancel();
  }
}

http::Handler ControlService::control_handler(const std::filesystem::path& socket) {
  return [this, socket](ServerRequest request) { return guarded_control(socket, std::move(request)); };
}

asio::awaitable<ServerResponse> ControlService::guarded_control(std::filesystem::path socket,
                                                                ServerRequest request) {
  if (!may_steer(request.credentials, socket)) {
    co_return error_response(403, "only root, the daemon's user and the socket's group may do that");
  }
  auto turn = control(std::move(request));
  auto answer = co_await runtime::answer_of<store::StoreError>(std::move(turn));
  if (answer) co_return std::move(answer).value();
  if (store_failed_) store_failed_(answer.error());
  co_return error_response(507, answer.error());
}

asio::awaitable<std::string> ControlService::user_of(Peer peer) {
  if (!peer) co_return std::string();
  auto look = [user = peer->uid] { return user_in_words(user); };
  auto name = co_await runtime::offload(*names_, std::move(look));
  co_return name;
}

http::Handler ControlService::admin_handler() {
  return [this](ServerRequest request) { return admin(std::move(request)); };
}

asio::awaitable<ServerResponse> ControlService::control(ServerRequest request) {
  const auto parsed = request.body.empty() ? std::optional(json::Value::object()) : json::parse(request.body);
  if (!parsed || !parsed->is_object()) co_return error_response(400, "the body is no JSON object");
  const auto& body = *parsed;
  const bool post = request.method == "POST";
  const auto& path = request.path;
  // Which waits for the engine to be given back.
  if (post && path == "/reload") co_return co_await reload();
  if (post && path == "/explain") {
    auto peer = request.credentials;
    auto asked = body;
    co_return co_await explain(std::move(peer), std::move(asked));
  }
  if (!post && path == "/guard/show") {
    auto peer = request.credentials;
    auto asked = request.query;
    co_return co_await show_held(std::move(peer), std::move(asked));
  }
  if (post && path == "/plan/revealed") {
    auto peer = request.credentials;
    co_return co_await plan_revealed(std::move(peer), integer_of(body, "people"));
  }
  if (post && path == "/forget") {
    auto asked = body;
    co_return co_await forget(std::move(asked));
  }
  const auto engine = co_await engines_.borrow();
  const auto names = names_of(engine->mirrors());
  const auto asked_for = mirror_asked(request, body);
  const auto meant = mirrors_meant(names, asked_for);
  if (meant.empty()) co_return error_response(404, no_such_mirror(names, asked_for));
  if (!post && path == "/status") {
    const auto seen = co_await view(&*engine);
    co_return json_response(200, status_report(seen));
  }
  if (!post && path == "/config") co_return json_response(200, config_report(engine->settings().file));
  if (!post && path == "/guard") {
    const auto seen = co_await view(&*engine);
    co_return json_response(200, guard_report(seen));
  }
  if (!post && path == "/failures") co_return co_await failures(&*engine, meant, std::move(request));
  if (post && path == "/guard/approve") {
    auto digest = text_of(body, "digest");
    co_return co_await approve(&*engine, std::move(digest));
  }
  if (post && path == "/retry") {
    auto what = text_of(body, "what");
    co_return co_await retry(&*engine, meant, std::move(what));
  }
  if (post && path == "/pause") {
    auto asked = body;
    co_return co_await pause(&*engine, meant, std::move(asked), request.credentials);
  }
  if (post && path == "/resume") co_return co_await resume(&*engine, meant, request.credentials);
  if (post && path == "/sync-now") co_return co_await sync_now(&*engine, meant);
  if (post && path == "/slot") {
    auto limiter_class = text_of(body, "class");
    co_return co_await lend_slot(&*engine, std::move(limiter_class));
  }
  if (post && path == "/reconcile") {
    const auto* repair = body.find("repair");
    const bool repairs = repair != nullptr && repair->if_bool() != nullptr && *repair->if_bool();
    co_return start_reconcile(*engine, meant, repairs);
  }
  if (path == "/reconcile") co_return reconcile_state(*engine, meant);
  co_return error_response(404, "no such command");
}

asio::awaitable<ServerResponse> ControlService::reload() {
  const auto report = co_await reload_();
  json::Value answer;
  if (report.in_force) {
    answer.set("reloaded", true);
    answer.set("message", report.text);
    answer.set("warns", report.warns);
    co_return json_response(200, answer);
  }
  json::Value problems = json::Value::array();
  for (const auto& problem : report.problems)
    problems.push_back(problem);
  answer.set("error", report.text);
  answer.set("problems", std::move(problems));
  co_return json_response(422, answer);
}

asio::awaitable<DaemonView> ControlService::view(Engine* engine) {
  const auto now = ground_.clock.utc();
  auto work = [plans = engine->mirrors(), now](store::Store& store) {
    return view_mirrors(store, plans, now);
  };
  auto mirrors = co_await ground_.store.run(std::move(work));
  auto seen = view_of(*engine, std::move(mirrors).value(), now);
  for (auto& mirror : seen.mirrors) {
    if (mirror.stands_by) mirror.leader_problem = leadership_.trouble();
  }
  remember(seen);
  co_return seen;
}

void ControlService::remember(DaemonView& seen) {
  for (auto& mirror : seen.mirrors) {
    const MirrorCounts counts{mirror.progress.people_so_far, mirror.progress.calls_so_far,
                              people_waiting(mirror)};
    chronicle_.history.note(mirror.name, counts, seen.now);
    mirror.history = *chronicle_.history.of(mirror.name);
  }
  seen.facts = chronicle_.facts;
  seen.happened = chronicle_.happenings.newest_first();
}

asio::awaitable<DaemonView> ControlService::look() {
  const auto engine = co_await engines_.borrow();
  auto seen = co_await view(&*engine);
  co_return seen;
}

asio::awaitable<ServerResponse> ControlService::approve(Engine* engine, std::string digest) {
  auto work = [plans = engine->mirrors(), digest, now = ground_.clock.utc()](store::Store& store) {
    return approve_hold(store, plans, digest, now);
  };
  const auto found = co_await ground_.store.run(std::move(work));
  if (!found.value()) co_return error_response(404, no_such_set);
  engine->ingest().sync_now();
  json::Value answer;
  answer.set("approved", digest);
  co_return json_response(200, answer);
}

asio::awaitable<ServerResponse> ControlService::retry(Engine* engine, Meant meant, std::string what) {
  auto work = [plans = plans_meant(engine->mirrors(), meant), what, now = ground_.clock.utc()](
                  store::Store& store) { return retry_parked(store, plans, what, now); };
  const auto retried = co_await ground_.store.run(std::move(work));
  const auto count = retried.value();
  if (count == 0 && !what.empty()) co_return error_response(404, nobody_to_retry);
  engine->dispatch().wake();
  json::Value answer;
  answer.set("retried", count);
  co_return json_response(200, answer);
}

asio::awaitable<ServerResponse> ControlService::sync_now(Engine* engine, Meant meant) {
  const auto asked = ground_.clock.utc();
  auto work = [plans = plans_meant(engine->mirrors(), meant), now = asked](store::Store& store) {
    store::Transaction transaction(store);
    for (const auto& plan : plans)
      pipeline::hasten(transaction, plan.id, now);
    transaction.commit();
  };
  const auto hastened = co_await ground_.store.run(std::move(work));
  hastened.value();
  json::Value paused = json::Value::array();
  for (const auto i : meant) {
    if (engine->paused(i)) paused.push_back(engine->mirrors()[i].name);
    engine->ingest().sync_now(i);
  }
  engine->dispatch().wake();
  const auto waiting = paused.if_array()->size();
  json::Value answer;
  answer.set("asked", text::iso_utc(asked));
  answer.set("started", meant.size() - waiting);
  if (waiting > 0) answer.set("paused", std::move(paused));
  co_return json_response(200, answer);
}

std::string ControlService::why_it_asks_nothing(const Engine& engine) const {
  if (!engine.stands_by()) return {};
  const auto trouble = leadership_.trouble();
  if (trouble.empty()) return "another daemon leads, and this one asks nothing";
  return "the leader lock cannot be had, so this daemon asks nothing (" + trouble + ")";
}

asio::awaitable<ServerResponse> ControlService::lend_slot(Engine* engine, std::string limiter_class) {
  // Whoever leads does not know of calls from here.
  if (const auto why = why_it_asks_nothing(*engine); !why.empty()) co_return error_response(409, why);
  for (const auto each : delivery::all_limiter_classes) {
    if (delivery::name(each) != limiter_class || !engine->dispatch().has(each)) continue;
    const auto until = ground_.clock.monotonic() + longest_wait_for_slot;
    const bool lent = co_await engine->dispatch().lend_slot(each, until);
    if (!lent) co_return error_response(503, "no call to Stibee is free for now; try again in a moment");
    json::Value answer;
    answer.set("lent", limiter_class);
    co_return json_response(200, answer);
  }
  co_return error_response(404, "this daemon makes no calls of this class");
}

ServerResponse ControlService::start_reconcile(Engine& engine, const Meant& meant, bool repair) {
  if (engine.stopping())
    return error_response(409, "the daemon takes over new settings just now; try again in a moment");
  if (engine.stands_by())
    return error_response(409,
                          "another daemon leads, and compares: ask that one, or wait until this one leads");
  if (!engine.reconciler().request(repair, meant))
    return error_response(409, "a comparison is running already; try again when it is finished");
  json::Value answer;
  answer.set("started", meant.size());
  return json_response(200, answer);
}

ServerResponse ControlService::reconcile_state(Engine& engine, const Meant& meant) {
  const auto& reconciler = engine.reconciler();
  if (std::any_of(meant.begin(), meant.end(), [&](std::size_t i) { return reconciler.running(i); })) {
    std::vector<ReconcileView> views;
    for (const auto i : meant) {
      // Without the differences: they come when it is finished.
      const auto& report = engine.reconciler().report(i);
      ReconcileView view;
      view.name = engine.mirrors()[i].name;
      view.report.phase = report.phase;
      view.report.read = report.read;
      view.report.total = report.total;
      view.report.compared = report.compared;
      views.push_back(std::move(view));
    }
    return json_response(200, reconcile_progress(views));
  }
  std::vector<ReconcileView> views;
  for (const auto i : meant) {
    ReconcileView view{engine.mirrors()[i].name, engine.reconciler().report(i)};
    if (view.report.phase == pipeline::ReconcileReport::Phase::Never)
      view.report.problem = "not compared since the daemon was started or reloaded";
    views.push_back(std::move(view));
  }
  auto report = reconcile_report(views);
  report.set("running", false);
  return json_response(200, report);
}

asio::awaitable<std::string> ControlService::metrics_text(Engine* engine) {
  const auto seen = co_await view(engine);
  auto& metrics = ground_.metrics;
  show_in_metrics(metrics, seen);
  metrics.state_free_bytes(store::free_bytes(engine->settings().state.directory));
  co_return metrics.scrape();
}

ServerResponse ControlService::health_page(const telemetry::Health::Status& status) const {
  std::string text = status.ok ? "ok\n" : "";
  for (const auto& problem : status.problems)
    text += problem + "\n";
  return ServerResponse(status.ok ? 200 : 503, "text/plain; charset=utf-8", text);
}

asio::awaitable<ServerResponse> ControlService::admin(ServerRequest request) {
  if (request.path == "/livez") co_return health_page(health_.live(telemetry::Health::Time::clock::now()));
  if (request.path == "/readyz") {
    auto look = [](store::Store& store) { return store.trouble(); };
    const auto looked = co_await ground_.store.run(std::move(look));
    health_.state_trouble(looked ? looked.value() : looked.error());
    co_return health_page(health_.ready());
  }
  if (request.path == "/metrics") {
    const auto engine = co_await engines_.borrow();
    auto text = co_await metrics_text(&*engine);
    co_return ServerResponse(200, "text/plain; version=0.0.4; charset=utf-8", std::move(text));
  }
  if (request.path == "/status" || request.path == "/") {
    const auto engine = co_await engines_.borrow();
    const auto seen = co_await view(&*engine);
    const auto report = status_report(seen);
    const auto accept = request.header("accept").value_or("");
    if (accept.find("application/json") != std::string_view::npos) co_return json_response(200, report);
    const auto language = language_asked(request.query, request.header("accept-language").value_or(""));
    co_return ServerResponse(200, "text/html; charset=utf-8", status_page(report, language));
  }
  if (request.path == "/status.css") co_return ServerResponse(200, "text/css; charset=utf-8", status_style());
  if (request.path == "/status.js")
    co_return ServerResponse(200, "text/javascript; charset=utf-8", status_script());
  if (request.path == "/status.svg" || request.path == "/favicon.ico")
    co_return ServerResponse(200, "image/svg+xml", status_icon());
  co_return error_response(404, "see /status, /metrics, /livez, /readyz");
}

}  // namespace stibee_sync::app

#include "app/asked.hpp"
#include "app/control_answer.hpp"
#include "app/control_service.hpp"
#include "app/failures_report.hpp"
#include "app/forgetting.hpp"
#include "app/held_report.hpp"
#include "app/mirror_choice.hpp"

#include <algorithm>
#include <utility>

// What ops ask a running daemon about single people.

namespace stibee_sync::app {

namespace asio = boost::asio;
using http::ServerResponse;

namespace {

/// What of a mirror's health keeps somebody waiting, beside what the state says.
void add_health(std::vector<std::string>& waits, const MirrorView& mirror, const DaemonView& view) {
  const auto health = health_of(mirror, view);
  const bool said = health.state == telemetry::HealthState::Ok ||
                    health.state == telemetry::HealthState::Paused ||
                    health.state == telemetry::HealthState::Held;
  if (!said && !health.problem.empty())
    waits.push_back("the mirror is " + std::string(telemetry::name(health.state)) + ": " + health.problem);
}

/// Calls would wait for the circuit, and whoever asks with them; "": they need not.
std::string why_not_now(const pipeline::DispatchCondition& condition) {
  if (condition.key_refused) return "Stibee refuses the key";
  if (condition.circuit != delivery::CircuitBreaker::State::Closed)
    return "calls fail at present (" + condition.problem + ")";
  for (const auto& limiter : condition.limiters) {
    if (limiter.limiter_class == delivery::LimiterClass::List && limiter.held_until)
      return "Stibee wants no calls that read lists now";
  }
  return "";
}

/// What a request about a person needs of the engine of the moment, which it does not keep.
struct Explaining {
  std::vector<pipeline::MirrorPlan> plans;
  settings::Settings settings;
  std::string no_mirror;  // why there is none
};

Explaining explaining(const Engine& engine, const std::string& mirror) {
  Explaining context;
  const auto names = names_of(engine.mirrors());
  for (const auto i : mirrors_meant(names, mirror))
    context.plans.push_back(engine.mirrors()[i]);
  if (context.plans.empty()) context.no_mirror = no_such_mirror(names, mirror);
  context.settings = engine.settings();
  return context;
}

}  // namespace

asio::awaitable<void> ControlService::log_reveal(Peer peer, Reveal reveal) {
  if (reveal.people == 0) co_return;
  const auto user = co_await user_of(std::move(peer));
  tell_of(ground_.log, reveal, user);
}

std::shared_ptr<source::Reader> ControlService::people_reader(const settings::Settings& settings) {
  std::shared_ptr<source::Reader> reader = source::make_postgres_reader(patient_connection(settings));
  std::erase_if(people_readers_, [](const auto& each) { return each.expired(); });
  people_readers_.push_back(reader);
  return reader;
}

asio::awaitable<void> ControlService::complete(std::shared_ptr<PersonFacts> facts) {
  const auto engine = co_await engines_.borrow();
  const auto names = names_of(engine->mirrors());
  const auto found = std::find(names.begin(), names.end(), facts->plan.name);
  if (found == names.end()) co_return;  // a reload took it away meanwhile
  const auto index = static_cast<std::size_t>(found - names.begin());
  const auto seen = co_await view(&*engine);
  add_health(facts->waits, seen.mirrors[index], seen);
  if (engine->awaits_read(index)) facts->waits.emplace_back("the table is read before anybody is subscribed");
  if (!facts->email) co_return;
  auto& dispatch = engine->dispatch();
  facts->calls = dispatch.memory().of(facts->plan.id, ground_.key.fingerprint(facts->email->text()));
  auto why_not = why_it_asks_nothing(*engine);
  if (why_not.empty()) why_not = why_not_now(dispatch.condition());
  if (!why_not.empty()) {
    facts->there.why_not = std::move(why_not);
    co_return;
  }
  auto there = co_await explainer_.ask_there(&dispatch, facts->plan.list_id, *facts->email);
  facts->there = std::move(there);
}

asio::awaitable<ServerResponse> ControlService::explain(Peer peer, json::Value body) {
  ExplainAsked asked;
  if (const auto problem = read_body(body, asked)) co_return error_response(400, *problem);
  std::shared_ptr<Explaining> context;
  {
    const auto engine = co_await engines_.borrow();
    context = std::make_shared<Explaining>(explaining(*engine, asked.mirror));
  }
  if (context->plans.empty()) co_return error_response(404, context->no_mirror);
  const auto reader = people_reader(context->settings);
  std::vector<std::shared_ptr<PersonFacts>> mirrors;
  for (auto plan : context->plans) {
    auto person = asked.person;
    auto facts = co_await explainer_.look(std::move(plan), std::move(person), reader);
    if (is_known(*facts)) co_await complete(facts);
    mirrors.push_back(std::move(facts));
  }
  if (const auto unknown = why_unknown(mirrors); !unknown.empty())
    co_return error_response(table_missing(mirrors) ? 503 : 404, unknown);
  Reveal reveal{"explain", asked.reveal ? std::size_t{1} : std::size_t{0}};
  co_await log_reveal(peer, std::move(reveal));
  const Showing showing{asked.reveal, ground_.clock.utc()};
  co_return json_response(200, explanation_of(mirrors, *make_dialect(context->settings), showing));
}

asio::awaitable<ServerResponse> ControlService::failures(Engine* engine, Meant meant,
                                                         http::ServerRequest request) {
  const auto asked = failures_asked(request.query);
  auto work = [plans = plans_meant(engine->mirrors(), meant), asked, now = ground_.clock.utc()](
                  store::Store& store) { return failures_report(store, plans, asked, now); };
  const auto report = co_await ground_.store.run(std::move(work));
  Reveal reveal{"failures", asked.reveal ? addresses_in(report.value()) : std::size_t{0}};
  co_await log_reveal(request.credentials, std::move(reveal));
  co_return json_response(200, report.value());
}

asio::awaitable<ServerResponse> ControlService::show_held(Peer peer, std::string query) {
  const auto asked = held_set_asked(query);
  std::shared_ptr<Explaining> context;
  {
    const auto engine = co_await engines_.borrow();
    context = std::make_shared<Explaining>(explaining(*engine, {}));
  }
  const auto now = ground_.clock.utc();
  auto work = [plans = context->plans, asked, now](store::Store& store) {
    return held_set_view(store, plans, asked, now);
  };
  auto answer = co_await ground_.store.run(std::move(work));
  const auto view = std::make_shared<std::optional<HeldSetView>>(std::move(answer).value());
  if (!*view) co_return error_response(404, no_such_set);
  auto read = [view, reader = people_reader(context->settings), asked, key = ground_.key, now] {
    const auto rows = rows_of(**view, *reader, key, now);
    return held_set_report(**view, rows, asked, key);
  };
  const auto report = co_await runtime::offload(*people_, std::move(read));
  Reveal reveal{"guard show", asked.reveal ? (*view)->people.size() : std::size_t{0}};
  co_await log_reveal(peer, std::move(reveal));
  co_return json_response(200, report);
}

asio::awaitable<ServerResponse> ControlService::plan_revealed(Peer peer, std::int64_t people) {
  if (people < 0) co_return error_response(400, "`people` is no number of people");
  Reveal reveal{"plan", static_cast<std::size_t>(people)};
  co_await log_reveal(std::move(peer), std::move(reveal));
  co_return json_response(200, json::Value::object());
}

asio::awaitable<ServerResponse> ControlService::forget(json::Value body) {
  ForgetAsked asked;
  if (const auto problem = read_body(body, asked)) co_return error_response(400, *problem);
  const auto engine = co_await engines_.borrow();
  const auto email = *asked.person.email;
  const auto who = teller(!engine->stands_by(), asked.by_leader);
  auto work = [plans = engine->mirrors(), email, who](store::Store& store) {
    return forget_person(store, plans, email, who);
  };
  const auto answer = co_await ground_.store.run(std::move(work));
  const auto& forgetting = answer.value();
  if (!forgetting.refused.empty()) co_return error_response(409, forgetting.refused);
  if (!forgetting.known) co_return error_response(404, nobody_to_forget);
  engine->dispatch().memory().forget(ground_.key.fingerprint(email.text()));
  tell_of_forgetting(ground_.log, ground_.key, email);
  co_return json_response(200, forgetting_report(forgetting));
}

}  // namespace stibee_sync::app

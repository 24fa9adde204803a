#include "stibee_model.hpp"

#include "address.hpp"
#include "world.hpp"

#include <algorithm>
#include <stdexcept>

#include <boost/json.hpp>

namespace stibee_sim {

namespace json = boost::json;

namespace {

std::string_view header(const HttpCall& call, std::string_view name) {
  for (const Header& known : call.headers) {
    if (known.name.size() == name.size() && fold(known.name) == fold(name)) return known.value;
  }
  return {};
}

bool is_json(std::string_view type) {
  const auto media = fold(type.substr(0, type.find(';')));
  const auto end = media.find_last_not_of(' ');
  return end != std::string::npos && std::string_view{media}.substr(0, end + 1) == "application/json";
}

HttpAnswer no_such_route(bool wrong_method) {
  HttpAnswer answer;
  answer.status = wrong_method ? 405 : 404;
  answer.content_type = "text/plain; charset=utf-8";
  answer.body = wrong_method ? "405 method not allowed" : "404 page not found";
  return answer;
}

void add_retry_after(HttpAnswer& answer, std::int64_t seconds) {
  answer.headers.push_back(Header{"Retry-After", std::to_string(seconds)});
}

void parse_body(ActiveCall& active, const std::string& body) {
  boost::system::error_code error;
  auto storage = json::make_shared_resource<json::monotonic_resource>();
  active.body = json::parse(body, error, storage);
  if (!error) return;
  active.body_error = error == json::error::incomplete ? "unexpected end of JSON input"
                                                       : "invalid character looking for beginning of value";
}

// What is decided before the call is worked on: key, limit, size, type, list.
struct Refusal {
  HttpAnswer answer;
  std::string result;
};

std::optional<Refusal> refuse_early(World& world, const ActiveCall& active, const HttpCall& call,
                                    SimTime now) {
  const Route& route = active.route;
  const Switches& switches = world.switches;
  const bool v1 = route.api == Api::V1;
  const auto make = [&](Switch shape, const Problem& problem, std::string_view result) {
    return Refusal{refusal(switches, route.api, switches.shape(shape), problem), std::string{result}};
  };
  if (route.api == Api::None) return Refusal{no_such_route(false), "no_route"};
  const std::string token{header(call, "AccessToken")};
  const bool known =
      std::find(world.setup.keys.begin(), world.setup.keys.end(), token) != world.setup.keys.end();
  if (!known || (!v1 && switches.is(Switch::V2Key, "too_old"))) {
    ++world.totals.unauthorised;
    return make(v1 ? Switch::V1BadKeyAnswer : Switch::V2BadKeyAnswer,
                Problem{problem::no_token, "존재하지 않는 토큰 입니다."}, "bad_key");
  }
  const bool keep = switches.is(Switch::LimitKeepRefused, "yes");
  if (!world.limits.admit(token, limit_class(route.api, route.endpoint), now, keep)) {
    auto refused =
        make(Switch::LimitAnswer, Problem{switches.text(Switch::LimitCode), "Too many requests"}, "limit");
    const auto seconds = switches.number(Switch::LimitRetryAfter);
    if (seconds > 0) add_retry_after(refused.answer, static_cast<std::int64_t>(seconds));
    return refused;
  }
  if (route.endpoint == Endpoint::Unknown) return Refusal{no_such_route(route.wrong_method), "no_route"};
  if (call.body.size() > switches.number(v1 ? Switch::V1MaxBody : Switch::V2MaxBody)) {
    return make(v1 ? Switch::V1OversizeAnswer : Switch::V2OversizeAnswer,
                Problem{"Errors.Data.TooLongData", "request body too large"}, "oversize");
  }
  if (carries_body(route.endpoint) && !is_json(header(call, "Content-Type"))) {
    return make(Switch::ContentTypeAnswer, Problem{problem::invalid_request, "Unsupported Media Type"},
                "content_type");
  }
  if (!route.list.empty() && world.list(route.list) == nullptr) {
    return make(v1 ? Switch::V1UnknownListAnswer : Switch::V2UnknownListAnswer,
                Problem{switches.text(Switch::UnknownListCode), "허용되지 않은 요청입니다."}, "unknown_list");
  }
  return std::nullopt;
}

std::string flight_key(const ActiveCall& active, const std::string& address) {
  return active.route.list + ' ' + address;
}

void enter_flight(World& world, ActiveCall& active) {
  if (active.addresses.empty() || active.route.list.empty()) return;
  active.names_people_in_flight = true;
  std::vector<std::string> mine = active.addresses;
  std::sort(mine.begin(), mine.end());
  mine.erase(std::unique(mine.begin(), mine.end()), mine.end());
  bool shared = false;
  for (const std::string& address : mine)
    shared |= world.addresses_in_flight[flight_key(active, address)]++ > 0;
  if (shared) ++world.totals.same_address_in_flight;
  active.addresses = std::move(mine);
}

void leave_flight(World& world, ActiveCall& active) {
  if (!active.names_people_in_flight) return;
  active.names_people_in_flight = false;
  for (const std::string& address : active.addresses) {
    const auto place = world.addresses_in_flight.find(flight_key(active, address));
    if (place != world.addresses_in_flight.end() && --place->second == 0)
      world.addresses_in_flight.erase(place);
  }
}

HttpAnswer answer_api(Work& work) {
  return work.call.route.api == Api::V1 ? answer_v1(work) : answer_v2(work);
}

// Nobody knows how Stibee answers these; a switch decides each.
bool unknown_answer(std::string_view result) {
  return result == "limit" || result == "oversize" || result == "content_type" || result == "no_route";
}

void show_exchange(World& world, ActiveCall& active, const JournalCall& entry, const HttpAnswer& answer) {
  Exchange exchange;
  exchange.method = entry.method;
  exchange.target = entry.target.substr(world.setup.v2_prefix.size());
  exchange.request_type = std::move(active.body_type);
  exchange.request = std::move(active.body_text);
  exchange.status = answer.status;
  exchange.response_type = answer.content_type;
  exchange.response = answer.body;
  exchange.deviation = v2_deviation(world.switches);
  if (active.fault.rule.kind != FaultKind::None || !active.fault.people.empty()) exchange.deviation = "fault";
  if (unknown_answer(entry.result)) exchange.deviation = entry.result;
  world.see_exchange(exchange);
}

HttpAnswer fault_answer(const World& world, const ActiveCall& active, JournalCall& entry) {
  const FaultRule& rule = active.fault.rule;
  Problem problem{rule.code.empty() ? "Errors.Fault.Injected" : rule.code,
                  rule.message.empty() ? "injected fault" : rule.message};
  HttpAnswer answer = refusal(world.switches, active.route.api, parse_shape(rule.shape), problem);
  if (rule.retry_after >= 0) add_retry_after(answer, rule.retry_after);
  entry.result = "fault:" + rule.name;
  return answer;
}

HttpAnswer with_fault(World& world, Work& work) {
  const FaultRule& rule = work.call.fault.rule;
  HttpAnswer answer;
  switch (rule.kind) {
    case FaultKind::None:
    case FaultKind::Person:
    case FaultKind::Omit:
      return answer_api(work);
    case FaultKind::Refuse:
      if (rule.apply) answer_api(work);
      return fault_answer(world, work.call, work.entry);
    case FaultKind::Partial:
      work.people_limit = people_in(work.call) / 2;
      answer_api(work);
      return fault_answer(world, work.call, work.entry);
    case FaultKind::DropBefore:
      answer.delivery = Delivery::Dropped;
      break;
    case FaultKind::DropAfter:
      answer = answer_api(work);
      answer.delivery = Delivery::Dropped;
      break;
    case FaultKind::StallBefore:
      answer = answer_api(work);
      break;
    case FaultKind::StallAfter:
      answer = answer_api(work);
      answer.stall = rule.stall;
      break;
    case FaultKind::Cut:
      answer = answer_api(work);
      answer.delivery = Delivery::Cut;
      break;
    case FaultKind::Garbage:
      answer = answer_api(work);
      answer.body = "\x1f\x8b\x08{\"Ok\":tru\xff\xfe\n]]";
      break;
  }
  work.entry.result = "fault:" + rule.name;
  return answer;
}

}  // namespace

StibeeModel::StibeeModel(Setup setup) : world_(std::make_unique<World>(std::move(setup))) {}
StibeeModel::~StibeeModel() = default;
StibeeModel::StibeeModel(StibeeModel&&) noexcept = default;
StibeeModel& StibeeModel::operator=(StibeeModel&&) noexcept = default;

HttpAnswer StibeeModel::handle(HttpCall call, SimTime now) {
  const Reception reception = receive(std::move(call), now);
  HttpAnswer answer = apply(reception.call, now);
  answer.stall += reception.stall;
  finish(reception.call);
  return answer;
}

Reception StibeeModel::receive(HttpCall call, SimTime now) {
  World& world = *world_;
  const auto id = world.next_call++;
  ActiveCall& active = world.active[id];
  active.id = id;
  active.route = find_route(call.method, call.target, world.setup.v1_prefix, world.setup.v2_prefix);
  world.journal.emplace_back();
  JournalCall& entry = world.journal.back();
  entry.number = id;
  entry.time = now;
  entry.bytes = call.body.size();
  entry.endpoint = endpoint_name(active.route.endpoint);
  entry.list = active.route.list;
  ++world.totals.calls;
  ++world.endpoint_calls[entry.endpoint];
  world.endpoint_bytes[entry.endpoint] += call.body.size();
  world.totals.peak_in_flight = std::max(world.totals.peak_in_flight, ++world.totals.in_flight);

  auto refused = refuse_early(world, active, call, now);
  const bool readable = !refused || refused->result == "limit";
  if (readable && carries_body(active.route.endpoint)) parse_body(active, call.body);
  if (readable) {
    active.addresses = addresses_in(active);
    entry.addresses = active.addresses;
    entry.people = people_in(active);
    world.totals.people += entry.people;
  }
  if (world.see_exchange && active.route.api == Api::V2) {
    active.body_type = header(call, "Content-Type");
    active.body_text = std::move(call.body);
  }
  entry.method = std::move(call.method);
  entry.target = std::move(call.target);
  Reception reception;
  reception.call = id;
  if (refused) {
    entry.result = refused->result;
    active.refused = std::move(refused->answer);
    return reception;
  }
  enter_flight(world, active);
  if (!world.faults.empty()) active.fault = world.faults.decide(entry.endpoint, active.addresses);
  if (active.fault.rule.kind == FaultKind::StallBefore) reception.stall = active.fault.rule.stall;
  return reception;
}

HttpAnswer StibeeModel::apply(std::uint64_t call, SimTime now) {
  World& world = *world_;
  ActiveCall& active = world.active.at(call);
  JournalCall& entry = world.journal_entry(call);
  HttpAnswer answer;
  if (active.refused) {
    answer = std::move(*active.refused);
  } else {
    Work work{world, active, active.route.list.empty() ? nullptr : world.list(active.route.list), now, entry};
    entry.result = "ok";
    answer = with_fault(world, work);
  }
  entry.status = answer.delivery == Delivery::Dropped ? 0 : answer.status;
  if (world.see_exchange && active.route.api == Api::V2) show_exchange(world, active, entry, answer);
  return answer;
}

void StibeeModel::abandoned(std::uint64_t call) {
  const auto found = world_->active.find(call);
  if (found != world_->active.end()) leave_flight(*world_, found->second);
}

void StibeeModel::finish(std::uint64_t call) {
  const auto found = world_->active.find(call);
  if (found == world_->active.end()) return;
  leave_flight(*world_, found->second);
  world_->active.erase(found);
  --world_->totals.in_flight;
}

HttpAnswer StibeeModel::control(const HttpCall& call, SimTime now) {
  return answer_control(*world_, *this, call, now);
}

void StibeeModel::on_v2_exchange(std::function<void(const Exchange&)> see) {
  world_->see_exchange = std::move(see);
}

void StibeeModel::set_switch(std::string_view name, std::string_view value) {
  world_->switches.set(name, value);
  for (auto& [id, list] : world_->lists)
    list.set_exact_case(world_->switches.is(Switch::AddressCase, "exact"));
}

void StibeeModel::set_faults(std::string_view text) {
  boost::system::error_code error;
  const json::value plan = json::parse(json::string_view{text.data(), text.size()}, error);
  if (error) throw std::invalid_argument("fault plan: no JSON: " + error.message());
  world_->faults.load(plan);
}

std::size_t StibeeModel::edit(const WebEdit& edit, SimTime now) {
  return apply_edit(*world_, edit, now);
}

void StibeeModel::set_webhook(const std::string& list, std::string url) {
  ListState* state = world_->list(list);
  if (state == nullptr) throw std::invalid_argument("there is no list \"" + list + "\"");
  state->webhook_url = std::move(url);
}

std::vector<WebhookDelivery> StibeeModel::take_webhooks(SimTime now) {
  return world_->webhooks.take(world_->switches, now);
}

void StibeeModel::webhook_answered(std::uint64_t id, bool accepted, SimTime now) {
  world_->webhooks.answered(world_->switches, id, accepted, now);
}

std::optional<SimTime> StibeeModel::next_webhook() const {
  return world_->webhooks.next();
}

std::optional<Person> StibeeModel::find(const std::string& list, const std::string& address) const {
  const ListState* state = world_->list(list);
  const Record* record = state == nullptr ? nullptr : state->find(address);
  if (record == nullptr) return std::nullopt;
  return state->person(*record);
}

std::size_t StibeeModel::people(const std::string& list) const {
  const ListState* state = world_->list(list);
  return state == nullptr ? 0 : state->size();
}

void StibeeModel::each_person(const std::string& list,
                              const std::function<void(const Person&)>& visit) const {
  const ListState* state = world_->list(list);
  if (state == nullptr) return;
  for (const Record* record : state->by_address())
    visit(state->person(*record));
}

const std::vector<JournalCall>& StibeeModel::journal() const {
  return world_->journal;
}
std::vector<ClassCount> StibeeModel::limits() const {
  return world_->limits.counts();
}
const Totals& StibeeModel::totals() const {
  return world_->totals;
}
std::string StibeeModel::dump() const {
  return dump_json(*world_, "", false);
}

std::string_view status_name(Status status) {
  switch (status) {
    case Status::Subscribed:
      return "subscribed";
    case Status::Unsubscribed:
      return "unsubscribed";
    case Status::Archived:
      return "archived";
    case Status::Ready:
      return "ready";
  }
  return "unknown";
}

}  // namespace stibee_sim

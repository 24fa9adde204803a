#include "simulation/day/pair.hpp"

#include "simulation/day/profile.hpp"
#include "stibee_sync/text/time_format.hpp"
#include "stibee_sync/webhook/list_event.hpp"

#include <algorithm>
#include <utility>

namespace stibee_sync::day {

using namespace std::chrono_literals;

namespace {

stibee_sim::Setup setup(std::uint64_t seed) {
  stibee_sim::Setup made;
  stibee_sim::ListSetup one;
  one.id = watched_list;
  one.groups = {{11, "gold"}, {12, "silver"}};
  one.webhook_url = "https://members.example/webhook";
  made.lists.push_back(one);
  made.fields = {{"name", stibee_sim::FieldKind::Text}};
  made.seed = seed;
  return made;
}

settings::Settings settings_for(std::mt19937_64& random, bool has_feed, bool has_consents) {
  constexpr simulation::Api apis[] = {simulation::Api::V1, simulation::Api::V2, simulation::Api::Both};
  Profile profile;
  profile.api = apis[random() % std::size(apis)];
  profile.writes_back = random() % 2 == 0;
  profile.poll = std::chrono::seconds(20 + random() % 40);
  profile.reconcile_interval = std::chrono::minutes(20 + random() % 40);
  profile.has_feed = has_feed;
  profile.full_scan = 1h;
  profile.has_consents = has_consents;
  auto made = settings_of(profile);
  made.database.leader_lock = true;
  return made;
}

}  // namespace

void PairCounts::add(const PairCounts& other) {
  calls += other.calls, grants += other.grants, kills += other.kills, cuts += other.cuts;
  events += other.events, opt_outs += other.opt_outs, judged += other.judged, repeated += other.repeated;
  longest_take_over = std::max(longest_take_over, other.longest_take_over);
}

Pair::Pair(std::uint64_t seed, bool keeps_trace, Kind kind)
    : random_(seed),
      more_random_(seed ^ 0x70a125U),
      plain_(kind == Kind::Plain),
      has_feed_(!plain_ && more_chance(0.5)),
      has_consents_(!plain_ && more_chance(0.5)),
      loses_states_(!plain_ && more_chance(0.4)),
      settings_(settings_for(random_, has_feed_, has_consents_)),
      trace_(keeps_trace),
      far_end_{stibee_sim::StibeeModel(setup(seed)), {}},
      table_(has_consents_, has_feed_) {
  far_end_.sent = [this](const http::Request& request, int client) { call_sent(request, client); };
  far_end_.applied = [this](std::uint64_t, int status, const std::string& body) {
    trace_.add("answer", std::to_string(status) + " " + std::to_string(Trace::digest(body)));
    for (const auto& limit : far_end_.model.limits()) {
      if (limit.violations > 0) complain("a call over the limit of " + limit.name);
    }
  };
  if (chance(0.4)) locks_.set_patience(20s);
  for (int number = 0; number < 2; ++number) {
    sides_[static_cast<std::size_t>(number)].number = number;
    auto& side = sides_[static_cast<std::size_t>(number)];
    side.disk = test_disk::disk_with_state();
    if (!plain_ && more_chance(0.2)) side.wall_ahead = std::chrono::seconds(more_pick(1200)) - 10min;
  }
  trace_.add("kind", std::string(has_feed_ ? "change feed " : "") + (has_consents_ ? "consents " : "") +
                         (loses_states_ ? "states are lost " : "") + text::iso_utc(utc()));
  fill_table();
}

Pair::~Pair() {
  for (auto& side : sides_)
    side.life.reset();
}

PairCounts Pair::counts() const {
  auto counts = counts_;
  counts.calls = static_cast<std::size_t>(far_end_.model.totals().calls);
  counts.repeated = static_cast<std::size_t>(far_end_.model.totals().repeated_people);
  counts.grants = locks_.grants().size();
  return counts;
}

domain::UtcTime Pair::utc() const {
  return domain::UtcTime(FarEnd::zero) +
         std::chrono::floor<std::chrono::milliseconds>(now_.time_since_epoch());
}

void Pair::complain(const std::string& text) {
  if (wrong_.size() < 20) wrong_.push_back(text::iso_utc(utc()) + " " + text);
  trace_.add("wrong", text);
}

void Pair::start(Side& side) {
  trace_.add("start", name_of(side.number));
  side.starts_at.reset();
  side.read.reset();
  side.read_before.reset();
  Ground ground{far_end_,
                *side.disk,
                trace_,
                settings_,
                [this, &side] { return read_table(side); },
                [this, &side](const std::string& event, const source::WriteValues& values) {
                  return write_back(side, event, values);
                },
                random_(),
                now_,
                side.wall_ahead,
                std::nullopt,
                {},
                feed_hands(side),
                {},
                side.number,
                &locks_};
  ground.event_answered = [this, &side](const stibee_sim::WebhookDelivery& delivery, bool accepted) {
    if (!accepted) return;
    ++counts_.events;
    const auto parsed = webhook::parse_event(delivery.body);
    const auto* event = std::get_if<webhook::ListEvent>(&parsed);
    if (event == nullptr || event->action != webhook::Action::Unsubscribed) return;
    for (const auto& person : event->people)
      side.knows.insert(person.email.text());
  };
  side.life = std::make_unique<Host>(std::move(ground));
}

void Pair::kill(Side& side, bool with_its_machine) {
  if (!side.life) return;
  trace_.add("kill", name_of(side.number) + (with_its_machine ? " and its machine" : ""));
  ++counts_.kills;
  if (with_its_machine) locks_.set_cut_off(side.number, true, now_);
  judge_feed(side);
  side.disk->die();
  side.life.reset();
  side.disk->restart(random_);
  far_end_.client_gone(FarEnd::instant(now_), side.number);
  if (loses_states_ && !calm_ && more_chance(0.3)) lose_state(side);
}

// Another machine takes its place, or its own, with what a backup has.
void Pair::lose_state(Side& side) {
  lost_a_state_ = true;
  const bool has_backup = side.older && more_chance(0.6);
  trace_.add("state", name_of(side.number) + (has_backup ? " set back" : " lost"));
  const auto image = std::exchange(side.older, side.disk->image());
  side.disk = test_disk::disk_with_state();
  if (has_backup) side.disk->load(*image);
  side.knows.clear();
}

/// Each has its own clock; whoever has something to do first does it first.
void Pair::run_until(Time until) {
  for (;;) {
    auto next = until;
    for (const auto& side : sides_) {
      if (side.life) next = std::min(next, side.life->next());
      if (side.starts_at) next = std::min(next, *side.starts_at);
      if (side.reaches_at) next = std::min(next, *side.reaches_at);
    }
    if (server_at_) next = std::min(next, *server_at_);
    now_ = std::max(now_, next);
    for (auto& side : sides_) {
      if (side.reaches_at && *side.reaches_at <= now_) {
        locks_.set_cut_off(side.number, false, now_);
        side.reaches_at.reset();
        tell_listeners();
      }
      if (side.starts_at && *side.starts_at <= now_) start(side);
      if (side.life) side.life->run_until(now_);
    }
    if (server_at_ && *server_at_ <= now_) {
      locks_.set_away(false);
      server_at_.reset();
      tell_listeners();
    }
    if (now_ >= until) return;
  }
}

void Pair::pass(std::chrono::milliseconds time) {
  const auto until = now_ + time;
  while (now_ < until) {
    run_until(std::min(until, now_ + 1s));
    bring_events();
  }
}

std::vector<std::string> Pair::run() {
  for (auto& side : sides_)
    start(side);
  const auto end = now_ + 2h;
  while (now_ < end) {
    step();
    pass(std::chrono::milliseconds(chance(0.7) ? 100 + pick(10'000) : 10'000 + pick(180'000)));
  }
  heal();
  if (wrong_.empty() && has_feed_) changes_in_calm();
  if (wrong_.empty() && !plain_) say_yes_anew();
  if (wrong_.empty()) lose_the_leader();
  return wrong_;
}

void Pair::step() {
  for (std::size_t i = pick(3); i > 0; --i)
    change_table();
  if (chance(0.3)) opt_out();
  trouble();
  if (has_feed_) trouble_feed();
  tell_listeners();
  static const char* const kinds[] = {"503",      "429",          "drop_before",  "drop_after",
                                      "cut_body", "garbage_body", "stall_before", "stall_after"};
  std::string plan = "{\"rules\":[";
  if (chance(0.5)) {
    const std::string kind = kinds[pick(std::size(kinds))];
    plan += "{\"kind\":\"" + kind + "\",\"probability\":0.2";
    if (kind.starts_with("stall")) plan += ",\"stall_ms\":" + std::to_string(1000 + pick(25'000));
    plan += "}";
  }
  far_end_.model.set_faults(plan + "]}");
}

void Pair::trouble() {
  auto& side = sides_[pick(2)];
  const auto soon = [&](std::size_t most) { return now_ + std::chrono::milliseconds(1 + pick(most)); };
  switch (pick(8)) {
    case 0:
    case 1: {
      const bool with_its_machine = chance(0.3);
      kill(side, with_its_machine);
      if (!side.life && !side.starts_at) side.starts_at = soon(chance(0.7) ? 15'000 : 600'000);
      if (with_its_machine) side.reaches_at = *side.starts_at;
      break;
    }
    case 2:
    case 3:
      trace_.add("cut off", name_of(side.number));
      ++counts_.cuts;
      locks_.set_cut_off(side.number, true, now_);
      if (!side.reaches_at) side.reaches_at = soon(chance(0.7) ? 8'000 : 120'000);
      break;
    case 4:
      trace_.add("sessions end", name_of(side.number));
      locks_.end_sessions(side.number);
      break;
    case 5:
      trace_.add("server", "restarts");
      locks_.set_away(true);
      if (!server_at_) server_at_ = soon(20'000);
      break;
    default:
      break;
  }
}

void Pair::opt_out() {
  std::vector<std::string> subscribed;
  far_end_.model.each_person(watched_list, [&](const stibee_sim::Person& person) {
    if (person.status == stibee_sim::Status::Subscribed) subscribed.push_back(person.address);
  });
  if (subscribed.empty()) return;
  stibee_sim::WebEdit wish;
  wish.list = watched_list;
  wish.action = "unsubscribe";
  wish.emails = {subscribed[pick(subscribed.size())]};
  if (far_end_.model.edit(wish, FarEnd::instant(now_)) == 0) return;
  trace_.add("opt-out", wish.emails[0]);
  ++counts_.opt_outs;
  opted_out_[wish.emails[0]] = now_;
  says_no_once(wish.emails[0]);
}

// As the documentation has it: to either, if they are written back; else to the one that leads.
void Pair::bring_events() {
  for (auto& delivery : far_end_.model.take_webhooks(FarEnd::instant(now_))) {
    auto* side = settings_.mirrors[0].writeback.empty() ? leader() : &sides_[pick(2)];
    if (side == nullptr || !side->life || side->life->engine() == nullptr) {
      far_end_.model.webhook_answered(delivery.id, false, FarEnd::instant(now_));
    } else {
      side->life->take_event(std::move(delivery));
    }
  }
}

void Pair::call_sent(const http::Request& request, int client) {
  const auto call = understood(request);
  trace_.add("call", name_of(client) + " " + request.method() + " " + std::string(request.target()) + " " +
                         std::to_string(Trace::digest(request.body())) + " " + text::iso_utc(utc()));
  judge_turn(call, client);
  judge_consent(call, sides_[static_cast<std::size_t>(client)]);
}

Pair::Side* Pair::leader() {
  for (auto& side : sides_) {
    if (side.life && side.life->engine() != nullptr && !side.life->stands_by()) return &side;
  }
  return nullptr;
}

void Pair::heal() {
  calm_ = true;
  far_end_.model.set_faults("{\"rules\":[]}");
  locks_.set_away(false);
  server_at_.reset();
  for (auto& side : sides_) {
    side.reaches_at.reset();
    locks_.set_cut_off(side.number, false, now_);
    if (!side.life) start(side);
  }
  open_.clear();
  table_.feed().end_writers();
  table_.feed().switch_triggers(true);
  tell_listeners();
  const auto began = now_;
  // A take-over, a read, the longest backoff, and once more what that finds.
  const auto most = began + 10s + 2 * settings_.mirrors[0].poll_interval + 15min;
  bool retried = false;
  pass(20s);
  while (now_ < most && (!differences().empty() || leader() == nullptr)) {
    pass(5s);
    if (auto* side = leader(); side != nullptr && !std::exchange(retried, true)) side->life->retry_all();
  }
  if (leader() == nullptr) complain("nobody leads; the lock is held by " + locks_.holder());
  if (sides_[0].life->stands_by() == sides_[1].life->stands_by())
    complain("not one leads, and the other waits");
  for (const auto& difference : differences())
    complain("at the end: " + difference);
}

// With a feed they do not wait for a read of the table.
void Pair::changes_in_calm() {
  const auto poll = settings_.mirrors[0].poll_interval;
  table_.feed().vacuum();
  pass(2 * poll + 1min);
  for (int i = 0; i < 4; ++i) {
    pass(std::chrono::milliseconds(more_pick(90'000)));
    commit([this](Members& rows) {
      if (rows.empty()) return;
      const auto row = std::next(rows.begin(), static_cast<std::ptrdiff_t>(more_pick(rows.size())));
      row->second.name += "c";
    });
    notify();
    const auto most = now_ + 15s;
    while (now_ < most && !differences().empty())
      pass(1s);
    for (const auto& difference : differences())
      complain("in calm, with a change feed: " + difference);
  }
}

// Whatever is known of them, that is newer.
void Pair::say_yes_anew() {
  const auto poll = settings_.mirrors[0].poll_interval;
  pass(15min);  // so far the clocks may be apart
  const auto say = [&](bool yes) {
    commit([&](Members& rows) {
      for (auto& [key, member] : rows) {
        if (!ever_said_no_.contains(member.email)) continue;
        member.subscribed = yes;
        if (yes && has_consents_) member.consented_at = utc();
      }
    });
    trace_.add("rows", yes ? "yes anew" : "no");
  };
  say(false);
  pass(2 * poll + 30s);
  opted_out_.clear();
  for (auto& side : sides_)
    side.knows.clear();
  say(true);
  all_say_yes_ = true;
  const auto most = now_ + 2 * poll + 15min;
  while (now_ < most && !differences().empty()) {
    pass(5s);
    if (auto* side = leader()) side->life->approve_all();
  }
  for (const auto& difference : differences())
    complain("after a yes anew: " + difference);
}

void Pair::lose_the_leader() {
  pass(2min);
  quiet_ = true;
  auto& lost = *leader();
  kill(lost, false);
  const auto died = now_;
  while (now_ < died + 10s && leader() == nullptr)
    pass(100ms);
  if (leader() == nullptr) complain("nobody took over within ten seconds");
  counts_.longest_take_over = std::chrono::floor<std::chrono::milliseconds>(now_ - died);
  pass(5min);
  for (const auto& difference : differences())
    complain("after the take-over: " + difference);
  for (auto& side : sides_)
    judge_feed(side);
  if (far_end_.model.totals().same_address_in_flight > 0) complain("two calls at a time for one person");
}

}  // namespace stibee_sync::day

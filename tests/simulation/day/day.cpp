#include "simulation/day/day.hpp"

#include <algorithm>
#include <utility>

namespace stibee_sync::day {

using namespace std::chrono_literals;

namespace {

constexpr auto first_instant = runtime::MonotonicTime(1h);
constexpr auto whole_day = 24h;

stibee_sim::Setup setup(std::uint64_t seed) {
  stibee_sim::Setup made;
  stibee_sim::ListSetup one;
  one.id = "1234";
  one.groups = {{11, "gold"}, {12, "silver"}, {99, "by hand"}};
  one.webhook_url = "https://members.example/webhook";
  made.lists.push_back(one);
  made.fields = {{"name", stibee_sim::FieldKind::Text}};
  made.seed = seed;
  return made;
}

// A repair has a figure of its own for what it finds of the list, not of the table.
std::size_t most_removals_of(const Profile& profile, const settings::Guard& guard) {
  if (profile.reconcile == settings::ReconcileMode::Repair) return 1'000'000;
  return static_cast<std::size_t>(guard.min_removals);
}

double guard_percent(const settings::Guard& guard) {
  return std::max(guard.max_removal_percent, guard.max_daily_percent);
}

}  // namespace

void Counts::add(const Counts& other) {
  crashes += other.crashes, calls += other.calls, events += other.events;
  events_refused += other.events_refused, commits += other.commits, reads += other.reads;
  opt_outs_known += other.opt_outs_known, subscribes_judged += other.subscribes_judged;
  removed += other.removed, approved += other.approved, write_backs += other.write_backs;
  failovers += other.failovers, reloads += other.reloads, take_overs += other.take_overs;
  successions += other.successions;
  drains += other.drains, drained += other.drained, letters += other.letters;
  calm_changes += other.calm_changes;
  looks += other.looks, disk_failures += other.disk_failures, holds += other.holds;
  longest_to_settle = std::max(longest_to_settle, other.longest_to_settle);
}

Day::Day(std::uint64_t seed, bool keeps_trace, Kind kind)
    : random_(seed),
      feed_random_(seed ^ 0x5eedfeedU),
      notice_random_(seed ^ 0x1e77e55U),
      profile_(kind == Kind::Any ? with_notices(with_feed(profile_of(seed), seed), seed) : profile_of(seed)),
      settings_(settings_of(profile_)),
      trace_(keeps_trace),
      far_end_{stibee_sim::StibeeModel(setup(seed)), {}},
      disk_(test_disk::disk_with_state()),
      table_(profile_.has_consents, profile_.has_feed),
      consents_(profile_.has_consents),
      removals_(most_removals_of(profile_, settings_.mirrors[0].guard),
                guard_percent(settings_.mirrors[0].guard)),
      letters_(profile_.tells_holds) {
  far_end_.sent = [this](const http::Request& request, int) { call_sent(request); };
  far_end_.applied = [this](std::uint64_t call, int status, const std::string& body) {
    call_applied(call, status, body);
  };
  trace_.add("profile", description(profile_));
  choose_unknowns();
  fill_table();
  if (profile_.list_has_people) fill_list();
}

Day::~Day() {
  end_life();
}

domain::UtcTime Day::utc() const {
  return domain::UtcTime(FarEnd::zero) +
         std::chrono::floor<std::chrono::milliseconds>(now().time_since_epoch());
}

Counts Day::counts() const {
  auto counts = counts_;
  counts.calls = static_cast<std::size_t>(far_end_.model.totals().calls);
  counts.commits = table_.commits();
  counts.opt_outs_known = consents_.known_opt_outs();
  counts.subscribes_judged = consents_.looked_at();
  counts.removed = removals_.removed();
  counts.disk_failures = disk_->failed();
  counts.letters = letters_.letters();
  return counts;
}

std::chrono::milliseconds Day::standing_by() {
  return std::chrono::milliseconds(1 + pick(chance(0.5) ? 5'000 : 1'800'000));
}

void Day::start_life() {
  using enum test_disk::SimulatedDisk::Moment;
  if (!calm_ && chance(0.5)) {
    if (chance(0.25)) {
      disk_->die_at(Operation, 1 + pick(1500));
    } else {
      disk_->die_at(chance(0.5) ? BeforeSync : AfterSync, 1 + pick(300));
    }
  }
  shown_there_.clear();
  refuse_due_events();
  trace_.add("start", std::to_string(now_.time_since_epoch().count()));
  life_ = std::make_unique<Host>(Ground{far_end_, *disk_, trace_, settings_, [this] { return read_table(); },
                                        [this](const std::string& event, const source::WriteValues& values) {
                                          return write_back(event, values);
                                        },
                                        random_(), now_, wall_ahead_,
                                        stands_by_ ? std::optional(standing_by()) : std::nullopt,
                                        [this](const stibee_sim::WebhookDelivery& delivery, bool accepted) {
                                          event_answered(delivery, accepted);
                                        },
                                        feed_hands(), post_hands()});
  letters_.life_began();
}

void Day::end_life() {
  judge_feed();
  now_ = now();
  stands_by_ = stands_by_ && life_ && life_->stands_by();
  disk_->die();
  life_.reset();
  disk_->restart(random_);
  if (profile_.second_host && chance(0.3)) older_ = disk_->image();
  trace_.add("end", std::to_string(disk_->syncs()));
  far_end_.client_gone(FarEnd::instant(now_));
}

// Nobody listens.
void Day::refuse_due_events() {
  const auto at = FarEnd::instant(now_);
  while (far_end_.model.next_webhook() && *far_end_.model.next_webhook() < at) {
    for (const auto& delivery : far_end_.model.take_webhooks(at)) {
      ++counts_.events_refused;
      far_end_.model.webhook_answered(delivery.id, false, at);
    }
  }
}

void Day::pass(std::chrono::milliseconds time) {
  const auto until = now() + time;
  for (;;) {
    try {
      if (!life_) start_life();
      life_->run_until(until);
      return;
    } catch (const Crash&) {
      ++counts_.crashes;
    } catch (const store::StoreError&) {
      // A start that finds the disk broken ends, and is tried again.
      if (life_ && life_->engine() != nullptr) throw;
    }
    end_life();
    now_ += std::chrono::milliseconds(pick(chance(0.2) ? 300'000 : 3000));
    if (now_ > until) return;
  }
}

std::vector<std::string> Day::run() {
  hostile();
  heal();
  return wrong_;
}

void Day::hostile() {
  // Steps are close together or far apart: most of a day is quiet.
  const auto end = first_instant + 18h;
  while (now() < end) {
    step();
    const auto gap = chance(0.6) ? std::chrono::milliseconds(200 + pick(20'000))
                                 : std::chrono::milliseconds(60'000 + pick(3'000'000));
    pass(gap);
    if (life_ && life_->engine() != nullptr) look();
  }
}

void Day::step() {
  trouble_stibee();
  trouble_database();
  if (profile_.disk_fails && chance(0.1)) {
    using enum test_disk::SimulatedDisk::Trouble;
    constexpr test_disk::SimulatedDisk::Trouble troubles[] = {Full, Broken, Busy};
    const auto trouble = troubles[pick(std::size(troubles))];
    disk_->fail(trouble, pick(100), 1 + (trouble == Busy ? pick(300) : pick(8)));
  }
  if (profile_.clock_steps && chance(0.1)) {
    const auto most = std::chrono::minutes(chance(0.3) ? 24h * 40 : 30min);
    const auto minutes = static_cast<std::size_t>(most.count());
    wall_ahead_ = std::chrono::minutes(pick(2 * minutes + 1)) - most;
    if (chance(0.4)) wall_ahead_ = 0ms;
    if (life_) life_->clock().set_ahead(wall_ahead_);
    removals_.anew();  // a clock that is set forward by a day begins another one
  }
  if (profile_.has_feed) trouble_feed();
  for (std::size_t i = pick(4); i > 0; --i)
    change_table();
  if (profile_.careless && chance(0.05)) careless_statement();
  for (std::size_t i = pick(3); i > 0; --i)
    edit_list();
  if (profile_.reloads && chance(0.1)) reload();
  if (profile_.second_host && chance(0.03)) move_to_second_host();
  if (chance(0.02) && life_) {
    ++counts_.crashes;
    end_life();  // kill -9
  }
}

void Day::reload() {
  if (!life_ || life_->engine() == nullptr) return;
  auto& mirror = settings_.mirrors[0];
  switch (pick(3)) {
    case 0:
      std::swap(mirror.groups["gold"], mirror.groups["silver"]);
      break;
    case 1:
      settings_.stibee.rate_limit.calls = 1 + pick(10);
      break;
    default:
      mirror.poll_interval = profile_.poll + std::chrono::seconds(pick(60));
      break;
  }
  ++counts_.reloads;
  trace_.add("reload", "gold is " + std::to_string(mirror.groups["gold"]));
  life_->reload(settings_);
}

// The first one is dead. The second has a state that knows nothing yet; or it stood by, and has one of
// before.
void Day::move_to_second_host() {
  ++counts_.take_overs;
  end_life();
  disk_.reset();
  disk_ = test_disk::disk_with_state();
  if (older_ && chance(0.6)) {
    ++counts_.successions;
    disk_->load(*older_);
    stands_by_ = true;
  }
  removals_.anew();
  consents_.forget_knowledge();
  letters_.forget_letters();
  pictures_ = {};
  drained_ = false;
  now_ += 61s;  // a window of every limit passes until a lease of the first is over
}

// A human lets through what is held.
bool Day::approve() {
  const auto approved = life_->approve_all();
  if (approved == 0) return false;
  counts_.approved += approved;
  removals_.approved(approved);
  consents_.approved();
  return true;
}

// Whatever happened is over; a human looks after what waits for one.
void Day::heal() {
  calm_ = true;
  far_end_.model.set_faults("{\"rules\":[]}");
  far_end_.model.set_switch("webhook_lose_percent", "0");
  table_.set_away(false);
  table_.read_standby(0);
  database_writable_ = true;
  open_.clear();
  table_.feed().end_writers();
  table_.feed().switch_triggers(true);
  feed_pace_ = 50ms;
  wall_ahead_ = 0ms;
  disk_->end_trouble();
  if (life_) end_life();
  stands_by_ = false;
  const auto begun = now();
  const auto poll = settings_.mirrors[0].poll_interval;
  const auto step = poll / 2 + 15s;
  auto asked = begun;  // somebody, the last time
  int rounds = 0;
  pass(1s);
  for (bool retried = false; now() < first_instant + whole_day; pass(step)) {
    if (life_->engine() == nullptr) continue;
    if (approve()) {
      ++rounds;
      asked = now();
    }
    if (!std::exchange(retried, true)) life_->retry_all();
    // Who joined what was approved is shown by the next read.
    if (differences().empty() && now() - asked > poll) break;
  }
  judge_time(std::chrono::floor<std::chrono::milliseconds>(now() - begun), rounds, step);
  if (profile_.has_feed) feed_in_calm();
  if (now() < first_instant + whole_day)
    pass(std::chrono::floor<std::chrono::milliseconds>(first_instant + whole_day - now()));
  judge_end();
}

}  // namespace stibee_sync::day

#include "app/leadership.hpp"

#include <charconv>
#include <utility>

#include <boost/asio/post.hpp>

namespace stibee_sync::app {

namespace asio = boost::asio;
using telemetry::Event;
using telemetry::Level;

namespace {

constexpr std::string_view introduction = "stibee-syncd leader";
/// Holding is looked at that often; the lock itself tells when it changes hands.
constexpr std::chrono::milliseconds look_every{250};

}  // namespace

std::string calls_in_words(const std::vector<pipeline::LimiterCondition>& limiters) {
  std::string words(introduction);
  for (const auto& limiter : limiters)
    words += ' ' + std::string(delivery::name(limiter.limiter_class)) + '=' + std::to_string(limiter.used);
  return words;
}

std::map<delivery::LimiterClass, std::size_t> calls_from_words(std::string_view words) {
  std::map<delivery::LimiterClass, std::size_t> calls;
  if (!words.starts_with(introduction)) return calls;
  words.remove_prefix(introduction.size());
  for (const auto limiter_class : delivery::all_limiter_classes) {
    const auto key = ' ' + std::string(delivery::name(limiter_class)) + '=';
    const auto at = words.find(key);
    if (at == std::string_view::npos) continue;
    const auto number = words.substr(at + key.size());
    std::size_t count = 0;
    const auto read = std::from_chars(number.data(), number.data() + number.size(), count);
    if (read.ec == std::errc{}) calls[limiter_class] = count;
  }
  return calls;
}

Locks real_locks() {
  Locks locks;
  locks.make_lock = [](const settings::Settings& settings, std::vector<std::int64_t> lists,
                       std::function<void()> changed) {
    return source::make_postgres_leader_lock(database_connection(settings), std::move(lists),
                                             std::move(changed));
  };
  locks.make_worker = [] { return runtime::make_thread_worker("leader"); };
  return locks;
}

Leadership::Leadership(const Ground& ground, Locks locks)
    : ground_(ground),
      locks_(std::move(locks)),
      worker_(locks_.make_worker()),
      timer_(ground.clock.make_timer()),
      self_(std::make_shared<Leadership*>(this)) {}

Leadership::~Leadership() {
  self_.reset();
  lock_.reset();
  worker_.reset();
}

void Leadership::follow(const settings::Settings& settings) {
  std::vector<std::int64_t> lists;
  for (const auto& mirror : settings.mirrors)
    lists.push_back(mirror.list_id);
  const bool needed = settings.database.leader_lock;
  if (needed == (lock_ != nullptr) && (!needed || (settings.database == database_ && lists == lists_)))
    return;
  database_ = settings.database;
  lists_ = lists;
  runtime::dispose(*worker_, std::exchange(lock_, nullptr));
  term_ = 0;
  if (!needed) {
    if (!leads_) begin_to_lead();
    return;
  }
  auto changed = [context = &ground_.context, self = std::weak_ptr(self_)] {
    asio::post(*context, [self] {
      if (const auto leadership = self.lock()) (*leadership)->look();
    });
  };
  lock_ = locks_.make_lock(settings, std::move(lists), std::move(changed));
  stand_by("");
  timer_->wake();  // `run` waits for ever where there was none
}

asio::awaitable<void> Leadership::run(Hooks hooks) {
  hooks_ = std::move(hooks);
  while (!stopping_) {
    look();
    co_await timer_->wait_until(lock_ ? ground_.clock.monotonic() + look_every : runtime::forever);
  }
}

asio::awaitable<std::optional<std::string>> Leadership::gain(domain::Duration patience) {
  const auto until = ground_.clock.monotonic() + patience;
  for (look(); !leads_ && !stopping_; look()) {
    const auto now = ground_.clock.monotonic();
    if (now >= until && term_ == 0) {
      const auto why = trouble();
      co_return why.empty() ? "another daemon leads the same lists (`database.leader_lock`)" : why;
    }
    co_await timer_->wait_until(now + look_every);
  }
  co_return leads_ ? std::nullopt : std::optional<std::string>("stopped");
}

void Leadership::stop() {
  stopping_ = true;
  timer_->wake();
}

bool Leadership::may_call() const {
  return leads_ && (!lock_ || lock_->held());
}

std::string Leadership::trouble() const {
  return lock_ && !leads_ ? lock_->trouble() : std::string();
}

std::map<delivery::LimiterClass, std::size_t> Leadership::inherited() const {
  return lock_ ? calls_from_words(lock_->predecessor()) : std::map<delivery::LimiterClass, std::size_t>{};
}

void Leadership::look() {
  if (!lock_ || stopping_) return;
  const auto now = ground_.clock.monotonic();
  if (const auto term = lock_->term(); term != term_) {
    if (leads_) stand_by(lock_->trouble());
    term_ = term;
    may_lead_ = now + source::LeaderLock::succession;
  }
  const bool held = lock_->held();
  if (held && !leads_ && now >= may_lead_) begin_to_lead();
  if (held && hooks_.limiters) lock_->publish(calls_in_words(hooks_.limiters()));
  if (held) {
    cut_ = false;
  } else if (lock_->lease_over() && !std::exchange(cut_, true) && hooks_.cut) {
    hooks_.cut();
  }
  if (const auto why = trouble(); !why.empty()) {
    if (const auto left_out = trouble_.happened(now, why)) {
      ground_.log.event(Level::Warn, Event::LeaderLost, "nobody can lead here: " + why,
                        {{"left_out", *left_out}});
    }
  } else {
    trouble_.over(now);
  }
}

void Leadership::begin_to_lead() {
  leads_ = true;
  if (lock_) leads_since_ = ground_.clock.utc();
  ground_.metrics.leader(true);
  ground_.log.event(Level::Info, Event::LeaderAcquired, "this daemon works from now on", {{"term", term_}});
  if (hooks_.begin) hooks_.begin();
}

void Leadership::stand_by(const std::string& why) {
  const bool led = std::exchange(leads_, false);
  ground_.metrics.leader(false);
  if (led && term_ != 0) {
    ground_.log.event(Level::Warn, Event::LeaderLost,
                      "this daemon sends nothing more before it holds the leader lock again" +
                          (why.empty() ? "" : ": " + why));
  }
  if (led && hooks_.end) hooks_.end();
}

Leadership::Hooks hooks_of(const std::unique_ptr<Engine>& engine, const Leadership& leadership) {
  Leadership::Hooks hooks;
  hooks.begin = [&engine, &leadership] {
    if (!engine || !engine->stands_by()) return;
    engine->events().others_called_until(leadership.leads_since());
    engine->lead(leadership.inherited());
  };
  hooks.end = [&engine] {
    if (engine) engine->stand_by();
  };
  hooks.cut = [&engine] {
    if (engine) engine->cut_calls();
  };
  hooks.limiters = [&engine] {
    return engine ? engine->dispatch().condition().limiters : std::vector<pipeline::LimiterCondition>{};
  };
  return hooks;
}

}  // namespace stibee_sync::app

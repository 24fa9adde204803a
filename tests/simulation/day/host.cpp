#include "simulation/day/host.hpp"

#include "app/human_word.hpp"

#include <exception>
#include <span>
#include <stdexcept>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

namespace stibee_sync::day {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds drain_limit{3500};

std::function<double()> uniform(std::uint64_t seed) {
  return [engine = std::mt19937_64(seed)]() mutable {
    return std::uniform_real_distribution<double>(0, 1)(engine);
  };
}

void rethrow(std::exception_ptr error) {
  if (error) std::rethrow_exception(error);
}

std::unique_ptr<store::Store> open_or_crash(const test_disk::SimulatedDisk& disk) {
  try {
    auto store = test_disk::open_state(disk);
    if (disk.dead()) throw Crash{};
    return store;
  } catch (const store::StoreError&) {
    if (disk.dead()) throw Crash{};
    throw;
  }
}

/// The world's hand in `writeback`.
class Hand final : public source::Writer {
 public:
  using Write = decltype(Ground::write_back);
  explicit Hand(Write write) : write_(std::move(write)) {}
  std::optional<source::SourceError> prepare(const source::WriteStatement&) override { return std::nullopt; }
  std::variant<std::size_t, source::WriteFailure> execute(const source::WriteStatement& statement,
                                                          const source::WriteValues& values) override {
    return write_(statement.event, values);
  }
  void cancel() override {}

 private:
  Write write_;
};

}  // namespace

Host::Host(Ground ground)
    : around_(std::move(ground)),
      clock_(context_, runtime::UtcTime(FarEnd::zero), around_.now),
      wall_(clock_, around_.wall_ahead),
      worker_(runtime::make_inline_worker()),
      owned_(open_or_crash(around_.disk)),
      log_(telemetry::Log::to([this](std::string_view line) { around_.trace.add("log", of_any_run(line)); },
                              telemetry::LogOptions{telemetry::Level::Info, telemetry::LineFormat::Json},
                              [this] { return std::chrono::system_clock::time_point(wall_.utc()); })),
      metrics_(telemetry::MetricsOptions{"test", true, {}}),
      random_(around_.seed),
      ground_{context_, wall_,
              *worker_, confined_,
              key_,     log_,
              metrics_, [this](asio::any_io_executor, const settings::Settings&) { return outside(); }},
      slot_(wall_),
      events_(ground_, slot_),
      handle_event_(events_.handler()),
      next_look_(wall_.make_timer()),
      courier_(wall_.make_timer()),
      told_(wall_.make_timer()),
      succession_(wall_.make_timer()) {
  for (const auto& mirror : around_.settings.mirrors)
    metrics_.declare_mirror(mirror.name);
  log_.watch([this](telemetry::Event, auto, std::span<const telemetry::Field> fields) {
    for (const auto& field : fields)
      took_list_over_ = took_list_over_ || field.key == "strays";
  });
  events_.admit(*around_.settings.webhook);
  // Before whatever the job that was killed would have led to.
  around_.disk.on_death([this] { asio::post(context_, [] { throw Crash{}; }); });
  if (around_.locks != nullptr) {
    leadership_.emplace(ground_, around_.locks->locks_for(around_.number, context_, clock_));
  }
  asio::co_spawn(context_, live(), rethrow);
  // Of several, the world chooses who is brought an event.
  if (!leadership_) asio::co_spawn(context_, carry_events(), rethrow);
  if (around_.settings.notify) asio::co_spawn(context_, tell(), rethrow);
  if (around_.stands_by) asio::co_spawn(context_, take_its_place(), rethrow);
}

Host::~Host() {
  log_.watch({});
  context_.let_go();
}

// The directory has another name in each run.
std::string Host::of_any_run(std::string_view line) const {
  std::string text(line);
  const auto name = around_.disk.directory().string();
  for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at))
    text.replace(at, name.size(), "STATE");
  return text;
}

app::Outside Host::outside() {
  app::Outside outside;
  auto transport = std::make_unique<simulation::SimulatedTransport>(around_.far_end, clock_, random_, false,
                                                                    around_.number);
  outside.cut = [transport = transport.get()] { transport->cut(); };
  outside.transport = std::move(transport);
  outside.cut_off = [] {};
  auto reader = std::make_unique<source::ScriptedReader>();
  reader->next = around_.read_table;
  outside.reader = std::move(reader);
  outside.writer = std::make_unique<Hand>(around_.write_back);
  outside.change_feed = [this] { return std::make_unique<Tap>(around_.feed); };
  outside.listener = [this](std::vector<std::string>, app::Outside::Wake wake) {
    return std::make_unique<Ear>(std::move(wake), &ear_);
  };
  outside.make_worker = [](const std::string&) { return runtime::make_inline_worker(); };
  outside.make_random = [this] { return uniform(random_()); };
  outside.boot_id = "boot";
  return outside;
}

asio::awaitable<void> Host::begin() {
  auto may_call = std::function<bool()>(
      [this] { return !around_.stands_by && (!leadership_ || leadership_->may_call()); });
  auto opened = co_await app::Engine::open(&ground_, &around_.settings, std::move(may_call));
  engine_ = std::move(opened);
  if (stands_by()) engine_->stand_by();
  engine_->start([](const std::string& what) { throw std::logic_error("a loop ended: " + what); });
  slot_.lend(*engine_);
}

asio::awaitable<void> Host::tell() {
  notices_.emplace(ground_, uniform(around_.seed), "host", simulated_post(wall_, around_.post));
  notices_->admit(around_.settings);
  asio::co_spawn(context_, notices_->run(), rethrow);
  // The daemon looks each five seconds; a day of that would be long.
  constexpr std::chrono::seconds pauses[] = {std::chrono::seconds(5), std::chrono::seconds(235)};
  for (std::size_t i = 0;; ++i) {
    try {
      if (engine_) notices_->look(view());
    } catch (const store::StoreError&) {
      // As `status`, it cannot tell while the disk is in trouble.
    }
    co_await next_look_->wait_until(clock_.monotonic() + pauses[i % std::size(pauses)]);
  }
}

asio::awaitable<void> Host::take_its_place() {
  co_await succession_->wait_until(clock_.monotonic() + *around_.stands_by);
  around_.stands_by.reset();
  around_.trace.add("leader", "it works now");
  if (engine_ && engine_->stands_by()) engine_->lead({});
}

asio::awaitable<void> Host::live() {
  if (leadership_) leadership_->follow(around_.settings);
  co_await begin();
  if (leadership_) asio::co_spawn(context_, leadership_->run(hooks_of(engine_, *leadership_)), rethrow);
  for (;;) {
    while (!next_settings_)
      co_await told_->wait_until(runtime::forever);
    co_await engine_->stop(drain_limit);
    co_await slot_.take_back();
    const auto missed = engine_->lists_with_missed_events();
    engine_.reset();
    around_.settings = std::move(*next_settings_);
    next_settings_.reset();
    if (notices_) notices_->admit(around_.settings);
    if (leadership_) leadership_->follow(around_.settings);
    co_await begin();
    for (const auto list : missed)
      engine_->event_missed(list);
  }
}

void Host::reload(settings::Settings settings) {
  next_settings_ = std::move(settings);
  told_->wake();
}

asio::awaitable<void> Host::carry_events() {
  for (;;) {
    const auto next = around_.far_end.model.next_webhook();
    const auto due =
        next ? runtime::MonotonicTime(next->time_since_epoch() - FarEnd::zero) : runtime::forever;
    if (due > clock_.monotonic()) {
      co_await courier_->wait_until(due);
      continue;
    }
    auto deliveries = around_.far_end.model.take_webhooks(simulation::sim_time(clock_));
    for (auto& delivery : deliveries)
      asio::co_spawn(context_, bring(std::move(delivery)), rethrow);
  }
}

void Host::take_event(stibee_sim::WebhookDelivery delivery) {
  asio::co_spawn(context_, bring(std::move(delivery)), rethrow);
}

asio::awaitable<void> Host::bring(stibee_sim::WebhookDelivery delivery) {
  http::ServerRequest request;
  request.method = "POST";
  request.path = "/webhook/secret-of-the-test";
  request.body = delivery.body;
  request.peer_address = "52.78.132.66";
  const auto response = co_await handle_event_(std::move(request));
  const bool accepted = response.status == 200;
  around_.trace.add("event", std::to_string(response.status) + " " + delivery.body);
  around_.far_end.model.webhook_answered(delivery.id, accepted, simulation::sim_time(clock_));
  around_.event_answered(delivery, accepted);
  if (!accepted) courier_->wake();
}

app::DaemonView Host::view() {
  const auto now = wall_.utc();
  return app::view_of(*engine_, app::view_mirrors(*store_, plans(), now), now);
}

std::size_t Host::approve_all() {
  std::size_t people = 0;
  for (const auto& plan : plans()) {
    for (const auto& hold : store_->holds(plan.id)) {
      if (app::approve_hold(*store_, plans(), hold.digest, wall_.utc())) people += hold.count;
    }
  }
  if (people > 0) engine_->ingest().sync_now();
  return people;
}

std::size_t Host::missed_by_feed() const {
  const auto text = metrics_.text();
  constexpr std::string_view name = "stibee_feed_missed_total{cause=\"feed\",mirror=\"members\"} ";
  const auto at = text.find(name);
  if (at == std::string::npos) throw std::logic_error("no such metric");
  return std::stoul(text.substr(at + name.size()));
}

void Host::retry_all() {
  app::retry_parked(*store_, plans(), "", wall_.utc());
  engine_->dispatch().wake();
}

}  // namespace stibee_sync::day

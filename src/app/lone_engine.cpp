#include "app/lone_engine.hpp"

#include "stibee_sync/text/number_format.hpp"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace stibee_sync::app {

namespace asio = boost::asio;

namespace {

/// For whoever would rather not wait until the one that works ends.
constexpr std::chrono::seconds patience_for_leadership{3};
constexpr std::chrono::milliseconds look_every{100};
/// A statement of a write-back may take that long.
constexpr std::chrono::seconds patience_for_writeback{35};

}  // namespace

LoneEngine::LoneEngine(const Ground& ground, const settings::Settings& settings)
    : ground_(ground), settings_(settings), leadership_(ground), timer_(ground.clock.make_timer()) {}

asio::awaitable<std::optional<std::string>> LoneEngine::open() {
  leadership_.follow(settings_);
  auto why = co_await leadership_.gain(patience_for_leadership);
  if (why) co_return why;
  auto may_call = std::function<bool()>([this] { return leadership_.may_call(); });
  auto opened = co_await Engine::open(&ground_, &settings_, std::move(may_call));
  engine_ = std::move(opened);
  if (!settings_.database.leader_lock) co_return std::nullopt;
  engine_->dispatch().inherit(leadership_.inherited());
  looks_ = true;
  asio::co_spawn(ground_.context, look_after_the_lead(), asio::detached);
  co_return std::nullopt;
}

/// Whether it is lost; and for whoever comes next, what the calls have used up of the limits.
asio::awaitable<void> LoneEngine::look_after_the_lead() {
  auto hooks = hooks_of(engine_, leadership_);
  co_await leadership_.run(std::move(hooks));
  looks_ = false;
  timer_->wake();
}

void LoneEngine::take_over() {
  if (!settings_.database.leader_lock) return;
  engine_->stand_by();
  engine_->lead({});  // the calls of the one before are known already
}

asio::awaitable<std::size_t> LoneEngine::writebacks() {
  std::vector<store::MirrorId> mirrors;
  for (std::size_t i = 0; i < engine_->mirrors().size(); ++i) {
    if (!engine_->paused(i) && !engine_->awaits_read(i)) mirrors.push_back(engine_->mirrors()[i].id);
  }
  auto work = [mirrors = std::move(mirrors), now = ground_.clock.utc()](store::Store& store) {
    std::size_t sum = 0;
    for (const auto id : mirrors)
      sum += store.summary(id, now).writebacks;
    return sum;
  };
  const auto waiting = co_await ground_.store.run(std::move(work));
  co_return waiting.value();
}

asio::awaitable<std::string> LoneEngine::write_back() {
  auto left = co_await writebacks();
  if (left == 0) co_return "";
  engine_->start_writeback();
  auto until = ground_.clock.monotonic() + patience_for_writeback;
  while (left > 0 && !interrupted_ && ground_.clock.monotonic() < until) {
    co_await timer_->wait_until(ground_.clock.monotonic() + look_every);
    const auto now_left = co_await writebacks();
    if (now_left < left) until = ground_.clock.monotonic() + patience_for_writeback;
    left = now_left;
  }
  if (left == 0) co_return "";
  co_return text::with_thousands(left) +
      " changes at Stibee still wait to be written to the table; see the log, and `stibee-syncd check`";
}

asio::awaitable<void> LoneEngine::stop() {
  if (engine_) co_await engine_->stop(std::chrono::seconds(4));
  leadership_.stop();
  while (looks_)
    co_await timer_->wait_until(ground_.clock.monotonic() + look_every);
}

}  // namespace stibee_sync::app

#include "app/list_look.hpp"

#include "app/exit_code.hpp"
#include "app/lone.hpp"
#include "app/progress.hpp"
#include "app/render.hpp"
#include "stibee_sync/pipeline/list_read.hpp"
#include "stibee_sync/text/number_format.hpp"

#include <iostream>
#include <thread>
#include <utility>

namespace stibee_sync::app {
namespace {

namespace asio = boost::asio;

/// A window of API v2 is over by then.
constexpr std::chrono::seconds patience{70};
/// Somebody waits at a terminal.
constexpr int most_failures = 3;

using Scan = std::shared_ptr<store::ListScan>;

struct Ending {
  pipeline::ListReadResult result;
};

asio::awaitable<void> read_into(pipeline::Services services, runtime::Worker* worker, LoneAsker* asker,
                                std::shared_ptr<const pipeline::MirrorPlan> plan, Scan scan,
                                pipeline::ListReadHooks hooks, std::shared_ptr<Ending> ending) {
  auto reading = pipeline::read_list(std::move(services), *worker, *asker, std::move(plan), std::move(scan),
                                     std::move(hooks));
  auto result = co_await std::move(reading);
  ending->result = std::move(result);
}

}  // namespace

bool is_to_be_taken_over(const store::Store& state, const pipeline::MirrorPlan& mirror) {
  return mirror.reconcile.mode != settings::ReconcileMode::Off && !state.adopted(mirror.id);
}

ListLook::ListLook(const settings::Settings& settings) : settings_(settings) {}
ListLook::~ListLook() = default;

ListLook::Seen ListLook::read(const ReadState& state, const pipeline::MirrorPlan& mirror) {
  if (!lone_) lone_ = std::make_unique<Lone>(settings_, state.opened_again(), "list", patience);
  const auto& ground = lone_->foreground.ground();
  const auto scan = std::make_shared<store::ListScan>(state->begin_list(mirror.id));
  const auto ending = std::make_shared<Ending>();
  bool interrupted = false;
  Progress progress;
  const auto& asker = lone_->asker;
  // Whoever stands by lends no slot at the next try either.
  pipeline::ListReadHooks hooks([&] { return interrupted || asker.stands_by(); },
                                [&](std::size_t read, std::size_t total) {
                                  progress.show(mirror.name + ": reading the list, " +
                                                text::with_thousands(read) + " of " +
                                                text::with_thousands(total));
                                },
                                most_failures);
  pipeline::Services services{ground.clock, ground.store,   ground.key,
                              ground.log,   ground.metrics, [] { return 0.5; }};
  lone_->foreground.run(
      read_into(std::move(services), lone_->worker.get(), &lone_->asker,
                std::make_shared<const pipeline::MirrorPlan>(mirror), scan, std::move(hooks), ending),
      [&] {
        interrupted = true;
        lone_->client.cancel();
      });
  progress.end();
  if (interrupted) throw Exit{ExitCode::try_later};
  Seen seen;
  const auto& result = ending->result;
  if (result.complete() || result.end() == pipeline::ListReadEnd::NeverStill) {
    seen.scan = std::move(*scan);
    seen.people = result.people();
  } else {
    seen.why_not = asker.trouble().empty() ? result.why() : asker.trouble();
  }
  return seen;
}

void ListLook::leave() {
  if (!lone_) return;
  const auto now = lone_->foreground.ground().clock.monotonic();
  const auto until = lone_->slots.unknown_until();
  if (until <= now) return;
  std::cerr << "waiting until these calls count no longer, so that a daemon that starts now stays within "
               "Stibee's limits\n";
  std::this_thread::sleep_for(until - now);
}

}  // namespace stibee_sync::app

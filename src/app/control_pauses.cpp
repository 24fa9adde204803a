#include "app/asked.hpp"
#include "app/control_answer.hpp"
#include "app/control_service.hpp"
#include "app/human_word.hpp"
#include "app/mirror_choice.hpp"
#include "app/render.hpp"
#include "app/report_members.hpp"

#include <algorithm>
#include <utility>

// Pauses of a running daemon: their beginning, and their end by somebody's word or by themselves.

namespace stibee_sync::app {

namespace asio = boost::asio;
using http::ServerResponse;

namespace {

/// So that a pause ends in time though the clock was set.
constexpr domain::Duration longest_look_away = std::chrono::minutes(1);

}  // namespace

asio::awaitable<ServerResponse> ControlService::pause(Engine* engine, Meant meant, json::Value body,
                                                      Peer peer) {
  const auto now = ground_.clock.utc();
  const auto until = pause_asked(body, now);
  auto work = [plans = plans_meant(engine->mirrors(), meant), until, now](store::Store& store) {
    return pause_mirrors(store, plans, now, until);
  };
  auto kept = co_await ground_.store.run(std::move(work));
  for (const auto i : meant)
    engine->set_paused(i, true);
  pause_ends_->wake();
  if (!kept) throw store::StoreError("paused, but only until this daemon ends: " + kept.error());
  auto changes = std::move(kept).value();
  co_await tell(engine, meant, std::move(changes), peer);
  json::Value answer;
  answer.set("paused", meant.size());
  answer.set("until", time_or_null(until));
  co_return json_response(200, answer);
}

asio::awaitable<ServerResponse> ControlService::resume(Engine* engine, Meant meant, Peer peer) {
  auto work = [plans = plans_meant(engine->mirrors(), meant),
               now = ground_.clock.utc()](store::Store& store) { return resume_mirrors(store, plans, now); };
  auto kept = co_await ground_.store.run(std::move(work));
  auto changes = std::move(kept).value();
  for (const auto i : meant) {
    engine->set_paused(i, false);
    engine->ingest().sync_now(i);
  }
  co_await tell(engine, meant, std::move(changes), peer);
  json::Value answer;
  answer.set("resumed", meant.size());
  co_return json_response(200, answer);
}

asio::awaitable<void> ControlService::tell(Engine* engine, Meant meant, std::vector<PauseChange> changes,
                                           Peer peer) {
  if (changes.empty()) co_return;
  const auto by = co_await user_of(std::move(peer));
  for (const auto& change : changes)
    tell_of_pause(ground_.log, engine->mirrors()[meant[change.mirror]], change, by);
}

asio::awaitable<void> ControlService::end_pauses() {
  for (;;) {
    const auto next = co_await end_due();
    // By the other clock, since that one may be set meanwhile.
    const auto again =
        next ? ground_.clock.monotonic() + std::min(*next, longest_look_away) : runtime::forever;
    co_await pause_ends_->wait_until(again);
  }
}

asio::awaitable<std::optional<domain::Duration>> ControlService::end_due() {
  const auto engine = co_await engines_.borrow();
  const auto now = ground_.clock.utc();
  auto work = [plans = engine->mirrors(), now](store::Store& store) {
    auto ended = end_due_pauses(store, plans, now);
    return std::pair(std::move(ended), next_end_of_pause(store, plans));
  };
  const auto looked = co_await ground_.store.run(std::move(work));
  if (!looked) co_return longest_look_away;
  const auto& [ended, next] = looked.value();
  for (const auto& change : ended) {
    tell_of_pause(ground_.log, engine->mirrors()[change.mirror], change, {});
    engine->set_paused(change.mirror, false);
    engine->ingest().sync_now(change.mirror);
  }
  if (!next) co_return std::nullopt;
  co_return std::max<domain::Duration>(*next - now, domain::Duration::zero());
}

}  // namespace stibee_sync::app

#pragma once

#include "stibee_sim/model/stibee_model.hpp"
#include "stibee_sync/pipeline/asker.hpp"
#include "stibee_sync/runtime/virtual_clock.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stibee_sync::pipeline {

inline stibee_sim::SimTime sim_time(const runtime::Clock& clock) {
  return stibee_sim::SimTime(
      std::chrono::duration_cast<std::chrono::microseconds>(clock.monotonic().time_since_epoch()));
}

/// List 1234 with the groups gold (11), silver (12) and one made by hand (99).
inline stibee_sim::Setup one_list() {
  stibee_sim::Setup setup;
  stibee_sim::ListSetup list;
  list.id = "1234";
  list.groups = {{11, "gold"}, {12, "silver"}, {99, "by hand"}};
  setup.lists.push_back(list);
  return setup;
}

/// Asks the simulated Stibee on virtual time; `before` may do something first, or give a reply instead.
class SimulatedAsker final : public Asker {
 public:
  SimulatedAsker(stibee_sim::StibeeModel& model, runtime::Clock& clock) : model_(model), clock_(clock) {}

  boost::asio::awaitable<Reply> ask_until(delivery::ApiRequest request, runtime::MonotonicTime) override {
    ++calls;
    const auto timer = clock_.make_timer();
    co_await timer->wait_until(clock_.monotonic() + std::chrono::milliseconds(700));  // within 100 a minute
    targets.push_back(request.target);
    if (before) {
      auto instead = before(calls);
      if (instead) co_return std::move(*instead);
    }
    stibee_sim::HttpCall call;
    call.method = request.method;
    call.target = request.target;
    call.headers = {{"AccessToken", key}, {"Content-Type", "application/json"}};
    const auto answer = model_.handle(call, sim_time(clock_));
    co_return Reply(answer.status, answer.body, std::nullopt);
  }

  int calls = 0;
  std::string key = "sim-key";
  std::vector<std::string> targets;
  std::function<std::optional<Reply>(int call)> before;

 private:
  stibee_sim::StibeeModel& model_;
  runtime::Clock& clock_;
};

}  // namespace stibee_sync::pipeline

// Posts the model's webhook deliveries and reports back how they were taken.
#pragma once

#include "model/stibee_model.hpp"

#include <functional>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

namespace stibee_sim {

using Now = std::function<SimTime()>;

// Runs for ever; `wake` is cancelled (cancel_one) whenever the model may have a new event. Model and wake
// must outlive the event loop.
boost::asio::awaitable<void> send_webhooks(StibeeModel& model, boost::asio::steady_timer& wake, Now now);

}  // namespace stibee_sim

#pragma once

#include "stibee_sync/pipeline/dispatch.hpp"

#include <memory>
#include <vector>

namespace stibee_sync::pipeline {

/// One batch on its way.
struct Dispatch::Call {
  store::Claimed claimed;
  std::vector<delivery::Recipient> recipients;  // recipients[i] is claimed.people[i]
  delivery::ApiRequest request;
  std::unique_ptr<http::Channel> channel;
  delivery::RateLimiter::Attempt attempt;
};

}  // namespace stibee_sync::pipeline

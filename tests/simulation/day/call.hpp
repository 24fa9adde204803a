#pragma once

#include "stibee_sync/http/message.hpp"

#include <string>
#include <vector>

namespace stibee_sync::day {

/// A call to Stibee, as whoever watches the wire understands it.
struct Call {
  enum class Kind { Subscribe, Remove, Other };  // Remove: unsubscribe or delete
  Kind kind = Kind::Other;
  std::string endpoint;  // v1.subscribe, …
  std::vector<std::string> addresses;
};

Call understood(const http::Request& request);

}  // namespace stibee_sync::day

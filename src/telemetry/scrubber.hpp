#pragma once

#include "stibee_sync/privacy/secret.hpp"

#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::telemetry {

/// What a log line's text goes through last: registered secrets, then addresses. Any thread.
class Scrubber {
 public:
  void never_print(std::string_view secret);
  std::string scrub(std::string_view text) const;

 private:
  void remember(privacy::Secret form);

  mutable std::shared_mutex mutex_;
  std::vector<privacy::Secret> secrets_;  // longest first, so that one that contains another goes as a whole
};

}  // namespace stibee_sync::telemetry

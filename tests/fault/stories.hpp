#pragma once

#include "fault/world.hpp"

#include <string>

namespace stibee_sync::fault {

/// A piece of the daemon's life. `prepare` makes, without faults, what each run begins with; `play` has a
/// program under faults do it and ends with nobody waiting and no daemon; false, with `why`, if that cannot
/// be reached.
struct Story {
  std::string name;
  std::string mirror_extra;
  void (*prepare)(World&);
  void (*play)(World&);
  /// Errors that the daemons after a death may log, as part of the line.
  std::string allowed_error;
};

/// Throws std::runtime_error when the world does not come to what was waited for.
const std::vector<Story>& stories();

}  // namespace stibee_sync::fault

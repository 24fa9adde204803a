#pragma once

namespace stibee_sync::app {

/// Exit codes of the program, after sysexits(3).
enum ExitCode : int {
  ok = 0,
  unhealthy = 1,  // status
  changes = 2,    // plan --detailed-exitcode
  usage = 64,
  no_such_thing = 66,
  unavailable = 69,
  internal = 70,
  io_error = 74,
  try_later = 75,
  held = 76,
  refused = 77,
  bad_config = 78,
};

}  // namespace stibee_sync::app

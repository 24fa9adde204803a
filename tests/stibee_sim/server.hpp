// The model behind HTTP and HTTPS on one event loop. Runs until a signal or POST /_sim/shutdown.
#pragma once

#include "options.hpp"

namespace stibee_sim {

// Throws std::runtime_error when it cannot start. Prints the ready line to standard output.
void serve(const Options& options, StibeeModel& model);

}  // namespace stibee_sim

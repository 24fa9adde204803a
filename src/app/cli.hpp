#pragma once

namespace stibee_sync::app {

/// Parses the command line, runs the command, and returns the program's exit code. Never throws.
int run_cli(int argc, char** argv);

}  // namespace stibee_sync::app

// A certificate authority and a server certificate made at start. Errors: std::runtime_error with the cause.
#pragma once

#include "options.hpp"

#include <string>

namespace stibee_sim {

struct Identity {
  std::string authority_pem;  // what a client should trust
  std::string certificate_pem;
  std::string key_pem;
};

Identity make_identity(const Options& options);

}  // namespace stibee_sim

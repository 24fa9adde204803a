// The command line of stibee-sim.
#pragma once

#include "model/stibee_model.hpp"

#include <filesystem>
#include <optional>

namespace stibee_sim {

enum class ServerCertificate { Good, WrongHost, Expired, NotYet, Untrusted };

struct Endpoint4 {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;
};

struct Options {
  Setup setup;
  std::vector<std::pair<std::string, std::string>> switches;
  std::filesystem::path faults_file;
  Endpoint4 listen;
  std::optional<Endpoint4> control_listen;
  bool plain = false;
  ServerCertificate certificate = ServerCertificate::Good;
  std::vector<std::string> hosts;   // further names in the certificate
  std::filesystem::path write_ca;   // empty: not written
  std::filesystem::path keep_ca;    // authority kept from start to start, with its key
  std::filesystem::path port_file;  // empty: not written
  std::filesystem::path record;     // v2 calls and answers, one a line; empty: not written
  std::chrono::milliseconds latency{0};
  std::chrono::milliseconds jitter{0};
  std::chrono::milliseconds idle_timeout{60000};
  unsigned requests_per_connection = 0;  // 0: no bound
};

// Nothing: the program has printed what was asked for (--help) or what is wrong, and ends with `exit_code`.
std::optional<Options> parse_options(int argc, char** argv, int& exit_code);

}  // namespace stibee_sim

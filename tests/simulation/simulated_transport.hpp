#pragma once

#include "stibee_sim/model/stibee_model.hpp"
#include "stibee_sync/http/transport.hpp"
#include "stibee_sync/runtime/clock.hpp"

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace stibee_sync::simulation {

/// Stibee's end of the wire: the model, which lives on when the daemon crashes, and the calls it is busy
/// with.
struct FarEnd {
  stibee_sim::StibeeModel model;
  struct Flight {
    int client = 0;
    bool is_applied = false;
  };
  std::map<std::uint64_t, Flight> in_flight;  // by call
  /// A call goes out, and: Stibee has made of it what it does. For whoever watches.
  std::function<void(const http::Request& request, int client)> sent = {};
  std::function<void(std::uint64_t call, int status, const std::string& body)> applied = {};

  /// Stibee's clock is as right as the database's: what it shows of times can be compared.
  static constexpr std::chrono::hours zero{24 * 365 * 56};
  static stibee_sim::SimTime instant(runtime::MonotonicTime time) {
    return stibee_sim::SimTime(
        zero + std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()));
  }
  /// A daemon died: what Stibee had received it applies all the same.
  void client_gone(stibee_sim::SimTime now, int client = 0);
};

/// A transport on virtual time: latency before and after the model handles the call, at most `uplink` on the
/// way there.
class SimulatedTransport : public http::Transport {
 public:
  SimulatedTransport(FarEnd& far_end, runtime::Clock& clock, std::mt19937_64& random, bool refuse_connections,
                     int client = 0)
      : far_end_(far_end),
        clock_(clock),
        random_(random),
        refuse_connections_(refuse_connections),
        client_(client) {}

  boost::asio::awaitable<http::OpenResult> open() override;
  void refuse_connections(bool refuse) { refuse_connections_ = refuse; }
  /// Nobody waits any longer for the calls that are out.
  void cut();

 private:
  class Channel;
  FarEnd& far_end_;
  runtime::Clock& clock_;
  std::mt19937_64& random_;
  bool refuse_connections_;
  int client_;
  /// Channels may outlive their transport.
  struct Calls {
    std::vector<Channel*> channels;  // as they were opened: a seed's run does not depend on where they lie
    int cuts = 0;
  };
  std::shared_ptr<Calls> calls_ = std::make_shared<Calls>();
};

stibee_sim::SimTime sim_time(const runtime::Clock& clock);

}  // namespace stibee_sync::simulation

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

namespace stibee_sync::testing {

/// What becomes of a connection at a given byte.
enum class Fault {
  Cut,        // both ends see an orderly end (FIN)
  Reset,      // both ends see a RST
  HalfClose,  // the receiving end sees an orderly end; the other way goes on
  Stall,      // not a byte more either way, and nothing is closed, until release()
  Crumble,    // from here on each byte comes by itself: no fault at all
  Garble,     // one bit of that byte is another
};
std::ostream& operator<<(std::ostream& out, Fault fault);

/// Which way bytes go.
enum class Way { ToServer, ToClient };
std::ostream& operator<<(std::ostream& out, Way way);

struct FaultPoint {
  Way way = Way::ToServer;
  std::size_t after = 0;  // bytes that have gone that way on that connection
  Fault fault = Fault::Cut;
  int connection = 0;  // counted from 0
};

/// A TCP proxy on loopback in front of a port of this machine, or of a Unix socket by its path. It knows
/// nothing of what it carries, keeps all of it, and does one thing to one connection at one byte.
class FaultProxy {
 public:
  using Target = std::variant<std::uint16_t, std::string>;
  /// Called on the proxy's thread before a piece is passed on: which way, and how many bytes went before.
  using Before = std::function<void(Way way, std::size_t passed)>;

  explicit FaultProxy(Target target, std::optional<FaultPoint> point = std::nullopt, Before before = {});
  /// Cuts every connection.
  ~FaultProxy();
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;

  std::uint16_t port() const { return port_; }
  /// Sets another point; for bytes that are still to come.
  void set(std::optional<FaultPoint> point);
  /// What was stalled goes on.
  void release();
  /// Ends every connection that there is, as a crash of this machine's end would.
  void reset_all();

  int connections() const { return connections_; }
  /// Whether the point was reached.
  bool struck() const { return struck_; }
  /// How many bytes went that way, over all connections.
  std::size_t passed(Way way) const;
  /// Every byte that was passed on in either direction.
  std::string bytes() const;

 private:
  struct Line;
  void run();
  void accept_one();
  void carry(Line& line, Way way);
  void pass(Line& line, Way way, std::string_view piece);
  void strike(Line& line, Way way);
  void wake() const;

  const Target target_;
  const Before before_;
  mutable std::mutex mutex_;  // of what follows up to the thread
  std::optional<FaultPoint> point_;
  std::string bytes_;
  std::array<std::size_t, 2> passed_{};
  bool reset_wanted_ = false;
  std::vector<std::unique_ptr<Line>> lines_;  // the thread's own
  std::atomic<int> connections_ = 0;
  std::atomic<bool> struck_ = false;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> released_ = false;
  int listener_ = -1;
  std::array<int, 2> wake_{-1, -1};
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace stibee_sync::testing

#include "feed_probe.hpp"

#include "failure.hpp"
#include "feed_names.hpp"

#include <algorithm>
#include <chrono>
#include <poll.h>
#include <random>

namespace stibee_sync::source {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds longest_probe{2'000};

/// One that nobody else uses.
std::string probe_channel() {
  std::random_device random;
  return std::string(feed_schema) + ".probe." + std::to_string(random()) + std::to_string(random());
}

/// Waits until something has come in; false when the time is over.
bool await(const Session& listener, const Interrupt& interrupt, steady_clock::time_point until) {
  const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now()).count();
  if (left <= 0) return false;
  pollfd fds[] = {{listener.socket(), POLLIN, 0}, {interrupt.wake_fd(), POLLIN, 0}};
  ::poll(fds, 2, static_cast<int>(left));
  if (interrupt.requested()) throw Failure(SourceError::Kind::Cancelled, "cancelled");
  return true;
}

}  // namespace

std::string why_deaf(Session& listener, const Connection& connection, Interrupt& interrupt,
                     const std::function<void(const std::vector<std::string>& channels)>& others) {
  const auto channel = probe_channel();
  listener.run("LISTEN " + quote_name(channel));
  {
    Session second(connection, interrupt);
    second.run("NOTIFY " + quote_name(channel));
  }
  const auto until = steady_clock::now() + longest_probe;
  do {
    const auto channels = listener.notified();
    others(channels);
    if (std::find(channels.begin(), channels.end(), channel) != channels.end()) {
      listener.run("UNLISTEN " + quote_name(channel));
      return "";
    }
  } while (await(listener, interrupt, until));
  if (listener.pooled()) {
    return "a pooler in front of PostgreSQL keeps notifications back (transaction mode), so the change feed "
           "is "
           "looked at once a second; for less delay name the server itself in `database.url`, or use session "
           "mode";
  }
  return "notifications of PostgreSQL do not arrive, so the change feed is looked at once a second; see what "
         "stands between this program and the server";
}

}  // namespace stibee_sync::source

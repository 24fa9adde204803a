#pragma once

#include "stibee_sync/domain/time.hpp"
#include "stibee_sync/telemetry/log.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

// The last things that happened, for the page: what the log told, without its free words.

namespace stibee_sync::app {

/// Closed words, counts and the names of mirrors and of users of this machine; nothing of a person.
struct Happening {
  telemetry::Event event{};
  std::string mirror;  // "": of the whole daemon
  std::string what;    // the class that is held, say; may be ""
  std::string by;      // which user of this machine asked for it; ""
  std::uint64_t count = 0;
  domain::UtcTime time{};  // the last time, if it happened several times in a row
  std::size_t times = 1;
};

/// What of an event is worth a line on the page; nullopt: nothing. Pure.
std::optional<Happening> happening_of(telemetry::Event event, domain::UtcTime time,
                                      std::span<const telemetry::Field> fields);

/// Any thread.
class Happenings {
 public:
  static constexpr std::size_t most = 50;

  /// The same once more, with nothing else between, is counted, so that one trouble does not push out all
  /// else.
  void add(Happening happening);
  /// The newest first.
  std::vector<Happening> newest_first() const;

 private:
  mutable std::mutex mutex_;
  std::deque<Happening> list_;
};

}  // namespace stibee_sync::app

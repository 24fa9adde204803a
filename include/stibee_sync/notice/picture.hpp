#pragma once

#include "stibee_sync/domain/time.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace stibee_sync::notice {

/// A held class of changes.
struct HeldClass {
  std::size_t count = 0;  // people
  std::string digest;
  friend bool operator==(const HeldClass&, const HeldClass&) = default;
};

/// How a mirror is, as far as somebody is told of it. Whether it is well is judged elsewhere.
struct MirrorPicture {
  /// Nothing: it cannot be told yet (after a start, while paused), so that nobody is told that it is well
  /// again.
  std::optional<bool> well;
  std::string state;                        // the word that `status` shows
  std::string problem;                      // why, without a person in it
  std::map<std::string, HeldClass> held;    // by class
  std::optional<domain::UtcTime> imported;  // the first import was through
  std::optional<domain::UtcTime> compared;  // with Stibee's list, and what it left
  std::size_t drift = 0;                    // people
  std::size_t mirrored = 0;                 // people subscribed at Stibee
};

/// By the mirrors' names.
using Picture = std::map<std::string, MirrorPicture>;

/// What was told of a mirror: what another picture is compared with.
struct Told {
  std::string trouble;                      // the state's word; "": that it is well
  std::map<std::string, std::string> held;  // class → digest
  bool imported = false;
  std::size_t drift = 0;
  friend bool operator==(const Told&, const Told&) = default;
};
using Memory = std::map<std::string, Told>;

/// As it is kept over a restart; what cannot be read is an empty memory.
std::string to_text(const Memory& memory);
Memory memory_from(std::string_view text);

}  // namespace stibee_sync::notice

#pragma once

#include "app/setup.hpp"
#include "stibee_sync/pipeline/mirror_plan.hpp"

#include <memory>
#include <optional>
#include <string>

namespace stibee_sync::app {

struct Lone;

/// Whether the daemon would read the mirror's list before it sends anything to it.
bool is_to_be_taken_over(const store::Store& state, const pipeline::MirrorPlan& mirror);

/// Reads lists as a daemon does that takes them over, and keeps nothing. On the caller's thread, which it
/// blocks. The settings outlive it.
class ListLook {
 public:
  explicit ListLook(const settings::Settings& settings);
  ~ListLook();

  /// The list, read; or, with an empty scan, why it could not be.
  struct Seen {
    std::optional<store::ListScan> scan;
    std::string why_not;
    std::size_t people = 0;
  };
  /// Throws Exit when it is interrupted.
  Seen read(const ReadState& state, const pipeline::MirrorPlan& mirror);
  /// Waits until a daemon may start that does not know of the calls.
  void leave();

 private:
  const settings::Settings& settings_;
  std::unique_ptr<Lone> lone_;  // from the first read on
};

}  // namespace stibee_sync::app

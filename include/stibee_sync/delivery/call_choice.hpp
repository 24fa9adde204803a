#pragma once

#include "stibee_sync/delivery/dialect.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace stibee_sync::delivery {

/// The classes in which a call may go out right now.
class FreeSlots {
 public:
  struct Slot {
    bool spare = false;  // for a backlog that could share a bulk call: it leaves some to what could not
    bool ordinary = false;
    bool urgent = false;  // opt-outs may use what is kept for them
  };
  void set(LimiterClass limiter_class, Slot slot);
  bool free(LimiterClass limiter_class, domain::Lane lane) const;
  bool spare(LimiterClass limiter_class) const;
  bool any() const;

 private:
  std::array<Slot, std::size(all_limiter_classes)> slots_;
};

/// The classes in which a dialect's calls for people count.
std::vector<LimiterClass> limiter_classes_of(const Dialect& dialect);

/// Which people the next call carries, so that a backlog drains as fast as all budgets together allow and a
/// lone change leaves at once. Of API v2: a bulk slot is worth a thousand people and there are few of them,
/// so it goes to a backlog only; single slots go first to what can go no other way, and what is left of them,
/// but for some that are kept, to people who would else wait for a bulk slot. The queue is looked through in
/// turns, until one finds somebody. With one class for everything (v1) there is one turn. Pure; a value, but
/// for the dialect, which outlives it.
class CallChoice {
 public:
  enum class Turn {
    Batches,  // what can share a bulk call, and the lanes before it
    Singles,  // what cannot
    Spare,    // one person of what could, by a single call
  };
  /// `few`: so many people of one shape are no backlog.
  CallChoice(const Dialect& dialect, FreeSlots free, std::size_t few);

  std::vector<Turn> turns() const;
  /// How many people of this shape to look for in this turn; 0: pass it over.
  std::size_t max_people(Turn turn, domain::Lane lane, const std::string& shape) const;
  /// Of so many found, how many the call takes.
  std::size_t take(Turn turn, const std::string& shape, std::size_t found) const;
  /// In which the call counts: somebody alone takes a bulk slot where no single one is free.
  LimiterClass limiter_class(domain::Lane lane, const std::string& shape, std::size_t people) const;
  bool free(LimiterClass limiter_class, domain::Lane lane) const { return free_.free(limiter_class, lane); }
  struct Missing {
    LimiterClass limiter_class;
    bool spare = false;  // a spare slot of it
    friend bool operator==(const Missing&, const Missing&) = default;
  };
  /// Where the shape cannot be served now: the slots by any of which it could. Else empty.
  std::vector<Missing> missing(domain::Lane lane, const std::string& shape) const;

 private:
  struct Roads {
    LimiterClass alone;
    LimiterClass together;
    std::size_t most;
  };
  Roads roads(const std::string& shape) const;

  const Dialect* dialect_;
  FreeSlots free_;
  std::size_t few_;
};

}  // namespace stibee_sync::delivery

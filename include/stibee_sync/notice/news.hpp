#pragma once

#include "stibee_sync/notice/occasion.hpp"
#include "stibee_sync/notice/picture.hpp"

#include <set>
#include <string>
#include <vector>

namespace stibee_sync::notice {

/// One thing that somebody is told. Which members count depends on the occasion.
struct Notice {
  Occasion occasion = Occasion::Unhealthy;
  std::string mirror;
  std::string state;
  std::string problem;
  std::string held_class;  // Held, Released
  std::size_t people = 0;  // Held, Drift: as many; Imported: who are subscribed at Stibee
  std::string digest;      // Held
};

using Occasions = std::set<Occasion>;
Occasions all_occasions();

/// A mirror that memory does not have is well, has nothing held, and what it came to before `since` is known.
Memory completed(Memory memory, const Picture& now, domain::UtcTime since);

/// What there is to tell: the differences between what was told last and what is true now, the most urgent
/// first. What began and ended meanwhile is none. A hold is no trouble of its own where holds are told.
std::vector<Notice> news_between(const Memory& told, const Picture& now, const Occasions& wanted);

/// What is remembered once that was told.
Memory after_telling(const Memory& told, const Picture& now, const Occasions& wanted);

/// What is remembered once that was sent and nobody knows whether it was read: what it said of health and
/// holds is told anew, or taken back, whatever is true then.
Memory after_doubt(Memory told, const std::vector<Notice>& sent);

}  // namespace stibee_sync::notice

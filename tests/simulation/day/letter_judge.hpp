#pragma once

#include "simulation/day/judges.hpp"
#include "stibee_sync/json/value.hpp"
#include "stibee_sync/notice/occasion.hpp"
#include "stibee_sync/notice/picture.hpp"
#include "stibee_sync/runtime/clock.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace stibee_sync::day {

/// Whoever is told of a mirror: what they believe is true once nothing is in the way, nobody is named to
/// them, and they are told nothing twice but where nobody can know whether they were.
class LetterJudge {
 public:
  /// `tells_holds`: those are told of by themselves, and are no trouble.
  explicit LetterJudge(bool tells_holds) : tells_holds_(tells_holds) {}

  /// A life of the daemon begins; what the one before told, it may not have kept.
  void life_began();
  /// Another host, which knows of no letter, or of those of before. Nobody can say what the reader believes
  /// of a thing before the next word of it.
  void forget_letters();
  /// Whether it is `answered` is what the sender learns.
  void arrived(const std::string& body, bool answered, runtime::MonotonicTime now, const Complain& complain);
  /// It was not read, but the sender cannot know that.
  void vanished(const std::string& body);
  /// The mirror as it is, and nobody changes it.
  void judge(const notice::MirrorPicture& mirror, const Complain& complain) const;

  std::size_t letters() const { return letters_; }

 private:
  /// What somebody was told of: `unhealthy`, `held removals`, … and with which words.
  using Fact = std::pair<std::string, std::string>;
  bool is_known(const std::string& thing) const { return !told_since_ || told_since_->contains(thing); }
  void told(const Fact& fact, bool answered, const Complain& complain);

  bool tells_holds_;
  std::optional<std::string> trouble_;  // nothing: nobody said
  std::map<std::string, std::string> held_;
  std::optional<std::set<std::string>> told_since_;  // of which things, by this host; nothing: by all
  std::map<std::string, std::string> surely_;        // told in this life, and the sender knows it
  std::optional<runtime::MonotonicTime> last_answered_;
  std::size_t letters_ = 0;
};

}  // namespace stibee_sync::day

#pragma once

#include "simulation/day/call.hpp"
#include "simulation/day/member_table.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace stibee_sync::day {

using Complain = std::function<void(const std::string& text)>;

/// What the daemon knows of the table, as far as the world can tell.
struct Pictures {
  std::shared_ptr<const Members> latest;   // of the last read that reached its end
  std::shared_ptr<const Members> applied;  // of the last one that was taken over as a whole

  /// In whichever of them it is.
  bool all_of(const std::function<bool(const Members&)>& holds) const {
    return latest && applied && holds(*latest) && holds(*applied);
  }
};

/// Nobody who opted out at Stibee is subscribed, at any address of theirs, once the daemon could know it, and
/// nobody whose row says no; but for a consent that is newer.
class ConsentJudge {
 public:
  explicit ConsentJudge(bool has_consents) : has_consents_(has_consents) {}

  /// The person said no there, or came back, themselves.
  void opted_out(const std::string& address, domain::UtcTime now);
  void came_back(const std::string& address, const Members& members, domain::UtcTime now);
  /// An event or a list that said so was taken.
  void known(const std::string& address, const Pictures& pictures, domain::UtcTime now);
  /// An event was taken that says they came back. Stibee's events bear no time: one that comes late, or
  /// twice, after the no that followed it, is believed until a list shows otherwise.
  void told_of_return(const std::string& address);
  /// The table changed. `careless`: not by a word of the members themselves.
  void table_changed(const Members& before, const Members& after, bool careless, domain::UtcTime now);
  /// A state that has heard of nothing takes the place of the one that knew.
  void forget_knowledge();
  /// A human let through what a careless statement did.
  void approved();
  void called(const Call& call, const Pictures& pictures, domain::UtcTime now, const Complain& complain);

  std::size_t known_opt_outs() const { return known_; }
  std::size_t looked_at() const { return looked_at_; }
  /// Said no at Stibee, without a newer yes that anybody has seen.
  bool stays_out(const std::string& address) const;
  /// Their no and an unsubscribe of ours came within minutes: a list shows one of the two, and clocks that
  /// are apart do not tell which.
  bool looks_like_ours(const std::string& address) const;
  /// The addresses among these of which nobody knew it.
  std::vector<std::string> unknown_in(const std::string& text) const;
  /// Whatever is known or not.
  bool ever_opted_out(const std::string& address) const { return ever_.contains(address); }

 private:
  struct OptOut {
    domain::UtcTime at{};
    std::optional<domain::UtcTime> known;
    std::set<std::int64_t> members;                // whose it is, as far as the daemon can tell
    std::optional<std::set<std::int64_t>> owners;  // whose it was when it was first known
    bool lifted = false;
  };
  void word_counts(const std::string& address, const std::vector<std::int64_t>& keys, domain::UtcTime at);
  void lift(std::int64_t key, const Members& members, domain::UtcTime now);

  bool has_consents_;
  std::map<std::string, OptOut> opt_outs_;
  std::set<std::string> ever_;
  std::set<std::string> came_back_;  // at Stibee: their word there counts until the table has it
  std::map<std::string, domain::UtcTime>
      yes_of_;  // of each address, the last one of a member's own, wherever it was said
  std::map<std::int64_t, domain::UtcTime> own_yes_;  // of each row
  std::set<std::int64_t> carelessly_;                // rows whose yes or stamp is not the member's own word
  std::map<std::string, domain::UtcTime> removed_;   // by calls of ours, last
  std::size_t known_ = 0;
  std::size_t looked_at_ = 0;
};

/// What the table alone takes from the list is bounded, by read and by day, unless a human wants it.
class RemovalJudge {
 public:
  RemovalJudge(std::size_t least, double percent) : least_(least), percent_(percent) {}

  void read(const Members& members);
  void approved(std::size_t people) { approved_ += people; }
  void anew() { base_ = removed_.size(); }  // a state that knows nothing of the last day
  void called(const Call& call, const Pictures& pictures, const Complain& complain);
  std::size_t removed() const { return removed_.size(); }

 private:
  std::size_t least_;
  double percent_;
  std::size_t most_people_ = 0;
  std::size_t approved_ = 0;
  std::size_t base_ = 0;
  struct Word {
    bool yes = true;
    std::set<std::int64_t> keys;  // of whoever bore it
  };
  std::map<std::string, Word> said_;  // of everybody who was ever in the table: their last word there
  std::set<std::string> removed_;
};

}  // namespace stibee_sync::day

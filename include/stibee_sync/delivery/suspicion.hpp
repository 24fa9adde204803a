#pragma once

#include "stibee_sync/domain/reason.hpp"
#include "stibee_sync/domain/time.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace stibee_sync::delivery {

using domain::MonotonicTime;

/// The refusals of one kind of calls of one mirror: whose fault are they? A refused batch is halved until
/// somebody is alone; somebody who is refused alone is a suspect. They are guilty if others of their batch,
/// or others who were sent after them, were taken; or if they were refused for a minute while nobody else
/// was. But three suspects who were refused alike, with nobody taken in between, are innocent, and so is
/// everybody where the answer itself speaks of the account or the list: then all calls of the kind wait, but
/// for one probe a minute, until one is taken. In memory: after a restart a few calls find it out again.
/// Pure; not thread-safe.
class Suspicion {
 public:
  static constexpr std::size_t alike = 3;
  static constexpr std::chrono::minutes lone_for{1};
  static constexpr std::chrono::minutes probe_interval{1};

  enum class Finding { Open, Guilty, Innocent };
  struct Suspect {
    std::string person;
    domain::Reason reason;
    bool of_refused_batch = false;  // was in a batch that was refused as a whole before
    bool all_refused = false;       // in the last minute others were refused, too, and nobody taken
  };
  /// Why everybody waits.
  struct Trouble {
    domain::Reason reason;
    std::string message;  // Stibee's words, sanitised
    MonotonicTime since{};
  };

  void batch_refused() { taken_since_batch_ = false; }
  Finding refused_alone(const Suspect& suspect, const std::string& message, MonotonicTime now);
  /// The answer says that it is nobody's fault.
  void refused_for_all(domain::Reason reason, std::string message, MonotonicTime now);
  /// A call that was sent at `sent` was taken. Whether it ends the trouble.
  bool taken(MonotonicTime sent);

  const std::optional<Trouble>& trouble() const { return trouble_; }
  /// When the next call may go out: at any time, or, in trouble, as a probe.
  MonotonicTime next_call() const { return trouble_ ? next_probe_ : MonotonicTime{}; }
  void sent(MonotonicTime now);
  /// Nobody waits for calls of this kind any more.
  void forget() { *this = Suspicion(); }

 private:
  struct Refused {
    domain::Reason reason;
    MonotonicTime first;
    MonotonicTime last;
  };
  void forget_old(MonotonicTime now);

  std::map<std::string, Refused> suspects_;
  std::set<std::string> guilty_;
  bool taken_since_batch_ = false;
  std::optional<Trouble> trouble_;
  MonotonicTime next_probe_{};
};

/// Whether everything was refused lately, whoever and whatever it was for. Pure.
class RefusalWatch {
 public:
  void taken(MonotonicTime now) { taken_ = now; }
  /// `whom`: of a call for one person; "": of any other.
  void refused(const std::string& whom, MonotonicTime now);
  /// In the last minute calls for others were refused, and none was taken.
  bool all_refused_but(const std::string& whom, MonotonicTime now) const;

 private:
  struct Refusal {
    std::string whom;
    MonotonicTime at{};
  };
  std::optional<MonotonicTime> taken_;
  std::optional<Refusal> last_;
  std::optional<Refusal> before_;  // the last one that concerned somebody else
};

}  // namespace stibee_sync::delivery

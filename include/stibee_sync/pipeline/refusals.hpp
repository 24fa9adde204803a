#pragma once

#include "stibee_sync/delivery/dialect.hpp"
#include "stibee_sync/delivery/suspicion.hpp"
#include "stibee_sync/pipeline/mirror_plan.hpp"
#include "stibee_sync/pipeline/services.hpp"
#include "stibee_sync/store/transaction.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace stibee_sync::pipeline {

/// What a call is told that names a group which is not there.
bool speaks_of_missing_group(domain::Reason reason);

/// Whose fault Stibee's refusals are, for all mirrors: of each kind of calls of each mirror whether it flows,
/// waits or may probe. What is the mirror's fault is said once, in log, metric and `status`, until it is
/// over. On the loop thread, but for `Gates`, which is a value.
class Refusals {
 public:
  using Key = std::pair<store::MirrorId, std::string>;  // a mirror, and the shape of its calls
  /// Lines that do not flow: true if one person may go out as a probe.
  using Gates = std::map<Key, bool>;
  static Key key_of(const store::QueueLine& line) { return {line.mirror, line.shape}; }

  Refusals(Services services, std::vector<MirrorPlan> mirrors);

  Gates gates(runtime::MonotonicTime now) const;
  /// When the next probe of these mirrors falls due, after now.
  runtime::MonotonicTime next_probe(runtime::MonotonicTime now) const;
  /// A call of the line goes out.
  void sent(const store::QueueLine& line, runtime::MonotonicTime now);
  /// How a call that went out at `sent` ended, before its people are asked about with `judge`.
  void ended(const store::QueueLine& line, std::size_t people, const delivery::CallResult& result,
             runtime::MonotonicTime sent, runtime::MonotonicTime now);
  /// Somebody of a call that was refused as a whole, alone.
  struct Refused {
    const domain::EmailAddress& email;
    bool of_refused_batch = false;
  };
  delivery::Suspicion::Finding judge(const store::QueueLine& line, const Refused& refused,
                                     const delivery::CallResult& result, runtime::MonotonicTime now);
  /// Whether the line waits for what is nobody's fault.
  bool in_trouble(const store::QueueLine& line) const;
  /// Nobody waits there any more.
  void forget(const Key& line);

  /// Why calls of the mirror are refused, in words; "": they are not.
  std::string problem(store::MirrorId mirror) const;
  /// Stibee does not let the key use the mirror's list at all.
  bool forbidden(store::MirrorId mirror) const;

 private:
  const MirrorPlan& plan_of(store::MirrorId mirror) const;
  const delivery::Suspicion::Trouble* first_trouble(store::MirrorId mirror) const;
  /// Says how the mirror stands, if that is news.
  void report(store::MirrorId mirror);

  Services services_;
  std::vector<MirrorPlan> mirrors_;
  std::map<Key, delivery::Suspicion> lines_;
  std::map<store::MirrorId, domain::Reason> reported_;  // of mirrors whose trouble is known
  delivery::RefusalWatch watch_;
};

}  // namespace stibee_sync::pipeline

#pragma once

#include "stibee_sync/pipeline/foreign_hands.hpp"
#include "stibee_sync/pipeline/mirror_plan.hpp"
#include "stibee_sync/pipeline/remote_event.hpp"
#include "stibee_sync/pipeline/services.hpp"
#include "stibee_sync/telemetry/line_budget.hpp"
#include "stibee_sync/webhook/list_event.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace stibee_sync::pipeline {

/// What became of an event.
struct Intake {
  enum class Kind {
    OnDisk,   // applied in one transaction that is durable
    NotOurs,  // of a list that no mirror has
    Failed    // the store could not: nothing is applied, the sender is to try again
  };
  Kind kind = Kind::NotOurs;
  std::size_t applied = 0;
  std::size_t echo = 0;
  std::size_t ignored = 0;
};

/// Takes Stibee's events into the ledger. On the loop thread but for the store's part. Outlives the events
/// that it takes.
class EventIntake {
 public:
  EventIntake(Services services, std::vector<MirrorPlan> mirrors);

  /// Returns when the event is on disk, with all its people in one transaction. Counts and logs it; people
  /// as `ref`, and a burst of events as a few lines that say how many they stand for.
  boost::asio::awaitable<Intake> take(std::shared_ptr<const webhook::ListEvent> event);
  /// Another daemon may have called Stibee until then: echoes of its calls may still come.
  void others_called_until(std::optional<domain::UtcTime> then) { others_called_until_ = then; }

 private:
  struct Work;

  static void apply(Work& work, store::Transaction& transaction, const domain::StateKey& key);
  std::shared_ptr<Work> prepare(std::shared_ptr<const webhook::ListEvent> event, const MirrorPlan& plan);
  Intake finished(const Work& work);
  void report(const Work& work, const Intake& intake);
  void report_person(const Work& work, const std::string& ref, const RemoteVerdict& verdict);
  bool may_mend(const std::string& ref) const;
  void mended(const std::string& ref);
  void undone(const std::string& mirror);

  Services services_;
  std::shared_ptr<const std::vector<MirrorPlan>> mirrors_;
  std::optional<domain::UtcTime> others_called_until_;
  std::unordered_map<std::string, domain::UtcTime> mended_;  // by ref
  std::unordered_map<std::string, ForeignHands> foreign_;    // by mirror
  telemetry::LineBudget event_lines_;
  telemetry::LineBudget echo_lines_;
  telemetry::LineBudget person_lines_;
  telemetry::LineBudget suppression_lines_;
};

}  // namespace stibee_sync::pipeline

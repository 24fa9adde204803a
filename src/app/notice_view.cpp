#include "app/notice_view.hpp"

#include <utility>

namespace stibee_sync::app {
namespace {

/// A start finds out about troubles one after the other: until then nobody is told that they are over.
bool is_known(const MirrorView& mirror) {
  return !mirror.paused && mirror.condition && mirror.condition->last &&
         mirror.progress.served > longest_healthy_wait;
}

}  // namespace

notice::Picture picture_of(const DaemonView& seen, Language language) {
  notice::Picture picture;
  for (const auto& mirror : seen.mirrors) {
    const auto health = health_of(mirror, seen);
    const auto& milestones = mirror.summary.milestones;
    notice::MirrorPicture one;
    if (!healthy(health.state)) {
      one.well = false;
    } else if (is_known(mirror)) {
      one.well = true;
    }
    one.state = telemetry::name(health.state);
    one.problem = in_one_line(health.problems, language);
    for (const auto& hold : mirror.summary.holds)
      one.held[hold.change_class] = {hold.count, hold.digest};
    one.imported = milestones.imported;
    one.compared = milestones.last_compared;
    one.drift = milestones.drift;
    const auto subscribed = mirror.summary.people.find(domain::RemoteStatus::Subscribed);
    if (subscribed != mirror.summary.people.end()) one.mirrored = subscribed->second;
    picture.emplace(mirror.name, std::move(one));
  }
  return picture;
}

}  // namespace stibee_sync::app

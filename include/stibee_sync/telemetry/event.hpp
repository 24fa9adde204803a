#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace stibee_sync::telemetry {

/// The named events that other programs watch for. A contract: names are never changed, only added.
enum class Event {
  DaemonStart,
  DaemonReady,
  DaemonReload,
  DaemonReloadFailed,
  DaemonStopping,
  DaemonStopped,
  ConfigInvalid,
  SyncStarted,
  SyncFinished,
  SyncFailed,
  GuardHeld,
  GuardApproved,
  GuardCleared,
  SourceUntrusted,
  SourceConnected,
  SourceLost,
  FeedLost,
  FeedRestored,
  ApiRequestFailed,
  ApiThrottled,
  ApiUnauthorised,
  ApiRecovered,
  ApiCircuitOpen,
  ApiCircuitClosed,
  PersonParked,
  DeliveryFinished,
  MirrorPaused,
  MirrorResumed,
  MirrorUnconfigured,
  WebhookAccepted,
  WebhookRejected,
  WebhookApplied,
  SuppressionAdded,
  SuppressionLifted,
  WritebackDone,
  WritebackFailed,
  ReconcileFinished,
  ReconcileDrift,
  LeaderAcquired,
  LeaderLost,
  NotifySent,
  NotifyFailed,
  StoreFailed,
  PrivacyErased,
};

inline constexpr std::size_t event_count = static_cast<std::size_t>(Event::PrivacyErased) + 1;

/// In the order of the enumerators.
inline constexpr std::array<std::string_view, event_count> event_names{
    "daemon.start",        "daemon.ready",       "daemon.reload",      "daemon.reload_failed",
    "daemon.stopping",     "daemon.stopped",     "config.invalid",     "sync.started",
    "sync.finished",       "sync.failed",        "guard.held",         "guard.approved",
    "guard.cleared",       "source.untrusted",   "source.connected",   "source.lost",
    "feed.lost",           "feed.restored",      "api.request_failed", "api.throttled",
    "api.unauthorised",    "api.recovered",      "api.circuit_open",   "api.circuit_closed",
    "person.parked",       "delivery.finished",  "mirror.paused",      "mirror.resumed",
    "mirror.unconfigured", "webhook.accepted",   "webhook.rejected",   "webhook.applied",
    "suppression.added",   "suppression.lifted", "writeback.done",     "writeback.failed",
    "reconcile.finished",  "reconcile.drift",    "leader.acquired",    "leader.lost",
    "notify.sent",         "notify.failed",      "store.failed",       "privacy.erased",
};

constexpr std::string_view name(Event event) {
  return event_names[static_cast<std::size_t>(event)];
}

}  // namespace stibee_sync::telemetry

#include "app/chronicle.hpp"

#include "stibee_sync/text/time_format.hpp"

#include <algorithm>

namespace stibee_sync::app {

using json::Value;

Value facts_report(const DaemonFacts& facts, domain::UtcTime now) {
  const auto up = std::chrono::floor<std::chrono::seconds>(now - facts.started);
  Value report;
  report.set("version", facts.version);
  report.set("host", facts.host);
  report.set("started", text::iso_utc(facts.started));
  report.set("uptime_seconds", static_cast<std::int64_t>(std::max(up, std::chrono::seconds(0)).count()));
  return report;
}

Value history_report(const MirrorHistory& history) {
  Value changes = Value::array();
  Value calls = Value::array();
  Value waiting = Value::array();
  for (const auto& quarter : history.quarters()) {
    changes.push_back(quarter.changes);
    calls.push_back(quarter.calls);
    waiting.push_back(quarter.waiting);
  }
  Value report;
  report.set("begin", text::iso_utc(history.begin()));
  report.set("step_seconds", std::chrono::seconds(MirrorHistory::step).count());
  report.set("changes", std::move(changes));
  report.set("calls", std::move(calls));
  report.set("waiting", std::move(waiting));
  return report;
}

Value happened_report(const std::vector<Happening>& happened) {
  Value list = Value::array();
  for (const auto& each : happened) {
    Value one;
    one.set("time", text::iso_utc(each.time));
    one.set("event", telemetry::name(each.event));
    one.set("mirror", each.mirror);
    one.set("what", each.what);
    one.set("count", each.count);
    one.set("by", each.by);
    one.set("times", each.times);
    list.push_back(std::move(one));
  }
  return list;
}

}  // namespace stibee_sync::app

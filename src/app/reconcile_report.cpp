#include "app/reconcile_report.hpp"

#include "app/exit_code.hpp"
#include "app/report_members.hpp"
#include "stibee_sync/text/number_format.hpp"

#include <algorithm>
#include <cstdlib>

namespace stibee_sync::app {

using json::Value;
using pipeline::ListReadEnd;
using pipeline::ReconcileReport;

namespace {

/// As many differences are shown on a terminal; JSON has them all.
constexpr std::size_t most_shown = 100;

std::string_view name(ListReadEnd end) {
  switch (end) {
    case ListReadEnd::Complete:
      return "complete";
    case ListReadEnd::KeyRefused:
    case ListReadEnd::Forbidden:
      return "key_refused";
    case ListReadEnd::NoSuchList:
      return "no_such_list";
    case ListReadEnd::NotUnderstood:
      return "not_understood";
    case ListReadEnd::NeverStill:
      return "never_still";
    case ListReadEnd::Unavailable:
      return "unavailable";
    case ListReadEnd::Stopped:
      return "stopped";
  }
  std::abort();
}

Value one_mirror(const ReconcileView& view) {
  const auto& report = view.report;
  Value differences = Value::array();
  for (const auto& difference : report.differences) {
    Value one;
    one.set("email", difference.email.text());
    one.set("kind", telemetry::name(difference.drift.kind));
    one.set("cause", difference.drift.cause);
    one.set("repair", difference.drift.repair);
    one.set("done", difference.done);
    differences.push_back(std::move(one));
  }
  Value counts = Value::object();
  for (std::size_t i = 0; i < report.counts.size(); ++i)
    counts.set(std::string(telemetry::name(static_cast<telemetry::DriftKind>(i))), report.counts[i]);
  Value mirror;
  mirror.set("name", view.name);
  mirror.set("compared", report.compared);
  mirror.set("mode", report.repair ? "repair" : "report");
  mirror.set("failed", report.failed ? Value(name(*report.failed)) : Value());
  mirror.set("problem", report.problem);
  mirror.set("counts", std::move(counts));
  mirror.set("remaining", report.remaining());
  mirror.set("unknown_status", report.unknown_status);
  mirror.set("held_back", report.held_back);
  mirror.set("differences", std::move(differences));
  return mirror;
}

}  // namespace

Value reconcile_report(const std::vector<ReconcileView>& mirrors) {
  Value list = Value::array();
  for (const auto& view : mirrors)
    list.push_back(one_mirror(view));
  Value report;
  report.set("version", 1);
  report.set("mirrors", std::move(list));
  return report;
}

Value reconcile_progress(const std::vector<ReconcileView>& mirrors) {
  const auto running = std::find_if(mirrors.begin(), mirrors.end(),
                                    [](const ReconcileView& view) { return view.report.running(); });
  Value progress;
  progress.set("version", 1);
  progress.set("running", running != mirrors.end());
  if (running == mirrors.end()) return progress;
  progress.set("mirror", running->name);
  progress.set("phase", pipeline::name(running->report.phase));
  progress.set("read", running->report.read);
  progress.set("total", running->report.total);
  progress.set("compared", running->report.compared);
  return progress;
}

std::string render_reconcile_progress(const Value& progress) {
  const auto phase = text_of(progress, "phase");
  std::string text = text_of(progress, "mirror") + ": ";
  if (phase == "comparing")
    return text + "comparing, " + text::with_thousands(integer_of(progress, "compared")) + " people so far";
  text += phase == "delivering" ? "sending what mends it" : "reading the list";
  return text + ", " + text::with_thousands(integer_of(progress, "read")) + " of " +
         text::with_thousands(integer_of(progress, "total"));
}

std::string render_reconcile(const Value& report) {
  std::string text;
  for (const auto& mirror : list_of(report, "mirrors")) {
    const auto problem = text_of(mirror, "problem");
    text += text_of(mirror, "name") + ": ";
    if (!problem.empty()) {
      text += "NOT COMPARED: " + problem + "\n";
      continue;
    }
    std::int64_t all = 0;
    if (const auto* counts = mirror.find("counts"); counts != nullptr && counts->if_object() != nullptr) {
      for (const auto& [kind, count] : *counts->if_object())
        all += count.if_integer() == nullptr ? 0 : *count.if_integer();
    }
    text += text::with_thousands(integer_of(mirror, "compared")) + " people compared, " +
            (all == 0 ? std::string("no") : text::with_thousands(all)) +
            (all == 1 ? " difference" : " differences");
    if (text_of(mirror, "mode") == "repair")
      text += ", " + text::with_thousands(all - integer_of(mirror, "remaining")) + " mended";
    text += "\n";
    if (const auto unknown = integer_of(mirror, "unknown_status"); unknown > 0)
      text += "  " + text::with_thousands(unknown) + " people have a status that is not known: left alone\n";
    if (const auto held = integer_of(mirror, "held_back"); held > 0) {
      text += "  " + text::with_thousands(held) +
              " people are subscribed there against the table: more than a repair unsubscribes by itself\n";
    }
    std::size_t shown = 0;
    for (const auto& difference : list_of(mirror, "differences")) {
      if (shown++ == most_shown) break;
      text += "  " + text_of(difference, "kind") + "  " + text_of(difference, "email") + "  " +
              text_of(difference, "cause");
      const auto repair = text_of(difference, "repair");
      if (flag_of(difference, "done")) {
        text += ": mended";
      } else if (repair != "none") {
        text += ": --repair would do " + repair;
      }
      text += "\n";
    }
    if (all > static_cast<std::int64_t>(most_shown))
      text += "  … and " + text::with_thousands(all - static_cast<std::int64_t>(most_shown)) +
              " more; see --json\n";
  }
  return text;
}

int reconcile_exit_code(const Value& report) {
  int code = ExitCode::ok;
  const auto worst = [&code](int other) {
    static constexpr int order[] = {ExitCode::ok, ExitCode::changes, ExitCode::try_later,
                                    ExitCode::unavailable, ExitCode::refused};
    const auto rank = [](int of) { return std::find(std::begin(order), std::end(order), of); };
    if (rank(other) > rank(code)) code = other;
  };
  for (const auto& mirror : list_of(report, "mirrors")) {
    const auto failed = text_of(mirror, "failed");
    if (failed == "key_refused") {
      worst(ExitCode::refused);
    } else if (failed == "stopped") {
      worst(ExitCode::try_later);
    } else if (!failed.empty()) {
      worst(ExitCode::unavailable);
    } else if (!text_of(mirror, "problem").empty()) {
      worst(ExitCode::try_later);
    } else if (integer_of(mirror, "remaining") > 0) {
      worst(ExitCode::changes);
    }
  }
  return code;
}

}  // namespace stibee_sync::app

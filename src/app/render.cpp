#include "app/render.hpp"

#include "app/local_time.hpp"
#include "app/report_members.hpp"
#include "stibee_sync/text/number_format.hpp"
#include "stibee_sync/text/time_format.hpp"

#include <cstdio>

namespace stibee_sync::app {

const json::Value::Array& list_of(const json::Value& object, std::string_view key) {
  static const json::Value::Array empty;
  const auto* member = object.find(key);
  const auto* list = member == nullptr ? nullptr : member->if_array();
  return list == nullptr ? empty : *list;
}

double double_of(const json::Value& object, std::string_view key) {
  const auto* member = object.find(key);
  if (member == nullptr) return 0;
  if (const auto* number = member->if_double()) return *number;
  if (const auto* number = member->if_integer()) return static_cast<double>(*number);
  return 0;
}

bool flag_of(const json::Value& object, std::string_view key) {
  const auto* member = object.find(key);
  const auto* flag = member == nullptr ? nullptr : member->if_bool();
  return flag != nullptr && *flag;
}

json::Value time_or_null(const std::optional<domain::UtcTime>& time) {
  return time ? json::Value(text::iso_utc(*time)) : json::Value();
}

namespace {

std::string counts_line(const json::Value& object, std::string_view key) {
  std::string text;
  const auto* member = object.find(key);
  if (member != nullptr && member->if_object() != nullptr) {
    for (const auto& [name, value] : *member->if_object()) {
      const auto* number = value.if_integer();
      if (number == nullptr || *number == 0) continue;
      if (!text.empty()) text += ", ";
      text += text::with_thousands(*number) + " " + name;
    }
  }
  return text.empty() ? "none" : text;
}

std::string hold_lines(const json::Value& holder, const char* when = "if it is meant") {
  std::string text;
  for (const auto& hold : list_of(holder, "held")) {
    text += "  HELD      " + text::with_thousands(integer_of(hold, "count")) + " " + text_of(hold, "class");
    const auto since = text_of(hold, "since");
    if (!since.empty()) text += " since " + local_time(since);
    text += "\n            " + text_of(hold, "why") + "\n            " + when +
            ": stibee-syncd guard approve " + text_of(hold, "digest") + "\n";
  }
  return text;
}

}  // namespace

std::string text_of(const json::Value& object, std::string_view key) {
  const auto* member = object.find(key);
  const auto* text = member == nullptr ? nullptr : member->if_string();
  return text == nullptr ? std::string() : *text;
}

std::int64_t integer_of(const json::Value& object, std::string_view key) {
  const auto* member = object.find(key);
  const auto* number = member == nullptr ? nullptr : member->if_integer();
  return number == nullptr ? 0 : *number;
}

std::string duration_text(double seconds) {
  char text[48];
  if (seconds < 60) {
    std::snprintf(text, sizeof text, "%.1f s", seconds);
  } else if (seconds < 3600) {
    std::snprintf(text, sizeof text, "%d min %d s", static_cast<int>(seconds) / 60,
                  static_cast<int>(seconds) % 60);
  } else {
    std::snprintf(text, sizeof text, "%d h %d min", static_cast<int>(seconds) / 3600,
                  static_cast<int>(seconds) % 3600 / 60);
  }
  return text;
}

std::string render_status(const json::Value& report) {
  const auto* running = report.find("running");
  const bool runs = running != nullptr && running->if_bool() != nullptr && *running->if_bool();
  const auto* healthy = report.find("healthy");
  const bool well = healthy != nullptr && healthy->if_bool() != nullptr && *healthy->if_bool();
  std::string text =
      runs ? (well ? "healthy\n" : "NEEDS ATTENTION\n") : "NOT RUNNING; what follows is the stored state\n";
  const auto problem = text_of(report, "problem");
  if (!problem.empty()) text += "  problem   " + problem + "\n";
  for (const auto& mirror : list_of(report, "mirrors")) {
    text += "\n" + text_of(mirror, "name") + " -> list " + std::to_string(integer_of(mirror, "list_id")) +
            ": " + text_of(mirror, "state") + "\n";
    const auto trouble = text_of(mirror, "problem");
    if (!trouble.empty()) text += "  problem   " + trouble + "\n";
    text += hold_lines(mirror);
    const auto last = text_of(mirror, "last_success");
    text += "  last read " + (last.empty() ? "never" : local_time(last)) + ", " +
            text::with_thousands(integer_of(mirror, "source_members")) + " rows\n";
    if (const auto* feed = mirror.find("feed"); feed != nullptr && !feed->is_null()) {
      const auto why = text_of(*feed, "problem");
      text += "  feed      " + text_of(*feed, "state") + (why.empty() ? "" : " (" + why + ")") + "\n";
    }
    const auto arrived = text_of(mirror, "last_delivery");
    text += "  delivered " + (arrived.empty() ? "nothing yet" : "last " + local_time(arrived)) + "\n";
    if (const auto compared = text_of(mirror, "last_compared"); !compared.empty())
      text += "  compared  last " + local_time(compared) + ", " +
              text::with_thousands(integer_of(mirror, "drift")) + " differences left\n";
    if (const auto since = text_of(mirror, "paused_since"); !since.empty())
      text += "  paused    since " + local_time(since) + "\n";
    text += "  at Stibee " + counts_line(mirror, "people") + "\n";
    text += "  waiting   " + counts_line(mirror, "pending");
    if (const auto* progress = mirror.find("progress"); progress != nullptr) {
      const double left = double_of(*progress, "seconds_left");
      if (left > 0) text += ", about " + duration_text(left) + " at the limit";
      if (const auto total = integer_of(*progress, "total"); total > 0)
        text += " (" + text::with_thousands(integer_of(*progress, "done")) + " of " +
                text::with_thousands(total) + " done)";
    }
    text += "\n  parked    " + counts_line(mirror, "parked") + "\n";
    if (const auto waiting = integer_of(mirror, "writebacks"); waiting > 0)
      text += "  back      " + text::with_thousands(waiting) + " events wait to be written to the database\n";
  }
  text += "\n";
  for (const auto& limiter : list_of(report, "limiter")) {
    text += "limiter " + text_of(limiter, "class") + ": " + std::to_string(integer_of(limiter, "current")) +
            " of " + std::to_string(integer_of(limiter, "limit")) + " calls per " +
            duration_text(double_of(limiter, "window_seconds"));
    const auto held = text_of(limiter, "held_until");
    text += held.empty() ? "\n" : ", none wanted before " + local_time(held) + "\n";
  }
  text += "circuit " + text_of(report, "circuit") + "\n";
  return text;
}

std::string render_guard(const json::Value& report) {
  std::string text;
  for (const auto& hold : list_of(report, "held")) {
    text += text_of(hold, "mirror") + ": " + text::with_thousands(integer_of(hold, "count")) + " " +
            text_of(hold, "class") + " of " + text::with_thousands(integer_of(hold, "of")) + ", since " +
            local_time(text_of(hold, "since")) + "\n  why     " + text_of(hold, "why") + "\n  digest  " +
            text_of(hold, "digest") + "\n  people  ";
    std::size_t shown = 0;
    for (const auto& ref : list_of(hold, "refs")) {
      if (const auto* one = ref.if_string(); one != nullptr && shown++ < 8) text += *one + " ";
    }
    text += "\n  show    stibee-syncd guard show " + text_of(hold, "digest");
    text += "\n  release stibee-syncd guard approve " + text_of(hold, "digest") + "\n";
  }
  return text.empty() ? "nothing is held\n" : text;
}

std::string render_plan(const json::Value& report) {
  std::string text;
  for (const auto& warning : list_of(report, "warnings")) {
    if (const auto* words = warning.if_string()) text += "warning: " + *words + "\n";
  }
  for (const auto& mirror : list_of(report, "mirrors")) {
    text += text_of(mirror, "name") + " -> list " + std::to_string(integer_of(mirror, "list_id")) + ": " +
            text::with_thousands(integer_of(mirror, "source_members")) + " rows\n";
    for (const auto& warning : list_of(mirror, "warnings")) {
      if (const auto* words = warning.if_string()) text += "  warning: " + *words + "\n";
    }
    if (const auto* list = mirror.find("list"); list != nullptr && flag_of(*list, "read")) {
      text += "  list has " + text::with_thousands(integer_of(*list, "people")) + " people; " +
              text::with_thousands(integer_of(*list, "opted_out")) +
              " of the table opted out there, and stay so\n";
    }
    const bool bounds = flag_of(mirror, "upper_bounds");
    if (bounds) text += "  UPPER BOUNDS: " + text_of(mirror, "upper_bounds_because") + "\n";
    text +=
        std::string("  would send ") + (bounds ? "at most " : "") + counts_line(mirror, "operations") + "\n";
    text += hold_lines(mirror, "if it is meant, once a read holds it");
    text += "  cannot be sent " + counts_line(mirror, "rejected") + "\n";
    text += "  calls " + text::with_thousands(integer_of(mirror, "calls")) + ", at least " +
            duration_text(double_of(mirror, "seconds_at_limit")) + " at the limit\n";
    for (const auto& sample : list_of(mirror, "samples")) {
      text += "    " + text_of(sample, "operation") + "  key " + text_of(sample, "key") + "  " +
              text_of(sample, "email") + "\n";
    }
  }
  return text;
}

}  // namespace stibee_sync::app

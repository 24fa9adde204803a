#include "app/failures_report.hpp"

#include "app/cures.hpp"
#include "app/render.hpp"
#include "app/report_members.hpp"
#include "stibee_sync/privacy/masked.hpp"
#include "stibee_sync/text/number_format.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace stibee_sync::app {
namespace {

using json::Value;

Value person_report(const std::string& mirror, const store::ParkedPerson& person, bool reveal) {
  Value one;
  one.set("mirror", mirror);
  one.set("key", privacy::shown_key(person.key, reveal));
  one.set("email", privacy::shown_address(person.email, reveal));
  one.set("reason", person.reason);
  one.set("message", person.message);
  one.set("attempts", person.attempts);
  one.set("since", time_or_null(person.since));
  if (!person.sent_instead.empty()) one.set("sent_instead", privacy::shown_key(person.sent_instead, reveal));
  return one;
}

Value reason_report(const std::string& mirror, const std::string& reason, std::size_t count) {
  Value one;
  one.set("mirror", mirror);
  one.set("reason", reason);
  one.set("count", count);
  one.set("cure", cure_of(reason));
  return one;
}

}  // namespace

Value failures_report(const store::Store& store, const std::vector<pipeline::MirrorPlan>& plans,
                      const FailuresAsked& asked, domain::UtcTime now) {
  auto reasons = Value::array();
  auto people = Value::array();
  std::size_t total = 0;
  for (const auto& plan : plans) {
    for (const auto& [reason, count] : store.backlog(plan.id, now).parked) {
      if (!asked.reason.empty() && reason != asked.reason) continue;
      total += count;
      reasons.push_back(reason_report(plan.name, reason, count));
    }
    const auto room = asked.limit - std::min(asked.limit, people.if_array()->size());
    for (const auto& person : store.parked(plan.id, room, asked.reason))
      people.push_back(person_report(plan.name, person, asked.reveal));
  }
  Value report;
  report.set("version", 1);
  report.set("total", total);
  if (!asked.reason.empty()) report.set("reason", asked.reason);
  report.set("reasons", std::move(reasons));
  report.set("people", std::move(people));
  return report;
}

std::size_t addresses_in(const Value& report) {
  const auto* people = report.find("people");
  if (people == nullptr || people->if_array() == nullptr) return 0;
  const auto& all = *people->if_array();
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [](const Value& one) { return !text_of(one, "email").empty(); }));
}

std::string render_failures(const Value& report) {
  const auto& reasons = *report.find("reasons")->if_array();
  const auto asked = text_of(report, "reason");
  if (reasons.empty() && !asked.empty())
    return "nobody is parked as `" + asked + "`; `stibee-syncd failures` shows all reasons\n";
  if (reasons.empty()) return "nobody is parked\n";
  std::string text;
  for (const auto& one : reasons)
    text += text_of(one, "mirror") + "  " + text::with_thousands(integer_of(one, "count")) + " " +
            text_of(one, "reason") + "\n    " + text_of(one, "cure") + "\n";
  text += "\n";
  const auto& people = *report.find("people")->if_array();
  for (const auto& person : people) {
    text += text_of(person, "mirror") + "  " + text_of(person, "reason") + "  key " + text_of(person, "key");
    if (const auto email = text_of(person, "email"); !email.empty()) text += "  " + email;
    if (const auto other = text_of(person, "sent_instead"); !other.empty())
      text += "  (key " + other + " is sent)";
    if (const auto message = text_of(person, "message"); !message.empty()) text += "\n    " + message;
    text += "\n";
  }
  const auto left = integer_of(report, "total") - static_cast<std::int64_t>(people.size());
  if (left > 0) text += "and " + text::with_thousands(left) + " more: --limit shows them, --reason fewer\n";
  return text;
}

}  // namespace stibee_sync::app

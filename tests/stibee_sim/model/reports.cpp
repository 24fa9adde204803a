// What the control API shows: dump, journal, statistics.

#include "world.hpp"

#include <algorithm>

namespace stibee_sim {

namespace {

void key(std::string& out, std::string_view name) {
  if (!out.empty() && out.back() != '{' && out.back() != '[') out += ',';
  append_json_string(out, name);
  out += ':';
}

void number(std::string& out, std::string_view name, std::uint64_t value) {
  key(out, name);
  out += std::to_string(value);
}

void text(std::string& out, std::string_view name, std::string_view value) {
  key(out, name);
  append_json_string(out, value);
}

void append_person(std::string& out, const Person& person, bool times) {
  out += '{';
  text(out, "email", person.address);
  text(out, "status", status_name(person.status));
  key(out, "fields");
  out += '{';
  for (const auto& [tag, value] : person.fields)
    text(out, tag, value);
  out += '}';
  key(out, "ad_agreed");
  out += person.ad_agreed ? "true" : "false";
  key(out, "groups");
  out += '[';
  for (std::size_t i = 0; i < person.groups.size(); ++i) {
    if (i > 0) out += ',';
    out += std::to_string(person.groups[i]);
  }
  out += ']';
  number(out, "confirmation_mails", person.confirmation_mails);
  if (times) {
    text(out, "created", iso_time(person.created));
    text(out, "modified", iso_time(person.modified));
  }
  out += '}';
}

template <class Map>
void counts(std::string& out, std::string_view name, const Map& map) {
  key(out, name);
  out += '{';
  for (const auto& [what, count] : map)
    number(out, what, count);
  out += '}';
}

}  // namespace

std::string dump_json(const World& world, std::string_view only_list, bool times) {
  std::string out = R"({"lists":{)";
  bool first_list = true;
  for (const auto& [id, list] : world.lists) {
    if (!only_list.empty() && only_list != id) continue;
    if (!first_list) out += ',';
    first_list = false;
    append_json_string(out, id);
    out += R"(:{"groups":{)";
    for (const auto& [group_id, group] : list.groups())
      text(out, std::to_string(group_id), group.name);
    out += R"(},"people":[)";
    bool first_person = true;
    for (const Record* record : list.by_address()) {
      out += first_person ? "\n" : ",\n";
      first_person = false;
      append_person(out, list.person(*record), times);
    }
    out += "]}";
  }
  out += "}}\n";
  return out;
}

std::string journal_json(const World& world, std::uint64_t from, std::uint64_t limit, bool addresses) {
  std::string out = R"({"calls":[)";
  std::uint64_t shown = 0;
  for (const JournalCall& call : world.journal) {
    if (call.number < from) continue;
    if (shown++ == limit) break;
    out += shown == 1 ? "\n{" : ",\n{";
    number(out, "number", call.number);
    text(out, "time", iso_time(call.time));
    text(out, "method", call.method);
    text(out, "target", call.target);
    text(out, "endpoint", call.endpoint);
    text(out, "list", call.list);
    number(out, "people", call.people);
    number(out, "bytes", call.bytes);
    number(out, "status", static_cast<std::uint64_t>(call.status));
    text(out, "result", call.result);
    counts(out, "counts", call.counts);
    if (addresses) {
      key(out, "addresses");
      out += '[';
      for (std::size_t i = 0; i < call.addresses.size(); ++i) {
        if (i > 0) out += ',';
        append_json_string(out, call.addresses[i]);
      }
      out += ']';
    }
    out += '}';
  }
  out += "]}\n";
  return out;
}

std::string stats_json(const World& world) {
  std::string out = "{";
  const Totals& totals = world.totals;
  number(out, "calls", totals.calls);
  number(out, "people", totals.people);
  number(out, "repeated_people", totals.repeated_people);
  number(out, "unauthorised", totals.unauthorised);
  number(out, "in_flight", totals.in_flight);
  number(out, "peak_in_flight", totals.peak_in_flight);
  number(out, "same_address_in_flight", totals.same_address_in_flight);
  number(out, "confirmation_mails", totals.confirmation_mails);
  number(out, "repeated_confirmation_mails", totals.repeated_confirmation_mails);
  key(out, "limits");
  out += '{';
  std::uint64_t violations = 0;
  std::size_t index = 0;
  for (const ClassCount& count : world.limits.counts()) {
    const Rate rate = world.limits.rate(static_cast<LimitClass>(index++));
    key(out, count.name);
    out += '{';
    number(out, "limit", rate.calls);
    number(out, "window_ms", static_cast<std::uint64_t>(rate.window.count()));
    number(out, "calls", count.calls);
    number(out, "violations", count.violations);
    number(out, "peak", count.peak);
    out += '}';
    violations += count.violations;
  }
  out += '}';
  number(out, "violations", violations);
  counts(out, "endpoints", world.endpoint_calls);
  counts(out, "bytes", world.endpoint_bytes);
  key(out, "results");
  out += '{';
  for (const auto& [endpoint, results] : world.people_results)
    counts(out, endpoint, results);
  out += '}';
  const WebhookCounts& webhooks = world.webhooks.counts();
  key(out, "webhooks");
  out += '{';
  number(out, "events", webhooks.events);
  number(out, "lost", webhooks.lost);
  number(out, "duplicated", webhooks.duplicated);
  number(out, "attempts", webhooks.attempts);
  number(out, "delivered", webhooks.delivered);
  number(out, "given_up", webhooks.given_up);
  number(out, "pending", world.webhooks.pending());
  out += '}';
  key(out, "lists");
  out += '{';
  for (const auto& [id, list] : world.lists) {
    const auto by_status = list.by_status();
    key(out, id);
    out += '{';
    number(out, "people", list.size());
    for (std::size_t i = 0; i < by_status.size(); ++i)
      number(out, status_name(static_cast<Status>(i)), by_status[i]);
    out += '}';
  }
  out += "}}\n";
  return out;
}

}  // namespace stibee_sim

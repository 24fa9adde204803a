#include "app/held_report.hpp"

#include "stibee_sync/privacy/masked.hpp"

#include <cstdlib>
#include <utility>

namespace stibee_sync::app {
namespace {

constexpr std::string_view reveal_suffix = "&reveal";
constexpr std::string_view digest_prefix = "digest=";

/// What releasing somebody of the set does at Stibee.
std::string_view operation_of(const store::HeldPerson& person, std::string_view change_class,
                              const ledger::Policy& policy) {
  switch (person.intent) {
    case domain::Intent::Subscribed:
      if (change_class == "updates") return "update";
      return change_class == "resubscribes" ? "resubscribe" : "subscribe";
    case domain::Intent::Unsubscribed:
      return "unsubscribe";
    case domain::Intent::Absent:
      if (policy.on_leave == ledger::OnLeave::Keep) return "keep";
      return policy.on_leave == ledger::OnLeave::Delete && !policy.delete_after ? "delete" : "unsubscribe";
  }
  std::abort();
}

}  // namespace

HeldSetAsked held_set_asked(std::string_view query) {
  HeldSetAsked asked;
  asked.reveal = query.ends_with(reveal_suffix);
  if (asked.reveal) query.remove_suffix(reveal_suffix.size());
  if (query.starts_with(digest_prefix)) asked.digest = query.substr(digest_prefix.size());
  return asked;
}

std::string query_of(const HeldSetAsked& asked) {
  return std::string(digest_prefix) + asked.digest + std::string(asked.reveal ? reveal_suffix : "");
}

std::optional<json::Value> held_set_report(const store::Store& store,
                                           const std::vector<pipeline::MirrorPlan>& plans,
                                           const HeldSetAsked& asked, domain::UtcTime now) {
  for (const auto& plan : plans) {
    const auto change_class = store.class_of_held_set(plan.id, asked.digest, now);
    if (!change_class) continue;
    json::Value people = json::Value::array();
    for (const auto& person : store.held_people(plan.id, asked.digest)) {
      json::Value one;
      one.set("key", person.key ? person.key->to_string() : std::string());
      one.set("email", asked.reveal ? person.email : privacy::masked_address(person.email));
      one.set("operation", operation_of(person, *change_class, plan.policy));
      people.push_back(std::move(one));
    }
    json::Value report;
    report.set("version", 1);
    report.set("mirror", plan.name);
    report.set("class", *change_class);
    report.set("digest", asked.digest);
    report.set("people", std::move(people));
    return report;
  }
  return std::nullopt;
}

}  // namespace stibee_sync::app

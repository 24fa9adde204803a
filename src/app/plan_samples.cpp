#include "app/plan_samples.hpp"

#include "stibee_sync/privacy/masked.hpp"

#include <cstddef>
#include <string>
#include <utility>

namespace stibee_sync::app {
namespace {

constexpr std::size_t most_samples = 5;  // of an operation

}  // namespace

void PlanSamples::add(domain::OperationKind kind, const domain::EmailAddress& email,
                      const std::optional<domain::MemberKey>& key) {
  auto& people = people_[kind];
  if (people.size() < most_samples) people.push_back({email, key});
}

void PlanSamples::operator+=(const PlanSamples& others) {
  for (const auto& [kind, people] : others.people_) {
    for (const auto& person : people)
      add(kind, person.email, person.key);
  }
}

json::Value PlanSamples::report(bool reveal) const {
  json::Value out = json::Value::array();
  for (const auto& [kind, people] : people_) {
    for (const auto& person : people) {
      json::Value one;
      one.set("operation", domain::name(kind));
      one.set("key", person.key ? privacy::shown_key(person.key->to_string(), reveal) : std::string());
      one.set("email", privacy::shown_address(person.email.text(), reveal));
      out.push_back(std::move(one));
    }
  }
  return out;
}

}  // namespace stibee_sync::app

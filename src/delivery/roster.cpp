#include "roster.hpp"

#include "wording.hpp"

#include <cstdlib>
#include <utility>

namespace stibee_sync::delivery {

namespace {

std::string_view text_of(const json::Value* value) {
  if (!value) return {};
  const std::string* text = value->if_string();
  return text ? std::string_view(*text) : std::string_view();
}

std::string_view first_text(const json::Value& object, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (const std::string_view text = text_of(object.find_any_case(key)); !text.empty()) return text;
  }
  return {};
}

int badness(domain::OutcomeKind kind) {
  switch (kind) {
    case domain::OutcomeKind::Delivered:
      return 0;
    case domain::OutcomeKind::AlreadyInState:
      return 1;
    case domain::OutcomeKind::Unknown:
      return 2;
    case domain::OutcomeKind::Transient:
      return 3;
    case domain::OutcomeKind::Throttled:
      return 4;
    case domain::OutcomeKind::Rejected:
      return 5;
    case domain::OutcomeKind::Unauthorised:
      return 6;
  }
  std::abort();
}

}  // namespace

std::optional<domain::RemoteStatus> status_from(std::string_view text) {
  const std::string word = bare(text);
  const auto is = [&](std::initializer_list<std::string_view> words) {
    for (const std::string_view one : words) {
      if (word == one) return true;
    }
    return false;
  };
  if (is({"subscribed", "subscribe", "s", "구독중", "구독"})) return domain::RemoteStatus::Subscribed;
  if (is({"unsubscribed", "unsubscribe", "u", "수신거부"})) return domain::RemoteStatus::OptedOut;
  if (is({"deleted", "delete", "autodeleted", "archived", "archive", "d", "a", "자동삭제"}))
    return domain::RemoteStatus::AutoDeleted;
  if (is({"ready", "r", "pending", "구독대기", "대기"})) return domain::RemoteStatus::Ready;
  return std::nullopt;
}

std::optional<NamedPerson> named_person(const json::Value& entry) {
  if (const std::string* address = entry.if_string()) return NamedPerson{*address, {}, {}};
  if (!entry.is_object()) return std::nullopt;
  if (const json::Value* inner = entry.find_any_case("subscriber"); inner && inner->is_object())
    return named_person(*inner);
  NamedPerson person;
  person.address = first_text(entry, {"email", "$email", "address", "subscriber"});
  // Without the sign it would be a field that somebody named so.
  person.status = status_from(first_text(entry, {"$status"}));
  person.words = first_text(entry, {"$message", "$reason", "$error"});
  return person;
}

Roster::Roster(const std::vector<Recipient>& recipients)
    : recipients_(recipients), outcomes_(recipients.size()) {
  index_.reserve(recipients.size());
  for (std::size_t i = 0; i < recipients.size(); ++i)
    index_.emplace(recipients[i].email.text(), i);
}

std::optional<std::size_t> Roster::find(std::string_view address) const {
  // A call about one person can only mean them.
  if (address.empty()) return recipients_.size() == 1 ? std::optional<std::size_t>(0) : std::nullopt;
  if (const auto at = index_.find(address); at != index_.end()) return at->second;
  const auto parsed = domain::EmailAddress::parse(address);
  const auto* email = std::get_if<domain::EmailAddress>(&parsed);
  if (!email) return std::nullopt;
  const auto at = index_.find(email->text());
  return at == index_.end() ? std::nullopt : std::optional(at->second);
}

void Roster::take_list(const json::Value& people, const Rule& rule) {
  if (const auto* entries = people.if_array()) {
    for (const json::Value& entry : *entries)
      take_person(entry, rule);
  } else {
    take_person(people, rule);
  }
}

void Roster::take_person(const json::Value& entry, const Rule& rule) {
  const auto person = named_person(entry);
  if (!person) return;
  const auto at = find(person->address);
  if (!at) return;
  domain::Outcome outcome = rule(recipients_[*at], *person);
  std::optional<domain::Outcome>& known = outcomes_[*at];
  if (!known) {
    anybody_named_ = true;
    known = std::move(outcome);
    return;
  }
  const auto observed = outcome.observed ? outcome.observed : known->observed;
  if (badness(outcome.kind) > badness(known->kind)) known = std::move(outcome);
  known->observed = observed;
}

void Roster::settle_rest(const domain::Outcome& outcome) {
  for (auto& known : outcomes_) {
    if (!known) known = outcome;
  }
}

std::vector<domain::Outcome> Roster::outcomes() const {
  std::vector<domain::Outcome> result;
  result.reserve(outcomes_.size());
  for (const auto& outcome : outcomes_)
    result.push_back(outcome.value_or(domain::Outcome{}));
  return result;
}

}  // namespace stibee_sync::delivery

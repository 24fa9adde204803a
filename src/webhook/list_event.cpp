#include "stibee_sync/webhook/list_event.hpp"

#include "stibee_sync/json/value.hpp"
#include "stibee_sync/text/ascii.hpp"
#include "stibee_sync/text/utf8.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <unordered_map>
#include <utility>

namespace stibee_sync::webhook {
namespace {

using domain::EmailAddress;
using json::Value;

constexpr std::array known_actions{Action::Subscribed,   Action::Updated, Action::Unsubscribed,
                                   Action::Resubscribed, Action::Deleted, Action::Purged};
// The second one is misspelt in Stibee's own examples, the third is older.
constexpr std::array<std::string_view, 3> actor_keys{"eventOccurredBy", "eventOccuredBy", "actionType"};

std::string word(const Value* value) {
  const auto* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string() : text::lower_case(text::trimmed(*text));
}

/// Of a list: positive. A string, or a number in older forms.
std::optional<std::int64_t> list_id_of(const Value& event) {
  const Value* id = event.find_any_case("id");
  if (id == nullptr) return std::nullopt;
  std::int64_t number = 0;
  if (const auto* integer = id->if_integer()) {
    number = *integer;
  } else if (const auto* text = id->if_string()) {
    const auto digits = text::trimmed(*text);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  }
  return number > 0 ? std::optional(number) : std::nullopt;
}

Action action_of(std::string_view text) {
  for (const Action action : known_actions) {
    if (name(action) == text) return action;
  }
  return Action::Other;
}

Actor actor_of(const Value& event) {
  for (const auto key : actor_keys) {
    const auto text = word(event.find_any_case(key));
    if (text == name(Actor::Subscriber)) return Actor::Subscriber;
    if (text == name(Actor::Manual)) return Actor::Manual;
  }
  return Actor::Unknown;
}

std::optional<EmailAddress> address_of(const Value* value) {
  const auto* text = value == nullptr ? nullptr : value->if_string();
  if (text == nullptr) return std::nullopt;
  auto parsed = EmailAddress::parse(*text);
  if (auto* address = std::get_if<EmailAddress>(&parsed)) return std::move(*address);
  return std::nullopt;
}

/// PostgreSQL takes no NUL in a text.
std::string without_nul(std::string text) {
  std::erase(text, '\0');
  return text;
}

/// nullopt for what no field can hold.
std::optional<std::string> field_text(const Value& value) {
  if (value.is_null()) return std::string();
  if (const auto* text = value.if_string()) return without_nul(*text);
  if (const auto* flag = value.if_bool()) return std::string(*flag ? "true" : "false");
  if (const auto* integer = value.if_integer()) return std::to_string(*integer);
  if (value.if_double() != nullptr) return json::to_string(value);
  return std::nullopt;
}

std::optional<bool> consent_of(const Value* value) {
  if (value == nullptr) return std::nullopt;
  if (const auto* flag = value->if_bool()) return *flag;
  const auto text = word(value);
  if (text == "y") return true;
  if (text == "n") return false;
  return std::nullopt;
}

/// Members of a person that are no custom field.
bool is_stibees_own(std::string_view key) {
  const auto text = text::lower_case(key);
  return text.starts_with('$') || text == "email" || text == "old_email" || text == "stb_ad_agreement";
}

std::optional<EventPerson> person_of(const Value& entry) {
  EventPerson person;
  if (entry.if_string() != nullptr) {
    auto email = address_of(&entry);
    if (!email) return std::nullopt;
    person.email = std::move(*email);
    return person;
  }
  const auto* members = entry.if_object();
  if (members == nullptr) return std::nullopt;
  auto email = address_of(entry.find_any_case("email"));
  if (!email) return std::nullopt;
  person.email = std::move(*email);
  person.old_email = address_of(entry.find_any_case("old_email"));
  if (person.old_email == person.email) person.old_email.reset();
  if (const Value* reason = entry.find_any_case("$unsubscribe_reason")) {
    if (const auto* text = reason->if_string())
      person.reason = text::cut(text::without_controls(*text), longest_reason);
  }
  person.ad_agreed = consent_of(entry.find_any_case("$ad_agreed"));
  if (!person.ad_agreed) person.ad_agreed = consent_of(entry.find_any_case("stb_ad_agreement"));
  for (const auto& [key, value] : *members) {
    if (is_stibees_own(key)) continue;
    if (auto text = field_text(value)) person.fields.push_back({without_nul(key), std::move(*text)});
  }
  return person;
}

void add_people(const Value::Array& entries, ListEvent& event) {
  std::unordered_map<EmailAddress, std::size_t> places;
  for (const Value& entry : entries) {
    auto person = person_of(entry);
    if (!person) {
      ++event.unusable;
      continue;
    }
    const auto [place, is_new] = places.emplace(person->email, event.people.size());
    if (is_new) {
      event.people.push_back(std::move(*person));
    } else {
      event.people[place->second] = std::move(*person);
    }
  }
}

}  // namespace

std::string_view name(Action action) {
  switch (action) {
    case Action::Subscribed:
      return "subscribed";
    case Action::Updated:
      return "updated";
    case Action::Unsubscribed:
      return "unsubscribed";
    case Action::Resubscribed:
      return "resubscribed";
    case Action::Deleted:
      return "deleted";
    case Action::Purged:
      return "purged";
    case Action::Other:
      return "other";
  }
  std::abort();
}

std::string_view name(Actor actor) {
  switch (actor) {
    case Actor::Subscriber:
      return "subscriber";
    case Actor::Manual:
      return "manual";
    case Actor::Unknown:
      return "unknown";
  }
  std::abort();
}

std::string_view name(Malformed problem) {
  switch (problem) {
    case Malformed::NoJson:
      return "no_json";
    case Malformed::NoObject:
      return "no_object";
    case Malformed::NoListId:
      return "no_list_id";
    case Malformed::NoAction:
      return "no_action";
    case Malformed::NoPeople:
      return "no_people";
  }
  std::abort();
}

std::variant<ListEvent, Malformed> parse_event(std::string_view body) {
  const auto document = json::parse(body);
  if (!document) return Malformed::NoJson;
  if (!document->is_object()) return Malformed::NoObject;
  ListEvent event;
  const auto list_id = list_id_of(*document);
  if (!list_id) return Malformed::NoListId;
  event.list_id = *list_id;
  const auto action = word(document->find_any_case("action"));
  if (action.empty()) return Malformed::NoAction;
  event.action = action_of(action);
  event.actor = actor_of(*document);
  const Value* people = document->find_any_case("subscribers");
  const auto* entries = people == nullptr ? nullptr : people->if_array();
  if (entries != nullptr) add_people(*entries, event);
  if (event.action == Action::Other) return event;
  // Whom an opt-out names must be known before it may be answered with a 2xx.
  if (entries == nullptr || (event.people.empty() && event.unusable > 0)) return Malformed::NoPeople;
  return event;
}

}  // namespace stibee_sync::webhook

#pragma once

#include "stibee_sync/domain/email_address.hpp"
#include "stibee_sync/domain/member.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What Stibee tells of a list's people: reading its events, and telling its calls from anybody else's. Pure.
namespace stibee_sync::webhook {

/// Other: a word that nobody has documented.
enum class Action { Subscribed, Updated, Unsubscribed, Resubscribed, Deleted, Purged, Other };
std::string_view name(Action action);  // "subscribed", "updated", …, "other"

/// Manual is an administrator, or the API: calls of our own come back as Manual. Unknown: not said, or an
/// unknown word.
enum class Actor { Subscriber, Manual, Unknown };
std::string_view name(Actor actor);  // "subscriber", "manual", "unknown"

/// The person's own words are cut to so many bytes.
inline constexpr std::size_t longest_reason = 500;

struct EventPerson {
  domain::EmailAddress email;
  std::optional<domain::EmailAddress> old_email;  // the address was changed
  std::string reason;                             // "" if none; for humans who ask, never for a log
  domain::FieldValues fields;  // every member that is not Stibee's own, as text, in the order of the event
  std::optional<bool> ad_agreed;
  friend bool operator==(const EventPerson&, const EventPerson&) = default;
};

struct ListEvent {
  std::int64_t list_id = 0;
  Action action = Action::Other;
  Actor actor = Actor::Unknown;
  std::vector<EventPerson> people;  // each address once: of one that comes twice the last one counts
  std::size_t unusable = 0;         // entries without an address that Stibee could have
};

/// Why a body is no event.
enum class Malformed { NoJson, NoObject, NoListId, NoAction, NoPeople };
std::string_view name(Malformed problem);  // "no_json", …

/// Reads the body of a request. Keys and words count regardless of case, and in every spelling that was seen.
/// An event of an unknown action need not name anybody; any other must, in a list, of which at least one
/// entry is usable unless it is empty. Does not throw for anything in `body`.
std::variant<ListEvent, Malformed> parse_event(std::string_view body);

}  // namespace stibee_sync::webhook

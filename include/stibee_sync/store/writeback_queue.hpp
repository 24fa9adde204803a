#pragma once

#include "stibee_sync/domain/email_address.hpp"
#include "stibee_sync/domain/member_key.hpp"
#include "stibee_sync/domain/time.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace stibee_sync::store {

/// A statement of `writeback` that is to be run for a person. `fields` are those of an event UPDATED.
struct WritebackRequest {
  std::string event;  // "unsubscribed", "resubscribed", … as in the settings
  std::string occurred_by;
  std::string reason;
  domain::UtcTime occurred_at{};
  std::map<std::string, std::string> fields;  // Stibee tag → value
  std::string new_email;  // the address that the person has since, normalised; "": as before
};

/// One that waits.
struct PendingWriteback {
  std::int64_t id = 0;
  WritebackRequest request;
  domain::EmailAddress email;
  std::optional<domain::MemberKey> key;  // of the row, as of the event
  int attempts = 0;
};

}  // namespace stibee_sync::store

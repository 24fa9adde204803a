#pragma once

#include "stibee_sync/domain/email_address.hpp"
#include "stibee_sync/domain/fingerprint.hpp"
#include "stibee_sync/domain/member_key.hpp"
#include "stibee_sync/domain/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace stibee_sync::domain {

using GroupId = std::int64_t;
/// Sorted, without duplicates.
using GroupSet = std::vector<GroupId>;
GroupSet minus(const GroupSet& a, const GroupSet& b);
GroupSet joined(const GroupSet& a, const GroupSet& b);

/// A mapped custom field: Stibee's tag and the text to send ("" clears it).
struct FieldValue {
  std::string tag;
  std::string value;
  friend bool operator==(const FieldValue&, const FieldValue&) = default;
};

/// What is sent of a person besides address, consent flag and groups. In the order of the mapping.
using FieldValues = std::vector<FieldValue>;

/// Stands for "consent is mapped, but the row shows none" (NULL, infinity): older than any opt-out, so that
/// it lifts none, whatever else the row does.
inline constexpr UtcTime no_consent{};

/// One usable source row after mapping.
struct Member {
  EmailAddress email;
  bool subscribed = true;
  std::optional<UtcTime> consented_at;  // nullopt: not mapped; else a time or `no_consent`
  std::optional<bool> ad_agreed;        // nullopt: not mapped; a NULL in a mapped column is false
  GroupSet groups;
  FieldValues fields;
};

/// One-line text form of field values, for the store's pending rows; `fields_from_text` reads it back. Any
/// bytes survive. Throws std::invalid_argument, which quotes nothing, if the text is no such form.
std::string to_text(const FieldValues& fields);
FieldValues fields_from_text(std::string_view text);
/// Fingerprint of the field values, the same whenever the same values would be sent, in whatever order.
Fingerprint fingerprint_of(const FieldValues& fields, const StateKey& key);

}  // namespace stibee_sync::domain

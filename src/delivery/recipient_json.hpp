#pragma once

#include "stibee_sync/delivery/dialect.hpp"

#include <string>

namespace stibee_sync::delivery {

/// `,"tag":"value"` for each field in the order of the mapping, but for those whose tag Stibee reserves: a
/// field must not replace the address or the consent.
void append_fields(std::string& out, const domain::FieldValues& fields, bool leading_comma);
/// Whether both can ride in one call, as shapes have it (an update is a subscribe without groups).
bool same_shape(const domain::Operation& a, const domain::Operation& b);

}  // namespace stibee_sync::delivery

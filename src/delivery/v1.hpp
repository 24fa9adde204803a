#pragma once

#include "stibee_sync/delivery/dialect.hpp"

#include <vector>

namespace stibee_sync::delivery::v1 {

std::size_t max_people(const domain::Operation& operation, const V1Options& options);
PackedCall pack(std::int64_t list_id, const std::vector<Recipient>& recipients, const V1Options& options);
CallResult read(const std::vector<Recipient>& recipients, const ApiAnswer& answer);
CallResult read_probe(const ApiAnswer& answer);

}  // namespace stibee_sync::delivery::v1

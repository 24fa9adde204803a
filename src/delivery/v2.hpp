#pragma once

#include "stibee_sync/delivery/dialect.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::delivery::v2 {

std::string list_path(std::int64_t list_id);

std::size_t max_people(const domain::Operation& operation, const V2Options& options);
/// Whether so many people of this operation go by the bulk call.
bool is_bulk(const domain::Operation& operation, std::size_t people);
bool is_bulk(const std::vector<Recipient>& recipients);  // not empty
PackedCall pack(std::int64_t list_id, const std::vector<Recipient>& recipients, const V2Options& options);
CallResult read(const std::vector<Recipient>& recipients, const ApiAnswer& answer);

}  // namespace stibee_sync::delivery::v2

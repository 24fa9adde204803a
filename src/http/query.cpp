#include "stibee_sync/http/query.hpp"

#include "stibee_sync/text/hex.hpp"

#include <algorithm>

namespace stibee_sync::http {

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const auto part = query.substr(0, query.find('&'));
    const auto key = part.substr(0, part.find('='));
    if (key == name) return text::percent_decoded(part.substr(std::min(key.size() + 1, part.size())));
    query.remove_prefix(std::min(part.size() + 1, query.size()));
  }
  return std::nullopt;
}

void add_to_query(std::string& query, std::string_view name, std::string_view value) {
  if (!query.empty()) query += '&';
  query.append(name) += '=';
  query += text::percent_encoded(value);
}

}  // namespace stibee_sync::http

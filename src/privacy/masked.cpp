#include "stibee_sync/privacy/masked.hpp"

#include <algorithm>

namespace stibee_sync::privacy {

std::string masked_address(std::string_view address) {
  const auto at = std::min(address.rfind('@'), address.size());
  // A character of UTF-8 ends before the next byte that does not continue it.
  std::size_t first = std::min<std::size_t>(1, at);
  while (first < at && (static_cast<unsigned char>(address[first]) & 0xc0) == 0x80)
    ++first;
  return std::string(address.substr(0, first)) + "***" + std::string(address.substr(at));
}

std::string shown_address(std::string_view address, bool reveal) {
  return reveal || address.empty() ? std::string(address) : masked_address(address);
}

std::string shown_key(std::string_view key, bool reveal) {
  return key.find('@') == std::string_view::npos ? std::string(key) : shown_address(key, reveal);
}

}  // namespace stibee_sync::privacy

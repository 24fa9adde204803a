#include "stibee_sync/text/number_format.hpp"

namespace stibee_sync::text {
namespace {

std::string grouped(std::string digits, std::size_t first) {
  for (std::size_t i = digits.size(); i > first + 3; i -= 3)
    digits.insert(i - 3, ",");
  return digits;
}

}  // namespace

std::string with_thousands(std::int64_t number) {
  return grouped(std::to_string(number), number < 0 ? 1 : 0);
}

std::string with_thousands(std::uint64_t number) {
  return grouped(std::to_string(number), 0);
}

}  // namespace stibee_sync::text

#include "stibee_sync/settings/secret.hpp"

#include <string.h>  // explicit_bzero
#include <utility>

namespace stibee_sync::settings {

Secret::Secret(std::string_view value) : bytes_(value.begin(), value.end()) {}

Secret::Secret(const Secret& other) = default;

Secret::Secret(Secret&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

Secret& Secret::operator=(Secret other) noexcept {
  bytes_.swap(other.bytes_);  // the old value is wiped by the destructor of `other`
  return *this;
}

Secret::~Secret() {
  // A plain memset of memory about to be freed is removed by the optimiser.
  if (!bytes_.empty()) explicit_bzero(bytes_.data(), bytes_.size());
}

std::string_view Secret::reveal() const noexcept {
  return {bytes_.data(), bytes_.size()};
}

bool operator==(const Secret& left, const Secret& right) noexcept {
  if (left.bytes_.size() != right.bytes_.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < left.bytes_.size(); ++i) {
    difference |= static_cast<unsigned char>(left.bytes_[i]) ^ static_cast<unsigned char>(right.bytes_[i]);
  }
  return difference == 0;
}

}  // namespace stibee_sync::settings

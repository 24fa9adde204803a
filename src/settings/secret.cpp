#include "stibee_sync/settings/secret.hpp"

#include <string.h>  // explicit_bzero
#include <utility>

namespace stibee_sync::settings {

Secret::Secret(std::string_view value) : bytes_(value.begin(), value.end()) {}

Secret::Secret(const Secret& other) = default;

Secret::Secret(Secret&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) {
    Secret copy(other);
    bytes_.swap(copy.bytes_);  // the old value is wiped by the copy's destructor
  }
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    bytes_ = std::exchange(other.bytes_, {});
  }
  return *this;
}

Secret::~Secret() {
  wipe();
}

std::string_view Secret::reveal() const noexcept {
  return {bytes_.data(), bytes_.size()};
}

void Secret::wipe() noexcept {
  // A plain memset of memory about to be freed is removed by the optimiser.
  if (!bytes_.empty()) explicit_bzero(bytes_.data(), bytes_.size());
  bytes_.clear();
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

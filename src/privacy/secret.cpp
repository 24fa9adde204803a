#include "stibee_sync/privacy/secret.hpp"

#include <string.h>  // explicit_bzero

namespace stibee_sync::privacy {

void wipe(void* memory, std::size_t size) noexcept {
  // A plain memset of memory about to be freed is removed by the optimiser.
  if (size > 0) explicit_bzero(memory, size);
}

void wipe(std::string& text) noexcept {
  text.resize(text.capacity());  // what was longer once lies behind its end; allocates nothing
  wipe(text.data(), text.size());
  text.clear();
}

Secret::Secret(std::string_view value) : bytes_(value.begin(), value.end()) {}

Secret& Secret::operator=(Secret other) noexcept {
  bytes_.swap(other.bytes_);  // the old value is wiped by the destructor of `other`
  return *this;
}

void Secret::append(std::string_view more) {
  bytes_.insert(bytes_.end(), more.begin(), more.end());
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

}  // namespace stibee_sync::privacy

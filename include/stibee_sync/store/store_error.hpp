#pragma once

#include <stdexcept>

namespace stibee_sync::store {

/// Disk full, I/O error, damaged file. The message names the file and the cure, never a person.
class StoreError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace stibee_sync::store

#pragma once

#include "stibee_sync/text/ip.hpp"

#include <filesystem>

namespace stibee_sync::http {

using text::ListenAddress;

/// A Unix socket to listen on. The file gets mode 0660.
struct UnixSocketAddress {
  std::filesystem::path path;
};

}  // namespace stibee_sync::http

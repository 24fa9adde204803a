#pragma once

#include "stibee_sync/text/ip.hpp"

#include <filesystem>
#include <string>

namespace stibee_sync::http {

using text::ListenAddress;

/// A Unix socket to listen on. The file gets mode 0660.
struct UnixSocketAddress {
  std::filesystem::path path;
  std::string group = {};  ///< a group of this host that gets the file; "": the process's own
};

}  // namespace stibee_sync::http

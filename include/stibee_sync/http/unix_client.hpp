#pragma once

#include "stibee_sync/http/result.hpp"

#include <chrono>
#include <filesystem>

namespace stibee_sync::http {

/// One exchange over a Unix socket, for the command line: blocks the caller, at most `timeout`. A daemon that
/// is not there is FailureKind::Connect. Do not call it on a loop thread.
ExchangeResult request_over_unix_socket(const std::filesystem::path& path, Request request,
                                        std::chrono::milliseconds timeout);

}  // namespace stibee_sync::http

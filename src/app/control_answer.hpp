#pragma once

#include "stibee_sync/http/server.hpp"
#include "stibee_sync/json/value.hpp"

#include <string>
#include <string_view>

namespace stibee_sync::app {

/// What the control socket and the admin listener answer.
http::ServerResponse json_response(int status, const json::Value& value);
http::ServerResponse error_response(int status, std::string_view error);

}  // namespace stibee_sync::app

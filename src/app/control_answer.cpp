#include "app/control_answer.hpp"

namespace stibee_sync::app {

http::ServerResponse json_response(int status, const json::Value& value) {
  return http::ServerResponse(status, "application/json", json::to_string(value) + "\n");
}

http::ServerResponse error_response(int status, std::string_view error) {
  json::Value value;
  value.set("error", error);
  return json_response(status, value);
}

}  // namespace stibee_sync::app

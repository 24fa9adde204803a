#include "exchange.hpp"

#include "answers.hpp"
#include "switches.hpp"

namespace stibee_sim {

std::string exchange_line(const Exchange& exchange) {
  std::string line = R"({"method":)";
  const auto add = [&line](std::string_view key, std::string_view text) {
    line.append(",\"").append(key).append("\":");
    append_json_string(line, text);
  };
  append_json_string(line, exchange.method);
  add("target", exchange.target);
  add("request_type", exchange.request_type);
  add("request", exchange.request);
  line += ",\"status\":" + std::to_string(exchange.status);
  add("response_type", exchange.response_type);
  add("response", exchange.response);
  add("deviation", exchange.deviation);
  return line + '}';
}

std::string v2_deviation(const Switches& switches) {
  static const Switches defaults;
  const auto now = switches.all();
  const auto usual = defaults.all();
  for (std::size_t i = 0; i < now.size(); ++i) {
    const auto& [name, value] = now[i];
    if (value == usual[i].second || name.starts_with("v1_") || name.starts_with("webhook_")) continue;
    return "switch:" + std::string{name};
  }
  return {};
}

}  // namespace stibee_sim

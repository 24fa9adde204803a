// What was said in one v2 call, word for word, so that it can be held against Stibee's own document.
#pragma once

#include <string>
#include <string_view>

namespace stibee_sim {

class Switches;

struct Exchange {
  std::string method;
  std::string target;  // path with query, as it came, without the prefix of v2
  std::string request_type;
  std::string request;
  int status = 0;
  std::string response_type;
  std::string response;
  // Why the answer need not be a documented one: a fault, a switch that is not at its default, an answer that
  // nobody knows. Empty: it should be.
  std::string deviation;
};

// One line of JSON, without its end.
std::string exchange_line(const Exchange& exchange);

// The first switch that lets v2 answer otherwise than by default, as "switch:NAME"; empty: none.
std::string v2_deviation(const Switches& switches);

}  // namespace stibee_sim

// The shapes answers come in.
#pragma once

#include "route.hpp"
#include "stibee_model.hpp"
#include "switches.hpp"

namespace stibee_sim {

struct Problem {
  std::string code;  // without prefix
  std::string message;
};

namespace problem {
inline const char* const no_token = "Errors.Authorization.NoToken";
inline const char* const permission_denied = "Errors.Authorization.PermissionDenied";
inline const char* const invalid_request = "Errors.Data.InvalidRequest";
}  // namespace problem

void append_json_string(std::string& out, std::string_view text);

// An error in the shape asked for; native is the envelope of the API that was called.
HttpAnswer refusal(const Switches& switches, Api api, AnswerShape shape, const Problem& problem);

HttpAnswer v1_success(const Switches& switches, std::string_view value_json);  // "" leaves Value out
HttpAnswer v1_failure(const Switches& switches, const Problem& problem);
HttpAnswer v2_ok(const Switches& switches, int status);
HttpAnswer v2_json(std::string body);
HttpAnswer v2_failure(const Switches& switches, const Problem& problem);

// "2024-11-12 17:09:13 +0900 KST" and its relatives; `style` is a value of the switch v2_time.
std::string stibee_time(SimTime time, std::string_view style);
std::string iso_time(SimTime time);         // 2024-11-12T08:09:13.000000Z
std::string iso_korean_time(SimTime time);  // 2024-11-12T17:09:13+09:00

}  // namespace stibee_sim

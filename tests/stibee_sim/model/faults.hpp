// The fault plan: which call, or which person in a call, is to go wrong, and how.
#pragma once

#include "random.hpp"
#include "stibee_model.hpp"

#include <deque>
#include <unordered_map>

#include <boost/json/value.hpp>

namespace stibee_sim {

enum class FaultKind {
  None,
  Refuse,       // answer an error (any status and shape), applied first if `apply`
  StallBefore,  // wait, apply, answer
  StallAfter,   // apply, wait, answer
  DropBefore,   // close, nothing applied
  DropAfter,    // apply, close
  Cut,          // apply, send half the body
  Garbage,      // apply, answer 200 with bytes that are no JSON
  Partial,      // apply the first half of the people, then refuse or close
  Person,       // the person goes to the result list `result`, not applied
  Omit,         // the person is named nowhere in the answer; applied if `apply`
};

struct FaultRule {
  std::string name = "none";  // as the plan spells it, for the journal
  FaultKind kind = FaultKind::None;
  std::string endpoint = "*";
  std::string address;  // only calls (or people) with this address
  double probability = 1.0;
  std::int64_t times = -1;  // how often it may strike; -1: without end
  std::uint64_t after = 0;  // matches to let pass first
  std::string shape;        // STATUS_SHAPE
  int retry_after = -1;     // seconds; -1: no header
  std::chrono::milliseconds stall{0};
  std::string code;
  std::string message;
  std::string result;
  bool apply = false;
};

struct PersonFault {
  std::string name;
  std::string result;  // empty: omitted
  bool apply = false;
};

struct FaultDecision {
  FaultRule rule;  // kind None: nothing
  std::unordered_map<std::string, PersonFault> people;
};

class FaultPlan {
 public:
  explicit FaultPlan(std::uint64_t seed) : random_(seed) {}

  // Replaces the plan: {"seed":1, "rules":[{…}], "script":{"v1.subscribe":["ok","503",{…}]}}.
  // Throws std::invalid_argument, the old plan then stays.
  void load(const boost::json::value& plan);
  FaultDecision decide(std::string_view endpoint, const std::vector<std::string>& addresses);
  bool empty() const { return rules_.empty() && scripts_.empty(); }

 private:
  bool strikes(FaultRule& rule);

  Random random_;
  std::vector<FaultRule> rules_;
  std::map<std::string, std::deque<FaultRule>> scripts_;
};

}  // namespace stibee_sim

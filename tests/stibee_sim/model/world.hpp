// Everything the simulated Stibee knows, and one call while it is worked on.
#pragma once

#include "answers.hpp"
#include "faults.hpp"
#include "limits.hpp"
#include "people.hpp"
#include "route.hpp"
#include "switches.hpp"
#include "webhooks.hpp"

#include <set>

#include <boost/json/value.hpp>

namespace stibee_sim {

struct ActiveCall {
  std::uint64_t id = 0;
  Route route;
  std::string body_text;  // kept only if somebody listens to exchanges
  std::string body_type;
  boost::json::value body;
  std::string body_error;              // why the body is no JSON; empty: it is
  std::vector<std::string> addresses;  // folded, as the call names them
  std::optional<HttpAnswer> refused;   // decided when it was received
  FaultDecision fault;
  bool names_people_in_flight = false;
};

struct World {
  explicit World(Setup given);

  // Null: there is none, or it was removed in the web page.
  ListState* list(const std::string& id);
  // Counts a person an operation was applied to; `operation` names it with all its values.
  void count_applied(Record& record, std::string_view operation, bool changed);
  // The same for one that was refused because of what the list holds: it repeats what was applied, or is
  // nothing.
  void count_refused(const Record& record, std::string_view operation);
  JournalCall& journal_entry(std::uint64_t call);

  std::function<void(const Exchange&)> see_exchange;  // may be empty
  Setup setup;
  Switches switches;
  std::map<std::string, ListState> lists;
  std::set<std::string> removed_lists;
  Limits limits;
  FaultPlan faults;
  Webhooks webhooks;
  Totals totals;
  std::vector<JournalCall> journal;  // one entry for each call since journal_first
  std::uint64_t journal_first = 1;
  JournalCall forgotten;  // takes what happens to a call the journal was reset over
  std::map<std::string, std::map<std::string, std::uint64_t>> people_results;  // endpoint → result → people
  std::map<std::string, std::uint64_t> endpoint_calls;
  std::map<std::string, std::uint64_t> endpoint_bytes;
  std::map<std::uint64_t, ActiveCall> active;
  std::unordered_map<std::string, unsigned> addresses_in_flight;  // "list address"
  std::uint64_t next_call = 1;
};

// One call being applied. The list is null for calls that name none.
struct Work {
  World& world;
  ActiveCall& call;
  ListState* list;
  SimTime now;
  JournalCall& entry;
  std::size_t people_limit = static_cast<std::size_t>(-1);  // a fault may stop after the first so many

  const Switches& switches() const { return world.switches; }
  HttpAnswer fail(const Problem& problem);  // in the way of the API called
  HttpAnswer refuse(Switch shape, const Problem& problem);
  const PersonFault* person_fault(std::string_view address) const;
  std::string spelt(std::string_view sent, const Record* record) const;
  void count(std::string_view result, std::size_t people = 1);
  void mail(Record& record);
  // The answer to a call that would bring more people than the plan has room for.
  std::optional<Problem> plan_full(std::size_t added) const;
  Problem no_such_group() const;

  bool wants_events() const;
  void event(std::string_view action, std::string_view actor, EventPerson person);
  EventPerson described(const Record& record) const;  // with its fields
  void send_events();

  struct Events {
    std::string action;
    std::string actor;
    std::vector<EventPerson> people;
  };
  std::vector<Events> events{};

  std::string counted_result{};
  std::size_t* counted_here = nullptr;
  std::uint64_t* counted_in_all = nullptr;
};

// What Go says when it is given the wrong kind of JSON.
std::string cannot_unmarshal(const boost::json::value& value, std::string_view target, std::string_view type);
bool valid_value(FieldKind kind, std::string_view value);
std::optional<std::uint64_t> parse_group(std::string_view text);
std::vector<std::string> addresses_in(const ActiveCall& call);
std::size_t people_in(const ActiveCall& call);

HttpAnswer answer_v1(Work& work);
HttpAnswer answer_v1_subscribe(Work& work);
HttpAnswer answer_v2(Work& work);
HttpAnswer answer_v2_person(Work& work);  // one at a time, and delete
HttpAnswer answer_v2_bulk(Work& work);
HttpAnswer answer_v2_read(Work& work);
HttpAnswer answer_v2_count(Work& work);
HttpAnswer answer_v2_groups(Work& work);
std::size_t apply_edit(World& world, const WebEdit& edit, SimTime now);
HttpAnswer answer_control(World& world, StibeeModel& model, const HttpCall& call, SimTime now);
std::string dump_json(const World& world, std::string_view only_list, bool times);
std::string journal_json(const World& world, std::uint64_t from, std::uint64_t limit, bool addresses);
std::string stats_json(const World& world);

}  // namespace stibee_sim

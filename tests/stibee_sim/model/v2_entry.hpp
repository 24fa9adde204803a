// A person as API v2 is given one: shared by single add, double opt-in, update and bulk.
#pragma once

#include "world.hpp"

namespace stibee_sim {

struct V2Entry {
  std::string email;
  std::optional<Status> status;  // nothing: absent or wrong
  std::optional<bool> marketing;
  FieldValues fields;
  bool bad_fields = false;
};

// Fails with Go's words where a member has the wrong JSON type.
std::optional<Problem> read_v2_entry(Work& work, const boost::json::object& person, V2Entry& entry);
std::optional<Problem> read_v2_fields(Work& work, const boost::json::value* fields, V2Entry& entry);
std::string v2_operation(std::string_view name, const V2Entry& entry);

}  // namespace stibee_sim

#include "stibee_sync/json/value.hpp"

#include "stibee_sync/text/ascii.hpp"

namespace stibee_sync::json {

const Value* Value::find(std::string_view key) const {
  const Object* members = if_object();
  if (!members) return nullptr;
  for (const Member& member : *members) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

const Value* Value::find_any_case(std::string_view key) const {
  if (const Value* exact = find(key)) return exact;
  const Object* members = if_object();
  if (!members) return nullptr;
  for (const Member& member : *members) {
    if (text::equal_ignoring_case(member.first, key)) return &member.second;
  }
  return nullptr;
}

Value& Value::set(std::string key, Value value) {
  if (is_null()) data_ = Object{};
  std::get<Object>(data_).emplace_back(std::move(key), std::move(value));
  return *this;
}

Value& Value::push_back(Value value) {
  if (is_null()) data_ = Array{};
  std::get<Array>(data_).push_back(std::move(value));
  return *this;
}

}  // namespace stibee_sync::json

#include "v2_entry.hpp"

#include <algorithm>
#include <cstdio>

#include <boost/json.hpp>

namespace stibee_sim {

namespace json = boost::json;

namespace {

// Values are kept and given back as strings, however they came.
std::optional<std::string> value_text(const json::value& value) {
  if (value.is_string()) return std::string{value.get_string()};
  if (value.is_int64()) return std::to_string(value.get_int64());
  if (value.is_uint64()) return std::to_string(value.get_uint64());
  if (value.is_double()) {
    char text[40];
    std::snprintf(text, sizeof text, "%.15g", value.get_double());
    return std::string{text};
  }
  return std::nullopt;
}

Problem wrong_type(const json::value& value, std::string_view member, std::string_view type) {
  return Problem{problem::invalid_request,
                 cannot_unmarshal(value, "struct field Subscriber." + std::string{member}, type)};
}

}  // namespace

std::optional<Problem> read_v2_fields(Work& work, const json::value* fields, V2Entry& entry) {
  if (fields == nullptr || fields->is_null()) return std::nullopt;
  if (!fields->is_object()) return wrong_type(*fields, "fields", "map[string]interface {}");
  for (const auto& member : fields->get_object()) {
    const auto value = value_text(member.value());
    if (member.key() == "$ad_agreed") {
      if (value == "Y") entry.marketing = entry.marketing.value_or(true);
      if (value == "N" || value == "") entry.marketing = entry.marketing.value_or(false);
      continue;
    }
    const auto number = member.key().starts_with("$") ? std::nullopt : work.list->field(member.key());
    if (!number) {
      if (work.switches().is(Switch::V2UnknownField, "error")) entry.bad_fields = true;
      continue;
    }
    if (!value || !valid_value(work.list->field_at(*number).kind, *value)) {
      entry.bad_fields = true;
      continue;
    }
    entry.fields.emplace_back(*number, *value);
  }
  std::sort(entry.fields.begin(), entry.fields.end());
  return std::nullopt;
}

std::optional<Problem> read_v2_entry(Work& work, const json::object& person, V2Entry& entry) {
  if (const auto* email = person.if_contains("email"); email != nullptr && !email->is_null()) {
    if (!email->is_string()) return wrong_type(*email, "email", "string");
    entry.email = std::string_view{email->get_string()};
  }
  if (const auto* status = person.if_contains("status"); status != nullptr && !status->is_null()) {
    if (!status->is_string()) return wrong_type(*status, "status", "string");
    if (status->get_string() == "subscribed") entry.status = Status::Subscribed;
    if (status->get_string() == "unsubscribed") entry.status = Status::Unsubscribed;
  }
  if (const auto* allowed = person.if_contains("marketingAllowed");
      allowed != nullptr && !allowed->is_null()) {
    if (!allowed->is_bool()) return wrong_type(*allowed, "marketingAllowed", "bool");
    entry.marketing = allowed->get_bool();
  }
  return read_v2_fields(work, person.if_contains("fields"), entry);
}

std::string v2_operation(std::string_view name, const V2Entry& entry) {
  std::string text{name};
  if (entry.status == Status::Unsubscribed) text += " unsubscribed";
  if (entry.marketing) text += *entry.marketing ? " agreed" : " not agreed";
  for (const auto& [number, value] : entry.fields) {
    text += '\n';
    text += std::to_string(number);
    text += '=';
    text += value;
  }
  return text;
}

}  // namespace stibee_sim

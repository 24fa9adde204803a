#include "stibee_sync/delivery/v2_reading.hpp"

#include "envelope.hpp"
#include "result_lists.hpp"
#include "roster.hpp"
#include "stibee_sync/json/value.hpp"
#include "stibee_sync/text/ascii.hpp"
#include "v2.hpp"
#include "wording.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

namespace stibee_sync::delivery::v2 {

namespace {

// Without a status in the query, some statuses are left out; which is documented nowhere.
constexpr std::string_view every_status = "statuses=subscribed,unsubscribed,archived,ready";

ApiRequest request(Endpoint endpoint, LimiterClass limiter_class, std::string method, std::string target) {
  ApiRequest result;
  result.endpoint = endpoint;
  result.limiter_class = limiter_class;
  result.method = std::move(method);
  result.target = std::move(target);
  return result;
}

CallResult failure(const Envelope& envelope, const ApiAnswer& answer) {
  return failed_call(envelope, {}, answer);
}

CallResult unknown_shape(const ApiAnswer& answer) {
  return unreadable({}, answer);
}

std::optional<std::int64_t> integer_of(const json::Value* value) {
  if (!value) return std::nullopt;
  if (const auto* number = value->if_integer()) return *number;
  const auto* text = value->if_string();
  if (!text || text->empty()) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return number;
}

const std::string* string_member(const json::Value& object, std::string_view key) {
  const json::Value* value = object.find_any_case(key);
  return value ? value->if_string() : nullptr;
}

// The bare array, or the one in any of the wrappers that have been seen anywhere. Null: none of these. A Go
// service writes an empty list as null, too.
const json::Value::Array* list_of(const json::Value& document, int depth = 0) {
  static const json::Value::Array nobody;
  if (document.is_null()) return &nobody;
  if (const auto* bare_list = document.if_array()) return bare_list;
  if (!document.is_object() || depth == 2) return nullptr;
  for (const std::string_view wrapper : {"items", "subscribers", "groups", "data", "value"}) {
    if (const json::Value* inner = document.find_any_case(wrapper)) return list_of(*inner, depth + 1);
  }
  return nullptr;
}

// Values come back as strings, numbers and flags perhaps not.
std::string field_text(const json::Value& value) {
  if (const auto* text = value.if_string()) return *text;
  if (value.is_null()) return {};
  return json::to_string(value);
}

std::optional<bool> consent_of(const json::Value& value) {
  if (const auto* flag = value.if_bool()) return *flag;
  const std::string word = bare(field_text(value));
  if (word == "y" || word == "yes" || word == "true" || word == "1") return true;
  if (word.empty() || word == "n" || word == "no" || word == "false" || word == "0") return false;
  return std::nullopt;
}

std::optional<domain::GroupSet> groups_of(const json::Value* value) {
  const auto* entries = value ? value->if_array() : nullptr;
  if (!entries) return std::nullopt;
  domain::GroupSet groups;
  for (const json::Value& entry : *entries) {
    auto id = integer_of(&entry);
    if (!id) id = integer_of(entry.find_any_case("id"));
    if (!id) return std::nullopt;
    groups.push_back(*id);
  }
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  return groups;
}

std::optional<domain::UtcTime> time_member(const json::Value& object, std::string_view key) {
  const std::string* text = string_member(object, key);
  return text ? parse_time(*text) : std::nullopt;
}

ListedPerson person_of(const json::Value& entry, domain::EmailAddress email) {
  ListedPerson person;
  person.email = std::move(email);
  if (const auto* status = string_member(entry, "status")) person.status = status_from(*status);
  if (const json::Value* fields = entry.find_any_case("fields"); fields && fields->is_object()) {
    for (const auto& [tag, value] : *fields->if_object()) {
      if (text::lower_case(tag) == "$ad_agreed") person.ad_agreed = consent_of(value);
      if (!tag.starts_with('$')) person.fields.push_back({tag, field_text(value)});
    }
  }
  person.groups = groups_of(entry.find_any_case("groupIds"));
  person.created = time_member(entry, "createdTime");
  person.modified = time_member(entry, "modifiedTime");
  return person;
}

}  // namespace

ApiRequest auth_check_request() {
  return request(Endpoint::AuthCheck, LimiterClass::Other, "GET", "/v2/auth-check");
}

CallResult read_auth_check(const ApiAnswer& answer) {
  const Envelope envelope(answer);
  if (envelope.failed()) return failure(envelope, answer);
  const bool says_ok = envelope.document() ? !envelope.document()->is_null() : bare(answer.body) == "ok";
  return says_ok ? answered({}) : unknown_shape(answer);
}

ApiRequest count_request(std::int64_t list_id) {
  std::string target = list_path(list_id);
  target.append("/subscribers/count?").append(every_status);
  return request(Endpoint::Count, LimiterClass::Other, "GET", std::move(target));
}

Read<std::size_t> read_count(const ApiAnswer& answer) {
  const Envelope envelope(answer);
  if (envelope.failed()) return failure(envelope, answer);
  if (!envelope.document()) return unknown_shape(answer);
  const json::Value& source = envelope.value() ? *envelope.value() : *envelope.document();
  const auto total = integer_of(source.is_object() ? source.find_any_case("total") : &source);
  if (!total || *total < 0) return unknown_shape(answer);
  return static_cast<std::size_t>(*total);
}

ApiRequest list_request(std::int64_t list_id, std::size_t offset, std::size_t limit) {
  std::string target = list_path(list_id);
  target.append("/subscribers?").append(every_status);
  target.append("&offset=").append(std::to_string(offset));
  target.append("&limit=").append(std::to_string(std::clamp<std::size_t>(limit, 1, largest_page)));
  return request(Endpoint::List, LimiterClass::List, "GET", std::move(target));
}

Read<ListPage> read_list(const ApiAnswer& answer) {
  const Envelope envelope(answer);
  if (envelope.failed()) return failure(envelope, answer);
  const auto* entries = envelope.document() ? list_of(*envelope.document()) : nullptr;
  if (!entries) return unknown_shape(answer);
  ListPage page;
  page.entries = entries->size();
  page.people.reserve(entries->size());
  for (const json::Value& entry : *entries) {
    const std::string* address = string_member(entry, "email");
    if (!address) return unknown_shape(answer);
    auto parsed = domain::EmailAddress::parse(*address);
    if (auto* email = std::get_if<domain::EmailAddress>(&parsed))
      page.people.push_back(person_of(entry, std::move(*email)));
  }
  return page;
}

ApiRequest groups_request(std::int64_t list_id) {
  return request(Endpoint::Groups, LimiterClass::Other, "GET",
                 list_path(list_id) + "/groups?offset=0&limit=1000");
}

Read<std::vector<Group>> read_groups(const ApiAnswer& answer) {
  const Envelope envelope(answer);
  if (envelope.failed()) return failure(envelope, answer);
  const auto* entries = envelope.document() ? list_of(*envelope.document()) : nullptr;
  if (!entries) return unknown_shape(answer);
  std::vector<Group> groups;
  for (const json::Value& entry : *entries) {
    const auto id = integer_of(entry.find_any_case("id"));
    const std::string* group_name = string_member(entry, "name");
    if (!id || !group_name) return unknown_shape(answer);
    groups.push_back({*id, *group_name});
  }
  return groups;
}

ApiRequest create_group_request(std::int64_t list_id, std::string_view name) {
  ApiRequest result = request(Endpoint::Groups, LimiterClass::Other, "POST", list_path(list_id) + "/groups");
  result.body = R"({"name":)";
  json::append_quoted(result.body, name);
  result.body += '}';
  return result;
}

Read<domain::GroupId> read_created_group(const ApiAnswer& answer) {
  const Envelope envelope(answer);
  if (envelope.failed()) {
    CallResult result = failure(envelope, answer);
    if (envelope.says_group_exists()) result.reason = domain::Reason::ListAlreadyExistGroup;
    return result;
  }
  if (!envelope.document()) return unknown_shape(answer);
  const json::Value& source = envelope.value() ? *envelope.value() : *envelope.document();
  const auto id = integer_of(source.is_object() ? source.find_any_case("id") : &source);
  if (!id || *id <= 0) return unknown_shape(answer);
  return *id;
}

}  // namespace stibee_sync::delivery::v2

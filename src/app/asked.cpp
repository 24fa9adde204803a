#include "app/asked.hpp"

#include "app/render.hpp"
#include "stibee_sync/http/query.hpp"

#include <algorithm>
#include <charconv>
#include <utility>
#include <variant>

namespace stibee_sync::app {
namespace {

constexpr std::string_view reason_key = "reason";
constexpr std::string_view limit_key = "limit";
constexpr std::string_view reveal_key = "reveal";
constexpr std::string_view digest_key = "digest";
constexpr std::string_view by_leader_key = "by_leader";

bool is_set(const json::Value& body, std::string_view key) {
  const auto* flag = body.find(key);
  return flag != nullptr && flag->if_bool() != nullptr && *flag->if_bool();
}

}  // namespace

json::Value body_of(const ExplainAsked& asked) {
  auto body = json::Value::object();
  if (asked.person.email) body.set("email", asked.person.email->text());
  body.set("key", asked.person.key);
  body.set("reveal", asked.reveal);
  if (!asked.mirror.empty()) body.set("mirror", asked.mirror);
  return body;
}

std::optional<std::string> read_address(const std::string& text, pipeline::PersonAsked& person) {
  auto parsed = domain::EmailAddress::parse(text);
  if (const auto* problem = std::get_if<domain::AddressProblem>(&parsed))
    return "that is no address (" + name(domain::reason_of(*problem)) + ")";
  person.email = std::get<domain::EmailAddress>(std::move(parsed));
  return std::nullopt;
}

std::optional<std::string> read_body(const json::Value& body, ExplainAsked& asked) {
  asked.person.key = text_of(body, "key");
  asked.mirror = text_of(body, "mirror");
  asked.reveal = is_set(body, reveal_key);
  const auto email = text_of(body, "email");
  if (email.empty() && asked.person.key.empty()) return "name an address or a key";
  return email.empty() ? std::nullopt : read_address(email, asked.person);
}

json::Value body_of(const ForgetAsked& asked) {
  auto body = json::Value::object();
  if (asked.person.email) body.set("email", asked.person.email->text());
  body.set(std::string(by_leader_key), asked.by_leader);
  return body;
}

std::optional<std::string> read_body(const json::Value& body, ForgetAsked& asked) {
  asked.by_leader = is_set(body, by_leader_key);
  return read_address(text_of(body, "email"), asked.person);
}

std::optional<domain::UtcTime> pause_asked(const json::Value& body, domain::UtcTime now) {
  const auto seconds = integer_of(body, "seconds");
  if (seconds <= 0) return std::nullopt;
  constexpr std::int64_t most = std::chrono::seconds(longest_pause).count();
  return now + std::chrono::seconds(std::min(seconds, most));
}

FailuresAsked failures_asked(std::string_view query) {
  FailuresAsked asked;
  asked.reason = http::query_value(query, reason_key).value_or("");
  asked.reveal = http::query_value(query, reveal_key).has_value();
  if (const auto limit = http::query_value(query, limit_key))
    std::from_chars(limit->data(), limit->data() + limit->size(), asked.limit);
  return asked;
}

std::string query_of(const FailuresAsked& asked) {
  std::string query;
  http::add_to_query(query, limit_key, std::to_string(asked.limit));
  if (!asked.reason.empty()) http::add_to_query(query, reason_key, asked.reason);
  if (asked.reveal) http::add_to_query(query, reveal_key, "");
  return query;
}

HeldSetAsked held_set_asked(std::string_view query) {
  HeldSetAsked asked;
  asked.digest = http::query_value(query, digest_key).value_or("");
  asked.reveal = http::query_value(query, reveal_key).has_value();
  return asked;
}

std::string query_of(const HeldSetAsked& asked) {
  std::string query;
  http::add_to_query(query, digest_key, asked.digest);
  if (asked.reveal) http::add_to_query(query, reveal_key, "");
  return query;
}

}  // namespace stibee_sync::app

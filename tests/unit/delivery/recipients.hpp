#pragma once

#include "stibee_sync/delivery/dialect.hpp"

#include <string>
#include <vector>

namespace stibee_sync::delivery::testing_support {

inline domain::Operation operation(domain::OperationKind kind, domain::GroupSet groups = {}) {
  return domain::Operation{kind, std::move(groups)};
}

inline Recipient recipient(const std::string& email, domain::Operation op, domain::FieldValues fields = {},
                           std::optional<bool> ad_agreed = {}) {
  Recipient result;
  result.email = domain::EmailAddress::from_normalised(email);
  result.operation = std::move(op);
  result.fields = std::move(fields);
  result.ad_agreed = ad_agreed;
  return result;
}

/// "person7@example.com".
inline std::string address(int number) {
  std::string result = "person";
  result += std::to_string(number);
  result += "@example.com";
  return result;
}

inline std::vector<Recipient> recipients(const domain::Operation& op,
                                         const std::vector<std::string>& emails) {
  std::vector<Recipient> result;
  for (const std::string& email : emails)
    result.push_back(recipient(email, op));
  return result;
}

inline CallResult read(const Dialect& dialect, const std::vector<Recipient>& people, int status,
                       std::string_view body, std::optional<domain::Duration> retry_after = {}) {
  ApiAnswer answer;
  answer.status = status;
  answer.body = body;
  answer.retry_after = retry_after;
  return dialect.read(people, answer);
}

/// "delivered", "rejected:wrong_email", "already_in_state:deny>opted_out".
inline std::string text(const domain::Outcome& outcome) {
  std::string result(domain::name(outcome.kind));
  if (outcome.reason) result.append(1, ':').append(name(outcome.reason));
  if (outcome.existed) result.append(*outcome.existed ? ":updated" : ":created");
  if (outcome.observed) result.append(1, '>').append(domain::name(*outcome.observed));
  return result;
}

inline std::vector<std::string> texts(const CallResult& result) {
  std::vector<std::string> all;
  for (const domain::Outcome& outcome : result.outcomes)
    all.push_back(text(outcome));
  return all;
}

}  // namespace stibee_sync::delivery::testing_support

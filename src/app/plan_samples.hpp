#pragma once

#include "stibee_sync/domain/email_address.hpp"
#include "stibee_sync/domain/ledger.hpp"
#include "stibee_sync/domain/member_key.hpp"
#include "stibee_sync/json/value.hpp"

#include <map>
#include <optional>
#include <vector>

namespace stibee_sync::app {

/// A few of those of whom each operation is to be done, for `plan`.
class PlanSamples {
 public:
  /// `key`: of their row; nullopt: they have none.
  void add(domain::OperationKind kind, const domain::EmailAddress& email,
           const std::optional<domain::MemberKey>& key);
  void operator+=(const PlanSamples& others);
  /// `[{operation, key, email}]`; addresses in full only with `reveal`.
  json::Value report(bool reveal) const;

 private:
  struct Person {
    domain::EmailAddress email;
    std::optional<domain::MemberKey> key;
  };
  std::map<domain::OperationKind, std::vector<Person>> people_;
};

}  // namespace stibee_sync::app

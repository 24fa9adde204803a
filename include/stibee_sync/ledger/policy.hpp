#pragma once

#include "stibee_sync/domain/time.hpp"

#include <optional>

namespace stibee_sync::ledger {

enum class OnLeave { Unsubscribe, Delete, Keep };
enum class OnRemotePurge { Respect, Restore };

/// The rules of one mirror that decide what a difference means.
struct Policy {
  OnLeave on_leave = OnLeave::Unsubscribe;
  std::optional<domain::Duration> delete_after;
  OnRemotePurge on_remote_purge = OnRemotePurge::Respect;
  bool can_resubscribe = true;        // v1 yes; v2 has no documented call
  bool groups_with_subscribe = true;  // v1 yes; v2 assigns groups by calls of their own
  bool consent_alone = false;         // v2: a call for several people carries no consent flags
  bool confirm_email = false;         // double opt-in
  bool shares_list = false;           // another daemon may work on it, too (`database.leader_lock`)
  friend bool operator==(const Policy&, const Policy&) = default;
};

}  // namespace stibee_sync::ledger

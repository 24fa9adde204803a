#include "store/memory_state.hpp"

#include <algorithm>

namespace stibee_sync::store {
namespace {

/// Calls `visit` for each usable row whose address is borne by a usable row with a lower key. `shadowed`
/// leaves out rows of an address that was decided without the other one, whose own move is held back.
template <class Visit>
void for_each_duplicate(const MemoryMirror& mirror, Visit visit) {
  std::set<std::string> seen;
  for (const auto& [key, member] : mirror.members) {
    if (!member.rejection.empty() || !member.email) continue;
    if (!seen.insert(*member.email).second && member.shadowed) visit(key, *member.email);
  }
}

}  // namespace

Summary summary_of(const MemoryMirror& mirror, domain::UtcTime now) {
  Summary summary;
  for (const auto status :
       {domain::RemoteStatus::Unknown, domain::RemoteStatus::Subscribed, domain::RemoteStatus::Unsubscribed,
        domain::RemoteStatus::OptedOut, domain::RemoteStatus::AutoDeleted, domain::RemoteStatus::Purged,
        domain::RemoteStatus::Ready}) {
    summary.people[status] = 0;
  }
  for (const auto lane : domain::all_lanes)
    summary.pending[lane] = {};
  for (const auto& [email, row] : mirror.ledger) {
    ++summary.people[row.confirmed.status];
    if (row.wanted.intent == domain::Intent::Subscribed) ++summary.wanted_subscribed;
    if (!row.parked.empty()) ++summary.parked[row.parked];
    if (const auto day = consent_day(row.wanted); day && *day <= last_due_consent_day(now))
      ++summary.consents_due;
    if (!row.lane || (row.attempts == 0 && row.due > now)) continue;
    auto& lane = summary.pending[*row.lane];
    ++lane.people;
    if (!lane.oldest || row.pending_since < *lane.oldest) lane.oldest = row.pending_since;
  }
  for (const auto& [key, member] : mirror.members) {
    if (!member.rejection.empty()) ++summary.parked[member.rejection];
  }
  for_each_duplicate(mirror, [&](const domain::MemberKey&, const std::string&) {
    ++summary.parked[std::string(duplicate_reason)];
  });
  summary.writebacks = mirror.writebacks.size();
  summary.facts = mirror.facts;
  summary.holds = mirror.holds;
  return summary;
}

std::vector<ParkedPerson> parked_of(const MemoryMirror& mirror, std::size_t most) {
  std::vector<ParkedPerson> refused, rejected;
  for (const auto& [email, row] : mirror.ledger) {
    if (row.parked.empty()) continue;
    refused.push_back({row.key ? row.key->to_string() : "", email, row.parked, row.message, row.attempts,
                       row.parked_since});
  }
  for (const auto& [key, member] : mirror.members) {
    if (member.rejection.empty()) continue;
    rejected.push_back({key.to_string(), member.email.value_or(""), member.rejection,
                        rejected_message(member.rejected_column), 0, std::nullopt});
  }
  const auto by_reason = [](const ParkedPerson& a, const ParkedPerson& b) { return a.reason < b.reason; };
  std::stable_sort(refused.begin(), refused.end(), by_reason);
  std::stable_sort(rejected.begin(), rejected.end(), by_reason);
  refused.insert(refused.end(), rejected.begin(), rejected.end());
  for_each_duplicate(mirror, [&](const domain::MemberKey& key, const std::string& email) {
    refused.push_back({key.to_string(), email, std::string(duplicate_reason), std::string(duplicate_message),
                       0, std::nullopt});
  });
  if (refused.size() > most) refused.resize(most);
  return refused;
}

}  // namespace stibee_sync::store

#include "contract/naive_store.hpp"

#include <algorithm>
#include <set>
#include <utility>

// One read of the naive store.
namespace stibee_sync::store_tests {

NaiveScan::NaiveScan(NaiveState copy) : before(std::move(copy)) {}

bool NaiveScan::next(store::SnapshotRow& row) {
  const auto found = last_row_ ? before.members.upper_bound(*last_row_) : before.members.begin();
  if (found == before.members.end()) return false;
  last_row_ = found->first;
  row = {found->first, found->second.fingerprint, found->second.shadowed};
  return true;
}

std::optional<std::string> NaiveScan::stored_address(const MemberKey& key) const {
  const auto found = before.members.find(key);
  return found == before.members.end() ? std::nullopt : found->second.email;
}

void NaiveScan::stage(const store::StagedRow& row) {
  staged[row.key] = row;
  const auto last_good = stored_address(row.key);
  if (!row.email && row.keeps_address && last_good) staged[row.key]->email = email(*last_good);
}

void NaiveScan::stage_gone(const MemberKey& key) {
  staged[key] = std::nullopt;
}

std::set<MemberKey> NaiveScan::rows_about(const std::string& address) const {
  std::set<MemberKey> keys;
  for (const auto& [key, row] : staged) {
    const auto old = before.members.find(key);
    if (old != before.members.end() && old->second.email == address) keys.insert(key);
    if (row && row->email == email(address)) keys.insert(key);
  }
  return keys;
}

std::set<std::string> NaiveScan::addresses() const {
  std::set<std::string> found;
  for (const auto& [address, number] : before.touched)
    found.insert(address);
  for (const auto& [key, row] : staged) {
    const auto old = before.members.find(key);
    if (old != before.members.end() && old->second.email) found.insert(*old->second.email);
    if (row && row->email) found.insert(row->email->text());
  }
  return found;
}

std::vector<store::BearerRow> NaiveScan::bearers_of(const std::string& address) const {
  std::map<MemberKey, store::BearerRow> bearers;
  for (const auto& [key, member] : before.members) {
    if (staged.contains(key) || member.email != address) continue;
    bearers[key] = {key, member.subscribed, !member.rejection.empty(), member.subscribed, std::nullopt};
  }
  for (const auto& [key, row] : staged) {
    if (!row || row->email != email(address)) continue;
    bearers[key] = {key, row->subscribed, !row->member, std::nullopt, row->member};
    const auto old = before.members.find(key);
    if (old != before.members.end()) bearers[key].was_subscribed = old->second.subscribed;
  }
  std::vector<store::BearerRow> rows;
  for (const auto& [key, bearer] : bearers)
    rows.push_back(bearer);
  return rows;
}

bool NaiveScan::next_address(store::TouchedAddress& address) {
  for (const auto& text : addresses()) {
    if (last_ && text <= *last_) continue;
    last_ = text;
    address = {};
    address.email = email(text);
    address.bearers = bearers_of(text);
    const auto person = before.people.find(text);
    if (person != before.people.end()) address.ledger = ledger::ledger_view(person->second);
    add_circumstances(address);
    return true;
  }
  return false;
}

void NaiveScan::add_circumstances(store::TouchedAddress& address) const {
  for (const auto& [key, row] : staged) {
    if (stored_address(key) != address.email.text()) continue;
    address.left = address.left || !row || row->email != address.email;
    const bool left = row && row->email != address.email;
    if (left) address.left_by_living = true;
    if (left && !row->subscribed) address.left_saying_no = true;
  }
  for (const auto& bearer : address.bearers) {
    const auto found = before.members_out.find(bearer.key);
    if (found == before.members_out.end()) continue;
    const bool older = address.member_opt_out && found->second.at < address.member_opt_out->at;
    if (!older) address.member_opt_out = found->second;
  }
  for (const auto& waiting : before.writebacks) {
    if (waiting.item.email != address.email) continue;
    if (waiting.item.request.event == "resubscribed") address.awaits_resubscribe = true;
    if (waiting.item.request.event == "unsubscribed") address.awaits_unsubscribed = true;
  }
}

void NaiveScan::decide(const ledger::AddressDecision& decision, int change_class) {
  const auto known = before.people.find(*last_);
  const bool moved_there = known != before.people.end() && known->second.row &&
                           known->second.row->confirmed.status == RemoteStatus::Moved;
  Decision decided{decision, change_class, moved_there, rows_about(*last_), {}};
  const auto bearers = bearers_of(*last_);
  for (const auto& bearer : bearers)
    decided.bearers.emplace_back(bearer.key, bearers.size() > 1 && !bearer.rejected);
  decisions[*last_] = std::move(decided);
}

void NaiveScan::hold_back(const std::vector<int>& change_classes, int never_with_others) {
  for (const auto& [address, decided] : decisions) {
    if (std::find(change_classes.begin(), change_classes.end(), decided.change_class) != change_classes.end())
      held_.insert(address);
  }
  for (bool more = true; more;) {
    more = false;
    for (const auto& [key, row] : staged) {
      const auto from = stored_address(key);
      if (!from || !row || !row->email || row->email->text() == *from) continue;
      const auto& to = row->email->text();
      if (held(*from) == held(to)) continue;
      const auto& other = held(to) ? *from : to;
      if (decisions.at(other).change_class == never_with_others) continue;
      held_.insert(other);
      more = true;
    }
  }
}

bool NaiveScan::waits(const MemberKey& key) const {
  return std::any_of(decisions.begin(), decisions.end(),
                     [&](const auto& each) { return held(each.first) && each.second.rows.contains(key); });
}

// What was touched again while the read ran, or is held, is decided by the next one.

}  // namespace stibee_sync::store_tests

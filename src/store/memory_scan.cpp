#include "store/memory_state.hpp"

#include <algorithm>
#include <stdexcept>

namespace stibee_sync::store {

MemoryScan::MemoryScan(MirrorId id, MemoryMirror copy, MemorySuppressions suppressions)
    : id_(id),
      before_(std::move(copy)),
      suppressions_(std::move(suppressions)),
      cursor_(before_.members.begin()) {}

bool MemoryScan::next(SnapshotRow& row) {
  if (cursor_ == before_.members.end()) return false;
  row.key = cursor_->first;
  row.fingerprint = cursor_->second.fingerprint;
  row.shadowed = cursor_->second.shadowed;
  ++cursor_;
  return true;
}

void MemoryScan::stage(const StagedRow& row) {
  if (!staged_.emplace(row.key, row).second)
    throw std::invalid_argument("a key was staged twice in one read");
}

void MemoryScan::stage_gone(const domain::MemberKey& key) {
  if (!before_.members.contains(key)) return;
  if (!staged_.emplace(key, std::nullopt).second)
    throw std::invalid_argument("a key was staged twice in one read");
}

void MemoryScan::for_each_address(const DecideAddress& decide) {
  if (decided_) throw std::logic_error("the addresses of a read are decided once");
  decided_ = true;
  // Every row, staged or not, as it will be; and the addresses that staged rows concern.
  std::map<std::string, std::vector<domain::MemberKey>> bearers_of;
  for (const auto& [key, member] : before_.members) {
    if (member.email && !staged_.contains(key)) bearers_of[*member.email].push_back(key);
  }
  for (const auto& [email, number] : before_.touched)
    decisions_[email];
  for (const auto& [key, row] : staged_) {
    const auto old = before_.members.find(key);
    const auto old_email = old == before_.members.end() ? std::nullopt : old->second.email;
    if (old_email) decisions_[*old_email].rows.push_back(key);
    if (!row || !row->email) continue;
    bearers_of[row->email->text()].push_back(key);
    if (old_email != row->email->text()) decisions_[row->email->text()].rows.push_back(key);
  }
  for (auto& [email, decided] : decisions_) {
    auto& keys = bearers_of[email];
    std::sort(keys.begin(), keys.end());
    std::vector<BearerRow> bearers;
    for (const auto& key : keys) {
      BearerRow bearer;
      bearer.key = key;
      const auto old = before_.members.find(key);
      if (old != before_.members.end()) bearer.was_subscribed = old->second.subscribed;
      const auto staged = staged_.find(key);
      if (staged == staged_.end()) {
        bearer.subscribed = old->second.subscribed;
        bearer.rejected = !old->second.rejection.empty();
      } else {
        bearer.subscribed = staged->second->subscribed;
        bearer.rejected = !staged->second->member;
        bearer.member = staged->second->member;
      }
      bearers.push_back(std::move(bearer));
    }
    std::optional<LedgerView> view;
    if (const auto row = before_.ledger.find(email); row != before_.ledger.end()) {
      view = LedgerView{row->second.wanted, row->second.confirmed};
    } else if (const auto known =
                   known_before(looked_up(before_.traces, email), looked_up(suppressions_, email))) {
      view = LedgerView{domain::Wanted{}, *known};
    }
    decided.decision = decide(domain::EmailAddress::from_normalised(email), bearers, view);
    decided.bearers = keys;
    decided.shadowed = shadowed_flags(bearers);
  }
}

MemoryScan MemoryScan::split_first(std::size_t most) {
  MemoryScan first(id_, before_, suppressions_);
  first.decided_ = true;
  while (first.decisions_.size() < most && !decisions_.empty()) {
    auto moved = decisions_.extract(decisions_.begin());
    for (const auto& key : moved.mapped().rows)
      first.staged_.insert(staged_.extract(key));
    first.decisions_.insert(std::move(moved));
  }
  return first;
}

namespace {

MemoryMember member_of(const StagedRow& row) {
  MemoryMember member;
  member.fingerprint = row.fingerprint;
  if (row.email) member.email = row.email->text();
  member.subscribed = row.subscribed;
  if (!row.member) {
    member.rejection = row.rejection.empty() ? "rejected" : row.rejection;
    member.rejected_column = row.rejected_column;
  }
  return member;
}

bool same_row(const MemoryMember& a, const MemoryMember& b) {
  return a.fingerprint == b.fingerprint && a.email == b.email && a.subscribed == b.subscribed &&
         a.rejection == b.rejection && a.rejected_column == b.rejected_column;
}

}  // namespace

MemoryMirror committed(const MemoryMirror& now, const MemorySuppressions& suppressions,
                       const MemoryScan& scan, const CommitRequest& request,
                       const std::map<std::string, InFlight>& in_flight, CommitReport& report,
                       std::map<std::string, domain::Wanted>& overtaken) {
  auto mirror = now;
  const auto held = [&](int change_class) {
    return std::find(request.held_classes.begin(), request.held_classes.end(), change_class) !=
           request.held_classes.end();
  };
  std::set<domain::MemberKey> waiting;
  for (const auto& [email, decided] : scan.decisions()) {
    if (held(decided.decision.change_class)) waiting.insert(decided.rows.begin(), decided.rows.end());
  }
  if (scan.decided()) {
    // Not those that were touched while this read ran.
    std::erase_if(mirror.touched, [&](const auto& touched) {
      const auto& [email, number] = touched;
      if (looked_up(scan.before().touched, email) != number) return false;
      const auto decided = looked_up(scan.decisions(), email);
      return !decided || !held(decided->decision.change_class);
    });
  }

  for (const auto& [key, row] : scan.rows()) {
    if (waiting.contains(key)) continue;
    if (!row) {
      mirror.members.erase(key);
      ++report.rows_applied;
      continue;
    }
    auto member = member_of(*row);
    const auto found = mirror.members.find(key);
    if (found != mirror.members.end() && same_row(found->second, member)) continue;
    mirror.members.insert_or_assign(key, std::move(member));
    ++report.rows_applied;
  }

  for (const auto& [email, decided] : scan.decisions()) {
    if (held(decided.decision.change_class)) continue;
    for (const auto& key : decided.rows) {
      // Decided upon a row that waits for another address: to be looked at again.
      if (!waiting.contains(key)) continue;
      mirror.touched.emplace(email, 0);
      if (const auto found = mirror.members.find(key); found != mirror.members.end())
        found->second.shadowed = true;
    }
    for (std::size_t i = 0; i < decided.bearers.size(); ++i) {
      const auto& key = decided.bearers[i];
      const auto found = mirror.members.find(key);
      if (found == mirror.members.end() || waiting.contains(key)) continue;
      // What was not looked at may have become wanted while this read ran.
      const auto old = scan.before().members.find(key);
      if (!scan.rows().contains(key) && old->second.shadowed == decided.shadowed[i]) continue;
      found->second.shadowed = decided.shadowed[i];
    }

    const auto existing = mirror.ledger.find(email);
    if (existing == mirror.ledger.end()) {
      if (decided.decision.wanted.intent == domain::Intent::Absent) continue;
      const auto known = known_before(looked_up(mirror.traces, email), looked_up(suppressions, email));
      auto row = row_from_trace(known.value_or(domain::Confirmed{}));
      const auto fate = apply_decision(row, decided.decision, true, nullptr, request.place, request.now);
      if (fate == Fate::Keep) mirror.traces.erase(email);
      if (fate == Fate::Keep) mirror.apply(email, row, fate);
      ++report.addresses_changed;
      continue;
    }
    auto row = existing->second;
    const auto before = row.wanted;
    const auto call = in_flight.find(email);
    const auto* out = call == in_flight.end() ? nullptr : &call->second;
    const auto fate = apply_decision(row, decided.decision, false, out, request.place, request.now);
    if (row.wanted != before) {
      ++report.addresses_changed;
      if (out != nullptr && !out->sent) overtaken.emplace(email, before);
    }
    mirror.apply(email, row, fate);
  }

  ++mirror.generation;
  mirror.facts = request.facts;
  auto holds = request.holds;
  for (auto& hold : holds) {
    for (const auto& old : mirror.holds) {
      if (old.change_class == hold.change_class) hold.since = old.since;
    }
  }
  std::sort(holds.begin(), holds.end(),
            [](const Hold& a, const Hold& b) { return a.change_class < b.change_class; });
  mirror.holds = std::move(holds);
  std::erase_if(mirror.approvals, [&](const auto& approval) { return approval.second <= request.now; });
  return mirror;
}

MemoryMirror committed_ahead(const MemoryMirror& now, const MemorySuppressions& suppressions,
                             MemoryScan& scan, const CommitRequest& request, std::size_t most,
                             CommitReport& report) {
  std::map<std::string, domain::Wanted> nobody_was_sent;
  auto mirror = committed(now, suppressions, scan.split_first(most), request, {}, report, nobody_was_sent);
  // The read has not ended yet.
  mirror.generation = now.generation;
  mirror.facts = now.facts;
  mirror.holds = now.holds;
  mirror.approvals = now.approvals;
  mirror.touched = now.touched;
  return mirror;
}

}  // namespace stibee_sync::store

#include "store/memory_observe.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

namespace stibee_sync::store {
namespace {

RemoteView view_of_person(const std::optional<LedgerRow>& row, const std::optional<domain::Confirmed>& trace,
                          const std::optional<Suppression>& suppression,
                          const std::optional<InFlight>& call) {
  RemoteView view;
  if (row) {
    view = view_of(*row, call ? &*call : nullptr);
  } else if (trace) {
    view = view_of_trace(*trace, suppression);
  }
  view.suppression = suppression;
  return view;
}

class MemoryListScan : public ListScan {
 public:
  MemoryListScan(MemoryMirror copy, MemorySuppressions suppressions, std::map<std::string, InFlight> calls)
      : mirror_(std::move(copy)), suppressions_(std::move(suppressions)), calls_(std::move(calls)) {}

  void add(const domain::EmailAddress& email, const Listed& listed) override {
    if (counted_) throw std::logic_error("a list that was counted is complete, or is begun anew");
    listed_[email.text()] = listed;
  }
  void start_over() override {
    if (last_) throw std::logic_error("a list is read before it is compared");
    counted_ = false;
    listed_.clear();
  }
  std::size_t distinct() override {
    counted_ = true;
    return listed_.size();
  }
  bool next(ListedPair& pair) override {
    if (!counted_) throw std::logic_error("a list is counted before it is compared");
    auto row = last_ ? mirror_.ledger.upper_bound(*last_) : mirror_.ledger.begin();
    auto one = last_ ? listed_.upper_bound(*last_) : listed_.begin();
    if (row == mirror_.ledger.end() && one == listed_.end()) return false;
    const bool by_row = one == listed_.end() || (row != mirror_.ledger.end() && row->first <= one->first);
    last_ = by_row ? row->first : one->first;
    pair.email = domain::EmailAddress::from_normalised(*last_);
    pair.view = view_of_person(looked_up(mirror_.ledger, *last_), looked_up(mirror_.traces, *last_),
                               looked_up(suppressions_, *last_), looked_up(calls_, *last_));
    pair.listed = looked_up(listed_, *last_);
    return true;
  }

 private:
  MemoryMirror mirror_;
  MemorySuppressions suppressions_;
  std::map<std::string, InFlight> calls_;
  std::map<std::string, Listed> listed_;
  bool counted_ = false;
  std::optional<std::string> last_;
};

}  // namespace

void MemoryChanges::apply_to(MemoryState& state, MirrorId id) {
  auto& mirror = state.mirror(id);
  for (const auto& [email, row_and_fate] : rows)
    mirror.apply(email, row_and_fate.first, row_and_fate.second);
  for (const auto& [email, confirmed] : traces) {
    const auto trace = trace_of(row_from_trace(confirmed));
    if (trace) {
      mirror.traces[email] = *trace;
    } else {
      mirror.traces.erase(email);
    }
  }
  for (const auto& [email, suppression] : suppressions) {
    auto& of_list = state.suppressions[mirror.list_id];
    if (suppression) {
      of_list[email] = *suppression;
    } else {
      of_list.erase(email);
    }
  }
  for (auto& writeback : writebacks) {
    writeback.writeback.id = ++state.last_writeback;
    mirror.writebacks.push_back(writeback);
  }
  for (const auto& email : touched)
    mirror.touched[email] = ++state.last_touch;
}

void present(const MemoryState& state, const MemoryMirror& mirror,
             const std::map<std::string, InFlight>& calls, const domain::EmailAddress& address,
             const DecideRemote& decide, const PlaceRule& place, domain::UtcTime now,
             MemoryChanges& changes) {
  const auto& email = address.text();
  auto before = looked_up(mirror.ledger, email);
  auto trace = before ? std::nullopt : looked_up(mirror.traces, email);
  if (const auto again = changes.rows.find(email); again != changes.rows.end()) {
    before = again->second.first;
    if (again->second.second == Fate::Erase) {
      trace = trace_of(*before);
      before.reset();
    }
  }
  if (const auto again = looked_up(changes.traces, email)) trace = trace_of(row_from_trace(*again));
  std::optional<Suppression> suppression;
  if (const auto of_list = state.suppressions.find(mirror.list_id); of_list != state.suppressions.end())
    suppression = looked_up(of_list->second, email);
  if (const auto again = changes.suppressions.find(email); again != changes.suppressions.end())
    suppression = again->second;
  auto call = looked_up(changes.calls, email);
  if (!call) call = looked_up(calls, email);

  const auto view = view_of_person(before, trace, suppression, call);
  const auto change = decide(address, view);

  if (before) {
    auto row = *before;
    const auto fate = apply_observation(row, change, call ? &*call : nullptr, place, now);
    if (call && row != *before) {
      call->observed = call->observed || row.confirmed != before->confirmed;
      if (row.wanted != before->wanted && !call->sent) call->sent = before->wanted;
      changes.calls[email] = *call;
    }
    changes.rows[email] = {std::move(row), fate};
  } else if (trace && change.confirmed) {
    changes.traces[email] = *change.confirmed;
  }
  const bool stands = suppression && !change.lift;
  if (suppression && change.lift) changes.suppressions[email] = std::nullopt;
  if (change.suppress)
    changes.suppressions[email] = stands ? newer_of(*suppression, *change.suppress) : *change.suppress;
  if (change.writeback) {
    MemoryWriteback one;
    one.writeback.request = *change.writeback;
    one.writeback.email = address;
    one.writeback.key = view.key;
    one.not_before = now;
    changes.writebacks.push_back(std::move(one));
  }
  if (change.look_again) changes.touched.push_back(email);
}

void settle_suppression(const MemorySuppressions& suppressions, const std::string& email,
                        const domain::Confirmed& before, const domain::Confirmed& after, domain::UtcTime now,
                        MemoryChanges& changes) {
  switch (suppression_step(before, after)) {
    case SuppressionStep::None:
      break;
    case SuppressionStep::Add:
      changes.suppressions[email] = suppression_by_answer(looked_up(suppressions, email), after, now);
      break;
    case SuppressionStep::Lift:
      changes.suppressions[email] = std::nullopt;
      break;
  }
}

std::vector<Writeback> due_writebacks(const MemoryMirror& mirror, domain::UtcTime now, std::size_t most) {
  std::vector<Writeback> due;
  std::set<std::string> waiting;
  for (const auto& one : mirror.writebacks) {
    const auto& email = one.writeback.email.text();
    if (one.not_before > now) waiting.insert(email);
    if (due.size() < most && !waiting.contains(email)) due.push_back(one.writeback);
  }
  return due;
}

std::optional<domain::UtcTime> next_writeback(const MemoryMirror& mirror) {
  std::optional<domain::UtcTime> earliest;
  std::set<std::string> seen;
  for (const auto& one : mirror.writebacks) {
    if (!seen.insert(one.writeback.email.text()).second) continue;
    if (!earliest || one.not_before < *earliest) earliest = one.not_before;
  }
  return earliest;
}

std::unique_ptr<ListScan> make_memory_list(MemoryMirror copy, MemorySuppressions suppressions,
                                           std::map<std::string, InFlight> calls) {
  return std::make_unique<MemoryListScan>(std::move(copy), std::move(suppressions), std::move(calls));
}

}  // namespace stibee_sync::store

#include "store/row_codec.hpp"
#include "store/sqlite_list.hpp"
#include "store/sqlite_store_impl.hpp"

#include <algorithm>
#include <utility>

// What Stibee shows of people, by webhooks and in its list, and what follows from it.
namespace stibee_sync::store {

/// The people of one `observe`, within its transaction.
class SqliteStore::Observation {
 public:
  Observation(SqliteStore& store, MirrorId mirror, const PlaceRule& place, domain::UtcTime now)
      : store_(store),
        mirror_(mirror),
        place_(place),
        now_(now),
        list_id_(store.mirrors_.list_id(mirror)),
        has_traces_(store.ledger_.has_traces(mirror)) {}

  void present(const domain::EmailAddress& address, const DecideRemote& decide) {
    const auto& email = address.text();
    const auto person = store_.key_.person_hash(email);
    const auto before = store_.ledger_.find(mirror_, email);
    const auto trace = !before && has_traces_ ? store_.ledger_.find_trace(mirror_, email) : std::nullopt;
    const auto suppression = store_.suppressions_.find(list_id_, person);
    const auto call = call_of(email);

    RemoteView view;
    if (before) {
      view = view_of(*before, call ? &*call : nullptr);
    } else if (trace) {
      view = view_of_trace(*trace, suppression);
    }
    view.suppression = suppression;
    const auto change = decide(address, view);

    if (before) {
      change_row(email, *before, change, call);
    } else if (trace && change.confirmed) {
      store_.ledger_.update_trace(mirror_, email, *change.confirmed);
    }
    const bool stands = suppression && !change.lift;
    if (suppression && change.lift && !change.suppress) store_.lift(list_id_, person);
    if (change.suppress) {
      const auto& kept = stands ? newer_of(*suppression, *change.suppress) : *change.suppress;
      if (suppression != kept) store_.suppress(list_id_, person, kept);
    }
    if (change.writeback) store_.writebacks_.add(mirror_, email, view.key, *change.writeback, now_);
    if (change.look_again) store_.touch(mirror_, email);
  }

  /// Once it is on disk: calls that are out learn that they were overtaken.
  void tell_claims() {
    for (auto& [email, call] : calls_) {
      if (auto* claim = store_.claims_.find(mirror_, email)) claim->call = std::move(call);
    }
  }

 private:
  // With what earlier people of this observation have changed.
  std::optional<InFlight> call_of(const std::string& email) const {
    if (const auto found = calls_.find(email); found != calls_.end()) return found->second;
    const auto* claim = store_.claims_.find(mirror_, email);
    return claim == nullptr ? std::nullopt : std::optional(claim->call);
  }

  void change_row(const std::string& email, const LedgerRow& before, const RemoteChange& change,
                  const std::optional<InFlight>& call) {
    auto row = before;
    const auto fate = apply_observation(row, change, call ? &*call : nullptr, place_, now_);
    store_.ledger_.apply(mirror_, email, &before, row, fate);
    if (!call || row == before) return;
    auto after = *call;
    after.observed = after.observed || row.confirmed != before.confirmed;
    if (row.wanted != before.wanted && !after.sent) after.sent = before.wanted;
    calls_[email] = std::move(after);
  }

  SqliteStore& store_;
  MirrorId mirror_;
  const PlaceRule& place_;
  domain::UtcTime now_;
  std::int64_t list_id_;
  bool has_traces_;
  std::map<std::string, InFlight> calls_;
};

void SqliteStore::observe(MirrorId mirror, const std::vector<domain::EmailAddress>& people,
                          const DecideRemote& decide, const PlaceRule& place, domain::UtcTime now) {
  last_now_ = now;
  knows_now_ = true;
  Change change(*this);
  Observation observation(*this, mirror, place, now);
  for (const auto& address : people)
    observation.present(address, decide);
  change.commit();
  observation.tell_claims();
}

void SqliteStore::suppress(std::int64_t list_id, const PersonHash& person, const Suppression& suppression) {
  suppressions_.put(list_id, person, suppression);
  to_journal_.push_back({list_id, person, suppression, true});
}

void SqliteStore::lift(std::int64_t list_id, const PersonHash& person) {
  auto lifted = suppressions_.find(list_id, person).value_or(Suppression{});
  suppressions_.erase(list_id, person);
  to_journal_.push_back({list_id, person, std::move(lifted), false});
}

void SqliteStore::settle_suppression(std::int64_t list_id, bool any_suppressed, const std::string& email,
                                     const domain::Confirmed& before, const domain::Confirmed& after,
                                     domain::UtcTime now) {
  const auto step = suppression_step(before, after);
  if (step == SuppressionStep::None || (step == SuppressionStep::Lift && !any_suppressed)) return;
  const auto person = key_.person_hash(email);
  auto known = suppressions_.find(list_id, person);
  switch (step) {
    case SuppressionStep::None:
      break;
    case SuppressionStep::Add:
      suppress(list_id, person, suppression_by_answer(std::move(known), after, now));
      break;
    case SuppressionStep::Lift:
      if (known) lift(list_id, person);
      break;
  }
}

std::unique_ptr<ListScan> SqliteStore::begin_list(MirrorId mirror) {
  std::optional<SqliteListScan::InFlightLanes> in_flight;
  if (mode_ == Connection::Mode::ReadWrite) in_flight = claims_.lanes(mirror);
  return std::make_unique<SqliteListScan>(connection_for_scan(), key_, mirror, std::move(in_flight),
                                          staging_);
}

std::optional<domain::UtcTime> SqliteStore::adopted(MirrorId mirror) const {
  return mirrors_.adopted(mirror);
}

void SqliteStore::set_adopted(MirrorId mirror, domain::UtcTime when) {
  Change change(*this);
  mirrors_.set_adopted(mirror, when);
  change.commit();
}

std::optional<domain::UtcTime> SqliteStore::reconciled(MirrorId mirror) const {
  return mirrors_.reconciled(mirror);
}

void SqliteStore::set_reconciled(MirrorId mirror, domain::UtcTime when) {
  Change change(*this);
  mirrors_.set_reconciled(mirror, when);
  change.commit();
}

std::size_t SqliteStore::suppressed(MirrorId mirror) const {
  return suppressions_.count(mirrors_.list_id(mirror));
}

void SqliteStore::touch(MirrorId mirror, std::string_view email) {
  touch_.bind(1, mirror.number).bind(2, email).bind(3, ++last_touch_).run();
}

// ---- write-backs ---------------------------------------------------------------------------------------

std::vector<Writeback> SqliteStore::writebacks(MirrorId mirror, domain::UtcTime now, std::size_t most) const {
  return writebacks_.due(mirror, now, most);
}

std::optional<domain::UtcTime> SqliteStore::next_writeback(const std::vector<MirrorId>& mirrors) const {
  std::optional<domain::UtcTime> earliest;
  for (const auto mirror : mirrors) {
    const auto next = writebacks_.next(mirror);
    if (next && (!earliest || *next < *earliest)) earliest = next;
  }
  return earliest;
}

void SqliteStore::finish_writeback(MirrorId mirror, std::int64_t id) {
  Change change(*this);
  if (const auto email = writebacks_.erase(mirror, id)) touch(mirror, *email);
  change.commit();
}

void SqliteStore::postpone_writeback(MirrorId mirror, std::int64_t id, domain::UtcTime not_before) {
  Change change(*this);
  writebacks_.postpone(mirror, id, not_before);
  change.commit();
}

}  // namespace stibee_sync::store

#include "store/row_codec.hpp"
#include "store/tables.hpp"

#include <algorithm>

// What the store tells of who waits, who cannot be sent, and how many are in which state.
namespace stibee_sync::store {
namespace {

/// Usable rows whose address is borne by a usable row with a lower key. `shadowed` marks all who share one.
constexpr std::string_view from_duplicates =
    " FROM member m INDEXED BY member_shadowed WHERE m.mirror = ? AND m.shadowed = 1 AND m.email IS NOT NULL "
    "AND "
    "m.rejection IS NULL AND EXISTS (SELECT 1 FROM member_address a CROSS JOIN member l ON l.mirror = "
    "a.mirror AND l.key = a.key "
    "WHERE a.mirror = m.mirror AND a.email = m.email AND a.key < m.key AND l.rejection IS NULL)";

/// Of one of them: the key of the row that is sent.
constexpr std::string_view lowest_bearer =
    "(SELECT a.key FROM member_address a CROSS JOIN member l ON l.mirror = a.mirror AND l.key = a.key WHERE "
    "a.mirror = m.mirror AND a.email = m.email AND a.key < m.key AND l.rejection IS NULL ORDER BY a.key "
    "LIMIT "
    "1)";

std::size_t people_of(std::int64_t count) {
  return static_cast<std::size_t>(std::max<std::int64_t>(count, 0));
}

Backlog backlog_of(Store::Tables& tables, MirrorId mirror, const Tally& tally, domain::UtcTime now) {
  Backlog backlog;
  for (const auto lane : domain::all_lanes) {
    auto& pending = backlog.pending[lane];
    const auto all = people_of(tally.pending[static_cast<std::size_t>(to_number(lane))]);
    if (all == 0) continue;
    pending.people = all - std::min(all, tables.queue.postponed(mirror, lane, now));
    pending.oldest = tables.queue.oldest(mirror, lane, now);
  }
  for (const auto& [reason, people] : tally.parked) {
    if (people > 0) backlog.parked[reason] += people_of(people);
  }
  Statement rejected(
      *tables.connection,
      "SELECT rejection, count(*) FROM member INDEXED BY member_rejected WHERE mirror = ? AND rejection IS "
      "NOT NULL GROUP BY rejection");
  rejected.bind(1, mirror.number);
  while (rejected.step())
    backlog.parked[std::string(rejected.text(0))] += people_of(rejected.integer(1));
  Statement duplicates(*tables.connection, "SELECT count(*)" + std::string(from_duplicates));
  duplicates.bind(1, mirror.number);
  if (duplicates.step() && duplicates.integer(0) > 0) {
    backlog.parked[name(domain::Reason::DuplicateAddress)] += people_of(duplicates.integer(0));
  }
  return backlog;
}

}  // namespace

Summary Store::summary(MirrorId mirror, domain::UtcTime now) const {
  Summary summary;
  const ReadView view(*tables_->connection);
  const auto tally = tables_->tally(mirror);
  for (const auto status : all_statuses) {
    summary.people[status] = people_of(tally.status[static_cast<std::size_t>(to_number(status))]);
  }
  summary.wanted_subscribed = people_of(tally.wanted_subscribed);
  static_cast<Backlog&>(summary) = backlog_of(*tables_, mirror, tally, now);
  summary.consents_due = people_of(tally.consents_until(ledger::last_due_consent_day(now)));
  summary.writebacks = tables_->writebacks.count(mirror);
  summary.facts = tables_->mirrors.facts(mirror);
  summary.milestones = tables_->mirrors.milestones(mirror);
  summary.holds = tables_->mirrors.holds(mirror);
  return summary;
}

Backlog Store::backlog(MirrorId mirror, domain::UtcTime now) const {
  const ReadView view(*tables_->connection);
  return backlog_of(*tables_, mirror, tables_->ledger.backlog_tally(mirror), now);
}

std::size_t Store::wanted_subscribed(MirrorId mirror) const {
  const ReadView view(*tables_->connection);
  return people_of(tables_->tally(mirror).wanted_subscribed);
}

std::vector<ParkedPerson> Store::parked(MirrorId mirror, std::size_t most, std::string_view reason) const {
  std::vector<ParkedPerson> people;
  const ReadView view(*tables_->connection);
  const auto limit = static_cast<std::int64_t>(std::min<std::size_t>(most, std::size_t{1} << 40));
  Statement refused(
      *tables_->connection,
      "SELECT s.member_key, m.email, m.parked, m.message, m.attempts, m.parked_since FROM subscriber_more m "
      "INDEXED BY parked CROSS JOIN subscriber s ON s.mirror = m.mirror AND s.email = m.email "
      "WHERE m.mirror = ?1 AND m.parked IS NOT NULL AND (?3 = '' OR m.parked = ?3) ORDER BY m.parked, "
      "m.email "
      "LIMIT ?2");
  refused.bind(1, mirror.number).bind(2, limit).bind(3, reason);
  while (refused.step()) {
    ParkedPerson person;
    if (!refused.is_null(0)) person.key = key_at(refused, 0).to_string();
    person.email = refused.text(1);
    person.reason = name(reason_at(refused, 2));
    person.message = refused.text(3);
    person.attempts = static_cast<int>(refused.integer(4));
    person.since = time_at(refused, 5);
    people.push_back(std::move(person));
  }
  Statement rejected(
      *tables_->connection,
      "SELECT key, email, rejection, rejected_column FROM member INDEXED BY member_rejected WHERE mirror = "
      "?1 AND rejection IS NOT NULL AND (?3 = '' OR rejection = ?3) ORDER BY rejection, key LIMIT ?2");
  rejected.bind(1, mirror.number).bind(2, limit - static_cast<std::int64_t>(people.size())).bind(3, reason);
  while (rejected.step()) {
    ParkedPerson person;
    person.key = key_at(rejected, 0).to_string();
    person.email = rejected.text(1);
    person.reason = rejected.text(2);
    const auto column = rejected.text(3);
    if (!column.empty()) person.message = "column " + std::string(column);
    people.push_back(std::move(person));
  }
  const auto duplicate = name(domain::Reason(domain::Reason::DuplicateAddress));
  if (!reason.empty() && reason != duplicate) return people;
  Statement duplicates(*tables_->connection, "SELECT m.key, m.email, " + std::string(lowest_bearer) +
                                                 std::string(from_duplicates) + " ORDER BY m.key LIMIT ?");
  duplicates.bind(1, mirror.number).bind(2, limit - static_cast<std::int64_t>(people.size()));
  while (duplicates.step()) {
    ParkedPerson person;
    person.key = key_at(duplicates, 0).to_string();
    person.email = duplicates.text(1);
    person.reason = duplicate;
    person.sent_instead = key_at(duplicates, 2).to_string();
    person.message = "a row with a lower key bears the same address; that one is sent";
    people.push_back(std::move(person));
  }
  return people;
}

std::size_t Store::pending(MirrorId mirror, domain::UtcTime now) const {
  const ReadView view(*tables_->connection);
  const auto tally = tables_->tally(mirror);
  std::size_t pending = 0;
  for (const auto lane : domain::all_lanes) {
    const auto people = people_of(tally.pending[static_cast<std::size_t>(to_number(lane))]);
    if (people > 0) pending += people - std::min(people, tables_->queue.postponed(mirror, lane, now));
  }
  return pending;
}

std::size_t Store::suppressed(MirrorId mirror) const {
  return tables_->suppressions.count(tables_->mirrors.list_id(mirror));
}

}  // namespace stibee_sync::store

#include "store/sqlite_store_impl.hpp"

#include "store/row_codec.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace stibee_sync::store {

SqliteStore::SqliteStore(std::unique_ptr<Connection> connection, Connection::Mode mode,
                         const domain::StateKey::Bytes& key, std::filesystem::path staging)
    : connection_(std::move(connection)),
      mode_(mode),
      key_(key),
      staging_(std::move(staging)),
      queue_(*connection_, claims_),
      ledger_(*connection_, key_,
              [this](MirrorId mirror, const std::string& email, const LedgerRow& row) {
                queue_.changed(mirror, email, row);
              }),
      mirrors_(*connection_),
      suppressions_(*connection_),
      writebacks_(*connection_),
      insert_batch_(*connection_, "INSERT INTO in_flight (mirror, people) VALUES (?, ?) RETURNING id"),
      erase_batch_(*connection_, "DELETE FROM in_flight WHERE id = ?"),
      insert_attempt_(*connection_, "INSERT OR REPLACE INTO limiter_attempt VALUES (?, ?, ?, ?, ?, ?)"),
      touch_(
          *connection_,
          "INSERT INTO touched_address VALUES (?, ?, ?) ON CONFLICT (mirror, email) DO UPDATE SET number = "
          "excluded.number"),
      last_touch_(connection_->query_number("SELECT max(number) FROM touched_address")) {
  Statement last(*connection_,
                 "SELECT limiter_class, max(number) FROM limiter_attempt GROUP BY limiter_class");
  while (last.step())
    attempt_numbers_[std::string(last.text(0))] = last.integer(1);
}

SqliteStore::Change::Change(SqliteStore& store)
    : store_(store.caught_up()), transaction_(*store.connection_) {}

SqliteStore::Change::~Change() {
  if (committed_) return;
  store_.ledger_.rolled_back();
  store_.to_journal_.clear();
}

void SqliteStore::Change::commit() {
  for (const auto batch : store_.stale_batches_)
    store_.forget_batch(batch);
  if (store_.journal_ && !store_.to_journal_.empty()) {
    // The opt-outs' own file first: what only it knows is applied later, what only the state knew would be
    // lost with it.
    store_.journal_->append(store_.to_journal_);
    store_.suppressions_.set_applied(store_.journal_->last());
  }
  transaction_.commit();
  committed_ = true;
  store_.to_journal_.clear();
  if (store_.journal_) store_.journal_applied_ = store_.journal_->last();
  store_.stale_batches_.clear();
  store_.ledger_.committed();
}

void SqliteStore::forget_batch(std::int64_t batch) {
  erase_batch_.bind(1, batch).run();
}

MirrorId SqliteStore::open_mirror(std::string_view name, std::int64_t list_id) {
  if (const auto found = mirrors_.find(name, list_id)) return *found;
  if (mode_ != Connection::Mode::ReadWrite) return MirrorId{};  // a mirror of which nothing is known
  Change change(*this);
  const auto mirror = mirrors_.add(name, list_id);
  change.commit();
  return mirror;
}

bool SqliteStore::paused(MirrorId mirror) const {
  return mirrors_.paused(mirror);
}

void SqliteStore::set_paused(MirrorId mirror, bool paused) {
  Change change(*this);
  mirrors_.set_paused(mirror, paused);
  change.commit();
}

SourceFacts SqliteStore::source_facts(MirrorId mirror) const {
  return mirrors_.facts(mirror);
}

std::unique_ptr<Scan> SqliteStore::begin_scan(MirrorId mirror) {
  return std::make_unique<SqliteScan>(connection_for_scan(), key_, mirror, staging_);
}

std::unique_ptr<Connection> SqliteStore::connection_for_scan() const {
  const auto mode = mode_ == Connection::Mode::ReadWrite ? Connection::Mode::ReadOnly : mode_;
  auto connection = std::make_unique<Connection>(connection_->file(), mode);
  connection->execute("PRAGMA cache_size = -1500");
  return connection;
}

SqliteScan& SqliteStore::to_commit(Scan& scan, const CommitRequest& request) {
  auto* staged = dynamic_cast<SqliteScan*>(&scan);
  if (staged == nullptr) throw std::invalid_argument("a scan of another store");
  if (staged->staged() > 0 && !staged->decided())
    throw std::invalid_argument("a scan is decided before its commit");
  if (staged->generation() != mirrors_.generation(staged->mirror())) {
    throw StoreError("another read of the same mirror was applied while this one ran; it will be repeated");
  }
  staged->close_snapshot();
  last_now_ = request.now;
  knows_now_ = true;
  return *staged;
}

Ingest SqliteStore::ingest(SqliteScan& scan, const CommitRequest& request) {
  const auto mirror = scan.mirror();
  auto in_flight = [this, mirror](const std::string& email) -> const InFlight* {
    const auto* claim = claims_.find(mirror, email);
    return claim == nullptr ? nullptr : &claim->call;
  };
  Ingest::FindSuppression suppression;
  if (const auto list_id = mirrors_.list_id(mirror); suppressions_.any(list_id)) {
    suppression = [this, list_id](const std::string& email) {
      return suppressions_.find(list_id, key_.person_hash(email));
    };
  }
  return {*connection_, ledger_, std::move(suppression), scan, request, std::move(in_flight)};
}

CommitReport SqliteStore::commit(std::unique_ptr<Scan> scan, const CommitRequest& request) {
  auto& staged = to_commit(*scan, request);
  const auto mirror = staged.mirror();
  Change change(*this);
  auto ingest = this->ingest(staged, request);
  const auto report = ingest.run();
  mirrors_.set_facts(mirror, request.facts);
  mirrors_.replace_holds(mirror, request.holds);
  mirrors_.drop_expired_approvals(mirror, request.now);
  change.commit();
  for (const auto& [email, wanted] : ingest.overtaken())
    claims_.find(mirror, email)->call.sent = wanted;
  return report;
}

CommitReport SqliteStore::commit_ahead(Scan& scan, const CommitRequest& request, std::size_t most) {
  auto& staged = to_commit(scan, request);
  if (!request.held_classes.empty()) throw std::invalid_argument("nothing is committed ahead of a hold");
  if (!staged.is_first() || ledger_.has_rows(staged.mirror())) return {};
  staged.show_first(most);
  Change change(*this);
  const auto report = ingest(staged, request).apply();
  change.commit();
  staged.show_rest();
  return report;
}

std::vector<Hold> SqliteStore::holds(MirrorId mirror) const {
  return mirrors_.holds(mirror);
}

void SqliteStore::approve(MirrorId mirror, const std::string& digest, domain::UtcTime expires) {
  Change change(*this);
  mirrors_.approve(mirror, digest, expires);
  change.commit();
}

bool SqliteStore::approved(MirrorId mirror, const std::string& digest, domain::UtcTime now) const {
  return mirrors_.approved(mirror, digest, now);
}

void SqliteStore::drop_approval(MirrorId mirror, const std::string& digest) {
  Change change(*this);
  mirrors_.drop_approval(mirror, digest);
  change.commit();
}

namespace {

/// Usable rows whose address is borne by a usable row with a lower key. `shadowed` marks all who share one.
constexpr std::string_view from_duplicates =
    " FROM member m INDEXED BY member_shadowed WHERE m.mirror = ? AND m.shadowed = 1 AND m.email IS NOT NULL "
    "AND "
    "m.rejection IS NULL AND EXISTS (SELECT 1 FROM member_address a CROSS JOIN member l ON l.mirror = "
    "a.mirror AND l.key = a.key "
    "WHERE a.mirror = m.mirror AND a.email = m.email AND a.key < m.key AND l.rejection IS NULL)";

std::size_t people_of(std::int64_t count) {
  return static_cast<std::size_t>(std::max<std::int64_t>(count, 0));
}

}  // namespace

// A daemon beside a read-only store changes the file: nothing may be remembered.
Tally SqliteStore::tally(MirrorId mirror) const {
  return mode_ == Connection::Mode::ReadWrite ? ledger_.tally(mirror) : ledger_.fresh_tally(mirror);
}

Summary SqliteStore::summary(MirrorId mirror, domain::UtcTime now) const {
  Summary summary;
  const ReadView view(*connection_);
  const auto tally = this->tally(mirror);
  for (const auto status : all_statuses) {
    summary.people[status] = people_of(tally.status[static_cast<std::size_t>(to_number(status))]);
  }
  summary.wanted_subscribed = people_of(tally.wanted_subscribed);
  static_cast<Backlog&>(summary) = backlog_of(mirror, tally, now);
  summary.consents_due = people_of(tally.consents_until(last_due_consent_day(now)));
  summary.writebacks = writebacks_.count(mirror);
  summary.facts = mirrors_.facts(mirror);
  summary.holds = mirrors_.holds(mirror);
  return summary;
}

Backlog SqliteStore::backlog(MirrorId mirror, domain::UtcTime now) const {
  const ReadView view(*connection_);
  return backlog_of(mirror, ledger_.backlog_tally(mirror), now);
}

std::size_t SqliteStore::wanted_subscribed(MirrorId mirror) const {
  const ReadView view(*connection_);
  return people_of(tally(mirror).wanted_subscribed);
}

Backlog SqliteStore::backlog_of(MirrorId mirror, const Tally& tally, domain::UtcTime now) const {
  Backlog backlog;
  for (const auto lane : domain::all_lanes) {
    auto& pending = backlog.pending[lane];
    const auto all = people_of(tally.pending[static_cast<std::size_t>(to_number(lane))]);
    if (all == 0) continue;
    pending.people = all - std::min(all, queue_.postponed(mirror, lane, now));
    pending.oldest = queue_.oldest(mirror, lane, now);
  }
  for (const auto& [reason, people] : tally.parked) {
    if (people > 0) backlog.parked[reason] += people_of(people);
  }
  Statement rejected(
      *connection_,
      "SELECT rejection, count(*) FROM member INDEXED BY member_rejected WHERE mirror = ? AND rejection IS "
      "NOT NULL GROUP BY rejection");
  rejected.bind(1, mirror.number);
  while (rejected.step())
    backlog.parked[std::string(rejected.text(0))] += people_of(rejected.integer(1));
  Statement duplicates(*connection_, "SELECT count(*)" + std::string(from_duplicates));
  duplicates.bind(1, mirror.number);
  if (duplicates.step() && duplicates.integer(0) > 0) {
    backlog.parked[std::string(duplicate_reason)] += people_of(duplicates.integer(0));
  }
  return backlog;
}

std::vector<ParkedPerson> SqliteStore::parked(MirrorId mirror, std::size_t most) const {
  std::vector<ParkedPerson> people;
  const ReadView view(*connection_);
  const auto limit = static_cast<std::int64_t>(std::min<std::size_t>(most, std::size_t{1} << 40));
  Statement refused(
      *connection_,
      "SELECT member_key, email, parked, message, attempts, parked_since FROM subscriber INDEXED BY parked "
      "WHERE mirror = ? AND parked IS NOT NULL ORDER BY parked, email LIMIT ?");
  refused.bind(1, mirror.number).bind(2, limit);
  while (refused.step()) {
    ParkedPerson person;
    if (!refused.is_null(0)) person.key = key_at(refused, 0).to_string();
    person.email = refused.text(1);
    person.reason = refused.text(2);
    person.message = refused.text(3);
    person.attempts = static_cast<int>(refused.integer(4));
    person.since = time_at(refused, 5);
    people.push_back(std::move(person));
  }
  Statement rejected(
      *connection_,
      "SELECT key, email, rejection, rejected_column FROM member INDEXED BY member_rejected WHERE mirror = "
      "? AND rejection IS NOT NULL ORDER BY rejection, key LIMIT ?");
  rejected.bind(1, mirror.number).bind(2, limit - static_cast<std::int64_t>(people.size()));
  while (rejected.step()) {
    ParkedPerson person;
    person.key = key_at(rejected, 0).to_string();
    person.email = rejected.text(1);
    person.reason = rejected.text(2);
    person.message = rejected_message(rejected.text(3));
    people.push_back(std::move(person));
  }
  Statement duplicates(*connection_,
                       "SELECT m.key, m.email" + std::string(from_duplicates) + " ORDER BY m.key LIMIT ?");
  duplicates.bind(1, mirror.number).bind(2, limit - static_cast<std::int64_t>(people.size()));
  while (duplicates.step()) {
    ParkedPerson person;
    person.key = key_at(duplicates, 0).to_string();
    person.email = duplicates.text(1);
    person.reason = duplicate_reason;
    person.message = duplicate_message;
    people.push_back(std::move(person));
  }
  return people;
}

std::size_t SqliteStore::pending(MirrorId mirror) const {
  const ReadView view(*connection_);
  const auto tally = this->tally(mirror);
  std::size_t pending = 0;
  for (const auto lane : domain::all_lanes) {
    const auto people = static_cast<std::size_t>(tally.pending[static_cast<std::size_t>(to_number(lane))]);
    if (people == 0) continue;
    pending += people - (knows_now_ ? std::min(people, queue_.postponed(mirror, lane, last_now_)) : 0);
  }
  return pending;
}

std::optional<LedgerEntry> SqliteStore::find(MirrorId mirror, const domain::EmailAddress& email) const {
  if (auto row = ledger_.find(mirror, email.text())) return entry_of(*row);
  if (auto trace = ledger_.find_trace(mirror, email.text())) {
    LedgerEntry entry;
    entry.confirmed = *trace;
    entry.is_trace = true;
    return entry;
  }
  return std::nullopt;
}

}  // namespace stibee_sync::store

#include "store/row_codec.hpp"
#include "store/sqlite_store_impl.hpp"

#include <algorithm>
#include <utility>

#include <sqlite3.h>

// What the dispatcher asks of the store: claim, settle, retry.
namespace stibee_sync::store {
namespace {

std::string joined_lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) {
    if (!text.empty()) text += '\n';
    text += line;
  }
  return text;
}

}  // namespace

std::optional<Claimed> SqliteStore::claim(const ClaimRequest& request, const LogAttempt& log) {
  last_now_ = request.now;
  knows_now_ = true;
  Change change(*this);
  const auto batch = queue_.most_urgent(request);
  if (!batch) return std::nullopt;
  const auto mirror = batch->stream.mirror;
  Claimed claimed;
  claimed.mirror = mirror;
  claimed.lane = batch->stream.lane;
  claimed.shape = batch->stream.shape;
  claimed.is_retry = batch->stream.retried;
  claimed.batch_limit = batch->limit;
  claimed.people.reserve(batch->people.size());
  for (const auto& email : batch->people) {
    auto row = ledger_.find(mirror, email);
    // The index names people whom the table does not have.
    if (!row) connection_->fail(SQLITE_CORRUPT);
    ClaimedPerson person;
    person.email = domain::EmailAddress::from_normalised(email);
    person.wanted = std::move(row->wanted);
    person.confirmed = std::move(row->confirmed);
    if (row->values) person.values = std::move(*row->values);
    person.attempts = row->attempts;
    claimed.people.push_back(std::move(person));
  }

  const auto attempt = log ? log(claimed.shape, claimed.people.size()) : LoggedAttempt{};
  if (!attempt.limiter_class.empty()) insert_attempt(attempt);
  const auto text = joined_lines(batch->people);
  insert_batch_.bind(1, mirror.number).bind(2, text);
  insert_batch_.step();
  const auto id = insert_batch_.integer(0);
  insert_batch_.reset();
  change.commit();
  if (!attempt.limiter_class.empty()) ++attempt_numbers_[attempt.limiter_class];
  for (const auto& email : batch->people)
    claims_.add(mirror, email, batch->stream.lane, id);
  return claimed;
}

void SqliteStore::log_attempt(const LoggedAttempt& attempt) {
  Change change(*this);
  insert_attempt(attempt);
  change.commit();
  ++attempt_numbers_[attempt.limiter_class];
}

void SqliteStore::insert_attempt(const LoggedAttempt& attempt) {
  const auto number = attempt_numbers_[attempt.limiter_class] + 1;
  insert_attempt_.bind(1, attempt.limiter_class)
      .bind(2, number % most_logged_attempts)
      .bind(3, number)
      .bind(4, to_number(attempt.at))
      .bind(5, attempt.boot_id)
      .bind(6, attempt.since_boot_ns)
      .run();
}

std::vector<LoggedAttempt> SqliteStore::logged_attempts() const {
  std::vector<LoggedAttempt> attempts;
  Statement all(
      *connection_,
      "SELECT limiter_class, at, boot_id, since_boot_ns FROM limiter_attempt ORDER BY limiter_class, number");
  while (all.step()) {
    LoggedAttempt attempt;
    attempt.limiter_class = all.text(0);
    attempt.at = time_from(all.integer(1));
    attempt.boot_id = all.text(2);
    attempt.since_boot_ns = all.integer(3);
    attempts.push_back(std::move(attempt));
  }
  return attempts;
}

void SqliteStore::release(MirrorId mirror, const std::vector<domain::EmailAddress>& people) {
  const ReadView view(*connection_);
  for (const auto& email : people) {
    if (const auto batch = claims_.free(mirror, email.text())) stale_batches_.push_back(*batch);
    if (const auto row = ledger_.find(mirror, email.text())) queue_.changed(mirror, email.text(), *row);
  }
}

void SqliteStore::settle(MirrorId mirror, const std::vector<Settlement>& people, const PlaceRule& place,
                         domain::UtcTime now, const CrossRule& cross) {
  last_now_ = now;
  knows_now_ = true;
  Change change(*this);
  const auto list_id = mirrors_.list_id(mirror);
  const bool any_suppressed = suppressions_.any(list_id);
  std::map<std::int64_t, std::size_t> settled;
  for (std::size_t i = 0; i < people.size(); ++i) {
    const auto& person = people[i];
    const auto& email = person.email.text();
    InFlight call;
    const auto* claim = claims_.find(mirror, email);
    if (claim != nullptr) {
      call = claim->call;
      ++settled[claim->batch];
    }
    const auto before = ledger_.find(mirror, email);
    if (!before) continue;
    if (claim == nullptr && before->lane) call.lane = *before->lane;
    auto row = *before;
    const auto fate = apply_settlement(row, person, call, place, now, cross, i);
    ledger_.apply(mirror, email, &*before, row, fate);
    settle_suppression(list_id, any_suppressed, email, before->confirmed, row.confirmed, now);
    // Even if nothing changed: who is free again must be found where they stand.
    if (fate == Fate::Keep) queue_.changed(mirror, email, row);
  }
  for (const auto& [batch, count] : settled) {
    if (count >= claims_.left(batch)) forget_batch(batch);
  }
  change.commit();
  for (const auto& person : people)
    claims_.free(mirror, person.email.text());
}

void SqliteStore::replace_all(MirrorId mirror, const PlaceRule& place, domain::UtcTime now) {
  Change change(*this);
  ledger_.change_all(mirror,
                     [&](const std::string&, LedgerRow& row) { return place_again(row, place, now); });
  change.commit();
}

std::optional<domain::UtcTime> SqliteStore::next_due(const std::vector<MirrorId>& mirrors) const {
  const ReadView view(*connection_);
  return queue_.next_due(mirrors);
}

std::vector<std::string> SqliteStore::parked_addresses(MirrorId mirror, std::string_view reason,
                                                       std::string_view email) {
  std::vector<std::string> addresses;
  Statement matching(
      *connection_,
      "SELECT email FROM subscriber INDEXED BY parked WHERE mirror = ?1 AND parked IS NOT NULL AND (?2 = '' "
      "OR parked = ?2) AND (?3 = '' OR email = ?3) ORDER BY email");
  matching.bind(1, mirror.number).bind(2, reason).bind(3, email);
  while (matching.step())
    addresses.emplace_back(matching.text(0));
  return addresses;
}

std::size_t SqliteStore::retry(MirrorId mirror, std::string_view reason, std::string_view email,
                               const PlaceRule& place, domain::UtcTime now) {
  const auto addresses = parked_addresses(mirror, reason, email);
  std::size_t count = 0;
  Change change(*this);
  for (const auto& address : addresses) {
    const auto before = ledger_.find(mirror, address);
    auto row = *before;
    const auto fate = unpark(row, place, now);
    if (row.parked.empty()) ++count;
    ledger_.apply(mirror, address, &*before, row, fate);
  }
  change.commit();
  return count;
}

void SqliteStore::hasten(MirrorId mirror, domain::UtcTime now) {
  std::vector<std::string> waiting;
  Statement retried(
      *connection_,
      "SELECT email FROM subscriber INDEXED BY retried WHERE mirror = ? AND lane IS NOT NULL AND retried = 1 "
      "AND due > ?");
  retried.bind(1, mirror.number).bind(2, to_number(now));
  while (retried.step())
    waiting.emplace_back(retried.text(0));
  if (waiting.empty()) return;
  Change change(*this);
  for (const auto& email : waiting) {
    const auto before = ledger_.find(mirror, email);
    auto row = *before;
    if (hasten_row(row, now)) ledger_.write(mirror, email, &*before, row);
  }
  change.commit();
}

void SqliteStore::recover() {
  std::vector<std::pair<MirrorId, std::string>> batches;
  {
    Statement left(*connection_, "SELECT mirror, people FROM in_flight ORDER BY id");
    while (left.step())
      batches.emplace_back(MirrorId{left.integer(0)}, left.text(1));
  }
  if (batches.empty()) return;
  Change change(*this);
  for (const auto& [mirror, text] : batches) {
    for (std::size_t at = 0; at < text.size();) {
      const auto end = std::min(text.find('\n', at), text.size());
      const auto email = text.substr(at, end - at);
      at = end + 1;
      const auto before = ledger_.find(mirror, email);
      if (!before) continue;
      auto row = *before;
      mark_in_doubt(row);
      ledger_.write(mirror, email, &*before, row);
    }
  }
  connection_->execute("DELETE FROM in_flight");
  change.commit();
}

}  // namespace stibee_sync::store

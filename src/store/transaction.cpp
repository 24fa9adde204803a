#include "stibee_sync/store/transaction.hpp"

#include "store/row_codec.hpp"
#include "store/scan_state.hpp"
#include "store/tables.hpp"
#include "store/work.hpp"

#include <algorithm>

namespace stibee_sync::store {
namespace {

std::string lines_of(const std::vector<domain::EmailAddress>& people) {
  std::string text;
  for (const auto& email : people) {
    if (!text.empty()) text += '\n';
    text += email.text();
  }
  return text;
}

std::vector<domain::EmailAddress> addresses_of(Statement& statement) {
  std::vector<domain::EmailAddress> addresses;
  while (statement.step())
    addresses.push_back(domain::EmailAddress::from_normalised(std::string(statement.text(0))));
  return addresses;
}

}  // namespace

// ---- the transaction itself ------------------------------------------------------------------------------

Transaction::Transaction(Store& store) : work_(std::make_unique<Work>(store.tables())) {}
Transaction::~Transaction() = default;

void Transaction::commit() {
  work_->commit();
}

// ---- people ----------------------------------------------------------------------------------------------

ledger::Person Transaction::find(MirrorId mirror, const domain::EmailAddress& address) {
  const auto& email = address.text();
  auto& tables = work_->tables;
  const auto& known = work_->known(mirror);
  ledger::Person person;
  // A first import writes a million people in address order, none of whom need be looked for.
  if (email <= known.last_address) person.row = tables.ledger.find(mirror, email);
  if (!person.row && known.has_traces) person.trace = tables.ledger.find_trace(mirror, email);
  if (known.has_suppressions)
    person.suppression = tables.suppressions.find(known.list_id, tables.key.person_hash(email));
  if (const auto* claim = tables.claims.find(mirror, email)) person.call = claim->call;
  return person;
}

void Transaction::read_ahead(MirrorId mirror, const std::vector<std::string_view>& emails) {
  work_->tables.ledger.read_ahead(mirror, emails);
}

void Transaction::write(MirrorId mirror, const domain::EmailAddress& address, const ledger::Person& before,
                        const ledger::Person& after) {
  const auto& email = address.text();
  auto& tables = work_->tables;
  auto& known = work_->known(mirror);
  if (after.row) {
    tables.ledger.write(mirror, email, before.row ? &*before.row : nullptr, *after.row);
    known.last_address = std::max(known.last_address, email);
    if (after.row->lacks_values) ++tables.reads_wanted[mirror];
  } else if (before.row) {
    tables.ledger.erase(mirror, email, *before.row);
  }
  if (after.trace != before.trace) {
    if (after.trace) {
      tables.ledger.write_trace(mirror, email, *after.trace);
      known.has_traces = true;
      // Who still gets mail under an address that they had may opt out there.
      if (before.row && before.row->key && !work_->borne_by(mirror, *before.row->key).empty())
        tables.ledger.set_trace_member(mirror, email, *before.row->key);
    } else {
      tables.ledger.erase_trace(mirror, email);
    }
  }
  if (after.suppression != before.suppression) {
    work_->suppress(mirror, email, before, after);
  } else if (!before.row && after.row && after.suppression) {
    // Who opted out while no row bore the address has a row again.
    work_->suppress_members(mirror, email, before, after);
  } else if (after.suppression && before.row && after.row && before.row->key &&
             after.row->key != before.row->key && work_->borne_by(mirror, *before.row->key).empty()) {
    // The member's row has another key.
    work_->suppress_members(mirror, email, before, after);
  }
  if (before.call && !after.call) {
    tables.claims.free(mirror, email);
  } else if (after.call != before.call) {
    tables.claims.change(mirror, email, *after.call);
  }
  // Even if the row is the same: who is free again must be found where they stand.
  if (after.row) tables.queue.changed(mirror, email, *after.row);
}

std::vector<domain::EmailAddress> Transaction::other_addresses(MirrorId mirror,
                                                               const domain::EmailAddress& email,
                                                               const ledger::Person& person) {
  std::vector<domain::EmailAddress> others;
  for (const auto& key : work_->members_of(mirror, email.text(), person)) {
    auto borne = work_->borne_by(mirror, key);
    if (!borne.empty() && borne != email.text())
      others.push_back(domain::EmailAddress::from_normalised(std::move(borne)));
  }
  return others;
}

std::optional<domain::EmailAddress> Transaction::moved_from(MirrorId mirror,
                                                            const domain::EmailAddress& email) {
  auto found = work_->tables.ledger.moved_from(mirror, email.text());
  if (!found) return std::nullopt;
  return domain::EmailAddress::from_normalised(std::move(*found));
}

std::vector<std::pair<domain::EmailAddress, ledger::LedgerRow>> Transaction::rows_after(
    MirrorId mirror, std::string_view email, std::size_t most) {
  return work_->tables.ledger.rows_after(mirror, email, most);
}

std::vector<domain::EmailAddress> Transaction::parked_people(MirrorId mirror, std::string_view reason,
                                                             std::string_view email) {
  Statement matching(*work_->tables.connection,
                     "SELECT email FROM subscriber_more INDEXED BY parked WHERE mirror = ?1 AND parked IS "
                     "NOT NULL AND (?2 = '' "
                     "OR parked = ?2) AND (?3 = '' OR email = ?3) ORDER BY email");
  matching.bind(1, mirror.number).bind(2, reason).bind(3, email);
  return addresses_of(matching);
}

std::vector<domain::EmailAddress> Transaction::backed_off(MirrorId mirror, domain::UtcTime now) {
  work_->tables.ledger.write_out();
  Statement retried(
      *work_->tables.connection,
      "SELECT email FROM subscriber INDEXED BY retried WHERE mirror = ? AND lane IS NOT NULL AND retried = 1 "
      "AND due > ?");
  retried.bind(1, mirror.number).bind(2, to_number(now));
  return addresses_of(retried);
}

// ---- the outbound queue ----------------------------------------------------------------------------------

std::vector<QueueHead> Transaction::heads(MirrorId mirror, domain::Lane lane, const Due& due) {
  work_->tables.ledger.write_out();
  return work_->tables.queue.heads(mirror, lane, due);
}

Waiting Transaction::waiting(const QueueLine& line, const Due& due, std::size_t most) {
  auto& tables = work_->tables;
  tables.ledger.write_out();
  auto waiting = tables.queue.waiting(line, due, most);
  tables.ledger.find_all(line.mirror, waiting.people);
  return waiting;
}

void Transaction::claim(const QueueLine& line, const std::vector<domain::EmailAddress>& people) {
  auto& insert = work_->tables.insert_batch;
  const auto text = lines_of(people);
  insert.bind(1, line.mirror.number).bind(2, text);
  const StatementUse use(insert);
  insert.step();
  const auto batch = insert.integer(0);
  for (const auto& email : people)
    work_->tables.claims.add(line.mirror, email.text(), line.lane, batch);
}

void Transaction::release(MirrorId mirror, const std::vector<domain::EmailAddress>& people) {
  auto& tables = work_->tables;
  for (const auto& email : people) {
    tables.claims.free(mirror, email.text());
    if (const auto row = tables.ledger.find(mirror, email.text()))
      tables.queue.changed(mirror, email.text(), *row);
  }
}

void Transaction::log_attempt(const LoggedAttempt& attempt) {
  auto& tables = work_->tables;
  const auto earlier = std::count(work_->logged.begin(), work_->logged.end(), attempt.limiter_class);
  const auto number = tables.attempt_numbers[attempt.limiter_class] + earlier + 1;
  tables.insert_attempt.bind(1, attempt.limiter_class)
      .bind(2, number % static_cast<std::int64_t>(most_logged_attempts))
      .bind(3, number)
      .bind(4, to_number(attempt.at))
      .bind(5, attempt.boot_id)
      .bind(6, attempt.since_boot_ns)
      .run();
  work_->logged.push_back(attempt.limiter_class);
}

bool Transaction::anybody_waits(MirrorId mirror, domain::UtcTime until) {
  auto& tables = work_->tables;
  if (tables.claims.any(mirror)) return true;
  tables.ledger.write_out();
  return std::any_of(std::begin(domain::all_lanes), std::end(domain::all_lanes), [&](domain::Lane lane) {
    return !tables.queue.heads(mirror, lane, Due{until, true}).empty();
  });
}

bool Transaction::table_read(MirrorId mirror) {
  return work_->tables.mirrors.table_read(mirror);
}

// ---- reads of the table ----------------------------------------------------------------------------------

void Transaction::touch(MirrorId mirror, const domain::EmailAddress& email) {
  work_->tables.touch(mirror, email.text());
}

void Transaction::set_recent(MirrorId mirror, const std::vector<HourOfChanges>& recent,
                             const std::vector<SlotOfChanges>& drained) {
  work_->tables.mirrors.set_recent(mirror, recent, drained);
}

void Transaction::set_facts(MirrorId mirror, const SourceFacts& facts) {
  work_->set_facts(mirror, facts);
}

std::vector<HeldChanges> Transaction::holds(MirrorId mirror) {
  return work_->tables.mirrors.holds(mirror);
}

void Transaction::replace_holds(MirrorId mirror, const std::vector<HeldChanges>& holds,
                                domain::UtcTime until) {
  work_->tables.mirrors.replace_holds(mirror, holds);
  work_->tables.held_sets.replace_current(mirror, holds, until);
}

std::vector<std::string> Transaction::held_sets(MirrorId mirror, std::string_view change_class) {
  return work_->tables.held_sets.digests(mirror, change_class);
}

std::vector<domain::Fingerprint> Transaction::held_set(MirrorId mirror, std::string_view digest) {
  return work_->tables.held_sets.items(mirror, digest);
}

void Transaction::keep_held_set(MirrorId mirror, const HeldChanges& hold, Scan& scan, int change_class) {
  auto& sets = work_->tables.held_sets;
  sets.drop(mirror, hold.digest);
  sets.add(mirror, hold);
  DecisionRecord record;
  auto& read = scan.state();
  read.rewind_decisions();
  while (read.next_decision(record)) {
    if (record.item && record.change_class == change_class) sets.add_person(mirror, hold.digest, record);
  }
}

void Transaction::drop_held_set(MirrorId mirror, std::string_view digest) {
  work_->tables.held_sets.drop(mirror, digest);
}

void Transaction::approve(MirrorId mirror, const std::string& digest, domain::UtcTime expires) {
  work_->tables.mirrors.approve(mirror, digest, expires);
}

bool Transaction::approved(MirrorId mirror, const std::string& digest, domain::UtcTime now) {
  return work_->tables.mirrors.approved(mirror, digest, now);
}

bool Transaction::use_approval(MirrorId mirror, const std::string& digest, domain::UtcTime now) {
  if (!work_->tables.mirrors.approved(mirror, digest, now)) return false;
  work_->tables.mirrors.drop_approval(mirror, digest);
  return true;
}

void Transaction::erase_echo_traces(MirrorId mirror, domain::UtcTime then) {
  work_->tables.ledger.erase_echo_traces(mirror, then);
}

void Transaction::drop_expired_approvals(MirrorId mirror, domain::UtcTime now) {
  work_->tables.mirrors.drop_expired_approvals(mirror, now);
  work_->tables.held_sets.drop_expired(mirror, now);
}

// ---- the rest --------------------------------------------------------------------------------------------

void Transaction::set_paused(MirrorId mirror, bool paused, domain::UtcTime now,
                             std::optional<domain::UtcTime> until) {
  work_->tables.mirrors.set_paused(mirror, paused, now, until);
}

void Transaction::set_last_delivery(MirrorId mirror, domain::UtcTime when) {
  work_->tables.mirrors.set_last_delivery(mirror, when);
}

bool Transaction::set_imported(MirrorId mirror, domain::UtcTime when) {
  return work_->tables.mirrors.set_imported(mirror, when);
}

void Transaction::clear_adopted(MirrorId mirror) {
  work_->tables.mirrors.set_adopted(mirror, std::nullopt);
}

void Transaction::set_adopted(MirrorId mirror, domain::UtcTime when) {
  work_->tables.mirrors.set_adopted(mirror, when);
}

void Transaction::set_reconciled(MirrorId mirror, domain::UtcTime when, std::size_t differences) {
  work_->tables.mirrors.set_reconciled(mirror, when, differences);
}

void Transaction::add_writeback(MirrorId mirror, const domain::EmailAddress& email,
                                const std::optional<domain::MemberKey>& key, const WritebackRequest& request,
                                domain::UtcTime now) {
  work_->tables.writebacks.add(mirror, email.text(), key, request, now);
  if (request.event == "resubscribed")
    work_->tables.resubscribed[mirror][email.text()] = ++work_->tables.resubscribes;
}

std::optional<domain::EmailAddress> Transaction::erase_writeback(MirrorId mirror, std::int64_t id) {
  const auto email = work_->tables.writebacks.erase(mirror, id);
  return email ? std::optional(domain::EmailAddress::from_normalised(*email)) : std::nullopt;
}

void Transaction::drop_writebacks(MirrorId mirror, const domain::EmailAddress& email,
                                  std::string_view event) {
  work_->tables.writebacks.drop(mirror, email.text(), event);
}

void Transaction::postpone_writeback(MirrorId mirror, std::int64_t id, domain::UtcTime not_before) {
  work_->tables.writebacks.postpone(mirror, id, not_before);
}

}  // namespace stibee_sync::store

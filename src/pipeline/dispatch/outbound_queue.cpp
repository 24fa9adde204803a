#include "stibee_sync/pipeline/outbound_queue.hpp"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

namespace stibee_sync::pipeline {

namespace {

constexpr std::size_t rows_at_once = 1000;
constexpr std::size_t people_at_once = 250;

void read_ahead(store::Transaction& transaction, store::MirrorId mirror,
                std::span<const ledger::Settlement> people) {
  std::vector<std::string_view> emails;
  for (const auto& person : people.first(std::min(people_at_once, people.size())))
    emails.push_back(person.email.text());
  transaction.read_ahead(mirror, emails);
}

}  // namespace

std::optional<store::QueueLine> most_urgent(store::Transaction& transaction,
                                            const std::vector<store::MirrorId>& mirrors,
                                            const store::Due& due, const Capacity& capacity) {
  for (const auto lane : domain::all_lanes) {
    for (const auto mirror : mirrors) {
      std::optional<store::QueueLine> best;
      domain::UtcTime oldest{};
      for (auto& head : transaction.heads(mirror, lane, due)) {
        if (best && head.due >= oldest) continue;
        store::QueueLine line{mirror, lane, std::move(head.shape)};
        if (capacity(line) == 0) continue;
        oldest = head.due;
        best = std::move(line);
      }
      if (best) return best;
    }
  }
  return std::nullopt;
}

std::optional<domain::UtcTime> next_due(store::Transaction& transaction,
                                        const std::vector<store::MirrorId>& mirrors,
                                        const std::function<bool(const store::QueueLine&)>& passed_over) {
  std::optional<domain::UtcTime> earliest;
  for (const auto mirror : mirrors) {
    for (const auto lane : domain::all_lanes) {
      for (auto& head : transaction.heads(mirror, lane, store::Due{domain::UtcTime::max(), true})) {
        if (passed_over({mirror, lane, std::move(head.shape)})) continue;
        earliest = std::min(earliest.value_or(head.due), head.due);
      }
    }
  }
  return earliest;
}

Claimed claim(store::Transaction& transaction, const store::QueueLine& line, store::Waiting waiting,
              std::size_t most) {
  Claimed claimed;
  claimed.line = line;
  claimed.is_retry = waiting.first_is_retry;
  claimed.batch_limit = waiting.batch_limit;
  waiting.people.resize(std::min(most, waiting.people.size()));
  std::vector<domain::EmailAddress> emails;
  emails.reserve(waiting.people.size());
  claimed.people.reserve(waiting.people.size());
  for (auto& [email, row] : waiting.people) {
    emails.push_back(email);
    ClaimedPerson person;
    person.email = std::move(email);
    person.wanted = std::move(row.wanted);
    person.confirmed = std::move(row.confirmed);
    if (row.values) person.values = std::move(*row.values);
    person.attempts = row.attempts;
    claimed.people.push_back(std::move(person));
  }
  transaction.claim(line, emails);
  return claimed;
}

Settled settle(store::Transaction& transaction, store::MirrorId mirror,
               const std::vector<ledger::Settlement>& people, const ledger::Policy& policy,
               domain::UtcTime now) {
  Settled settled;
  for (std::size_t i = 0; i < people.size(); ++i) {
    const auto& settlement = people[i];
    if (i % people_at_once == 0) read_ahead(transaction, mirror, std::span(people).subspan(i));
    const auto before = transaction.find(mirror, settlement.email);
    const auto after = ledger::after_answer(before, settlement, policy, now);
    transaction.write(mirror, settlement.email, before, after);
    if (before.suppression && !after.suppression) ++settled.lifted;
    if (before.row && !after.row) ++settled.erased;
    if (settlement.next != ledger::Settlement::Next::Continue || !settlement.sent) continue;
    ++settled.delivered;
    if (before.row) settled.oldest = std::min(settled.oldest.value_or(now), before.row->pending_since);
  }
  return settled;
}

void note_delivery(store::Transaction& transaction, store::MirrorId mirror, Settled& settled,
                   domain::UtcTime now) {
  if (settled.delivered > 0) transaction.set_last_delivery(mirror, now);
  settled.more_to_come = !transaction.table_read(mirror);
  settled.through = !settled.more_to_come && !transaction.anybody_waits(mirror, now + longest_backoff);
  if (settled.through) settled.imported = transaction.set_imported(mirror, now);
}

bool note_imported(store::Transaction& transaction, store::MirrorId mirror, domain::UtcTime now) {
  Settled nobody;
  note_delivery(transaction, mirror, nobody, now);
  return nobody.imported;
}

std::size_t unpark(store::Transaction& transaction, store::MirrorId mirror, std::string_view reason,
                   std::string_view email, const ledger::Policy& policy, domain::UtcTime now) {
  std::size_t count = 0;
  for (const auto& address : transaction.parked_people(mirror, reason, email)) {
    const auto before = transaction.find(mirror, address);
    const auto after = ledger::unparked(before, policy, now);
    transaction.write(mirror, address, before, after);
    if (!after.row || !after.row->parked) ++count;
  }
  return count;
}

void hasten(store::Transaction& transaction, store::MirrorId mirror, domain::UtcTime now) {
  for (const auto& address : transaction.backed_off(mirror, now)) {
    const auto before = transaction.find(mirror, address);
    transaction.write(mirror, address, before, ledger::hastened(before, now));
  }
}

std::optional<std::string> place_some(store::Transaction& transaction, store::MirrorId mirror,
                                      std::string_view after, const ledger::Policy& policy,
                                      domain::UtcTime now) {
  const auto rows = transaction.rows_after(mirror, after, rows_at_once);
  for (const auto& [email, row] : rows) {
    ledger::Person seen;
    seen.row = row;
    if (ledger::placed_again(seen, policy, now) == seen) continue;
    const auto before = transaction.find(mirror, email);
    if (before.call) continue;
    transaction.write(mirror, email, before, ledger::placed_again(before, policy, now));
  }
  return rows.empty() ? std::nullopt : std::optional(rows.back().first.text());
}

}  // namespace stibee_sync::pipeline

#pragma once

#include "stibee_sync/ledger/transitions.hpp"
#include "stibee_sync/store/transaction.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The outbound queue's work on the store: what is sent next, and what became of it. Each function is a part
/// of the transaction it is given; blocking, on the store's thread.
namespace stibee_sync::pipeline {

/// Who is due within this waits; a deletion that is put off for days does not.
inline constexpr domain::Duration longest_backoff = std::chrono::minutes(5);

/// How many people of a line a call could take now; 0: none.
using Capacity = std::function<std::size_t(const store::QueueLine& line)>;

/// The line that comes first: of the first lane that has one, and there of the first mirror that has one,
/// that whose oldest due person is oldest. Lines without capacity are passed over. `mirrors`: as it is their
/// turn.
std::optional<store::QueueLine> most_urgent(store::Transaction& transaction,
                                            const std::vector<store::MirrorId>& mirrors,
                                            const store::Due& due, const Capacity& capacity);

/// When the next person of these mirrors who is not claimed becomes due (may be in the past), without the
/// lines that are passed over; nullopt: nobody waits.
std::optional<domain::UtcTime> next_due(store::Transaction& transaction,
                                        const std::vector<store::MirrorId>& mirrors,
                                        const std::function<bool(const store::QueueLine&)>& passed_over);

struct ClaimedPerson {
  domain::EmailAddress email;
  domain::Wanted wanted;
  domain::Confirmed confirmed;
  domain::FieldValues values;
  int attempts = 0;
};
/// People for whom a call goes out.
struct Claimed {
  store::QueueLine line;
  bool is_retry = false;          // the first person was attempted before
  std::uint32_t batch_limit = 0;  // that all of them share; 0: none
  std::vector<ClaimedPerson> people;
};
/// Claims the people who wait in the line, `most` at most.
Claimed claim(store::Transaction& transaction, const store::QueueLine& line, store::Waiting waiting,
              std::size_t most);

/// What answers made of people, for the log.
struct Settled {
  std::size_t delivered = 0;                   // people who are as wanted at Stibee
  std::optional<domain::UtcTime> oldest = {};  // since when the first of them had waited
  bool more_to_come = false;                   // the table was not read to its end yet, not once
  bool through = false;                        // nobody of the mirror waits any more
  bool imported = false;                       // for the first time since its table was read
  std::size_t lifted = 0;                      // opt-outs that a newer consent overcame
  std::size_t erased = 0;  // people who are gone from the source, and have no row any more
};
/// Frees the people of a claim: with what the answer says of each.
Settled settle(store::Transaction& transaction, store::MirrorId mirror,
               const std::vector<ledger::Settlement>& people, const ledger::Policy& policy,
               domain::UtcTime now);

/// Remembers that people arrived, and whether that was all.
void note_delivery(store::Transaction& transaction, store::MirrorId mirror, Settled& settled,
                   domain::UtcTime now);
/// A first import is through once the table was read and nobody waits any more, not for the end of a backoff
/// either. True: it just became so.
bool note_imported(store::Transaction& transaction, store::MirrorId mirror, domain::UtcTime now);

/// Sends parked people again: by reason, by normalised address, or all (both empty). Returns how many.
std::size_t unpark(store::Transaction& transaction, store::MirrorId mirror, std::string_view reason,
                   std::string_view email, const ledger::Policy& policy, domain::UtcTime now);
/// Ends the backoff of everybody who waits for one.
void hasten(store::Transaction& transaction, store::MirrorId mirror, domain::UtcTime now);
/// Finds anew where the next people after that address stand, some at a time: the policy may be another than
/// the one by which they were placed, or a clock that was wrong has told them when. Who is claimed is placed
/// when their call is settled. The last address that was looked at; nullopt: all were.
std::optional<std::string> place_some(store::Transaction& transaction, store::MirrorId mirror,
                                      std::string_view after, const ledger::Policy& policy,
                                      domain::UtcTime now);

}  // namespace stibee_sync::pipeline

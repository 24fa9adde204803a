#include "app/forgetting.hpp"

#include "app/local_time.hpp"
#include "stibee_sync/ledger/transitions.hpp"
#include "stibee_sync/privacy/masked.hpp"
#include "stibee_sync/store/transaction.hpp"

#include <algorithm>

namespace stibee_sync::app {
namespace {

std::string in_table(const std::string& mirror, const std::string& key) {
  return mirror + ": the table still has them (key " + key +
         "), by its last read: delete the row, and try again once it was read and settled at Stibee";
}

/// Why a person of a mirror that is served must be kept for now; "": they need not.
std::string why_kept(const std::string& mirror, const store::PersonRecord& record, Teller teller) {
  if (!record.rows.empty())
    return in_table(mirror, privacy::shown_key(record.rows.front().key.to_string(), false));
  if (record.writebacks > 0) return mirror + ": an event of theirs still waits to be written to the table";
  const auto& row = record.person.row;
  if (record.person.call) return mirror + ": a call for them is out; try again in a moment";
  if (!row) return "";
  if (row->wanted.intent != domain::Intent::Absent)
    return in_table(mirror, row->key ? row->key->to_string() : "unknown");
  if (!row->lane || teller == Teller::LeaderDid) return "";
  if (teller == Teller::Leader)
    return mirror +
           ": Stibee has to be told that they left, which the daemon that leads does: run `forget` on its "
           "host, and once it has said that they are erased, here with --forgotten-by-leader";
  return mirror + ": Stibee still has to be told that they left, due " + local_time(row->due) +
         "; `stibee-syncd explain` shows the call";
}

void erase(store::Transaction& transaction, store::MirrorId mirror, const domain::EmailAddress& email,
           Forgetting& forgetting) {
  const auto before = transaction.find(mirror, email);
  const auto after = ledger::forgotten(before);
  if (after != before) {
    transaction.write(mirror, email, before, after);
    forgetting.known = true;
  }
  if (transaction.erase_address(mirror, email)) forgetting.known = true;
}

}  // namespace

Teller teller(bool leads, bool said) {
  if (leads) return Teller::Here;
  return said ? Teller::LeaderDid : Teller::Leader;
}

Forgetting forget_person(store::Store& store, const std::vector<pipeline::MirrorPlan>& plans,
                         const domain::EmailAddress& email, Teller teller) {
  Forgetting forgetting;
  for (const auto& plan : plans) {
    forgetting.refused = why_kept(plan.name, store.record_of(plan.id, email), teller);
    if (!forgetting.refused.empty()) return forgetting;
  }
  store::Transaction transaction(store);
  for (const auto& plan : plans) {
    if (transaction.moved_from(plan.id, email)) {
      forgetting.refused = plan.name + ": Stibee has somebody of the table under this address now";
      return forgetting;
    }
  }
  for (const auto& mirror : store.known_mirrors())
    erase(transaction, mirror.id, email, forgetting);
  transaction.commit();
  forgetting.tidy = store.tidy();
  return forgetting;
}

void tell_of_forgetting(telemetry::Log& log, const domain::StateKey& key, const domain::EmailAddress& email) {
  log.event(telemetry::Level::Info, telemetry::Event::PrivacyErased,
            "a person is erased from every file, but for the keyed hash of an opt-out (`forget`)",
            {{"ref", key.ref(email.text())}});
}

json::Value forgetting_report(const Forgetting& forgetting) {
  json::Value report;
  report.set("forgotten", true);
  report.set("tidy", forgetting.tidy);
  return report;
}

}  // namespace stibee_sync::app

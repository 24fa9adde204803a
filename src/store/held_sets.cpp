#include "store/held_sets.hpp"

#include "store/row_codec.hpp"

#include <algorithm>

namespace stibee_sync::store {

HeldSets::HeldSets(Connection& connection)
    : add_(connection, "INSERT OR REPLACE INTO held_set (mirror, digest, change_class) VALUES (?, ?, ?)"),
      add_person_(connection, "INSERT OR REPLACE INTO held_person VALUES (?, ?, ?, ?, ?, ?)"),
      drop_(connection, "DELETE FROM held_set WHERE mirror = ? AND digest = ?"),
      drop_people_(connection, "DELETE FROM held_person WHERE mirror = ? AND digest = ?"),
      current_(connection, "SELECT digest FROM held_set WHERE mirror = ? AND until IS NULL"),
      end_(connection, "UPDATE held_set SET until = ? WHERE mirror = ? AND digest = ?"),
      expired_(connection, "SELECT digest FROM held_set WHERE mirror = ? AND until <= ?"),
      class_of_(connection,
                "SELECT change_class FROM held_set WHERE mirror = ? AND digest = ? AND (until IS NULL OR "
                "until > ?)"),
      digests_(connection,
               "SELECT digest FROM held_set WHERE mirror = ? AND change_class = ? ORDER BY digest"),
      items_(connection, "SELECT item FROM held_person WHERE mirror = ? AND digest = ? ORDER BY item"),
      people_(connection,
              "SELECT email, member_key, intent FROM held_person WHERE mirror = ? AND digest = ? ORDER BY "
              "email") {}

void HeldSets::add(MirrorId mirror, const HeldChanges& hold) {
  add_.bind(1, mirror.number).bind(2, hold.digest).bind(3, hold.change_class).run();
}

void HeldSets::add_person(MirrorId mirror, std::string_view digest, const DecisionRecord& record) {
  add_person_.bind(1, mirror.number).bind(2, digest);
  add_person_.bind(3, std::span<const std::uint8_t>(record.item->bytes)).bind(4, record.email);
  const auto& key = record.decision.key;
  if (key) {
    bind_key(add_person_, 5, *key);
  } else if (!record.rows.empty()) {
    bind_key(add_person_, 5, record.rows.front().key);
  } else {
    add_person_.bind_null(5);
  }
  add_person_.bind(6, std::int64_t{to_number(record.decision.wanted.intent)}).run();
}

void HeldSets::drop(MirrorId mirror, std::string_view digest) {
  drop_people_.bind(1, mirror.number).bind(2, digest).run();
  drop_.bind(1, mirror.number).bind(2, digest).run();
}

void HeldSets::replace_current(MirrorId mirror, const std::vector<HeldChanges>& holds,
                               domain::UtcTime until) {
  std::vector<std::string> ended;
  {
    current_.bind(1, mirror.number);
    const StatementUse use(current_);
    while (current_.step()) {
      std::string digest(current_.text(0));
      const bool held = std::any_of(holds.begin(), holds.end(),
                                    [&](const HeldChanges& hold) { return hold.digest == digest; });
      if (!held) ended.push_back(std::move(digest));
    }
  }
  for (const auto& digest : ended)
    end_.bind(1, to_number(until)).bind(2, mirror.number).bind(3, digest).run();
}

void HeldSets::drop_expired(MirrorId mirror, domain::UtcTime now) {
  std::vector<std::string> expired;
  {
    expired_.bind(1, mirror.number).bind(2, to_number(now));
    const StatementUse use(expired_);
    while (expired_.step())
      expired.emplace_back(expired_.text(0));
  }
  for (const auto& digest : expired)
    drop(mirror, digest);
}

std::optional<std::string> HeldSets::class_of(MirrorId mirror, std::string_view digest, domain::UtcTime now) {
  class_of_.bind(1, mirror.number).bind(2, digest).bind(3, to_number(now));
  const StatementUse use(class_of_);
  if (!class_of_.step()) return std::nullopt;
  return std::string(class_of_.text(0));
}

std::vector<std::string> HeldSets::digests(MirrorId mirror, std::string_view change_class) {
  std::vector<std::string> found;
  digests_.bind(1, mirror.number).bind(2, change_class);
  const StatementUse use(digests_);
  while (digests_.step())
    found.emplace_back(digests_.text(0));
  return found;
}

std::vector<domain::Fingerprint> HeldSets::items(MirrorId mirror, std::string_view digest) {
  std::vector<domain::Fingerprint> found;
  items_.bind(1, mirror.number).bind(2, digest);
  const StatementUse use(items_);
  while (items_.step())
    found.push_back(fingerprint_at(items_, 0));
  return found;
}

std::vector<HeldPerson> HeldSets::people(MirrorId mirror, std::string_view digest) {
  std::vector<HeldPerson> found;
  people_.bind(1, mirror.number).bind(2, digest);
  const StatementUse use(people_);
  while (people_.step()) {
    HeldPerson person;
    person.email = people_.text(0);
    if (!people_.is_null(1)) person.key = key_at(people_, 1);
    person.intent = intent_at(people_, 2);
    found.push_back(std::move(person));
  }
  return found;
}

}  // namespace stibee_sync::store

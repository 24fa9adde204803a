#include "store/last_known.hpp"

#include <cstddef>
#include <vector>

namespace stibee_sync::store {
namespace {

// How many numbers there are of each kind stands first, so that another version's are not mistaken.
std::vector<std::int64_t> numbers_of(const Tally& tally) {
  std::vector<std::int64_t> numbers{static_cast<std::int64_t>(tally.status.size())};
  numbers.insert(numbers.end(), tally.status.begin(), tally.status.end());
  numbers.insert(numbers.end(), tally.pending.begin(), tally.pending.end());
  numbers.push_back(tally.wanted_subscribed);
  for (const auto& [day, people] : tally.consents) {
    numbers.push_back(day);
    numbers.push_back(people);
  }
  return numbers;
}

bool read_numbers(const std::vector<std::int64_t>& numbers, Tally& tally) {
  const auto fixed = 1 + tally.status.size() + tally.pending.size() + 1;
  if (numbers.size() < fixed || (numbers.size() - fixed) % 2 != 0) return false;
  auto at = numbers.begin();
  if (*at++ != static_cast<std::int64_t>(tally.status.size())) return false;
  for (auto& people : tally.status)
    people = *at++;
  for (auto& people : tally.pending)
    people = *at++;
  tally.wanted_subscribed = *at++;
  while (at != numbers.end()) {
    const auto day = *at++;
    tally.consents[day] = *at++;
  }
  return true;
}

std::string mirror_name(std::string_view what, MirrorId mirror) {
  return std::string(what) + ' ' + std::to_string(mirror.number);
}

}  // namespace

std::map<MirrorId, Tally> stored_tallies(Connection& connection) {
  std::map<MirrorId, Tally> tallies;
  Statement all(connection, "SELECT m.id, t.value FROM mirror m JOIN meta t ON t.name = 'tally ' || m.id");
  while (all.step()) {
    Tally tally;
    if (read_numbers(list_at(all, 1), tally)) tallies[MirrorId{all.integer(0)}] = std::move(tally);
  }
  Statement parked(connection,
                   "SELECT m.id, substr(t.name, length('parked ' || m.id) + 2), t.value FROM mirror m JOIN "
                   "meta t ON t.name >= 'parked ' || m.id || ' ' AND t.name < 'parked ' || m.id || '!'");
  while (parked.step()) {
    const auto found = tallies.find(MirrorId{parked.integer(0)});
    if (found != tallies.end()) found->second.parked[std::string(parked.text(1))] = parked.integer(2);
  }
  return tallies;
}

void write_tallies(Connection& connection, const std::map<MirrorId, Tally>& tallies) {
  connection.execute(
      "DELETE FROM meta WHERE (name >= 'tally ' AND name < 'tally!') OR (name >= 'parked ' AND name < "
      "'parked!')");
  Statement insert(connection, "INSERT INTO meta VALUES (?, ?)");
  for (const auto& [mirror, tally] : tallies) {
    const auto name = mirror_name("tally", mirror);
    const auto numbers = list_to_text(numbers_of(tally));
    insert.bind(1, name).bind(2, numbers).run();
    for (const auto& [reason, people] : tally.parked) {
      const auto of_reason = mirror_name("parked", mirror) + ' ' + reason;
      insert.bind(1, of_reason).bind(2, people).run();
    }
  }
}

std::map<MirrorId, std::string> stored_placed(Connection& connection) {
  std::map<MirrorId, std::string> placed;
  Statement all(connection, "SELECT m.id, t.value FROM mirror m JOIN meta t ON t.name = 'placed ' || m.id");
  while (all.step())
    placed[MirrorId{all.integer(0)}] = all.text(1);
  return placed;
}

void write_placed(Connection& connection, MirrorId mirror, std::string_view what) {
  const auto name = mirror_name("placed", mirror);
  Statement(connection, "INSERT OR REPLACE INTO meta VALUES (?, ?)").bind(1, name).bind(2, what).run();
}

}  // namespace stibee_sync::store

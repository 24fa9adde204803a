#pragma once

#include "stibee_sync/store/mirror_state.hpp"
#include "store/scan_record.hpp"
#include "store/sqlite.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::store {

/// The tables `held_set` and `held_person`: what the digests stand for that the guard has shown.
class HeldSets {
 public:
  explicit HeldSets(Connection& connection);

  void add(MirrorId mirror, const HeldChanges& hold);
  void add_person(MirrorId mirror, std::string_view digest, const DecisionRecord& record);
  void drop(MirrorId mirror, std::string_view digest);
  /// Sets that are not among `holds` end at `until`, if they have no end yet.
  void replace_current(MirrorId mirror, const std::vector<HeldChanges>& holds, domain::UtcTime until);
  void drop_expired(MirrorId mirror, domain::UtcTime now);

  /// nullopt: there is no such set, or not any more.
  std::optional<std::string> class_of(MirrorId mirror, std::string_view digest, domain::UtcTime now);
  std::vector<std::string> digests(MirrorId mirror, std::string_view change_class);
  /// Sorted.
  std::vector<domain::Fingerprint> items(MirrorId mirror, std::string_view digest);
  /// In address order.
  std::vector<HeldPerson> people(MirrorId mirror, std::string_view digest);

 private:
  Statement add_, add_person_, drop_, drop_people_, current_, end_, expired_;
  Statement class_of_, digests_, items_, people_;
};

}  // namespace stibee_sync::store

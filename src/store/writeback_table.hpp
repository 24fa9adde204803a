#pragma once

#include "stibee_sync/store/mirror_state.hpp"
#include "stibee_sync/store/writeback_queue.hpp"
#include "store/sqlite.hpp"

#include <optional>
#include <string>
#include <vector>

namespace stibee_sync::store {

/// The table `writeback`. Those of one person are done in the order of their events: a later one waits until
/// the earlier ones are gone.
class WritebackTable {
 public:
  explicit WritebackTable(Connection& connection);

  void add(MirrorId mirror, std::string_view email, const std::optional<domain::MemberKey>& key,
           const WritebackRequest& request, domain::UtcTime now);
  std::vector<PendingWriteback> due(MirrorId mirror, domain::UtcTime now, domain::UtcTime latest,
                                    std::size_t most);
  std::optional<domain::UtcTime> next(MirrorId mirror);
  /// Whose it was; nullopt: there is no such one.
  std::optional<std::string> erase(MirrorId mirror, std::int64_t id);
  /// All of a person's that are of this event.
  void drop(MirrorId mirror, std::string_view email, std::string_view event);
  bool has(MirrorId mirror, std::int64_t id);
  void postpone(MirrorId mirror, std::int64_t id, domain::UtcTime not_before);
  std::size_t count(MirrorId mirror);

 private:
  Statement add_, due_, next_, erase_, drop_, has_, postpone_, count_;
};

}  // namespace stibee_sync::store

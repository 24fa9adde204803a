#pragma once

#include "stibee_sync/delivery/v2_reading.hpp"
#include "stibee_sync/pipeline/asker.hpp"
#include "stibee_sync/pipeline/mirror_plan.hpp"
#include "stibee_sync/pipeline/services.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace stibee_sync::pipeline {

/// For mirrors with `groups: create_missing`: knows the groups of their lists by name, and makes those that
/// the table names and the list lacks. By API v2, whatever the API of the writes; needs the Pro plan. What
/// fails is tried again after a minute, then less and less often; meanwhile the values are ignored, and as
/// long as not even the groups there are could be read, nobody's groups change. No read waits long for
/// Stibee: a call that cannot go out within seconds has failed, too. A daemon that stands by asks nothing.
/// A group that is deleted at Stibee is known to be gone once a call was told so: then the list is asked
/// again. Nothing is stored: which groups a list has, the list knows. On the loop thread.
class GroupKeeper {
 public:
  GroupKeeper(Services services, Asker& asker, const std::vector<MirrorPlan>& mirrors);

  /// Before a read: learns the list's groups, if that is due, and puts into the plan what is known.
  boost::asio::awaitable<void> before_read(std::size_t mirror);
  /// A call was refused since one of these groups is not there. True: that is news, and the next read asks
  /// for the list's groups. Within five minutes after it that is no news.
  bool missing(std::size_t mirror, const domain::GroupSet& groups);
  /// The next read has that to do.
  bool misses_any(std::size_t mirror) const;
  /// For values that a read found without a group. True: some of them have one now.
  boost::asio::awaitable<bool> make(std::size_t mirror, std::vector<std::string> values);
  /// The plan with the groups known by now. Its mapping counts as changed, so that every row is looked at
  /// again, when values that were ignored are due for another attempt, or a group that rows have is another.
  MirrorPlan with_groups(std::size_t mirror, MirrorPlan plan) const;
  /// How the mapping of a read is to be remembered: whether values are ignored, also by earlier reads whose
  /// rows were not looked at again.
  std::string remembered(std::size_t mirror, const MirrorPlan& plan, bool ignored, bool all_rows) const;
  /// A read was committed, and its mapping is remembered so.
  void committed(std::size_t mirror, std::string_view remembered);
  /// It is remembered that values are ignored, and there is nothing to be done about it yet.
  bool ignores(std::size_t mirror) const;

 private:
  struct State {
    std::string name;
    std::int64_t list_id = 0;
    bool known = false;  // the list's groups were read once
    std::map<std::string, std::int64_t> ids;
    domain::GroupSet missing;  // by calls, since the groups were read
    runtime::MonotonicTime missed_not_before{};
    bool outdated = false;  // rows were committed with groups that are not there any more, or have another id
    bool ignoring = false;  // some committed row has a value without a group
    int failures = 0;       // in a row
    runtime::MonotonicTime not_before{};
    std::optional<domain::Reason> problem;  // as last told
  };

  bool due(const State& state) const { return services_.clock.monotonic() >= state.not_before; }
  /// Whether rows may have been given a group that is not among these.
  static bool outdates(const State& state, const std::map<std::string, std::int64_t>& ids);
  boost::asio::awaitable<bool> learn(std::size_t mirror, runtime::MonotonicTime until);
  /// The new group; else what went wrong.
  boost::asio::awaitable<delivery::v2::Read<domain::GroupId>> create(std::size_t mirror, std::string name,
                                                                     runtime::MonotonicTime until);
  void failed(State& state, const delivery::CallResult& failure, const std::string& what);

  Services services_;
  Asker& asker_;
  std::vector<State> states_;
};

/// The mapping without what `committed` and `mixed_mapping` add to it.
std::string_view mapping_itself(std::string_view remembered);
/// Of a table of which some rows were taken over by another mapping than this one, since changes were held:
/// equal to no plan's, so that every row is looked at until nothing is held.
std::string mixed_mapping(std::string_view remembered);
bool is_mixed_mapping(std::string_view remembered);

}  // namespace stibee_sync::pipeline

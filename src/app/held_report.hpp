#pragma once

#include "app/asked.hpp"
#include "stibee_sync/json/value.hpp"
#include "stibee_sync/pipeline/mirror_plan.hpp"
#include "stibee_sync/pipeline/person_look.hpp"
#include "stibee_sync/store/store.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::app {

inline constexpr std::string_view no_such_set =
    "no change set with this digest is held, or was within the last hour; see `stibee-syncd guard`";

/// What the state has of a held set.
struct HeldSetView {
  struct Person {
    store::HeldPerson held;
    std::string ref;
    std::optional<domain::Wanted> before = {};  // what was wanted; nullopt: nothing, or it was not looked for
  };
  pipeline::MirrorPlan plan;
  std::string change_class;
  std::vector<Person> people;
  std::optional<store::Scan> scan;  // where what changes is to be looked for in the table
  store::SourceFacts facts;
};
/// nullopt: there is no such set. Blocking, on the store's thread.
std::optional<HeldSetView> held_set_view(store::Store& store, const std::vector<pipeline::MirrorPlan>& plans,
                                         const HeldSetAsked& asked, domain::UtcTime now);
/// The rows of the people of an update, as far as they are looked for. Blocking, on the source's thread.
pipeline::RowsSeen rows_of(HeldSetView& view, source::Reader& reader, const domain::StateKey& key,
                           domain::UtcTime now);

/// Of an update, what is other than before, as far as it can be told: the state has no values.
struct HeldChange {
  bool fields = false;
  bool consent = false;
  domain::GroupSet assigned, released;
};
/// Pure.
HeldChange change_of(const domain::Wanted& before, const domain::Member& now, const domain::StateKey& key);

/// Who is in the set and what would happen to each. Pure.
json::Value held_set_report(const HeldSetView& view, const pipeline::RowsSeen& rows,
                            const HeldSetAsked& asked, const domain::StateKey& key);
std::string render_held_set(const json::Value& report);

}  // namespace stibee_sync::app

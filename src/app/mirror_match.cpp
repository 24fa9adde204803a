#include "app/mirror_match.hpp"

#include "stibee_sync/store/transaction.hpp"
#include "stibee_sync/text/number_format.hpp"

#include <utility>

namespace stibee_sync::app {
namespace {

using telemetry::Event;
using telemetry::Level;

constexpr std::string_view cure_of_unconfigured =
    "if this is not meant, name it in the file again, with this list_id";

}  // namespace

MirrorMatch match_mirrors(const std::vector<store::KnownMirror>& known,
                          const std::vector<pipeline::MirrorPlan>& plans) {
  MirrorMatch match;
  match.state.resize(plans.size());
  std::vector<bool> taken(known.size(), false);
  for (std::size_t i = 0; i < plans.size(); ++i) {
    for (std::size_t k = 0; k < known.size(); ++k) {
      if (known[k].name != plans[i].name || known[k].list_id != plans[i].list_id) continue;
      match.state[i] = k;
      taken[k] = true;
    }
  }
  for (std::size_t i = 0; i < plans.size(); ++i) {
    if (match.state[i]) continue;
    std::vector<std::size_t> left;
    for (std::size_t k = 0; k < known.size(); ++k) {
      if (!taken[k] && known[k].list_id == plans[i].list_id) left.push_back(k);
    }
    if (left.size() != 1) continue;
    match.state[i] = left.front();
    match.renamed.push_back(i);
    taken[left.front()] = true;
  }
  for (std::size_t k = 0; k < known.size(); ++k) {
    if (!taken[k]) match.unconfigured.push_back(k);
  }
  return match;
}

MatchedMirrors open_mirrors(store::Store& store, std::vector<pipeline::MirrorPlan> plans) {
  MatchedMirrors matched;
  const auto known = store.known_mirrors();
  const auto match = match_mirrors(known, plans);
  for (const auto i : match.renamed) {
    const auto& state = known[*match.state[i]];
    store.rename_mirror(state.id, plans[i].name);
    matched.renamed.push_back({state.name, plans[i].name, state.list_id});
  }
  for (std::size_t i = 0; i < plans.size(); ++i) {
    plans[i].id =
        match.state[i] ? known[*match.state[i]].id : store.open_mirror(plans[i].name, plans[i].list_id);
  }
  for (const auto k : match.unconfigured)
    matched.unconfigured.push_back({known[k].name, known[k].list_id, store.people(known[k].id), known[k].id});
  matched.plans = std::move(plans);
  return matched;
}

void retire(store::Store& store, const std::vector<UnconfiguredMirror>& mirrors) {
  for (const auto& mirror : mirrors) {
    if (!store.adopted(mirror.id)) continue;
    store::Transaction transaction(store);
    transaction.clear_adopted(mirror.id);
    transaction.commit();
  }
}

std::string in_words(const UnconfiguredMirror& mirror) {
  return "the state has the mirror `" + mirror.name + "` of list " + std::to_string(mirror.list_id) + " (" +
         text::with_thousands(mirror.people) + (mirror.people == 1 ? " person" : " people") +
         "), which the file does not name: nothing is read or sent for it, and the list stays as it is; " +
         std::string(cure_of_unconfigured);
}

void tell_of(telemetry::Log& log, const MatchedMirrors& mirrors) {
  for (const auto& mirror : mirrors.renamed) {
    log.event(Level::Info, Event::MirrorUnconfigured,
              "the mirror was renamed: it goes on with the state that it had under the old name",
              {{"mirror", mirror.name}, {"was", mirror.was}, {"list_id", mirror.list_id}});
  }
  for (const auto& mirror : mirrors.unconfigured) {
    log.event(Level::Warn, Event::MirrorUnconfigured,
              "the state has a mirror that the file does not name: nothing is read or sent for it, and the "
              "list stays as it is",
              {{"mirror", mirror.name},
               {"list_id", mirror.list_id},
               {"people", mirror.people},
               {"cure", cure_of_unconfigured}});
  }
}

}  // namespace stibee_sync::app

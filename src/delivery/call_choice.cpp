#include "stibee_sync/delivery/call_choice.hpp"

#include "stibee_sync/ledger/placement.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>

namespace stibee_sync::delivery {

using domain::Lane;

void FreeSlots::set(LimiterClass limiter_class, Slot slot) {
  slots_[static_cast<std::size_t>(limiter_class)] = slot;
}

bool FreeSlots::spare(LimiterClass limiter_class) const {
  return slots_[static_cast<std::size_t>(limiter_class)].spare;
}

bool FreeSlots::free(LimiterClass limiter_class, Lane lane) const {
  const Slot& slot = slots_[static_cast<std::size_t>(limiter_class)];
  return lane == Lane::Optout ? slot.urgent : slot.ordinary;
}

bool FreeSlots::any() const {
  return std::any_of(slots_.begin(), slots_.end(),
                     [](const Slot& slot) { return slot.ordinary || slot.urgent; });
}

std::vector<LimiterClass> limiter_classes_of(const Dialect& dialect) {
  std::vector<LimiterClass> used;
  for (const auto limiter_class : all_limiter_classes) {
    const bool is_used = std::any_of(std::begin(domain::all_operation_kinds),
                                     std::end(domain::all_operation_kinds), [&](auto kind) {
                                       domain::Operation operation;
                                       operation.kind = kind;
                                       return dialect.limiter_class(operation, 1) == limiter_class ||
                                              dialect.limiter_class(operation, 2) == limiter_class;
                                     });
    if (is_used) used.push_back(limiter_class);
  }
  return used;
}

CallChoice::CallChoice(const Dialect& dialect, FreeSlots free, std::size_t few)
    : dialect_(&dialect), free_(free), few_(few) {}

CallChoice::Roads CallChoice::roads(const std::string& shape) const {
  const auto operation = ledger::operation_of_shape(shape);
  return Roads{dialect_->limiter_class(operation, 1), dialect_->limiter_class(operation, 2),
               dialect_->max_people(operation)};
}

std::vector<CallChoice::Turn> CallChoice::turns() const {
  const domain::Operation subscribe;
  const auto bulk = dialect_->limiter_class(subscribe, 2);
  if (bulk == dialect_->limiter_class(subscribe, 1)) return {Turn::Singles};
  if (free_.free(bulk, Lane::Upsert)) return {Turn::Batches, Turn::Singles};
  return {Turn::Singles, Turn::Spare};
}

std::size_t CallChoice::max_people(Turn turn, Lane lane, const std::string& shape) const {
  const auto [alone, together, most] = roads(shape);
  // Looking for two tells whether there is more to do than this one call.
  const std::size_t looked_for = std::max<std::size_t>(most, 2);
  if (alone == together) {
    const bool competes = lane == Lane::Upsert && alone == dialect_->limiter_class(domain::Operation{}, 1);
    if (turn == Turn::Spare || (turn == Turn::Batches && competes)) return 0;
    return free_.free(alone, lane) ? looked_for : 0;
  }
  switch (turn) {
    case Turn::Batches:
      return free_.free(together, lane) ? looked_for : 0;
    case Turn::Singles:
      return 0;
    case Turn::Spare:
      return free_.spare(alone) ? 2 : 0;
  }
  std::abort();
}

std::size_t CallChoice::take(Turn turn, const std::string& shape, std::size_t found) const {
  const auto [alone, together, most] = roads(shape);
  if (alone == together) return std::min(found, most);
  const bool lone = turn == Turn::Spare || (found <= few_ && free_.free(alone, Lane::Upsert));
  return lone ? 1 : std::min(found, most);
}

LimiterClass CallChoice::limiter_class(Lane lane, const std::string& shape, std::size_t people) const {
  const auto [alone, together, most] = roads(shape);
  if (people > 1) return together;
  return free_.free(alone, lane) || !free_.free(together, lane) ? alone : together;
}

std::vector<CallChoice::Missing> CallChoice::missing(Lane lane, const std::string& shape) const {
  const auto [alone, together, most] = roads(shape);
  if (alone == together)
    return free_.free(alone, lane) ? std::vector<Missing>{} : std::vector<Missing>{{alone}};
  if (free_.spare(alone) || free_.free(together, lane)) return {};
  return {{alone, true}, {together}};
}

}  // namespace stibee_sync::delivery

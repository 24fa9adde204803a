#pragma once

#include "stibee_sync/pipeline/ingest.hpp"

#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace stibee_sync::pipeline {

/// One read of a mirror's table, done but not committed.
struct Ingest::Read {
  std::shared_ptr<const MirrorPlan> plan;
  std::shared_ptr<const store::SourceFacts> before;
  std::vector<store::HeldChanges> held;  // before it
  domain::UtcTime now{};
  std::optional<store::Scan> scan;
  std::variant<ReadFinding, source::SourceError> finding;
};

}  // namespace stibee_sync::pipeline

#include "stibee_sync/pipeline/server_trust.hpp"

#include <charconv>
#include <optional>
#include <string_view>

namespace stibee_sync::pipeline {
namespace {

/// "SYSTEM_IDENTIFIER/TIMELINE".
struct Identity {
  std::string_view system;
  long timeline = 0;
};

std::optional<Identity> identity_of(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  Identity identity;
  identity.system = text.substr(0, slash);
  const auto number = text.substr(slash + 1);
  std::from_chars(number.data(), number.data() + number.size(), identity.timeline);
  return identity;
}

/// Of a position on the timeline that was read before: whether the server may lack something up to there.
bool lacks(const std::optional<std::int64_t>& reached, const store::SourceFacts& before) {
  return reached && before.wal_position && *reached < *before.wal_position;
}

}  // namespace

ServerTrust trust_in(const source::ReadShape& server, const store::SourceFacts& before) {
  const auto was = identity_of(before.server_identity);
  const auto is = identity_of(server.server_identity);
  const bool known = was && is;
  // Positions of another cluster say nothing.
  if (known && was->system != is->system) return ServerTrust::Another;
  if (lacks(server.wal_before, before)) {
    // Of what a primary lacks, nothing is on its way.
    return server.in_recovery ? ServerTrust::Behind : ServerTrust::Another;
  }
  if (!known || was->timeline == is->timeline) return ServerTrust::Trusted;
  // Promoted since, by one step, and it had replayed all that was read: nothing is lost.
  const bool whole = is->timeline == was->timeline + 1 && server.wal_promoted && before.wal_position &&
                     !lacks(server.wal_promoted, before);
  return whole ? ServerTrust::Trusted : ServerTrust::Another;
}

}  // namespace stibee_sync::pipeline

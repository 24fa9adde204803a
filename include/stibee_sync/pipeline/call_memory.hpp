#pragma once

#include "stibee_sync/domain/ledger.hpp"
#include "stibee_sync/store/mirror_state.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace stibee_sync::pipeline {

/// What became of a call for one person.
struct RememberedCall {
  domain::UtcTime at{};  // when it was answered, or given up
  domain::OperationKind operation = domain::OperationKind::Subscribe;
  std::size_t people = 1;  // in the call
  domain::OutcomeKind outcome = domain::OutcomeKind::Unknown;
  std::optional<domain::Reason> reason;
  std::string message;  // Stibee's sanitised words
};

/// The last calls for people, for whoever asks why somebody is as they are: in memory only, of so many people
/// and by keyed hashes, since what matters is in the state.
class CallMemory {
 public:
  static constexpr std::size_t most = 4096;
  void note(store::MirrorId mirror, const domain::Fingerprint& person, RememberedCall call);
  /// The newest first.
  std::vector<RememberedCall> of(store::MirrorId mirror, const domain::Fingerprint& person) const;
  void forget(const domain::Fingerprint& person);

 private:
  struct Entry {
    store::MirrorId mirror;
    domain::Fingerprint person;
    RememberedCall call;
  };
  std::vector<Entry> entries_;  // a ring
  std::size_t next_ = 0;        // where the next one goes, once it is full
};

}  // namespace stibee_sync::pipeline

#pragma once

#include "stibee_sync/source/source.hpp"
#include "stibee_sync/store/mirror_state.hpp"

namespace stibee_sync::pipeline {

/// How far a server is believed: as far as it has seen.
enum class ServerTrust {
  Trusted,
  /// A standby that has not replayed all that was read before. It may still come: nothing is made of it until
  /// then.
  Behind,
  /// A primary (or a standby of one) that may have lost what was read before, and will never see it:
  /// restored, promoted, or set back. What it says differently waits for a human.
  Another,
};

/// `before`: of the last good read. A server that tells neither position nor identity is trusted. Pure.
ServerTrust trust_in(const source::ReadShape& server, const store::SourceFacts& before);

}  // namespace stibee_sync::pipeline

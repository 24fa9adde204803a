#pragma once

#include "app/report.hpp"
#include "stibee_sync/notice/picture.hpp"

namespace stibee_sync::app {

/// What notices are made of, as the daemon is seen. That a mirror is well is known once its table was read
/// and it has been served as long as anybody may wait; of a paused one it is not. Problems are
/// said in `language`. Pure.
notice::Picture picture_of(const DaemonView& seen, Language language = Language::English);

}  // namespace stibee_sync::app

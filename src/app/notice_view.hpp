#pragma once

#include "app/report.hpp"
#include "stibee_sync/notice/picture.hpp"

namespace stibee_sync::app {

/// What notices are made of, as the daemon is seen. That a mirror is well is known once its table was read
/// and it has been served as long as anybody may wait; of a paused one it is not. Pure.
notice::Picture picture_of(const DaemonView& seen);

}  // namespace stibee_sync::app

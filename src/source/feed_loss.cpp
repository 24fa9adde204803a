#include "stibee_sync/source/feed_snapshot.hpp"

namespace stibee_sync::source {

std::string_view label(FeedLoss::Kind kind) {
  switch (kind) {
    case FeedLoss::Kind::NotInstalled:
      return "not_installed";
    case FeedLoss::Kind::Incomplete:
      return "incomplete";
    case FeedLoss::Kind::Overgrown:
      return "overgrown";
    case FeedLoss::Kind::Standby:
      return "standby";
    case FeedLoss::Kind::Refused:
      return "refused";
    case FeedLoss::Kind::Unfit:
      return "unfit";
  }
  return "";
}

}  // namespace stibee_sync::source

#pragma once

#include "stibee_sync/http/transport.hpp"
#include "stibee_sync/runtime/worker.hpp"
#include "stibee_sync/settings/settings.hpp"
#include "stibee_sync/source/change_feed.hpp"
#include "stibee_sync/source/source.hpp"
#include "stibee_sync/source/writer.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

namespace stibee_sync::app {

/// What an engine has of the world beyond this process: Stibee, PostgreSQL, threads, chance.
struct Outside {
  std::unique_ptr<http::Transport> transport;
  std::function<void()> cut_off;  // ends every exchange, those to come as well; not after the transport
  std::function<void()> cut;      // only those under way
  std::unique_ptr<source::Reader> reader;
  std::unique_ptr<source::Writer> writer;
  std::function<std::unique_ptr<source::ChangeFeed>()> change_feed;
  /// Tells of the feeds of these mirrors, from whatever thread.
  using Wake = std::function<void(const std::string& mirror, source::FeedListener::Why why)>;
  std::function<std::unique_ptr<source::FeedListener>(std::vector<std::string> mirrors, Wake wake)> listener;
  std::function<std::unique_ptr<runtime::Worker>(const std::string& name)> make_worker;
  std::function<std::function<double()>()> make_random;  // uniform in [0, 1)
  std::string boot_id;
};

/// The world itself. Blocking: the certificates that are trusted are read.
Outside real_outside(boost::asio::any_io_executor executor, const settings::Settings& settings);

}  // namespace stibee_sync::app

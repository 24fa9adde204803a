#include "app/outside.hpp"

#include "app/engine.hpp"
#include "app/setup.hpp"
#include "stibee_sync/http/client.hpp"
#include "stibee_sync/runtime/system_clock.hpp"
#include "stibee_sync/settings/credential.hpp"

#include <utility>

namespace stibee_sync::app {
namespace {

/// For a process that goes on with the password that it has.
source::Connection saying_how_to_renew(source::Connection connection, const settings::Settings& settings) {
  if (const auto& file = settings.database.password_file)
    connection.password_cure = settings::how_to_renew(*file, system_environment);
  return connection;
}

}  // namespace

Outside real_outside(boost::asio::any_io_executor executor, const settings::Settings& settings) {
  Outside outside;
  auto client = std::make_unique<http::Client>(std::move(executor), client_options(settings));
  outside.cut_off = [client = client.get()] { client->cancel(); };
  outside.cut = [client = client.get()] { client->cut(); };
  outside.transport = std::move(client);
  const auto connection = saying_how_to_renew(database_connection(settings), settings);
  outside.reader = source::make_postgres_reader(connection);
  outside.writer = source::make_postgres_writer(saying_how_to_renew(write_connection(settings), settings));
  outside.change_feed = [connection] { return source::make_postgres_change_feed(connection); };
  outside.listener = [connection](std::vector<std::string> mirrors, Outside::Wake wake) {
    return source::make_postgres_feed_listener(connection, std::move(mirrors), std::move(wake));
  };
  outside.make_worker = [](const std::string& name) { return runtime::make_thread_worker(name); };
  outside.make_random = system_random;
  outside.boot_id = runtime::boot_id();
  return outside;
}

}  // namespace stibee_sync::app

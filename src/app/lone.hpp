#pragma once

#include "app/call_slots.hpp"
#include "app/foreground.hpp"
#include "app/lone_asker.hpp"
#include "app/setup.hpp"
#include "stibee_sync/http/client.hpp"

#include <memory>
#include <string>
#include <utility>

namespace stibee_sync::app {

/// What a command without a daemon stands on that asks Stibee itself. The settings outlive it.
struct Lone {
  /// `thread`: the name of the worker's. `patience`: how long a call waits for a slot.
  Lone(const settings::Settings& settings, std::unique_ptr<store::Store> store, const std::string& thread,
       domain::Duration patience)
      : log(make_log(settings)),
        foreground(settings, log, std::move(store)),
        worker(runtime::make_thread_worker(thread)),
        slots(settings, foreground.ground().clock),
        client(foreground.ground().context.get_executor(), client_options(settings)),
        asker(client, slots, settings.stibee.api_key, patience) {}

  telemetry::Log log;
  Foreground foreground;
  std::unique_ptr<runtime::Worker> worker;  // reads what blocks: a table, a list's merge
  CallSlots slots;
  http::Client client;
  LoneAsker asker;
};

}  // namespace stibee_sync::app

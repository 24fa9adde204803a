#pragma once

#include "stibee_sync/runtime/clock.hpp"

#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>

namespace stibee_sync::runtime {

/// CLOCK_BOOTTIME (goes on while the machine sleeps, as Stibee's limits do) and the wall clock.
std::unique_ptr<Clock> make_system_clock(boost::asio::any_io_executor executor);

/// Tells one boot of the machine from another; "" where the kernel does not say.
std::string boot_id();

}  // namespace stibee_sync::runtime

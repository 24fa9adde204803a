#include "telemetry/process.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <unistd.h>

namespace stibee_sync::telemetry {
namespace {

/// The fields of /proc/self/stat from the third on: the second is the program's name, which may hold
/// anything.
std::istringstream fields_of_self() {
  std::string line;
  std::ifstream stat("/proc/self/stat");
  std::getline(stat, line);
  const auto end_of_name = line.rfind(')');
  return std::istringstream(end_of_name == std::string::npos ? std::string() : line.substr(end_of_name + 1));
}

/// When the machine was started, as Unix time.
double boot_time() {
  std::ifstream stat("/proc/stat");
  for (std::string line; std::getline(stat, line);) {
    if (line.starts_with("btime ")) return std::strtod(line.c_str() + 6, nullptr);
  }
  return 0;
}

}  // namespace

ProcessUse process_use() {
  ProcessUse use;
  const auto ticks = static_cast<double>(std::max(1L, ::sysconf(_SC_CLK_TCK)));
  const auto page = static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PAGESIZE)));
  auto fields = fields_of_self();
  // By their numbers in proc(5).
  double user = 0, system = 0, started = 0, pages = 0;
  std::string field;
  for (int number = 3; number <= 24 && fields >> field; ++number) {
    if (number == 14) user = std::strtod(field.c_str(), nullptr);
    if (number == 15) system = std::strtod(field.c_str(), nullptr);
    if (number == 22) started = std::strtod(field.c_str(), nullptr);
    if (number == 24) pages = std::strtod(field.c_str(), nullptr);
  }
  use.cpu = std::chrono::duration<double>((user + system) / ticks);
  use.resident_bytes = static_cast<std::uint64_t>(pages) * page;
  use.started = boot_time() + started / ticks;
  std::error_code error;
  for (std::filesystem::directory_iterator file("/proc/self/fd", error), end; !error && file != end;
       file.increment(error))
    ++use.open_files;
  if (use.open_files > 0) --use.open_files;  // the one that counts them
  return use;
}

}  // namespace stibee_sync::telemetry

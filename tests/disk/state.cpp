#include "disk/state.hpp"

#include "stibee_sync/store/store.hpp"

#include <stdexcept>
#include <string>

#include <sqlite3.h>

namespace stibee_sync::test_disk {
namespace {

void set_key(const std::filesystem::path& file) {
  sqlite3* db = nullptr;
  int code = sqlite3_open(file.c_str(), &db);
  if (code == SQLITE_OK) {
    code = sqlite3_exec(db, "UPDATE meta SET value = zeroblob(32) WHERE name = 'state_key'", nullptr, nullptr,
                        nullptr);
  }
  const bool one = code == SQLITE_OK && sqlite3_changes(db) == 1;
  sqlite3_close(db);
  if (!one) throw std::logic_error("the key of " + file.string() + " is kept elsewhere now");
}

// Made once, since every test and every seed begins with one.
const SimulatedDisk::Image& empty_state() {
  static const auto image = [] {
    const SimulatedDisk disk;
    open_state(disk).reset();
    for (const char* name : {"state.sqlite", "suppressions.sqlite"})
      set_key(disk.directory() / name);
    return disk.image();
  }();
  return image;
}

}  // namespace

std::unique_ptr<SimulatedDisk> disk_with_state() {
  auto disk = std::make_unique<SimulatedDisk>();
  disk->load(empty_state());
  return disk;
}

std::unique_ptr<store::Store> open_state(const SimulatedDisk& disk) {
  store::OpenReport report;
  auto store = store::open_store(disk.directory(), report);
  if (report.damaged_set_aside || report.suppressions_set_aside) {
    throw std::logic_error("the state was taken for damaged");
  }
  return store;
}

}  // namespace stibee_sync::test_disk

#include "fault/faults.hpp"

#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

namespace stibee_sync::fault {
namespace {

namespace fs = std::filesystem;

ino_t inode_of(const fs::path& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 ? info.st_ino : 0;
}

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Into the file that is there, whose number stays.
void overwrite(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace

Faults::Faults(fs::path own, std::vector<fs::path> watched)
    : own_(std::move(own)), watched_(std::move(watched)) {
  fs::create_directories(own_ / "synced");
  const auto file = own_ / "control";
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ::ftruncate(fd, sizeof(Control)) != 0) throw std::runtime_error("no control file");
  void* memory = ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  if (memory == MAP_FAILED) throw std::runtime_error("cannot map the control file");
  shared_ = static_cast<Control*>(memory);
  reset();
}

Faults::~Faults() {
  ::munmap(shared_, sizeof(Control));
}

void Faults::reset() {
  heal();
  shared_->calls = 0;
  shared_->strike_at = 0;
  shared_->struck = 0;
  shared_->error = 0;
  shared_->kinds = every_durable_kind;
  std::memset(shared_->struck_call, 0, sizeof shared_->struck_call);
  move_clocks(0, 0, 0);
  look_up(Lookup::Found);
  shared_->lookups = 0;
  fs::remove_all(own_ / "synced");
  fs::create_directories(own_ / "synced");
}

std::map<std::string, std::string> Faults::environment(bool keeps_synced) const {
  std::string folders;
  for (const auto& folder : watched_)
    folders += (folders.empty() ? "" : ":") + folder.string();
  std::map<std::string, std::string> environment{{"LD_PRELOAD", STIBEE_FAULT_LIBRARY},
                                                 {control_variable, (own_ / "control").string()},
                                                 {watched_variable, folders}};
  if (keeps_synced) {
    keep_present();
    environment[synced_variable] = (own_ / "synced").string();
  }
  return environment;
}

void Faults::keep_present() const {
  for (const auto& folder : watched_) {
    if (!fs::is_directory(folder)) continue;
    std::string names;
    for (const auto& entry : fs::directory_iterator(folder)) {
      const auto inode = std::to_string(inode_of(entry.path()));
      if (!entry.is_regular_file()) continue;
      names += inode + " " + entry.path().filename().string() + "\n";
      overwrite(own_ / "synced" / inode, content(entry.path()));
    }
    overwrite(own_ / "synced" / std::to_string(inode_of(folder)), names);
  }
}

void Faults::strike_at(Strike strike, std::uint64_t count) {
  shared_->strike_at = shared_->calls + count;
  shared_->strike = strike;
}

void Faults::fail_from_now(std::int32_t error, std::uint32_t kinds) {
  shared_->kinds = kinds;
  shared_->error = error;
  strike_at(Strike::FailFromThen, 1);
}

void Faults::heal() {
  shared_->strike = Strike::Nothing;
}

void Faults::look_up(Lookup lookup, std::uint32_t host) {
  shared_->host = host;
  shared_->lookup = lookup;
}

void Faults::move_clocks(std::int64_t realtime_ns, std::int64_t monotonic_ns, std::int64_t boottime_ns) {
  shared_->realtime = realtime_ns;
  shared_->monotonic = monotonic_ns;
  shared_->boottime = boottime_ns;
}

void Faults::lose_unsynced(Names names) const {
  const auto synced = own_ / "synced";
  for (const auto& folder : watched_) {
    if (!fs::is_directory(folder)) continue;
    std::map<std::string, std::string> survivors;  // name → what it has
    if (names == Names::Journalled) {
      for (const auto& entry : fs::directory_iterator(folder)) {
        if (entry.is_regular_file())
          survivors[entry.path().filename()] = content(synced / std::to_string(inode_of(entry.path())));
      }
    } else {
      std::istringstream entries(content(synced / std::to_string(inode_of(folder))));
      std::string inode;
      std::string name;
      while (entries >> inode && std::getline(entries >> std::ws, name))
        survivors[name] = content(synced / inode);
    }
    std::set<fs::path> all;
    for (const auto& entry : fs::directory_iterator(folder))
      all.insert(entry.path());
    for (const auto& path : all) {
      if (!fs::is_regular_file(path) || !survivors.contains(path.filename())) fs::remove_all(path);
    }
    for (const auto& [name, bytes] : survivors) {
      overwrite(folder / name, bytes);
      fs::permissions(folder / name, fs::perms::owner_read | fs::perms::owner_write);
    }
  }
}

std::vector<std::vector<std::string>> calls_in_flight(const fs::path& state) {
  std::vector<std::vector<std::string>> calls;
  const auto copy = state.parent_path() / "looked-at";
  fs::remove_all(copy);
  fs::create_directories(copy);
  for (const char* name : {"state.sqlite", "state.sqlite-wal"}) {
    if (fs::exists(state / name)) fs::copy_file(state / name, copy / name);
  }
  sqlite3* db = nullptr;
  sqlite3_stmt* all = nullptr;
  if (sqlite3_open_v2((copy / "state.sqlite").c_str(), &db, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK &&
      sqlite3_prepare_v2(db, "SELECT people FROM in_flight", -1, &all, nullptr) == SQLITE_OK) {
    while (sqlite3_step(all) == SQLITE_ROW) {
      std::istringstream people(reinterpret_cast<const char*>(sqlite3_column_text(all, 0)));
      auto& call = calls.emplace_back();
      for (std::string person; std::getline(people, person);)
        call.push_back(person);
    }
  }
  sqlite3_finalize(all);
  sqlite3_close(db);
  fs::remove_all(copy);
  return calls;
}

}  // namespace stibee_sync::fault

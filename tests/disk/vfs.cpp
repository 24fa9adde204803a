#include "disk/vfs.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sqlite3.h>

namespace stibee_sync::test_disk {

namespace {

struct SqliteFile {
  sqlite3_file base;
  Handle* handle;
};

Handle& handle_of(sqlite3_file* file) {
  return *reinterpret_cast<SqliteFile*>(file)->handle;
}

std::map<std::string, SimulatedDisk*>& mounted() {
  static std::map<std::string, SimulatedDisk*> disks;
  return disks;
}

sqlite3_vfs* system_vfs() {
  static sqlite3_vfs* found = sqlite3_vfs_find("unix");
  return found;
}

using Trouble = SimulatedDisk::Trouble;

struct Place {
  SimulatedDisk* disk = nullptr;
  std::string name;
};

std::optional<Place> place_of(const char* path) {
  if (path == nullptr) return std::nullopt;
  const std::filesystem::path whole(path);
  const auto found = mounted().find(whole.parent_path().string());
  if (found == mounted().end()) return std::nullopt;
  return Place{found->second, whole.filename().string()};
}

}  // namespace

template <class Change>
int SimulatedDisk::change(bool grows, int error, Change change) {
  if (dead_) return error;
  count_operation();
  const bool full = grows && trouble_ == Trouble::Full;
  if (fails(full || trouble_ == Trouble::Broken)) return full ? SQLITE_FULL : error;
  change();
  // What dies with the disk was begun, and may be there in part.
  return dies(Moment::Operation) ? error : SQLITE_OK;
}

int SimulatedDisk::sync(Node& file) {
  if (dead_) return SQLITE_IOERR_FSYNC;
  count_operation();
  ++syncs_;
  if (fails(trouble_ == Trouble::Broken)) return SQLITE_IOERR_FSYNC;
  if (dies(Moment::Operation) || dies(Moment::BeforeSync)) return SQLITE_IOERR_FSYNC;
  file.content.sync();
  deleted_.clear();
  dies(Moment::AfterSync);
  return SQLITE_OK;
}

/// What SQLite calls.
struct Vfs {
  // ---- a file ------------------------------------------------------------------------------------------

  static int close_file(sqlite3_file* file) {
    auto* handle = std::exchange(reinterpret_cast<SqliteFile*>(file)->handle, nullptr);
    handle->file->handles.erase(handle);
    delete handle;
    return SQLITE_OK;
  }

  static int read_file(sqlite3_file* file, void* into, int size, sqlite3_int64 offset) {
    auto& handle = handle_of(file);
    const auto wanted = static_cast<std::size_t>(size);
    const bool broken = handle.disk->trouble_ == Trouble::Broken;
    if (handle.disk->dead() || handle.disk->fails(broken)) return SQLITE_IOERR_READ;
    const auto& bytes = handle.file->content.bytes();
    const auto begin = std::min(static_cast<std::size_t>(offset), bytes.size());
    const auto got = std::min(wanted, bytes.size() - begin);
    std::memcpy(into, bytes.data() + begin, got);
    if (got == wanted) return SQLITE_OK;
    std::memset(static_cast<char*>(into) + got, 0, wanted - got);
    return SQLITE_IOERR_SHORT_READ;
  }

  static int write_file(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
    auto& handle = handle_of(file);
    const std::string_view bytes(static_cast<const char*>(data), static_cast<std::size_t>(size));
    const auto place = static_cast<std::size_t>(offset);
    return handle.disk->change(true, SQLITE_IOERR_WRITE, [&] { handle.file->content.write(place, bytes); });
  }

  static int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
    auto& handle = handle_of(file);
    const auto length = static_cast<std::size_t>(size);
    return handle.disk->change(false, SQLITE_IOERR_TRUNCATE, [&] { handle.file->content.truncate(length); });
  }

  static int sync_file(sqlite3_file* file, int) {
    auto& handle = handle_of(file);
    return handle.disk->sync(*handle.file);
  }

  static int file_size(sqlite3_file* file, sqlite3_int64* size) {
    auto& handle = handle_of(file);
    if (handle.disk->dead()) return SQLITE_IOERR_FSTAT;
    *size = static_cast<sqlite3_int64>(handle.file->content.bytes().size());
    return SQLITE_OK;
  }

  static int lock_file(sqlite3_file* file, int wanted) {
    auto& handle = handle_of(file);
    if (handle.disk->dead()) return SQLITE_IOERR_LOCK;
    if (wanted <= handle.lock) return SQLITE_OK;
    int highest = SQLITE_LOCK_NONE;
    for (const auto* other : handle.file->handles) {
      if (other != &handle) highest = std::max(highest, other->lock);
    }
    if (wanted == SQLITE_LOCK_SHARED && highest >= SQLITE_LOCK_PENDING) return SQLITE_BUSY;
    if (wanted >= SQLITE_LOCK_RESERVED && highest >= SQLITE_LOCK_RESERVED) return SQLITE_BUSY;
    if (wanted == SQLITE_LOCK_EXCLUSIVE && highest >= SQLITE_LOCK_SHARED) {
      handle.lock = SQLITE_LOCK_PENDING;  // nobody new comes in, and the readers will leave
      return SQLITE_BUSY;
    }
    handle.lock = wanted;
    return SQLITE_OK;
  }

  static int unlock_file(sqlite3_file* file, int wanted) {
    auto& handle = handle_of(file);
    handle.lock = std::min(handle.lock, wanted);
    return SQLITE_OK;
  }

  static int check_reserved(sqlite3_file* file, int* reserved) {
    auto& handle = handle_of(file);
    *reserved = 0;
    for (const auto* other : handle.file->handles) {
      if (other->lock >= SQLITE_LOCK_RESERVED) *reserved = 1;
    }
    return handle.disk->dead() ? SQLITE_IOERR_CHECKRESERVEDLOCK : SQLITE_OK;
  }

  static int control_file(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }

  // As SQLite's own for Unix.
  static int sector_size(sqlite3_file*) { return 4096; }
  static int characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

  // ---- the index of the log ----------------------------------------------------------------------------

  static int map_shared(sqlite3_file* file, int region, int size, int extend, void volatile** mapped) {
    auto& handle = handle_of(file);
    *mapped = nullptr;
    if (handle.disk->dead()) return SQLITE_IOERR_SHMMAP;
    auto& regions = handle.file->shared_memory;
    handle.shares_memory = true;
    const auto wanted = static_cast<std::size_t>(region);
    if (wanted >= regions.size() && extend == 0) return SQLITE_OK;
    while (wanted >= regions.size())
      regions.push_back(std::make_unique<std::byte[]>(static_cast<std::size_t>(size)));
    *mapped = regions[wanted].get();
    return SQLITE_OK;
  }

  static int lock_shared(sqlite3_file* file, int first, int count, int flags) {
    auto& handle = handle_of(file);
    const auto mask = static_cast<std::uint8_t>(((1U << count) - 1U) << first);
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
      handle.shared = static_cast<std::uint8_t>(handle.shared & ~mask);
      handle.exclusive = static_cast<std::uint8_t>(handle.exclusive & ~mask);
      return SQLITE_OK;
    }
    const bool exclusively = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    constexpr int writer = 0;  // the place of the lock that whoever writes to the log holds
    if (handle.disk->dead()) return SQLITE_IOERR_SHMLOCK;
    const bool held_by_others = exclusively && first == writer && handle.disk->trouble_ == Trouble::Busy;
    if (handle.disk->fails(held_by_others)) return SQLITE_BUSY;
    for (const auto* other : handle.file->handles) {
      if (other == &handle) continue;
      const unsigned held = exclusively ? other->shared | other->exclusive : other->exclusive;
      if ((held & mask) != 0) return SQLITE_BUSY;
    }
    auto& held = exclusively ? handle.exclusive : handle.shared;
    held = static_cast<std::uint8_t>(held | mask);
    return SQLITE_OK;
  }

  static void shared_barrier(sqlite3_file*) {}

  static int unmap_shared(sqlite3_file* file, int) {
    auto& handle = handle_of(file);
    handle.shares_memory = false;
    handle.shared = handle.exclusive = 0;
    const auto& handles = handle.file->handles;
    // Whoever comes next makes the index anew from the log.
    if (std::ranges::none_of(handles, &Handle::shares_memory)) handle.file->shared_memory.clear();
    return SQLITE_OK;
  }

  // ---- the file system ---------------------------------------------------------------------------------

  static int open_file(sqlite3_vfs*, const char* path, sqlite3_file* file, int flags, int* flags_out) {
    const auto place = place_of(path);
    if (!place) return system_vfs()->xOpen(system_vfs(), path, file, flags, flags_out);
    file->pMethods = nullptr;
    auto& disk = *place->disk;
    if (disk.dead()) return SQLITE_CANTOPEN;
    auto& node = disk.files_[place->name];
    if (!node) {
      node = std::make_shared<SimulatedDisk::Node>();
      disk.deleted_.erase(place->name);
    }
    auto handle = std::make_unique<Handle>();
    handle->disk = &disk;
    handle->file = node;
    handle->file->handles.insert(handle.get());
    reinterpret_cast<SqliteFile*>(file)->handle = handle.release();
    file->pMethods = &methods;
    if (flags_out != nullptr) *flags_out = flags;
    return SQLITE_OK;
  }

  static int delete_file(sqlite3_vfs*, const char* path, int sync_directory) {
    const auto place = place_of(path);
    if (!place) return system_vfs()->xDelete(system_vfs(), path, sync_directory);
    auto& disk = *place->disk;
    const auto found = disk.files_.find(place->name);
    if (found == disk.files_.end()) return disk.dead() ? SQLITE_IOERR_DELETE : SQLITE_IOERR_DELETE_NOENT;
    return disk.change(false, SQLITE_IOERR_DELETE, [&] {
      if (sync_directory == 0) disk.deleted_[place->name] = found->second;
      disk.files_.erase(found);
    });
  }

  static int access_file(sqlite3_vfs*, const char* path, int flags, int* result) {
    const auto place = place_of(path);
    if (!place) return system_vfs()->xAccess(system_vfs(), path, flags, result);
    const auto& disk = *place->disk;
    if (disk.dead()) return SQLITE_IOERR_ACCESS;
    const auto found = disk.files_.find(place->name);
    // For SQLite an empty file is none.
    *result = found != disk.files_.end() && !found->second->content.bytes().empty() ? 1 : 0;
    return SQLITE_OK;
  }

  static int full_name(sqlite3_vfs*, const char* path, int size, char* into) {
    return system_vfs()->xFullPathname(system_vfs(), path, size, into);
  }

  // Nobody but the waiting itself could end what is waited for.
  static int sleep_not(sqlite3_vfs*, int microseconds) { return microseconds; }

  static const sqlite3_io_methods methods;
};

const sqlite3_io_methods Vfs::methods = {
    2,           close_file,     read_file,      write_file,   truncate_file, sync_file,       file_size,
    lock_file,   unlock_file,    check_reserved, control_file, sector_size,   characteristics, map_shared,
    lock_shared, shared_barrier, unmap_shared,   nullptr,      nullptr};

namespace {

void make_default() {
  // As the store configures it; once SQLite runs it is too late.
  static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(configured);
  static sqlite3_vfs vfs = [] {
    sqlite3_vfs made = *system_vfs();
    made.szOsFile = std::max(made.szOsFile, static_cast<int>(sizeof(SqliteFile)));
    made.pNext = nullptr;
    made.zName = "simulated";
    made.xOpen = Vfs::open_file;
    made.xDelete = Vfs::delete_file;
    made.xAccess = Vfs::access_file;
    made.xFullPathname = Vfs::full_name;
    made.xSleep = Vfs::sleep_not;
    return made;
  }();
  static const int registered = sqlite3_vfs_register(&vfs, 1);
  static_cast<void>(registered);
}

}  // namespace

void mount(SimulatedDisk& disk) {
  make_default();
  mounted()[disk.directory().string()] = &disk;
}

void unmount(const SimulatedDisk& disk) {
  mounted().erase(disk.directory().string());
}

}  // namespace stibee_sync::test_disk

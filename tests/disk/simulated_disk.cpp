#include "disk/simulated_disk.hpp"

#include "disk/vfs.hpp"

#include <algorithm>
#include <cstdlib>
#include <ranges>
#include <stdexcept>
#include <utility>

namespace stibee_sync::test_disk {
namespace {

constexpr std::size_t sector = 512;

bool coin(std::mt19937_64& random) {
  return (random() & 1U) != 0;
}

std::filesystem::path make_directory() {
  std::error_code error;
  const bool in_memory = std::filesystem::is_directory("/dev/shm", error);
  const auto parent = in_memory ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path();
  // SQLite asks for its files by their true names.
  std::string name = (std::filesystem::canonical(parent) / "stibee-disk-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a temporary directory");
  return name;
}

}  // namespace

void File::write(std::size_t offset, std::string_view data) {
  Change change;
  change.offset = offset;
  change.length = data.size();
  change.size_before = bytes_.size();
  if (offset < bytes_.size()) change.before = bytes_.substr(offset, data.size());
  const auto end = offset + data.size();
  if (end > bytes_.size()) bytes_.resize(end);
  std::ranges::copy(data, bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
  unsynced_.push_back(std::move(change));
}

void File::truncate(std::size_t size) {
  if (size >= bytes_.size()) return;
  Change change;
  change.offset = size;
  change.size_before = bytes_.size();
  change.before = bytes_.substr(size);
  bytes_.resize(size);
  unsynced_.push_back(std::move(change));
}

// Last first: what the file then holds at the place is what the change wrote.
void File::undo(Change& change) {
  if (change.length > 0) change.after = bytes_.substr(change.offset, change.length);
  bytes_.resize(change.size_before);
  if (!change.before.empty()) bytes_.replace(change.offset, change.before.size(), change.before);
}

void File::redo(const Change& change, Keep keep, std::mt19937_64& random) {
  if (change.length == 0) {
    bytes_.resize(std::min(bytes_.size(), change.offset));
    return;
  }
  for (std::size_t at = 0; at < change.after.size();) {
    const auto place = change.offset + at;
    const auto length = std::min(change.after.size() - at, sector - place % sector);
    if (keep != Keep::SomeSectors || coin(random)) {
      bytes_.resize(std::max(bytes_.size(), place + length));
      bytes_.replace(place, length, change.after, at, length);
    }
    at += length;
  }
}

void File::lose_unsynced(Keep keep, std::mt19937_64& random) {
  auto changes = std::exchange(unsynced_, {});
  if (keep == Keep::All || changes.empty()) return;
  for (auto& change : std::views::reverse(changes))
    undo(change);
  if (keep == Keep::Nothing) return;
  const auto first = random() % (changes.size() + 1);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const bool kept = keep == Keep::SomeFirst ? i < first : coin(random);
    if (kept) redo(changes[i], keep, random);
  }
}

SimulatedDisk::SimulatedDisk() : directory_(make_directory()) {
  mount(*this);
}

SimulatedDisk::~SimulatedDisk() {
  unmount(*this);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void SimulatedDisk::die_at(Moment moment, std::size_t count) {
  moment_ = moment;
  until_death_ = count;
}

void SimulatedDisk::die() {
  if (std::exchange(dead_, true)) return;
  until_death_ = 0;
  if (told_) std::exchange(told_, nullptr)();
}

bool SimulatedDisk::dies(Moment moment) {
  if (until_death_ == 0 || moment != moment_ || --until_death_ > 0) return false;
  die();
  return true;
}

bool SimulatedDisk::fails(bool concerned) {
  if (!concerned || failures_ == 0 || until_trouble_ > 0) return false;
  --failures_;
  ++failed_;
  return true;
}

void SimulatedDisk::fail(Trouble trouble, std::size_t after, std::size_t times) {
  trouble_ = trouble;
  until_trouble_ = after;
  failures_ = times;
}

void SimulatedDisk::count_operation() {
  ++operations_;
  if (until_trouble_ > 0) --until_trouble_;
}

void SimulatedDisk::restart(std::mt19937_64& random) {
  require_closed();
  using enum File::Keep;
  // A process that is killed loses nothing, since the system goes on; a machine that is, anything.
  constexpr File::Keep all[] = {All, Nothing, SomeFirst, SomeWrites, SomeSectors};
  const auto keep = all[random() % std::size(all)];
  for (auto& [name, file] : deleted_) {
    if (keep != All && coin(random)) files_.emplace(name, file);
  }
  deleted_.clear();
  for (auto& [name, file] : files_)
    file->content.lose_unsynced(keep, random);
  told_ = nullptr;
  until_death_ = 0;
  failures_ = 0;
  dead_ = false;
}

SimulatedDisk::Image SimulatedDisk::image() const {
  require_closed();
  Image image;
  for (const auto& [name, file] : files_)
    image[name] = file->content.bytes();
  return image;
}

void SimulatedDisk::load(const Image& image) {
  require_closed();
  files_.clear();
  deleted_.clear();
  for (const auto& [name, bytes] : image) {
    auto file = std::make_shared<Node>();
    file->content.write(0, bytes);
    file->content.sync();
    files_[name] = std::move(file);
  }
}

void SimulatedDisk::require_closed() const {
  for (const auto& [name, file] : files_) {
    if (!file->handles.empty()) throw std::logic_error(name + " is still open");
  }
}

}  // namespace stibee_sync::test_disk

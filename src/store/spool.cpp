#include "store/spool.hpp"

#include "stibee_sync/store/store.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace stibee_sync::store {
namespace {

constexpr std::size_t write_size = 64 * 1024;
// A sorter that needs more is likely to need all it may have.
constexpr std::size_t small_arena = 256 * 1024;

int open_nameless(const std::filesystem::path& directory) {
  const int fd = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return fd;
  // A file system without O_TMPFILE.
  std::string name = (directory / "staging-XXXXXX").string();
  const int named = ::mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) ::unlink(name.c_str());
  return named;
}

}  // namespace

TemporaryFile::TemporaryFile(const std::filesystem::path& directory)
    : directory_(directory), fd_(open_nameless(directory)) {
  if (fd_ < 0) fail(errno);
}

TemporaryFile::~TemporaryFile() {
  ::close(fd_);
}

void TemporaryFile::fail(int error) const {
  std::string message = "cannot stage a read in " + directory_.string() + ": " + std::strerror(error);
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    message += "; free some space there, or raise the quota or file size limit";
  } else if (error == EACCES || error == EROFS || error == ENOENT) {
    message += "; the directory must exist and be writable";
  }
  throw StoreError(message);
}

void TemporaryFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (written < 0) {
      if (errno == EINTR) continue;
      fail(errno);
    }
    size_ += static_cast<std::uint64_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::size_t TemporaryFile::read(std::uint64_t offset, char* into, std::size_t capacity) const {
  std::size_t done = 0;
  while (done < capacity) {
    const auto count = ::pread(fd_, into + done, capacity - done, static_cast<off_t>(offset + done));
    if (count < 0) {
      if (errno == EINTR) continue;
      fail(errno);
    }
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

void TemporaryFile::clear() {
  if (::ftruncate(fd_, 0) != 0) fail(errno);
  size_ = 0;
}

RecordReader::RecordReader(const TemporaryFile& file, std::uint64_t begin, std::uint64_t end,
                           std::size_t buffer_size)
    : file_(&file), offset_(begin), end_(end), buffer_size_(buffer_size) {}

// Makes at least `wanted` bytes available from `at_` on, if the stretch has as many.
bool RecordReader::fill(std::size_t wanted) {
  const std::size_t have = buffer_.size() - at_;
  if (have >= wanted) return true;
  buffer_.erase(0, at_);
  at_ = 0;
  const auto left = static_cast<std::size_t>(
      std::min<std::uint64_t>(end_ - offset_, std::max(wanted, buffer_size_) - have));
  buffer_.resize(have + left);
  const auto got = file_->read(offset_, buffer_.data() + have, left);
  offset_ += got;
  buffer_.resize(have + got);
  return buffer_.size() >= wanted;
}

bool RecordReader::next(std::string_view& record) {
  if (!fill(4)) return false;
  std::uint32_t size = 0;
  std::memcpy(&size, buffer_.data() + at_, 4);
  at_ += 4;
  if (!fill(size)) throw StoreError("a staged read is cut short; it will be repeated");
  record = {buffer_.data() + at_, size};
  at_ += size;
  return true;
}

void Spool::add(std::string_view record) {
  const auto size = static_cast<std::uint32_t>(record.size());
  buffer_.append(reinterpret_cast<const char*>(&size), 4);
  buffer_.append(record);
  ++count_;
  if (buffer_.size() >= write_size) flush();
}

void Spool::flush() {
  if (!file_) file_ = std::make_unique<TemporaryFile>(directory_);
  file_->append(buffer_);
  buffer_.clear();
}

RecordReader Spool::read() {
  flush();
  return {*file_, 0, file_->size(), write_size};
}

void Sorter::add(std::string_view sort_key, std::string_view payload) {
  const std::size_t size = sort_key.size() + payload.size();
  if (!entries_.empty() && arena_.size() + size + (entries_.size() + 1) * sizeof(Entry) > memory_)
    flush_run();
  // At once, since a vector that grows is there twice meanwhile. What is not used costs no memory.
  if (arena_.size() + size > small_arena && arena_.capacity() < memory_) arena_.reserve(memory_);
  Entry entry{};
  std::uint64_t prefix = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    prefix = (prefix << 8) | (i < sort_key.size() ? static_cast<unsigned char>(sort_key[i]) : 0U);
  }
  entry.prefix = prefix;
  entry.offset = static_cast<std::uint32_t>(arena_.size());
  entry.key_size = static_cast<std::uint32_t>(sort_key.size());
  entry.payload_size = static_cast<std::uint32_t>(payload.size());
  arena_.insert(arena_.end(), sort_key.begin(), sort_key.end());
  arena_.insert(arena_.end(), payload.begin(), payload.end());
  entries_.push_back(entry);
  ++count_;
}

void Sorter::sort_arena() {
  const auto less = [this](const Entry& a, const Entry& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    const int order = key_of(a).compare(key_of(b));
    return order != 0 ? order < 0 : a.offset < b.offset;
  };
  // What a full read stages comes in key order already.
  if (!std::is_sorted(entries_.begin(), entries_.end(), less))
    std::sort(entries_.begin(), entries_.end(), less);
}

void Sorter::flush_run() {
  sort_arena();
  if (!file_) file_ = std::make_unique<TemporaryFile>(directory_);
  Run run{file_->size(), 0};
  std::string out;
  for (const auto& entry : entries_) {
    const auto size = static_cast<std::uint32_t>(4 + entry.key_size + entry.payload_size);
    out.append(reinterpret_cast<const char*>(&size), 4);
    out.append(reinterpret_cast<const char*>(&entry.key_size), 4);
    out.append(arena_.data() + entry.offset, entry.key_size + entry.payload_size);
    if (out.size() >= write_size) {
      file_->append(out);
      out.clear();
    }
  }
  file_->append(out);
  run.end = file_->size();
  runs_.push_back(run);
  arena_.clear();
  entries_.clear();
}

bool Sorter::advance(Source& source) const {
  std::string_view record;
  if (!source.reader.next(record)) return false;
  std::uint32_t key_size = 0;
  std::memcpy(&key_size, record.data(), 4);
  source.key = record.substr(4, key_size);
  source.payload = record.substr(4 + key_size);
  return true;
}

bool Sorter::later(std::size_t a, std::size_t b) const {
  const int order = sources_[a].key.compare(sources_[b].key);
  return order != 0 ? order > 0 : a > b;
}

void Sorter::rewind() {
  at_ = 0;
  has_current_ = false;
  if (runs_.empty()) {
    if (!sorted_) sort_arena();
    sorted_ = true;
    return;
  }
  if (!entries_.empty()) flush_run();
  arena_ = {};
  entries_ = {};
  sources_.clear();
  heap_.clear();
  sources_.reserve(runs_.size());
  const std::size_t buffer = std::clamp<std::size_t>(memory_ / 2 / runs_.size(), 4096, write_size);
  for (const auto& run : runs_) {
    sources_.push_back({RecordReader(*file_, run.begin, run.end, buffer), {}, {}});
    if (advance(sources_.back())) heap_.push_back(sources_.size() - 1);
  }
  std::make_heap(heap_.begin(), heap_.end(), [this](auto a, auto b) { return later(a, b); });
}

bool Sorter::next(std::string_view& sort_key, std::string_view& payload) {
  if (runs_.empty()) {
    if (at_ == entries_.size()) return false;
    const auto& entry = entries_[at_++];
    sort_key = key_of(entry);
    payload = {arena_.data() + entry.offset + entry.key_size, entry.payload_size};
    return true;
  }
  const auto order = [this](auto a, auto b) { return later(a, b); };
  if (has_current_ && advance(sources_[current_])) {
    heap_.push_back(current_);
    std::push_heap(heap_.begin(), heap_.end(), order);
  }
  has_current_ = false;
  if (heap_.empty()) return false;
  std::pop_heap(heap_.begin(), heap_.end(), order);
  current_ = heap_.back();
  heap_.pop_back();
  has_current_ = true;
  sort_key = sources_[current_].key;
  payload = sources_[current_].payload;
  return true;
}

}  // namespace stibee_sync::store

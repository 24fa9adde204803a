#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::store {

/// A file without a name: gone as soon as it is closed, also when the process is killed. Holds what a read
/// stages. Throws StoreError (disk full, I/O error).
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& directory);
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile();

  std::uint64_t size() const { return size_; }
  void append(std::string_view bytes);
  /// Reads up to `capacity` bytes from `offset`; less only at the end.
  std::size_t read(std::uint64_t offset, char* into, std::size_t capacity) const;
  /// Gives the disk space back.
  void clear();

 private:
  [[noreturn]] void fail(int error) const;
  std::filesystem::path directory_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

/// Reads length-prefixed records from a stretch of a file, in order.
class RecordReader {
 public:
  RecordReader(const TemporaryFile& file, std::uint64_t begin, std::uint64_t end, std::size_t buffer_size);
  /// False at the end. The view lives until the next call.
  bool next(std::string_view& record);

 private:
  bool fill(std::size_t wanted);
  const TemporaryFile* file_;
  std::uint64_t offset_, end_;
  std::size_t buffer_size_;
  std::string buffer_;
  std::size_t at_ = 0;
};

/// Records written one after the other, to be read once or more in the same order.
class Spool {
 public:
  explicit Spool(std::filesystem::path directory) : directory_(std::move(directory)) {}
  void add(std::string_view record);
  /// Ends writing. May be called again to read once more.
  RecordReader read();
  std::size_t size() const { return count_; }

 private:
  void flush();
  std::filesystem::path directory_;
  std::unique_ptr<TemporaryFile> file_;
  std::string buffer_;
  std::size_t count_ = 0;
};

/// Sorts any number of records in bounded memory: runs on disk, then one merge.
class Sorter {
 public:
  Sorter(std::filesystem::path directory, std::size_t memory)
      : directory_(std::move(directory)), memory_(memory) {}
  /// Records are delivered in the order of the bytes of `sort_key`; those with equal keys in the order of
  /// adding.
  void add(std::string_view sort_key, std::string_view payload);
  std::size_t size() const { return count_; }
  /// Ends adding and begins (again) with the first record.
  void rewind();
  /// False at the end. The views live until the next call.
  bool next(std::string_view& sort_key, std::string_view& payload);

 private:
  struct Entry {
    std::uint64_t prefix;  // the first bytes of the key, so that most comparisons touch no other memory
    std::uint32_t offset;
    std::uint32_t key_size;
    std::uint32_t payload_size;
  };
  struct Run {
    std::uint64_t begin, end;
  };
  struct Source {
    RecordReader reader;
    std::string_view key, payload;
  };
  std::string_view key_of(const Entry& entry) const { return {arena_.data() + entry.offset, entry.key_size}; }
  void sort_arena();
  void flush_run();
  bool advance(Source& source) const;
  bool later(std::size_t a, std::size_t b) const;

  std::filesystem::path directory_;
  std::size_t memory_;
  std::size_t count_ = 0;
  std::vector<char> arena_;
  std::vector<Entry> entries_;
  bool sorted_ = false;
  std::unique_ptr<TemporaryFile> file_;
  std::vector<Run> runs_;

  std::size_t at_ = 0;             // reading from memory
  std::vector<Source> sources_;    // merging: one per run
  std::vector<std::size_t> heap_;  // indices of sources, the least on top
  std::size_t current_ = 0;
  bool has_current_ = false;
};

}  // namespace stibee_sync::store

#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace stibee_sync::test_disk {

/// A directory under the system's own for temporary files, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    // In memory where there is such a place: thousands of commits, each of which waits for the disk.
    std::error_code error;
    const bool in_memory =
        std::getenv("TMPDIR") == nullptr && std::filesystem::is_directory("/dev/shm", error);
    const auto parent =
        in_memory ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path();
    std::string name = (parent / "stibee-store-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a temporary directory");
    path_ = name;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace stibee_sync::test_disk

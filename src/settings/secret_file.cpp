#include "secret_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <string.h>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace stibee_sync::settings {
namespace {

constexpr std::size_t max_bytes = 4096;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

struct Buffer {
  std::array<char, max_bytes + 1> bytes{};
  std::size_t used = 0;
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { explicit_bzero(bytes.data(), bytes.size()); }
};

std::string reason(int error) {
  return std::generic_category().message(error);
}

Unreadable not_opened(const std::string& name, int error) {
  if (error == ENOENT || error == ENOTDIR) {
    return {name + " does not exist", "create it, or correct the path"};
  }
  if (error == EACCES || error == EPERM) {
    return {name + " may not be read by this user",
            "hand it over with systemd's LoadCredential=, or make this user its owner"};
  }
  return {name + " cannot be opened: " + reason(error), "make it a readable file"};
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_space(text.back()))
    text.remove_suffix(1);
  return text;
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

}  // namespace

Parsed<Secret> read_secret_file(const std::filesystem::path& file, const std::string& name) {
  // Non-blocking, so that a FIFO is recognised below instead of being waited for.
  const Descriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (descriptor.get() < 0) return not_opened(name, errno);

  struct stat info{};
  if (::fstat(descriptor.get(), &info) != 0) return not_opened(name, errno);
  if (S_ISDIR(info.st_mode)) return Unreadable{name + " is a directory", "name the file inside it"};
  if (!S_ISREG(info.st_mode)) return Unreadable{name + " is not a regular file", "name a regular file"};
  if ((info.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    return Unreadable{name + " can be read or written by other users", "run `chmod o-rw` on it"};
  }

  Buffer buffer;
  while (buffer.used < buffer.bytes.size()) {
    const ssize_t got =
        ::read(descriptor.get(), buffer.bytes.data() + buffer.used, buffer.bytes.size() - buffer.used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Unreadable{name + " cannot be read: " + reason(errno), "make it a readable file"};
    if (got == 0) break;
    buffer.used += static_cast<std::size_t>(got);
  }
  if (buffer.used > max_bytes) {
    return Unreadable{name + " is larger than 4 KiB", "put nothing but the secret in it"};
  }

  const std::string_view value = trimmed({buffer.bytes.data(), buffer.used});
  if (value.empty()) return Unreadable{name + " is empty", "put the secret in it"};
  if (value.find_first_of("\r\n") != std::string_view::npos) {
    return Unreadable{name + " has more than one line", "put nothing but the secret in it, on one line"};
  }
  if (std::any_of(value.begin(), value.end(), is_control)) {
    return Unreadable{name + " has control characters in it", "put nothing but the secret in it, as text"};
  }
  return Secret(value);
}

}  // namespace stibee_sync::settings

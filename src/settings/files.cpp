#include "files.hpp"

#include "stibee_sync/text/ascii.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <grp.h>
#include <span>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace stibee_sync::settings {
namespace {

constexpr std::array<std::string_view, 4> directories{"CREDENTIALS_DIRECTORY", "RUNTIME_DIRECTORY",
                                                      "STATE_DIRECTORY", "CONFIGURATION_DIRECTORY"};

class Descriptor {
 public:
  Descriptor(const std::filesystem::path& file, int flags)
      : fd_(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | flags)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

  /// How much was read until the end of the file or of the buffer; nothing and errno on failure.
  [[nodiscard]] std::optional<std::size_t> read(std::span<char> buffer) const {
    std::size_t used = 0;
    while (used < buffer.size()) {
      const ssize_t got = ::read(fd_, buffer.data() + used, buffer.size() - used);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return std::nullopt;
      if (got == 0) break;
      used += static_cast<std::size_t>(got);
    }
    return used;
  }

 private:
  int fd_;
};

constexpr std::size_t largest_secret = 4096;

struct Wiped {
  std::array<char, largest_secret + 1> bytes{};
  Wiped() = default;
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  ~Wiped() { privacy::wipe(bytes.data(), bytes.size()); }
};

std::string reason(int error) {
  return std::generic_category().message(error);
}

Unreadable not_opened(const std::string& name, int error) {
  if (error == ENOENT || error == ENOTDIR)
    return {name + " does not exist", "create it, or correct the path"};
  if (error == EACCES || error == EPERM) {
    return {name + " may not be read by this user",
            "hand it over with systemd's LoadCredential=, or make this user its owner"};
  }
  return {name + " cannot be opened: " + reason(error), "make it a readable file"};
}

/// `name` is how messages call the file.
Parsed<Secret> read_secret_file(const std::filesystem::path& file, const std::string& name) {
  // Non-blocking, so that a FIFO is recognised below instead of being waited for.
  const Descriptor descriptor(file, O_NONBLOCK);
  if (descriptor.get() < 0) return not_opened(name, errno);

  struct stat info{};
  if (::fstat(descriptor.get(), &info) != 0) return not_opened(name, errno);
  if (S_ISDIR(info.st_mode)) return Unreadable{name + " is a directory", "name the file inside it"};
  if (!S_ISREG(info.st_mode)) return Unreadable{name + " is not a regular file", "name a regular file"};
  if ((info.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    return Unreadable{name + " can be read or written by other users", "run `chmod o-rw` on it"};
  }

  Wiped buffer;
  const auto size = descriptor.read(buffer.bytes);
  if (!size) return Unreadable{name + " cannot be read: " + reason(errno), "make it a readable file"};
  if (*size > largest_secret) {
    return Unreadable{name + " is larger than 4 KiB", "put nothing but the secret in it"};
  }
  const std::string_view value = text::trimmed({buffer.bytes.data(), *size});
  if (value.empty()) {
    return Unreadable{name + " is empty",
                      "put the secret in it; under systemd, into the file that LoadCredential= names "
                      "(/etc/stibee-syncd/credentials/), which may be missing, and restart"};
  }
  if (value.find_first_of("\r\n") != std::string_view::npos) {
    return Unreadable{name + " has more than one line", "put nothing but the secret in it, on one line"};
  }
  if (std::any_of(value.begin(), value.end(), text::is_control)) {
    return Unreadable{name + " has control characters in it", "put nothing but the secret in it, as text"};
  }
  return Secret(value);
}

struct Expanded {
  std::string path{};
  std::string unset{};  // the variable that is missing
  bool malformed = false;
};

/// By hand the credentials are found where the unit takes them from: beside the configuration.
std::optional<std::string> directory_of(const Context& context, std::string_view variable) {
  auto directory = system_directory(context.environment, variable);
  if (directory || variable != "CREDENTIALS_DIRECTORY") return directory;
  const auto beside = context.folder / "credentials";
  std::error_code error;
  if (std::filesystem::is_directory(beside, error)) return beside.string();
  return std::nullopt;
}

Expanded expand(std::string_view text, const Context& context) {
  for (const std::string_view name : directories) {
    for (const auto& variable : {"${" + std::string(name) + "}", "$" + std::string(name)}) {
      const auto rest = text.substr(std::min(variable.size(), text.size()));
      if (!text.starts_with(variable) || (!rest.empty() && rest.front() != '/')) continue;
      if (rest.find('$') != rest.npos) return {.malformed = true};
      const auto directory = directory_of(context, name);
      return directory ? Expanded{.path = *directory + std::string(rest)}
                       : Expanded{.unset = std::string(name)};
    }
  }
  return {.path = std::string(text), .malformed = text.find('$') != text.npos};
}

}  // namespace

std::variant<std::string, int> read_file(const std::filesystem::path& file, std::size_t largest) {
  const Descriptor descriptor(file, 0);
  if (descriptor.get() < 0) return errno;
  std::string text(largest + 1, '\0');
  const auto size = descriptor.read(text);
  if (!size) return errno;
  text.resize(*size);
  return text;
}

bool has_group(const std::string& name) {
  group entry{};
  group* found = nullptr;
  std::vector<char> buffer(std::size_t{64} << 10);
  ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr;
}

std::optional<std::string> system_directory(const Environment& environment, std::string_view variable) {
  const auto value = environment(variable);
  // systemd separates several directories with colons; the first is the main one.
  if (!value || !value->starts_with('/')) return std::nullopt;
  return value->substr(0, value->find(':'));
}

std::optional<std::filesystem::path> read_path(const Cursor& at, Need need, std::string_view example) {
  const auto value = at.text(need, example);
  if (!value) return std::nullopt;
  const Context& context = at.context();
  const Expanded expanded = expand(*value, context);
  if (expanded.malformed) {
    at.problem("has a $ that is not understood",
               "begin with ${CREDENTIALS_DIRECTORY}/, ${RUNTIME_DIRECTORY}/, ${STATE_DIRECTORY}/ or "
               "${CONFIGURATION_DIRECTORY}/, or write the path out");
    return std::nullopt;
  }
  if (!expanded.unset.empty()) {
    const bool credentials = expanded.unset == "CREDENTIALS_DIRECTORY";
    if (!credentials || context.secret_files == SecretFiles::Read) {
      at.problem("needs " + expanded.unset + ", which is not set",
                 credentials
                     ? "run under systemd with LoadCredential=, make a folder `credentials` beside the "
                       "configuration, or write the path out"
                     : "run under systemd, or write the path out");
    }
    return std::nullopt;
  }
  if (expanded.path.starts_with('~')) {
    at.problem("begins with ~, which is not replaced", "write the path out");
    return std::nullopt;
  }
  return (context.folder / expanded.path).lexically_normal();
}

std::optional<Secret> read_secret(const Cursor& at, const std::optional<std::filesystem::path>& file) {
  if (!file || at.context().secret_files == SecretFiles::Skip) return std::nullopt;
  // Someone may have put the secret itself where its file belongs. Only what is plainly a path is repeated.
  const std::string_view given = at.raw();
  const bool plainly_a_path =
      given.starts_with('/') || given.starts_with("./") || given.starts_with("../") || given.starts_with('$');
  auto secret = read_secret_file(*file, plainly_a_path ? shown(file->string(), 4096) : "the file");
  if (const auto* wrong = std::get_if<Unreadable>(&secret)) {
    at.problem("names a secret that cannot be used: " + wrong->what, wrong->cure);
    return std::nullopt;
  }
  return std::get<Secret>(std::move(secret));
}

}  // namespace stibee_sync::settings

#include "stibee_sync/settings/loader.hpp"

#include "block.hpp"
#include "read.hpp"
#include "yaml_tree.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace stibee_sync::settings {
namespace {

constexpr std::size_t largest_file = 1024UL * 1024UL;

LoadResult one_problem(const std::filesystem::path& file, Place place, std::string what, std::string cure) {
  return LoadResult(
      std::vector<Problem>{{file.string(), place.line, place.column, std::move(what), std::move(cure)}});
}

/// The bytes of the file, at most one more than are allowed; an errno otherwise.
std::variant<std::string, int> read_file(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return errno;
  std::string text;
  std::array<char, 65536> chunk;
  int error = 0;
  while (text.size() <= largest_file) {
    const ssize_t got = ::read(fd, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) error = errno;
    if (got <= 0) break;
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  ::close(fd);
  if (error != 0) return error;
  return text;
}

}  // namespace

LoadResult load_text(std::string_view text, const std::filesystem::path& file, const Environment& environment,
                     SecretFiles secret_files) {
  if (text.size() > largest_file) {
    return one_problem(file, {}, "the file is larger than 1 MiB",
                       "name the configuration file with --config");
  }
  auto parsed = parse_yaml(text);
  if (const auto* error = std::get_if<SyntaxError>(&parsed)) {
    return one_problem(file, error->place, error->what, error->cure);
  }
  const Node& root = std::get<Node>(parsed);

  Report report(file.string());
  std::error_code ignored;
  const auto absolute = std::filesystem::absolute(file, ignored);
  const Context context{absolute.parent_path(), environment, secret_files, report};
  const Block top(context, "", root, {1, 1}, "");
  Settings settings;
  if (root.kind == Node::Kind::Map || root.kind == Node::Kind::Null) {
    read_service(top, settings);
    read_mirrors(top, settings);
  }
  if (!report.clean()) return LoadResult(report.take_problems());
  settings.file = file;
  settings.places = report.take_places();
  return LoadResult(std::move(settings));
}

LoadResult load(const std::filesystem::path& file, const Environment& environment, SecretFiles secret_files) {
  const auto content = read_file(file);
  if (const auto* error = std::get_if<int>(&content)) {
    return one_problem(file, {}, "the file cannot be read: " + std::generic_category().message(*error),
                       "name the configuration file with --config");
  }
  return load_text(std::get<std::string>(content), file, environment, secret_files);
}

}  // namespace stibee_sync::settings

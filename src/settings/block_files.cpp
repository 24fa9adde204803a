#include "block.hpp"
#include "secret_file.hpp"

#include <algorithm>

namespace stibee_sync::settings {
namespace {

constexpr std::array<std::string_view, 4> directories{"CREDENTIALS_DIRECTORY", "RUNTIME_DIRECTORY",
                                                      "STATE_DIRECTORY", "CONFIGURATION_DIRECTORY"};

/// Someone may have put the secret itself where its file belongs. Only what is plainly a path is repeated in
/// messages.
std::string name_in_messages(std::string_view written, const std::filesystem::path& file) {
  const bool plainly_a_path = written.starts_with('/') || written.starts_with("./") ||
                              written.starts_with("../") || written.starts_with('$');
  return plainly_a_path ? shown(file.string(), 4096) : "the file";
}

struct Expanded {
  std::string path{};
  std::string unset{};  // the variable that is missing
  bool malformed = false;
};

Expanded expand(std::string_view text, const Environment& environment) {
  if (!text.starts_with('$')) return {.path = std::string(text), .malformed = text.find('$') != text.npos};
  text.remove_prefix(1);
  const bool braces = text.starts_with('{');
  if (braces) text.remove_prefix(1);
  const auto end = text.find_first_of(braces ? "}" : "/");
  if (braces && end == text.npos) return {.malformed = true};
  const std::string_view name = text.substr(0, end);
  std::string_view rest = end == text.npos ? std::string_view{} : text.substr(end);
  if (braces) rest.remove_prefix(1);
  if (std::find(directories.begin(), directories.end(), name) == directories.end() ||
      rest.find('$') != rest.npos || (!rest.empty() && rest.front() != '/')) {
    return {.malformed = true};
  }
  const auto value = environment(name);
  // systemd separates several directories with colons; the first is the main one.
  const std::string first = value ? value->substr(0, value->find(':')) : std::string();
  if (!first.starts_with('/')) return {.unset = std::string(name)};
  return {.path = first + std::string(rest)};
}

}  // namespace

std::optional<std::filesystem::path> Block::file_path(std::string_view key, Need need,
                                                      std::string_view example) const {
  const auto value = text(key, need, example);
  if (!value) return std::nullopt;
  const Expanded expanded = expand(*value, context_.environment);
  if (expanded.malformed) {
    problem(key, "has a $ that is not understood",
            "begin with ${CREDENTIALS_DIRECTORY}/, ${RUNTIME_DIRECTORY}/, ${STATE_DIRECTORY}/ or "
            "${CONFIGURATION_DIRECTORY}/, or write the path out");
    return std::nullopt;
  }
  if (!expanded.unset.empty()) {
    const bool wanted =
        context_.secret_files == SecretFiles::Read || expanded.unset != "CREDENTIALS_DIRECTORY";
    if (wanted) {
      problem(key, "needs " + expanded.unset + ", which is not set",
              expanded.unset == "CREDENTIALS_DIRECTORY" ? "run under systemd with LoadCredential=, set it to "
                                                          "the folder with the secret files, or write the "
                                                          "path out"
                                                        : "run under systemd, or write the path out");
    }
    return std::nullopt;
  }
  if (expanded.path.starts_with('~')) {
    problem(key, "begins with ~, which is not replaced", "write the path out");
    return std::nullopt;
  }
  return (context_.folder / expanded.path).lexically_normal();
}

std::optional<Secret> Block::secret(std::string_view key,
                                    const std::optional<std::filesystem::path>& file) const {
  if (!file || context_.secret_files == SecretFiles::Skip) return std::nullopt;
  auto result = read_secret_file(*file, name_in_messages(find(key)->text, *file));
  if (const auto* wrong = std::get_if<Unreadable>(&result)) {
    problem(key, "names a secret that cannot be used: " + wrong->what, wrong->cure);
    return std::nullopt;
  }
  return std::get<Secret>(std::move(result));
}

}  // namespace stibee_sync::settings

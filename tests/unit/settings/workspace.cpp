#include "workspace.hpp"

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <sys/stat.h>

namespace stibee_sync::settings {

Workspace::Workspace() {
  std::string pattern = (std::filesystem::temp_directory_path() / "stibee-settings-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = pattern;
  std::filesystem::create_directory(folder_ / "credentials");
  write("credentials/stibee_api_key", "0123456789abcdef\n", 0400);
  write("credentials/db_password", " pass word \n", 0400);
  write("credentials/webhook_secret", "hook-secret_1.2~3", 0400);
  write("credentials/notify_url", "https://hooks.example.org/services/T0/B0/x?y=1\n", 0400);
  variables = {{"CREDENTIALS_DIRECTORY", (folder_ / "credentials").string()}};
}

Workspace::~Workspace() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Workspace::write(const std::string& name, std::string_view content, unsigned mode) const {
  const auto file = folder_ / name;
  std::ofstream(file, std::ios::binary) << content;
  if (::chmod(file.c_str(), mode) != 0) throw std::runtime_error("chmod");
}

Environment Workspace::environment() const {
  return [this](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

LoadResult Workspace::load(std::string_view yaml, SecretFiles secret_files) const {
  write("config.yaml", yaml, 0644);
  return settings::load(config_file(), environment(), secret_files);
}

std::vector<std::string> Workspace::problems(std::string_view yaml) const {
  const auto result = load(yaml);
  std::vector<std::string> out;
  if (result.ok()) return out;
  const std::string prefix = config_file().string() + ":";
  for (const Problem& problem : result.problems()) {
    const std::string text = to_string(problem);
    out.push_back(text.starts_with(prefix) ? text.substr(prefix.size()) : text);
  }
  return out;
}

const std::string_view minimal_service = R"(stibee:
  api_key_file: ${CREDENTIALS_DIRECTORY}/stibee_api_key
database:
  url: postgresql://mirror@db.example.org/shop
)";

const std::string_view minimal_mirrors = R"(mirrors:
  - name: members
    list_id: 1234
    source:
      table: public.members
      key: id
      email: email
)";

std::string minimal() {
  return std::string(minimal_service) + std::string(minimal_mirrors);
}

}  // namespace stibee_sync::settings

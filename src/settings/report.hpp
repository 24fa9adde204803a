#pragma once

#include "stibee_sync/settings/loader.hpp"

#include <map>
#include <string>
#include <vector>

namespace stibee_sync::settings {

/// Collects what loading finds: the problems, and where each key stands.
class Report {
 public:
  explicit Report(std::string file) : file_(std::move(file)) {}

  void add(Place place, std::string what, std::string cure);
  void remember(const std::string& path, Place place) { places_.emplace(path, place); }
  /// The place of the key, or of its nearest parent that the file gives.
  [[nodiscard]] Place place_of(std::string_view path) const;
  [[nodiscard]] bool clean() const { return problems_.empty(); }

  [[nodiscard]] std::vector<Problem> take_problems();  ///< in the order of the file
  [[nodiscard]] std::map<std::string, Place> take_places() { return std::move(places_); }

 private:
  std::string file_;
  std::vector<Problem> problems_;
  std::map<std::string, Place> places_;
};

/// What every reading function needs besides the YAML itself.
struct Context {
  std::filesystem::path folder;  // of the configuration file, absolute
  const Environment& environment;
  SecretFiles secret_files;
  Report& report;
};

}  // namespace stibee_sync::settings

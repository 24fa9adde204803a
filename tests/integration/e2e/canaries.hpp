#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::e2e {

/// Something that must not be seen, and how it may be written: as it is, in other cases, percent-encoded,
/// escaped as in JSON and in HTML, in base64 at each of its three places, in hex.
class Canary {
 public:
  Canary(std::string name, std::string_view text);

  const std::string& name() const { return name_; }
  bool is_in(std::string_view text) const;

 private:
  std::string name_;
  std::vector<std::string> forms_;       // as they are
  std::vector<std::string> lower_case_;  // in any case
};

/// Those that are in the text, with what stands around each.
std::vector<std::string> found_in(const std::vector<Canary>& canaries, std::string_view text);
/// Of every file below the folder, with the file's name; a file that cannot be read is none.
std::vector<std::string> found_below(const std::vector<Canary>& canaries,
                                     const std::filesystem::path& folder);

}  // namespace stibee_sync::e2e

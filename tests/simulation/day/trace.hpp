#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stibee_sync::day {

/// All that happened in a run, in order, as one number: two runs of a seed are the same run if it is the
/// same. With its text where somebody wants to read it.
class Trace {
 public:
  explicit Trace(bool keeps_text = false) : keeps_text_(keeps_text) {}

  void add(std::string_view kind, std::string_view said) {
    const auto what = without_directory(said);
    mix(kind);
    mix(what);
    ++entries_;
    if (keeps_text_) text_.append(kind).append(" ").append(what).append("\n");
  }
  std::uint64_t hash() const { return hash_; }
  std::size_t entries() const { return entries_; }
  const std::string& text() const { return text_; }

  /// FNV-1a.
  static std::uint64_t digest(std::string_view bytes, std::uint64_t from = 0xcbf29ce484222325U) {
    for (const char byte : bytes)
      from = (from ^ static_cast<unsigned char>(byte)) * 0x100000001b3U;
    return from;
  }

 private:
  /// The name of the state's directory, which errors tell, is another in each run.
  static std::string without_directory(std::string_view said) {
    constexpr std::string_view mark = "stibee-disk-";
    constexpr std::size_t of_mkdtemp = 6;
    std::string what(said);
    for (auto at = what.find(mark); at != std::string::npos; at = what.find(mark, at + mark.size()))
      what.erase(at + mark.size(), of_mkdtemp);
    return what;
  }
  void mix(std::string_view part) {
    hash_ = digest(part, hash_);
    hash_ = digest(std::string_view("\0", 1), hash_);
  }

  std::uint64_t hash_ = 0xcbf29ce484222325U;
  std::size_t entries_ = 0;
  bool keeps_text_;
  std::string text_;
};

}  // namespace stibee_sync::day

#pragma once

#include <cstddef>
#include <string_view>

namespace stibee_sync::privacy {

/// Looks into each block that this thread gives back by `delete` while it is there, before it is gone. One at
/// a time.
class FreedMemory {
 public:
  /// `words` outlive it.
  explicit FreedMemory(std::string_view words);
  ~FreedMemory();
  FreedMemory(const FreedMemory&) = delete;
  FreedMemory& operator=(const FreedMemory&) = delete;

  std::size_t blocks() const { return blocks_; }
  /// Those in which the words still stood.
  std::size_t blocks_with_the_words() const { return blocks_with_the_words_; }

  void look(std::string_view block);

 private:
  std::string_view words_;
  std::size_t blocks_ = 0;
  std::size_t blocks_with_the_words_ = 0;
};

}  // namespace stibee_sync::privacy

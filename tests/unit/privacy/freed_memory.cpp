#include "freed_memory.hpp"

#include <cstdlib>
#include <malloc.h>
#include <new>

namespace stibee_sync::privacy {
namespace {

thread_local FreedMemory* watching = nullptr;

void give_back(void* memory) noexcept {
  if (memory == nullptr) return;
  if (watching != nullptr) watching->look({static_cast<const char*>(memory), ::malloc_usable_size(memory)});
  std::free(memory);
}

}  // namespace

FreedMemory::FreedMemory(std::string_view words) : words_(words) {
  watching = this;
}

FreedMemory::~FreedMemory() {
  watching = nullptr;
}

void FreedMemory::look(std::string_view block) {
  ++blocks_;
  if (block.find(words_) != std::string_view::npos) ++blocks_with_the_words_;
}

}  // namespace stibee_sync::privacy

// Of the whole test program.
void* operator new(std::size_t size) {
  if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  stibee_sync::privacy::give_back(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  stibee_sync::privacy::give_back(memory);
}

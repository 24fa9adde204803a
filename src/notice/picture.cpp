#include "stibee_sync/notice/picture.hpp"

#include "stibee_sync/json/value.hpp"

namespace stibee_sync::notice {

using json::Value;

std::string to_text(const Memory& memory) {
  Value mirrors = Value::object();
  for (const auto& [mirror, told] : memory) {
    Value held = Value::object();
    for (const auto& [held_class, digest] : told.held)
      held.set(held_class, digest);
    Value one;
    one.set("trouble", told.trouble);
    one.set("held", std::move(held));
    one.set("imported", told.imported);
    one.set("drift", static_cast<std::uint64_t>(told.drift));
    mirrors.set(mirror, std::move(one));
  }
  return json::to_string(mirrors);
}

Memory memory_from(std::string_view text) {
  Memory memory;
  const auto read = json::parse(text);
  const auto* mirrors = read ? read->if_object() : nullptr;
  if (mirrors == nullptr) return memory;
  for (const auto& [mirror, value] : *mirrors) {
    auto& told = memory[mirror];
    const auto* trouble = value.find("trouble");
    if (trouble != nullptr && trouble->if_string() != nullptr) told.trouble = *trouble->if_string();
    const auto* held = value.find("held");
    if (held != nullptr && held->if_object() != nullptr) {
      for (const auto& [held_class, digest] : *held->if_object()) {
        if (digest.if_string() != nullptr) told.held[held_class] = *digest.if_string();
      }
    }
    const auto* imported = value.find("imported");
    told.imported = imported != nullptr && imported->if_bool() != nullptr && *imported->if_bool();
    const auto* drift = value.find("drift");
    if (drift != nullptr && drift->if_integer() != nullptr && *drift->if_integer() > 0)
      told.drift = static_cast<std::size_t>(*drift->if_integer());
  }
  return memory;
}

}  // namespace stibee_sync::notice

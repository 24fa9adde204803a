#include "stibee_sync/notice/news.hpp"

#include <algorithm>

namespace stibee_sync::notice {
namespace {

constexpr std::string_view held_state = "held";
/// No state and no digest is that.
constexpr const char* perhaps_told = "?";

/// The trouble that there is to speak of, "" for none; nothing where that cannot be told yet.
std::optional<std::string> trouble_of(const MirrorPicture& mirror, const Occasions& wanted) {
  if (!mirror.well) return std::nullopt;
  // Who is told of holds is told of each, with its number.
  if (*mirror.well || (mirror.state == held_state && wanted.contains(Occasion::Held))) return std::string();
  return mirror.state;
}

Notice about(Occasion occasion, const std::string& name, const MirrorPicture& mirror) {
  Notice news;
  news.occasion = occasion;
  news.mirror = name;
  news.state = mirror.state;
  news.problem = mirror.problem;
  return news;
}

void add_health(const Told& told, const std::string& name, const MirrorPicture& mirror,
                const Occasions& wanted, std::vector<Notice>& news) {
  const auto trouble = trouble_of(mirror, wanted);
  if (!trouble || *trouble == told.trouble) return;
  news.push_back(about(trouble->empty() ? Occasion::Recovered : Occasion::Unhealthy, name, mirror));
}

void add_holds(const Told& told, const std::string& name, const MirrorPicture& mirror,
               std::vector<Notice>& news) {
  for (const auto& [held_class, held] : mirror.held) {
    const auto known = told.held.find(held_class);
    if (known != told.held.end() && known->second == held.digest) continue;
    auto& one = news.emplace_back(about(Occasion::Held, name, mirror));
    one.held_class = held_class;
    one.people = held.count;
    one.digest = held.digest;
  }
  for (const auto& [held_class, digest] : told.held) {
    if (mirror.held.contains(held_class)) continue;
    news.emplace_back(about(Occasion::Released, name, mirror)).held_class = held_class;
  }
}

void add_progress(const Told& told, const std::string& name, const MirrorPicture& mirror,
                  std::vector<Notice>& news) {
  if (mirror.imported && !told.imported)
    news.emplace_back(about(Occasion::Imported, name, mirror)).people = mirror.mirrored;
  if (mirror.drift > 0 && mirror.drift != told.drift)
    news.emplace_back(about(Occasion::Drift, name, mirror)).people = mirror.drift;
}

}  // namespace

Occasions all_occasions() {
  Occasions all;
  for (std::size_t i = 0; i < occasion_names.size(); ++i)
    all.insert(static_cast<Occasion>(i));
  return all;
}

Memory completed(Memory memory, const Picture& now, domain::UtcTime since) {
  for (const auto& [name, mirror] : now) {
    if (memory.contains(name)) continue;
    auto& told = memory[name];
    told.imported = mirror.imported && *mirror.imported < since;
    told.drift = mirror.compared && *mirror.compared < since ? mirror.drift : 0;
  }
  return memory;
}

std::vector<Notice> news_between(const Memory& told, const Picture& now, const Occasions& wanted) {
  std::vector<Notice> news;
  for (const auto& [name, mirror] : now) {
    const auto known = told.find(name);
    const auto before = known == told.end() ? Told{} : known->second;
    add_health(before, name, mirror, wanted, news);
    add_holds(before, name, mirror, news);
    add_progress(before, name, mirror, news);
  }
  std::erase_if(news, [&](const Notice& each) { return !wanted.contains(each.occasion); });
  std::stable_sort(news.begin(), news.end(),
                   [](const Notice& a, const Notice& b) { return a.occasion < b.occasion; });
  return news;
}

Memory after_doubt(Memory told, const std::vector<Notice>& sent) {
  for (const auto& one : sent) {
    auto& each = told[one.mirror];
    const bool of_health = one.occasion == Occasion::Unhealthy || one.occasion == Occasion::Recovered;
    const bool of_hold = one.occasion == Occasion::Held || one.occasion == Occasion::Released;
    if (of_health) each.trouble = perhaps_told;
    if (of_hold) each.held[one.held_class] = perhaps_told;
  }
  return told;
}

Memory after_telling(const Memory& told, const Picture& now, const Occasions& wanted) {
  Memory memory;
  for (const auto& [name, mirror] : now) {
    auto& each = memory[name];
    const auto known = told.find(name);
    if (known != told.end()) each.trouble = known->second.trouble;
    if (const auto trouble = trouble_of(mirror, wanted)) each.trouble = *trouble;
    for (const auto& [held_class, held] : mirror.held)
      each.held[held_class] = held.digest;
    each.imported = mirror.imported.has_value();
    each.drift = mirror.drift;
  }
  return memory;
}

}  // namespace stibee_sync::notice

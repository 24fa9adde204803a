#include "app/mirror_choice.hpp"

#include "stibee_sync/text/nearest.hpp"

#include <algorithm>

namespace stibee_sync::app {

std::vector<std::size_t> mirrors_meant(const std::vector<std::string>& names, const std::string& name) {
  std::vector<std::size_t> meant;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (name.empty() || names[i] == name) meant.push_back(i);
  }
  return meant;
}

std::vector<pipeline::MirrorPlan> plans_meant(const std::vector<pipeline::MirrorPlan>& all,
                                              const std::vector<std::size_t>& meant) {
  std::vector<pipeline::MirrorPlan> plans;
  for (const auto i : meant)
    plans.push_back(all[i]);
  return plans;
}

std::string no_such_mirror(const std::vector<std::string>& names, const std::string& name) {
  constexpr std::size_t slips = 2;
  auto listed = text::nearest(name, names, names.size(), slips);
  for (const auto& each : names) {
    if (std::find(listed.begin(), listed.end(), each) == listed.end()) listed.push_back(each);
  }
  std::string text = "there is no mirror `" + name + "`; there ";
  text += listed.size() == 1 ? "is: " : "are: ";
  for (const auto& each : listed)
    text += (&each == &listed.front() ? "" : ", ") + each;
  return text;
}

std::vector<std::string> names_of(const std::vector<pipeline::MirrorPlan>& plans) {
  std::vector<std::string> names;
  for (const auto& plan : plans)
    names.push_back(plan.name);
  return names;
}

std::vector<std::string> names_of(const settings::Settings& settings) {
  std::vector<std::string> names;
  for (const auto& mirror : settings.mirrors)
    names.push_back(mirror.name);
  return names;
}

}  // namespace stibee_sync::app

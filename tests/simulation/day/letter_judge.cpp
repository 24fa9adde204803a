#include "simulation/day/letter_judge.hpp"

#include "stibee_sync/notice/pace.hpp"

#include <string_view>

namespace stibee_sync::day {
namespace {

std::string text_of(const json::Value& value, std::string_view name) {
  const auto* found = value.find(name);
  if (found == nullptr) return "";
  const auto* text = found->if_string();
  return text == nullptr ? "" : *text;
}

}  // namespace

void LetterJudge::life_began() {
  surely_.clear();
  last_answered_.reset();
}

void LetterJudge::forget_letters() {
  life_began();
  told_since_.emplace();
}

void LetterJudge::told(const Fact& fact, bool answered, const Complain& complain) {
  const auto known = surely_.find(fact.first);
  if (known != surely_.end() && known->second == fact.second)
    complain("told twice: " + fact.first + " " + fact.second);
  if (told_since_) told_since_->insert(fact.first);
  if (answered) {
    surely_[fact.first] = fact.second;
  } else {
    surely_.erase(fact.first);
  }
}

void LetterJudge::vanished(const std::string& body) {
  const auto letter = json::parse(body);
  const auto* notices = letter ? letter->find("notices") : nullptr;
  if (notices == nullptr || notices->if_array() == nullptr) return;
  for (const auto& each : *notices->if_array()) {
    const auto held_class = text_of(each, "class");
    surely_.erase(held_class.empty() ? std::string("health") : "held " + held_class);
  }
}

void LetterJudge::arrived(const std::string& body, bool answered, runtime::MonotonicTime now,
                          const Complain& complain) {
  ++letters_;
  if (body.find('@') != std::string::npos) complain("a letter names somebody: " + body);
  if (last_answered_ && now - *last_answered_ < notice::Pace::between_letters)
    complain("two letters within ten seconds");
  if (answered) last_answered_ = now;
  const auto letter = json::parse(body);
  const auto* notices = letter ? letter->find("notices") : nullptr;
  if (notices == nullptr || notices->if_array() == nullptr || notices->if_array()->empty()) {
    complain("a letter without news: " + body);
    return;
  }
  for (const auto& each : *notices->if_array()) {
    const auto kind = notice::occasion_from(text_of(each, "kind"));
    const auto held_class = text_of(each, "class");
    if (!kind) {
      complain("a letter of another kind: " + body);
      continue;
    }
    switch (*kind) {
      case notice::Occasion::Unhealthy:
        trouble_ = text_of(each, "state");
        told({"health", *trouble_}, answered, complain);
        break;
      case notice::Occasion::Recovered:
        trouble_ = "";
        told({"health", ""}, answered, complain);
        break;
      case notice::Occasion::Held:
        held_[held_class] = text_of(each, "digest");
        told({"held " + held_class, held_[held_class]}, answered, complain);
        break;
      case notice::Occasion::Released:
        held_.erase(held_class);
        told({"held " + held_class, ""}, answered, complain);
        break;
      case notice::Occasion::Imported:
        told({"imported", ""}, answered, complain);
        break;
      case notice::Occasion::Drift:
        break;  // the same number again, after none, is news
    }
  }
}

void LetterJudge::judge(const notice::MirrorPicture& mirror, const Complain& complain) const {
  if (mirror.well && is_known("health")) {
    const bool is_trouble = !*mirror.well && !(tells_holds_ && mirror.state == "held");
    const bool believed = trouble_ && !trouble_->empty();
    if (is_trouble && (!believed || *trouble_ != mirror.state)) complain("nobody was told: " + mirror.state);
    if (!is_trouble && believed) complain("somebody still believes that it is " + *trouble_);
  }
  if (!tells_holds_) return;
  for (const auto& [held_class, held] : mirror.held) {
    const auto known = held_.find(held_class);
    if (is_known("held " + held_class) && (known == held_.end() || known->second != held.digest))
      complain("nobody was told of what is held: " + held_class);
  }
  for (const auto& [held_class, digest] : held_) {
    if (!mirror.held.contains(held_class) && is_known("held " + held_class))
      complain("somebody still believes that it is held: " + held_class);
  }
}

}  // namespace stibee_sync::day

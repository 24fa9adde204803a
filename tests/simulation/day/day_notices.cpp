// Whom a day tells of its mirror (`notify`), and how letters get lost.
#include "app/notice_view.hpp"
#include "simulation/day/day.hpp"

namespace stibee_sync::day {

using namespace std::chrono_literals;

PostHands Day::post_hands() {
  PostHands hands;
  hands.reach = [this] { return calm_ || notice_chance(0.8); };
  hands.receive = [this](const std::string& body) { return receive(body); };
  return hands;
}

Receipt Day::receive(const std::string& body) {
  trace_.add("letter", body);
  Receipt receipt;
  receipt.takes = std::chrono::milliseconds(1 + notice_pick(notice_chance(0.1) ? 9'000 : 300));
  if (calm_ || notice_chance(0.7)) {
    receipt.status = 200;
  } else if (notice_chance(0.5)) {
    constexpr int refusals[] = {400, 404, 429, 500, 503};
    receipt.status = refusals[notice_pick(std::size(refusals))];
  }
  // Who refuses it has not read it; who falls silent may have.
  const bool answered = receipt.status == 200;
  if (answered || (receipt.status == 0 && notice_chance(0.5)))
    letters_.arrived(body, answered, now(), [this](const std::string& text) { complain(text); });
  else if (receipt.status == 0)
    letters_.vanished(body);
  return receipt;
}

void Day::judge_letters() {
  if (!settings_.notify) return;
  const auto picture = app::picture_of(life_->view(), notice::Language::English);
  letters_.judge(picture.at("members"), [this](const std::string& text) { complain("at the end: " + text); });
}

}  // namespace stibee_sync::day

#include "app/notice_view.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::app {
namespace {

using std::chrono::seconds;

/// Of a mirror that was read, and served for so long.
DaemonView seen(domain::Duration served) {
  MirrorView mirror;
  mirror.name = "members";
  mirror.condition.emplace().last = pipeline::CycleOutcome::Applied;
  mirror.progress.served = served;
  mirror.summary.milestones.imported = domain::UtcTime{seconds(500)};
  DaemonView view;
  view.mirrors.push_back(std::move(mirror));
  view.dispatch.emplace();
  view.now = domain::UtcTime{seconds(1000)};
  return view;
}

notice::MirrorPicture of(const DaemonView& view) {
  return picture_of(view).at("members");
}

TEST(NoticeView, AMirrorIsWellOnceItWasReadAndServedForAsLongAsAnybodyMayWait) {
  EXPECT_EQ(of(seen(seconds(16))).well, true);
  EXPECT_EQ(of(seen(seconds(15))).well, std::nullopt);
  auto unread = seen(seconds(60));
  unread.mirrors[0].condition->last.reset();
  EXPECT_EQ(of(unread).well, std::nullopt);
  auto paused = seen(seconds(60));
  paused.mirrors[0].paused = true;
  EXPECT_EQ(of(paused).well, std::nullopt);
}

TEST(NoticeView, TroubleIsKnownAtOnceInTheWordsOfStatus) {
  auto view = seen(seconds(0));
  view.mirrors[0].refused = "the plan is full";
  const auto picture = of(view);
  EXPECT_EQ(picture.well, false);
  EXPECT_EQ(picture.state, "failing");
  EXPECT_EQ(picture.problem, "the plan is full");
}

TEST(NoticeView, HoldsMilestonesAndPeopleAreThoseOfTheState) {
  auto view = seen(seconds(60));
  auto& summary = view.mirrors[0].summary;
  store::HeldChanges hold;
  hold.change_class = "removals";
  hold.count = 120;
  hold.digest = "abcd";
  summary.holds.push_back(hold);
  summary.milestones.last_compared = domain::UtcTime{seconds(900)};
  summary.milestones.drift = 3;
  summary.people[domain::RemoteStatus::Subscribed] = 4150;
  const auto picture = of(view);
  EXPECT_EQ(picture.well, false);
  EXPECT_EQ(picture.held.at("removals"), (notice::HeldClass{120, "abcd"}));
  EXPECT_EQ(picture.imported, domain::UtcTime{seconds(500)});
  EXPECT_EQ(picture.compared, domain::UtcTime{seconds(900)});
  EXPECT_EQ(picture.drift, 3U);
  EXPECT_EQ(picture.mirrored, 4150U);
  const auto korean = picture_of(view, Language::Korean).at("members").problem;
  EXPECT_NE(korean.find("120명의 변경을 보류"), std::string::npos) << korean;
}

}  // namespace
}  // namespace stibee_sync::app

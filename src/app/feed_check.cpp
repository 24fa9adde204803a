#include "app/feed_check.hpp"

#include "app/setup.hpp"
#include "stibee_sync/source/change_feed.hpp"

#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <utility>

namespace stibee_sync::app {
namespace {

using source::FeedListener;
using source::FeedLoss;

int code_of(FeedLoss::Kind kind) {
  switch (kind) {
    case FeedLoss::Kind::NotInstalled:
    case FeedLoss::Kind::Incomplete:
    case FeedLoss::Kind::Standby:
    case FeedLoss::Kind::Unfit:
      return ExitCode::bad_config;
    case FeedLoss::Kind::Refused:
      return ExitCode::refused;
    case FeedLoss::Kind::Overgrown:
      return ExitCode::ok;  // the daemon drains it by and by
  }
  std::abort();
}

/// Why changes are not heard of; "": they are.
std::string trouble_hearing(const settings::Settings& settings, const std::string& mirror) {
  constexpr std::chrono::seconds patience{10};
  const auto known = std::make_shared<std::promise<void>>();
  auto connected = known->get_future();
  auto wake = [known, told = false](const std::string&, FeedListener::Why why) mutable {
    if (why == FeedListener::Why::Connected && !std::exchange(told, true)) known->set_value();
  };
  const auto listener =
      source::make_postgres_feed_listener(database_connection(settings), {mirror}, std::move(wake));
  connected.wait_for(patience);
  if (listener->listens()) return "";
  auto trouble = listener->trouble();
  return trouble.empty() ? "no second connection within " + std::to_string(patience.count()) + " s" : trouble;
}

FeedFinding judge_loss(const settings::Settings& settings, std::size_t index, const FeedLoss& loss) {
  FeedFinding finding;
  finding.code = code_of(loss.kind);
  finding.warns = finding.code == ExitCode::ok;
  const auto problem =
      settings::problem_at(settings, "mirrors[" + std::to_string(index) + "].detect", loss.message,
                           "until then the table is read at each `poll_interval`");
  finding.text = settings::to_string(problem);
  return finding;
}

FeedFinding look_at(source::ChangeFeed& feed, const settings::Settings& settings, std::size_t index,
                    const delivery::Dialect& dialect) {
  const auto& mirror = settings.mirrors[index];
  source::FeedPlan plan;
  plan.read = pipeline::make_mirror_plan(mirror, dialect).read;
  plan.mirror = mirror.name;
  const auto drained = feed.drain(
      plan, 1, [](const source::ReadShape&) {}, [](std::string_view, std::optional<std::string_view>) {});
  FeedFinding finding;
  if (const auto* loss = std::get_if<FeedLoss>(&drained)) return judge_loss(settings, index, *loss);
  if (const auto* error = std::get_if<source::SourceError>(&drained)) {
    finding.code = exit_code_of(*error);
    finding.text = error->message;
    return finding;
  }
  const auto trouble = trouble_hearing(settings, mirror.name);
  finding.warns = !trouble.empty();
  finding.text = trouble.empty() ? "the change feed is whole, and changes are heard of at once"
                                 : "the change feed is whole, but looked at once a second only: " + trouble;
  return finding;
}

}  // namespace

std::vector<FeedFinding> check_feeds(const settings::Settings& settings, const delivery::Dialect& dialect) {
  std::vector<FeedFinding> findings;
  const auto feed = source::make_postgres_change_feed(database_connection(settings));
  for (std::size_t i = 0; i < settings.mirrors.size(); ++i) {
    if (settings.mirrors[i].detect != settings::Detect::Changefeed) continue;
    findings.push_back(look_at(*feed, settings, i, dialect));
    findings.back().mirror = settings.mirrors[i].name;
  }
  return findings;
}

}  // namespace stibee_sync::app

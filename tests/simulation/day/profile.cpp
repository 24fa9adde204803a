#include "simulation/day/profile.hpp"

#include <cmath>

namespace stibee_sync::day {

using namespace std::chrono_literals;

Profile profile_of(std::uint64_t seed) {
  // Of its own: what a day is does not follow from what happens on it.
  std::mt19937_64 random(seed * 0x9e3779b97f4a7c15U + 1);
  const auto chance = [&](double probability) {
    return std::uniform_real_distribution<double>(0, 1)(random) < probability;
  };
  constexpr simulation::Api turns[] = {simulation::Api::V1, simulation::Api::V2, simulation::Api::V1,
                                       simulation::Api::Both};
  Profile profile;
  profile.api = turns[seed % std::size(turns)];
  profile.has_consents = chance(0.5);
  profile.writes_back = chance(0.5);
  profile.small_guard = chance(0.5);
  profile.list_has_people = chance(0.5);
  profile.disk_fails = chance(0.3);
  profile.clock_steps = chance(0.3);
  profile.fails_over = chance(0.3);
  profile.reloads = chance(0.3);
  profile.second_host = chance(0.3);
  profile.careless = chance(0.3);
  profile.events_lost = chance(0.6);
  // Few have short polls: reads are what a day costs.
  const bool often = chance(0.05);
  const double shortest = std::log(often ? 30.0 : 300.0);
  const double longest = std::log(often ? 600.0 : 1200.0);
  const auto seconds = std::exp(std::uniform_real_distribution<double>(shortest, longest)(random));
  profile.poll = std::chrono::seconds(std::lround(seconds));
  profile.reconcile_interval = std::chrono::minutes(std::uniform_int_distribution<int>(60, 400)(random));
  if (chance(0.4)) profile.reconcile = settings::ReconcileMode::Repair;
  if (chance(0.3)) profile.on_leave = settings::OnLeave::Delete;
  profile.people = std::uniform_int_distribution<std::size_t>(5, 80)(random);
  return profile;
}

Profile with_feed(Profile profile, std::uint64_t seed) {
  std::mt19937_64 random(seed * 0x9e3779b97f4a7c15U + 2);
  const auto pick = [&](int least, int most) {
    return std::uniform_int_distribution<int>(least, most)(random);
  };
  profile.has_feed = pick(0, 3) == 0;
  if (profile.has_feed) profile.full_scan = profile.poll + std::chrono::minutes(pick(20, 120));
  return profile;
}

Profile with_notices(Profile profile, std::uint64_t seed) {
  std::mt19937_64 random(seed * 0x9e3779b97f4a7c15U + 3);
  const auto pick = [&](int most) { return std::uniform_int_distribution<int>(0, most)(random); };
  profile.notifies = pick(2) == 0;
  profile.tells_holds = pick(2) > 0;
  return profile;
}

std::string description(const Profile& profile) {
  constexpr const char* apis[] = {"v1", "v2", "both"};
  std::string text = apis[static_cast<std::size_t>(profile.api)];
  const auto say = [&](bool is_so, const char* what) {
    if (is_so) text.append(", ").append(what);
  };
  say(profile.has_consents, "consents");
  say(profile.writes_back, "write-back");
  say(profile.small_guard, "small guard");
  say(profile.list_has_people, "people in the list");
  say(profile.disk_fails, "disk fails");
  say(profile.clock_steps, "clock steps");
  say(profile.fails_over, "fails over");
  say(profile.reloads, "reloads");
  say(profile.second_host, "second host");
  say(profile.careless, "careless statements");
  say(profile.events_lost, "events lost");
  say(profile.has_feed, "change feed");
  say(profile.notifies, profile.tells_holds ? "notices" : "notices of health");
  say(profile.reconcile == settings::ReconcileMode::Repair, "repair");
  say(profile.on_leave == settings::OnLeave::Delete, "delete on leave");
  return text + ", " + std::to_string(profile.people) + " people, a poll each " +
         std::to_string(profile.poll / std::chrono::seconds(1)) + " s";
}

settings::Settings settings_of(const Profile& profile) {
  settings::Settings made;
  made.stibee.api = profile.api == simulation::Api::V1 ? settings::ApiVersion::V1 : settings::ApiVersion::V2;
  if (profile.api == simulation::Api::Both) made.stibee.resubscribe_via = settings::ResubscribeVia::V1;
  made.stibee.api_key = settings::Secret("sim-key");
  made.webhook.emplace();
  made.webhook->secret = settings::Secret("secret-of-the-test");
  if (profile.notifies) {
    made.notify.emplace();
    made.notify->url = settings::Secret("https://receiver.example/hook");
    if (!profile.tells_holds) made.notify->on = {notice::Occasion::Unhealthy, notice::Occasion::Recovered};
  }

  settings::Mirror mirror;
  mirror.name = "members";
  mirror.list_id = 1234;
  mirror.source.table = "members";
  mirror.source.key = "id";
  mirror.source.email = "email";
  mirror.source.subscribed = "subscribed";
  if (profile.has_consents) mirror.source.consented_at = "consented_at";
  mirror.source.groups = {"grade"};
  mirror.source.fields = {{"name", "name"}};
  mirror.groups = {{"gold", 11}, {"silver", 12}};
  mirror.poll_interval = profile.poll;
  if (profile.has_feed) {
    mirror.detect = settings::Detect::Changefeed;
    mirror.full_scan_interval = profile.full_scan;
  }
  mirror.on_leave = profile.on_leave;
  mirror.reconcile.interval = profile.reconcile_interval;
  mirror.reconcile.mode = profile.reconcile;
  if (profile.small_guard) {
    mirror.guard.min_removals = 3;
  } else {
    mirror.guard.max_removals = 1'000'000;
    mirror.guard.min_removals = 1'000'000;
  }
  if (profile.writes_back) {
    mirror.writeback["unsubscribed"] = "UPDATE members SET subscribed = false WHERE id = :key";
    mirror.writeback["resubscribed"] = "UPDATE members SET subscribed = true WHERE id = :key";
    mirror.writeback["updated"] = "UPDATE members SET email = :email, name = :field_name WHERE id = :key";
  }
  made.mirrors.push_back(std::move(mirror));
  return made;
}

}  // namespace stibee_sync::day

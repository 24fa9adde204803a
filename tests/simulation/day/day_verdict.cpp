// What is wrong with a day.
#include "simulation/day/day.hpp"
#include "stibee_sync/domain/backoff.hpp"
#include "stibee_sync/text/time_format.hpp"

#include <algorithm>

namespace stibee_sync::day {

using namespace std::chrono_literals;

namespace {

std::string numbers(const std::vector<std::uint64_t>& all) {
  std::string text;
  for (const auto one : all)
    text += (text.empty() ? "" : ",") + std::to_string(one);
  return text.empty() ? "none" : text;
}

}  // namespace

void Day::complain(const std::string& text) {
  if (wrong_.size() < 20) wrong_.push_back(text::iso_utc(utc()) + " " + text);
  trace_.add("wrong", text);
}

// The last read was taken over as a whole, as far as can be seen.
void Day::settle_pictures() {
  if (!life_ || life_->engine() == nullptr) return;
  if (life_->took_list_over() && !shown_there_.empty()) {
    // The list was taken over, with all that it showed.
    for (const auto& address : std::exchange(shown_there_, {})) {
      const auto person = far_end_.model.find("1234", address);
      const bool is_out = person && person->status == stibee_sim::Status::Unsubscribed;
      if (is_out && !consents_.looks_like_ours(address)) consents_.known(address, pictures_, utc());
    }
  }
  if (!pictures_.latest) return;
  auto& ingest = life_->engine()->ingest();
  if (ingest.reading() || drained_) return;
  if (ingest.condition(0).last == pipeline::CycleOutcome::Applied) pictures_.applied = pictures_.latest;
}

// Health is no word of ours: the world knows who waits.
void Day::look() {
  using telemetry::HealthState;
  ++counts_.looks;
  app::DaemonView view;
  try {
    view = life_->view();
  } catch (const store::StoreError&) {
    return;  // the disk is in trouble; the page says so
  }
  const auto& mirror = view.mirrors.at(0);
  const auto health = app::health_of(mirror, view);
  trace_.add("health", std::string(telemetry::name(health.state)) + " " + health.problem);
  const auto must_not_be_ok = [&](const std::string& why) {
    if (health.state == HealthState::Ok) complain("healthy, though " + why);
  };
  counts_.holds += mirror.summary.holds.size();
  if (!mirror.summary.holds.empty()) must_not_be_ok("changes are held");
  const auto& condition = *mirror.condition;
  if (condition.last == pipeline::CycleOutcome::Failed) must_not_be_ok("the last read failed");
  if (condition.last == pipeline::CycleOutcome::Untrusted) must_not_be_ok("the last read is not believed");
  // Nobody's wait is explained by the limits of so small a table for long; a clock that was set may say
  // anything of times.
  constexpr auto longest = 5min;
  if (profile_.clock_steps) return;
  for (const auto& [lane, backlog] : mirror.summary.pending) {
    if (backlog.people == 0 || !backlog.oldest) continue;
    if (view.now - *backlog.oldest > longest)
      must_not_be_ok("somebody waits in the lane " + std::string(domain::name(lane)) + " since " +
                     text::iso_utc(*backlog.oldest));
  }
}

// The list beside the table, where nobody else touched it.
std::vector<std::string> Day::differences() {
  std::vector<std::string> found;
  struct Expected {
    bool subscribed = true;
    std::string name;
    std::string grade;
    std::vector<std::int64_t> keys;
  };
  std::map<std::string, Expected> expected;
  bool keeps_addresses = false;  // somebody's address became unusable: they keep the last good one
  for (const auto& [key, member] : table_.rows()) {
    const auto address = usable(member.email);
    if (!address) {
      keeps_addresses = true;
      continue;
    }
    const auto [at, fresh] = expected.emplace(*address, Expected{true, member.name, member.grade, {}});
    at->second.keys.push_back(key);
    at->second.subscribed = at->second.subscribed && member.subscribed.value_or(false);
    static_cast<void>(fresh);
  }
  auto& store = life_->store();
  const auto& plan = life_->plans().at(0);
  // Whom the list had when a state began that had never heard of them, and the table had no more, is a
  // stranger to it until the next comparison, whoever bears their address by then.
  const bool knows_all = !profile_.second_host && !profile_.list_has_people;
  for (const auto& [address, one] : expected) {
    const auto there = far_end_.model.find("1234", address);
    const bool subscribed = there && there->status == stibee_sim::Status::Subscribed;
    const auto row = store.find(plan.id, domain::EmailAddress::from_normalised(address)).row;
    if (!one.subscribed) {
      const bool stranger = !knows_all && (!row || row->confirmed.status == domain::RemoteStatus::Unknown ||
                                           row->confirmed.status == domain::RemoteStatus::OptedOut);
      if (subscribed && !touched_there_.contains(address) && !stranger)
        found.push_back(address + " said no but is subscribed");
      continue;
    }
    if (touched_there_.contains(address)) continue;
    if (!row) {
      if (!keeps_addresses) found.push_back(address + " is not known");
      continue;
    }
    // What Stibee's answer to that looks like is the same for somebody who is subscribed: a comparison finds
    // them.
    if (std::string(name(row->parked)) == "resubscribe_unsupported") continue;
    // Opted out, they or the member under another address: judged at every call.
    if (row->confirmed.status == domain::RemoteStatus::OptedOut) {
      if (subscribed && knows_all) found.push_back(address + " is taken for opted out but is subscribed");
      continue;
    }
    if (row->wanted.intent != domain::Intent::Subscribed) {
      if (!keeps_addresses) found.push_back(address + " is not wanted subscribed");
      continue;
    }
    if (consents_.ever_opted_out(address) && !subscribed) continue;
    // Whom the host that is gone deleted, a state of before takes for subscribed until the next comparison.
    const bool deleted_by_another =
        counts_.successions > 0 && profile_.on_leave == settings::OnLeave::Delete && !there;
    if (!subscribed && deleted_by_another && row->confirmed.status == domain::RemoteStatus::Subscribed)
      continue;
    if (!subscribed) {
      found.push_back(address + " is missing; confirmed " + std::string(domain::name(row->confirmed.status)) +
                      ", parked " + std::string(name(row->parked)));
      continue;
    }
    const auto value = there->fields.find("name");
    if (value == there->fields.end() || value->second != one.name)
      found.push_back(address + " has another name");
    std::vector<std::uint64_t> groups;
    if (!one.grade.empty())
      groups.push_back(static_cast<std::uint64_t>(settings_.mirrors[0].groups.at(one.grade)));
    const bool has_more =
        std::includes(there->groups.begin(), there->groups.end(), groups.begin(), groups.end());
    if (there->groups != groups && (knows_all || !has_more))
      found.push_back(address + " is in the groups " + numbers(there->groups) + " instead of " +
                      numbers(groups));
  }
  // Nothing is believed that is not so.
  far_end_.model.each_person("1234", [&](const stibee_sim::Person& there) {
    if (touched_there_.contains(there.address)) return;
    const bool subscribed = there.status == stibee_sim::Status::Subscribed;
    const auto row = store.find(plan.id, domain::EmailAddress::from_normalised(there.address)).row;
    if (row && row->confirmed.status == domain::RemoteStatus::Subscribed && !subscribed &&
        !consents_.ever_opted_out(there.address))
      found.push_back(there.address + " is taken for subscribed");
    if (knows_all && subscribed && !expected.contains(there.address) && !keeps_addresses &&
        !there.address.starts_with("stranger"))
      found.push_back(there.address + " left but is subscribed");
  });
  if (const auto pending = store.pending(plan.id, life_->clock().utc()); pending > 0)
    found.push_back(std::to_string(pending) + " people are pending");
  for (const auto& hold : store.holds(plan.id))
    found.push_back("held: " + hold.change_class + ": " + hold.why);
  if (const auto waiting = store.summary(plan.id, life_->clock().utc()).writebacks; waiting > 0)
    found.push_back(std::to_string(waiting) + " write-backs wait");
  return found;
}

// Once nothing is in the way: the next read, what waits by the rate, and one backoff; as often as somebody
// had to be asked. It is looked at every `step`.
void Day::judge_time(std::chrono::milliseconds settled, int rounds, std::chrono::milliseconds step) {
  constexpr auto longest_backoff = domain::RetryPolicy{}.cap;
  constexpr int calls_for_each = 4;  // the person, and three for groups
  const auto backlog = std::chrono::seconds(calls_for_each * static_cast<int>(table_.rows().size()));
  const auto rate = std::max<std::size_t>(1, settings_.stibee.rate_limit.calls);
  const auto most =
      (rounds + 1) * (settings_.mirrors[0].poll_interval + step) + backlog / rate + longest_backoff;
  const auto seconds = [](auto time) {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s";
  };
  counts_.longest_to_settle = std::chrono::floor<std::chrono::seconds>(settled);
  if (settled > most)
    complain("it settled after " + seconds(settled) + ", and " + seconds(most) + " is the most");
}

void Day::judge_end() {
  for (const auto& difference : differences())
    complain("at the end: " + difference);
  judge_letters();
  if (far_end_.model.totals().same_address_in_flight > 0) complain("two calls at a time for one person");
}

}  // namespace stibee_sync::day

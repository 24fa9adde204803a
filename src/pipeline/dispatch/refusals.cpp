#include "stibee_sync/pipeline/refusals.hpp"

#include <algorithm>

namespace stibee_sync::pipeline {

using delivery::CallVerdict;
using delivery::Suspicion;
using domain::Reason;
using runtime::MonotonicTime;
using telemetry::Event;
using telemetry::Level;

namespace {

/// The code at the beginning of Stibee's words; of the words themselves nobody knows whom they quote.
std::string_view code_in(std::string_view message) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.";
  const auto code = message.substr(0, message.find(':'));
  return code.find_first_not_of(letters) == std::string_view::npos ? code : std::string_view();
}

/// What ops can do about it.
std::string in_words(const MirrorPlan& plan, const Suspicion::Trouble& trouble) {
  const auto list = std::to_string(plan.list_id);
  if (speaks_of_missing_group(trouble.reason)) {
    if (plan.create_missing_groups)
      return "a group of list " + list +
             " is not at Stibee any more; it is looked for by its name, and made "
             "again if it is missing: only if this lasts, see the warnings about groups in the log";
    return "a group of list " + list +
           " that `groups` names is not at Stibee; mend `groups`, or make it there";
  }
  switch (trouble.reason.code()) {
    case Reason::AuthorizationPermissionDenied:
      return "Stibee does not let this key use list " + list +
             "; check `list_id`, the workspace of the key, and its plan";
    case Reason::ListExceededSubscribers:
      return "the plan's limit of people is reached at Stibee: nobody is added until the plan is larger, or "
             "somebody makes room";
    case Reason::ListNotFound:
      return "Stibee knows no list " + list + "; check `list_id`";
    case Reason::ServiceNeedProPlan:
      return "the plan at Stibee does not include a call that this mirror needs";
    default:
      break;
  }
  // A code that the reason does not tell stands before the words.
  const bool is_unknown =
      trouble.reason.code() == Reason::Refused || trouble.reason.code() == Reason::HttpStatus;
  const std::string code(is_unknown ? code_in(trouble.message) : std::string_view());
  return "Stibee refuses everybody alike (" + name(trouble.reason) + (code.empty() ? "" : ": " + code) +
         "); compare the mirror's fields and groups with the list's";
}

}  // namespace

bool speaks_of_missing_group(Reason reason) {
  return reason == Reason::GroupNotFound || reason == Reason::ListNoSuchGroup;
}

Refusals::Refusals(Services services, std::vector<MirrorPlan> mirrors)
    : services_(std::move(services)), mirrors_(std::move(mirrors)) {}

const MirrorPlan& Refusals::plan_of(store::MirrorId mirror) const {
  return *std::find_if(mirrors_.begin(), mirrors_.end(),
                       [mirror](const MirrorPlan& plan) { return plan.id == mirror; });
}

Refusals::Gates Refusals::gates(MonotonicTime now) const {
  Gates gates;
  for (const auto& [key, line] : lines_) {
    if (line.trouble()) gates.emplace(key, line.next_call() <= now);
  }
  return gates;
}

MonotonicTime Refusals::next_probe(MonotonicTime now) const {
  auto next = runtime::forever;
  for (const auto& [key, line] : lines_) {
    if (line.trouble() && line.next_call() > now) next = std::min(next, line.next_call());
  }
  return next;
}

void Refusals::sent(const store::QueueLine& line, MonotonicTime now) {
  if (const auto known = lines_.find(key_of(line)); known != lines_.end()) known->second.sent(now);
}

void Refusals::ended(const store::QueueLine& line, std::size_t people, const delivery::CallResult& result,
                     MonotonicTime sent, MonotonicTime now) {
  switch (result.verdict) {
    case CallVerdict::Answered:
      watch_.taken(now);
      if (const auto known = lines_.find(key_of(line)); known != lines_.end() && known->second.taken(sent))
        report(line.mirror);
      break;
    case CallVerdict::BatchRefused:
    case CallVerdict::Forbidden:
      if (people != 1) watch_.refused("", now);
      if (result.blame == delivery::Blame::Mirror) {
        lines_[key_of(line)].refused_for_all(result.reason.value_or(Reason::Refused), result.message, now);
        report(line.mirror);
      } else if (people > 1) {
        lines_[key_of(line)].batch_refused();
      }
      break;
    case CallVerdict::Throttled:
    case CallVerdict::ServerTrouble:
    case CallVerdict::Unauthorised:
      break;  // nothing is known of the people, nor of the list
  }
}

Suspicion::Finding Refusals::judge(const store::QueueLine& line, const Refused& refused,
                                   const delivery::CallResult& result, MonotonicTime now) {
  const auto whom = plan_of(line.mirror).name + ' ' + refused.email.text();
  watch_.refused(whom, now);
  auto& known = lines_[key_of(line)];
  if (known.trouble()) return Suspicion::Finding::Innocent;
  if (result.blame == delivery::Blame::Person) return Suspicion::Finding::Guilty;
  const Suspicion::Suspect suspect{refused.email.text(), result.reason.value_or(Reason::Refused),
                                   refused.of_refused_batch, watch_.all_refused_but(whom, now)};
  const auto finding = known.refused_alone(suspect, result.message, now);
  if (known.trouble()) report(line.mirror);
  return finding;
}

bool Refusals::in_trouble(const store::QueueLine& line) const {
  const auto known = lines_.find(key_of(line));
  return known != lines_.end() && known->second.trouble();
}

void Refusals::forget(const Key& line) {
  const auto known = lines_.find(line);
  if (known == lines_.end()) return;
  lines_.erase(known);
  report(line.first);
}

const Suspicion::Trouble* Refusals::first_trouble(store::MirrorId mirror) const {
  const Suspicion::Trouble* first = nullptr;
  for (const auto& [key, line] : lines_) {
    if (key.first != mirror || !line.trouble()) continue;
    if (first == nullptr || line.trouble()->since < first->since) first = &*line.trouble();
  }
  return first;
}

std::string Refusals::problem(store::MirrorId mirror) const {
  const auto* trouble = first_trouble(mirror);
  return trouble == nullptr ? std::string() : in_words(plan_of(mirror), *trouble);
}

bool Refusals::forbidden(store::MirrorId mirror) const {
  return std::any_of(lines_.begin(), lines_.end(), [mirror](const auto& line) {
    const auto& trouble = line.second.trouble();
    return line.first.first == mirror && trouble && trouble->reason == Reason::AuthorizationPermissionDenied;
  });
}

void Refusals::report(store::MirrorId mirror) {
  const auto* trouble = first_trouble(mirror);
  const auto known = reported_.find(mirror);
  const auto& plan = plan_of(mirror);
  if (trouble == nullptr) {
    if (known == reported_.end()) return;
    services_.metrics.refused(plan.name, false);
    services_.log.event(Level::Info, Event::ApiRecovered, "Stibee takes the mirror's calls again",
                        {{"mirror", plan.name}, {"reason", name(known->second)}});
    reported_.erase(known);
    return;
  }
  if (known != reported_.end() && known->second == trouble->reason) return;
  reported_.insert_or_assign(mirror, trouble->reason);
  services_.metrics.refused(plan.name, true);
  const bool of_the_key = trouble->reason == Reason::AuthorizationPermissionDenied;
  services_.log.event(Level::Error, of_the_key ? Event::ApiUnauthorised : Event::ApiRequestFailed,
                      in_words(plan, *trouble),
                      {{"mirror", plan.name},
                       {"reason", name(trouble->reason)},
                       {"effect", "nobody is parked; one call a minute tries whether it is over"}});
}

}  // namespace stibee_sync::pipeline

#include "stibee_sync/pipeline/list_read.hpp"

#include "stibee_sync/delivery/retry.hpp"
#include "stibee_sync/text/ascii.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

namespace stibee_sync::pipeline {

namespace asio = boost::asio;
using delivery::CallVerdict;
using delivery::v2::ListReader;
using runtime::offload;

namespace {

/// What the worker knows of a read; handed to one job after another.
class Reading {
 public:
  Reading(std::shared_ptr<const MirrorPlan> plan, std::shared_ptr<store::ListScan> scan, domain::StateKey key)
      : plan_(std::move(plan)), scan_(std::move(scan)), key_(std::move(key)), reader_(plan_->list_id) {}

  /// Keeps what the answer has. RoundEnded never comes out.
  ListReader::Step take(const Reply& reply) {
    auto step = reader_.take(reply.answer(), people_);
    if (step == ListReader::Step::CallFailed) return step;
    ++answers_;
    for (const auto& person : people_)
      scan_->add(person.email, listed_of(person, *plan_, key_));
    // Nobody is there: no page could say more.
    if (answers_ == 1 && step == ListReader::Step::More && reader_.total() == 0) {
      distinct_ = scan_->distinct();
      return ListReader::Step::Done;
    }
    if (step == ListReader::Step::RoundEnded) {
      distinct_ = scan_->distinct();
      step = reader_.end_round(distinct_);
    }
    if (step == ListReader::Step::StartOver) {
      scan_->start_over();
      answers_ = 0;
    }
    return step;
  }
  const ListReader& reader() const { return reader_; }
  std::size_t distinct() const { return distinct_; }

 private:
  std::shared_ptr<const MirrorPlan> plan_;
  std::shared_ptr<store::ListScan> scan_;
  domain::StateKey key_;
  ListReader reader_;
  std::vector<delivery::v2::ListedPerson> people_;
  std::size_t answers_ = 0;  // of this round
  std::size_t distinct_ = 0;
};

struct Judged {
  std::optional<ListReadEnd> end;  // nullopt: worth another attempt
  domain::Outcome outcome;         // for the backoff
};

/// One answer that is of no use is an accident; only several in a row say something of the list.
Judged judge(const delivery::CallResult& failure, bool enough, int useless_in_a_row) {
  Judged judged;
  judged.outcome.kind = domain::OutcomeKind::Transient;
  judged.outcome.retry_after = failure.retry_after;
  switch (failure.verdict) {
    case CallVerdict::Unauthorised:
      judged.end = ListReadEnd::KeyRefused;
      return judged;
    case CallVerdict::Forbidden:
      judged.end = ListReadEnd::Forbidden;
      return judged;
    case CallVerdict::BatchRefused:
      if (useless_in_a_row >= most_unreadable_answers) judged.end = ListReadEnd::NoSuchList;
      break;
    case CallVerdict::Throttled:
      judged.outcome.kind = domain::OutcomeKind::Throttled;
      break;
    case CallVerdict::Answered:
    case CallVerdict::ServerTrouble:
      if (useless_in_a_row >= most_unreadable_answers) judged.end = ListReadEnd::NotUnderstood;
      break;
  }
  if (!judged.end && enough) judged.end = ListReadEnd::Unavailable;
  return judged;
}

/// An answer that is meant, for all that is known, and shows nothing.
bool useless(const delivery::CallResult& failure) {
  return failure.verdict == CallVerdict::BatchRefused || (failure.verdict == CallVerdict::ServerTrouble &&
                                                          failure.reason == domain::Reason::UnreadableAnswer);
}

std::string in_words(ListReadEnd end, std::optional<domain::Reason> reason) {
  switch (end) {
    case ListReadEnd::Complete:
      return {};
    case ListReadEnd::KeyRefused:
      return "Stibee refuses this key on API v2 (" + name(reason) + ")";
    case ListReadEnd::Forbidden:
      return "Stibee does not let this key read this list over API v2 (" + name(reason) + ")";
    case ListReadEnd::NoSuchList:
      return "Stibee refuses to show this list over API v2 (" + name(reason) + ")";
    case ListReadEnd::NotUnderstood:
      return "Stibee shows the list in a form that this version does not know";
    case ListReadEnd::NeverStill:
      return "the list moved in each of several reads";
    case ListReadEnd::Unavailable:
      return "Stibee cannot be read now (" + name(reason) + ")";
    case ListReadEnd::Stopped:
      return "stopped";
  }
  std::abort();
}

ListReadResult ended(ListReadEnd end, std::optional<domain::Reason> reason, std::size_t people = 0) {
  return ListReadResult(end, in_words(end, reason), people);
}

asio::awaitable<ListReader::Step> take(runtime::Worker& worker, std::shared_ptr<Reading> reading,
                                       std::shared_ptr<const Reply> reply) {
  auto work = [reading = std::move(reading), reply = std::move(reply)] { return reading->take(*reply); };
  return offload(worker, std::move(work));
}

// `worker` and `asker` outlive the loops, as the services do.
asio::awaitable<ListReadResult> read_pages(Services services, runtime::Worker* worker, Asker* asker,
                                           std::shared_ptr<const MirrorPlan> plan,
                                           std::shared_ptr<store::ListScan> scan, ListReadHooks hooks) {
  const auto reading = std::make_shared<Reading>(plan, std::move(scan), services.key);
  const auto timer = services.clock.make_timer();
  int failures = 0;
  int useless_answers = 0;
  for (;;) {
    if (hooks.stopping()) co_return ended(ListReadEnd::Stopped, {});
    auto request = reading->reader().request();
    Reply answer = co_await asker->ask(std::move(request));
    const auto reply = std::make_shared<const Reply>(std::move(answer));
    if (hooks.stopping()) co_return ended(ListReadEnd::Stopped, {});
    delivery::CallResult failure;
    if (reply->no_answer()) {
      failure = delivery::read_no_answer(0, *reply->no_answer());
    } else {
      const auto step = co_await take(*worker, reading, reply);
      hooks.progress(reading->reader().entries_read(), reading->reader().total());
      switch (step) {
        case ListReader::Step::Done:
          co_return ended(ListReadEnd::Complete, {}, reading->distinct());
        case ListReader::Step::GaveUp:
          co_return ended(ListReadEnd::NeverStill, {}, reading->distinct());
        case ListReader::Step::CallFailed:
          failure = reading->reader().failure();
          break;
        case ListReader::Step::More:
        case ListReader::Step::StartOver:
        case ListReader::Step::RoundEnded:
          failures = 0;
          useless_answers = 0;
          continue;
      }
    }
    ++failures;
    useless_answers = useless(failure) ? useless_answers + 1 : 0;
    const auto judged = judge(failure, failures >= hooks.most_failures(), useless_answers);
    if (judged.end) co_return ended(*judged.end, failure.reason);
    services.log.debug("reading the list: a call failed",
                       {{"mirror", plan->name}, {"reason", name(failure.reason)}, {"failures", failures}});
    const auto now = services.clock.utc();
    const auto pause = delivery::retry_at(judged.outcome, failures, now, services.random) - now;
    const auto until = services.clock.monotonic() + pause;
    while (services.clock.monotonic() < until && !hooks.stopping())
      co_await timer->wait_until(std::min<runtime::MonotonicTime>(
          until, services.clock.monotonic() + std::chrono::milliseconds(500)));
  }
}

}  // namespace

store::Listed listed_of(const delivery::v2::ListedPerson& person, const MirrorPlan& plan,
                        const domain::StateKey& key) {
  store::Listed listed;
  listed.status = person.status;
  listed.ad_agreed = person.ad_agreed;
  listed.modified = person.modified;
  domain::FieldValues mapped;
  mapped.reserve(plan.mapping.fields.size());
  for (const auto& field : plan.mapping.fields) {
    const auto found = std::find_if(
        person.fields.begin(), person.fields.end(),
        [&](const domain::FieldValue& value) { return text::equal_ignoring_case(value.tag, field.tag); });
    mapped.push_back({field.tag, found == person.fields.end() ? std::string() : found->value});
  }
  listed.fields = domain::fingerprint_of(mapped, key);
  if (person.groups && plan.groups_known) {
    domain::GroupSet managed;
    for (const auto& [value, id] : plan.mapping.group_ids)
      managed.push_back(id);
    std::sort(managed.begin(), managed.end());
    domain::GroupSet ours;
    std::set_intersection(person.groups->begin(), person.groups->end(), managed.begin(), managed.end(),
                          std::back_inserter(ours));
    ours.erase(std::unique(ours.begin(), ours.end()), ours.end());
    listed.groups = std::move(ours);
  }
  return listed;
}

asio::awaitable<ListReadResult> read_list(Services services, runtime::Worker& worker, Asker& asker,
                                          std::shared_ptr<const MirrorPlan> plan,
                                          std::shared_ptr<store::ListScan> scan, ListReadHooks hooks) {
  return read_pages(std::move(services), &worker, &asker, std::move(plan), std::move(scan), std::move(hooks));
}

}  // namespace stibee_sync::pipeline

#include "stibee_sync/pipeline/group_keeper.hpp"

#include "stibee_sync/domain/backoff.hpp"

#include <algorithm>
#include <utility>

namespace stibee_sync::pipeline {

namespace asio = boost::asio;
using delivery::CallResult;
using delivery::CallVerdict;
using telemetry::Event;
using telemetry::Level;

namespace {

constexpr std::chrono::minutes first_pause{1};
constexpr std::chrono::hours longest_pause{1};
/// So long a read waits until it may ask: a moment's crowd is worth it, since who is subscribed without their
/// groups costs calls of their own later; a `Retry-After` is not, since opt-outs wait as well.
constexpr std::chrono::seconds patience{10};
/// A list that takes no more groups refuses every one.
constexpr int most_refusals = 3;
/// Where Stibee's answers contradict each other, the list is not asked, nor the table looked at, all the
/// time.
constexpr std::chrono::minutes between_misses{5};
constexpr std::string_view outdated_mark = "\x1fother groups";  // never remembered
constexpr std::string_view ignored_mark = "\x1fignored groups";
constexpr std::string_view mixed_mark = "\x1fmixed";

std::string_view cure_of(const CallResult& failure) {
  switch (failure.verdict) {
    case CallVerdict::Throttled:
    case CallVerdict::ServerTrouble:
      return "none is needed once Stibee takes calls again: it is asked again by itself; until then such "
             "values are ignored, and nobody loses a group";
    case CallVerdict::Answered:
    case CallVerdict::BatchRefused:
    case CallVerdict::Unauthorised:
    case CallVerdict::Forbidden:
      break;
  }
  return "`groups: create_missing` needs Stibee's Pro plan and a key that works on API v2; until it works, "
         "these values are ignored";
}

/// The answer, or how the call failed, whatever it was to be read as.
template <class T>
delivery::v2::Read<T> read_reply(const Reply& reply,
                                 delivery::v2::Read<T> (*read)(const delivery::ApiAnswer&)) {
  if (const auto& none = reply.no_answer()) return delivery::read_no_answer(0, *none);
  return read(reply.answer());
}

}  // namespace

std::string_view mapping_itself(std::string_view remembered) {
  for (const auto mark : {mixed_mark, outdated_mark, ignored_mark}) {
    if (remembered.ends_with(mark)) remembered.remove_suffix(mark.size());
  }
  return remembered;
}

std::string mixed_mapping(std::string_view remembered) {
  return std::string(mapping_itself(remembered)).append(mixed_mark);
}

bool is_mixed_mapping(std::string_view remembered) {
  return remembered.ends_with(mixed_mark);
}

GroupKeeper::GroupKeeper(Services services, Asker& asker, const std::vector<MirrorPlan>& mirrors)
    : services_(std::move(services)), asker_(asker) {
  for (const auto& plan : mirrors) {
    State state;
    state.name = plan.name;
    state.list_id = plan.list_id;
    states_.push_back(std::move(state));
  }
}

MirrorPlan GroupKeeper::with_groups(std::size_t mirror, MirrorPlan plan) const {
  const auto& state = states_[mirror];
  plan.groups_known = state.known;
  plan.mapping.group_ids = state.ids;
  // Two texts that are equal leave unchanged rows alone.
  if (state.outdated) {
    plan.mapping_text += outdated_mark;
  } else if (ignores(mirror)) {
    plan.mapping_text += ignored_mark;
  }
  return plan;
}

bool GroupKeeper::missing(std::size_t mirror, const domain::GroupSet& groups) {
  auto& state = states_[mirror];
  const auto now = services_.clock.monotonic();
  if (!state.known || now < state.missed_not_before) return false;
  state.missing = domain::joined(state.missing, groups);
  state.missed_not_before = now + between_misses;
  return true;
}

bool GroupKeeper::misses_any(std::size_t mirror) const {
  return !states_[mirror].missing.empty() && due(states_[mirror]);
}

bool GroupKeeper::ignores(std::size_t mirror) const {
  const auto& state = states_[mirror];
  return state.ignoring && !(state.known && due(state));
}

std::string GroupKeeper::remembered(std::size_t mirror, const MirrorPlan& plan, bool ignored,
                                    bool all_rows) const {
  std::string text(mapping_itself(plan.mapping_text));
  if (ignored || (states_[mirror].ignoring && !all_rows)) text += ignored_mark;
  return text;
}

void GroupKeeper::committed(std::size_t mirror, std::string_view remembered) {
  states_[mirror].ignoring = remembered.ends_with(ignored_mark);
  states_[mirror].outdated = false;
}

asio::awaitable<void> GroupKeeper::before_read(std::size_t mirror) {
  const auto& state = states_[mirror];
  if ((state.known && state.missing.empty()) || !due(state)) co_return;
  co_await learn(mirror, services_.clock.monotonic() + patience);
}

bool GroupKeeper::outdates(const State& state, const std::map<std::string, std::int64_t>& ids) {
  const auto is_gone = [&](std::int64_t id) {
    return std::none_of(ids.begin(), ids.end(), [id](const auto& group) { return group.second == id; });
  };
  const auto is_another = [&](const auto& known) {
    const auto found = ids.find(known.first);
    return found == ids.end() || found->second != known.second;
  };
  return std::any_of(state.missing.begin(), state.missing.end(), is_gone) ||
         std::any_of(state.ids.begin(), state.ids.end(), is_another);
}

asio::awaitable<bool> GroupKeeper::learn(std::size_t mirror, runtime::MonotonicTime until) {
  auto request = delivery::v2::groups_request(states_[mirror].list_id);
  const Reply reply = co_await asker_.ask_until(std::move(request), until);
  const auto read = read_reply(reply, delivery::v2::read_groups);
  auto& state = states_[mirror];
  if (const auto* failure = std::get_if<CallResult>(&read)) {
    failed(state, *failure, "the list's groups cannot be read");
    co_return false;
  }
  std::map<std::string, std::int64_t> ids;
  for (const auto& group : std::get<std::vector<delivery::v2::Group>>(read))
    ids.insert_or_assign(group.name, group.id);
  state.outdated = state.outdated || outdates(state, ids);
  state.ids = std::move(ids);
  state.missing.clear();
  state.known = true;
  state.failures = 0;
  state.problem.reset();
  co_return true;
}

asio::awaitable<delivery::v2::Read<domain::GroupId>> GroupKeeper::create(std::size_t mirror, std::string name,
                                                                         runtime::MonotonicTime until) {
  auto request = delivery::v2::create_group_request(states_[mirror].list_id, name);
  const Reply reply = co_await asker_.ask_until(std::move(request), until);
  co_return read_reply(reply, delivery::v2::read_created_group);
}

asio::awaitable<bool> GroupKeeper::make(std::size_t mirror, std::vector<std::string> values) {
  if (!states_[mirror].known || !due(states_[mirror])) co_return false;
  const auto until = services_.clock.monotonic() + patience;
  std::size_t made = 0;
  std::size_t found = 0;
  int refusals = 0;
  std::optional<CallResult> last_failure;
  for (const auto& value : values) {
    if (states_[mirror].ids.contains(value)) {
      ++found;
      continue;
    }
    const auto created = co_await create(mirror, value, until);
    if (const auto* id = std::get_if<domain::GroupId>(&created)) {
      states_[mirror].ids.emplace(value, *id);
      ++made;
      refusals = 0;
      continue;
    }
    const auto& failure = std::get<CallResult>(created);
    if (failure.reason == domain::Reason::ListAlreadyExistGroup) {
      // Somebody made it in the web page meanwhile; or an answer of ours was lost.
      const bool learnt = co_await learn(mirror, until);
      if (learnt && states_[mirror].ids.contains(value)) {
        ++found;
        continue;
      }
    }
    last_failure = failure;
    if (failure.verdict != CallVerdict::BatchRefused || ++refusals == most_refusals) break;
  }
  auto& state = states_[mirror];
  if (made > 0) {
    // Rows may be in one of the same name that was deleted while no daemon ran.
    state.outdated = true;
    services_.log.event(Level::Info, Event::SyncFinished, "groups that the table names were made at Stibee",
                        {{"mirror", state.name}, {"groups", made}});
  }
  if (last_failure) {
    failed(state, *last_failure, "a group that the table names cannot be made at Stibee");
  } else {
    state.failures = 0;
    state.problem.reset();
  }
  co_return made + found > 0;
}

void GroupKeeper::failed(State& state, const CallResult& failure, const std::string& what) {
  if (failure.reason == domain::Reason::Stopping) {
    // Perhaps another daemon works meanwhile, by which there may be other groups once this one does again.
    state.known = false;
    return;
  }
  state.not_before =
      services_.clock.monotonic() + domain::backoff(first_pause, longest_pause, ++state.failures);
  if (state.problem == failure.reason) return;
  state.problem = failure.reason;
  services_.log.event(Level::Warn, Event::SyncFinished, what,
                      {{"mirror", state.name}, {"reason", name(failure.reason)}, {"cure", cure_of(failure)}});
}

}  // namespace stibee_sync::pipeline

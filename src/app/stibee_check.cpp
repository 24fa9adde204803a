#include "app/stibee_check.hpp"

#include "app/call_slots.hpp"
#include "app/exit_code.hpp"
#include "app/lone_asker.hpp"
#include "app/render.hpp"
#include "app/setup.hpp"
#include "stibee_sync/runtime/system_clock.hpp"
#include "stibee_sync/text/number_format.hpp"

#include <algorithm>
#include <set>

#include <boost/asio/co_spawn.hpp>

namespace stibee_sync::app {
namespace {

namespace asio = boost::asio;

/// What came of asking Stibee something.
struct Asked {
  Asked() = default;
  pipeline::Reply reply;
  std::string trouble;   // in words, if there was no answer
  bool standby = false;  // and that is because another daemon leads
};

asio::awaitable<Asked> ask(LoneAsker* asker, delivery::ApiRequest call) {
  Asked asked;
  auto reply = co_await asker->ask(std::move(call));
  asked.reply = std::move(reply);
  asked.trouble = asker->trouble();
  asked.standby = asker->stands_by();
  co_return asked;
}

/// Of what could not be asked. On a host that stands by that is as it should be.
Finding unanswered(std::string what, const Asked& asked) {
  Finding finding;
  finding.what = std::move(what);
  finding.warns = asked.standby;
  if (!asked.standby) finding.code = ExitCode::unavailable;
  finding.text = asked.standby
                     ? "not asked: " + asked.trouble +
                           "; run `stibee-syncd check` on the host that leads to have this looked at"
                     : asked.trouble;
  return finding;
}

/// Whether it is a gateway that answers, because what is behind it does not.
bool is_away(int status) {
  return status == 502 || status == 503 || status == 504;
}

Finding judge_key(const Asked& asked, const delivery::Dialect& dialect, settings::ApiVersion api) {
  if (!asked.trouble.empty()) return unanswered("stibee", asked);
  Finding finding;
  finding.what = "stibee";
  const auto result = dialect.read_probe(asked.reply.answer());
  if (result.verdict == delivery::CallVerdict::Unauthorised ||
      result.verdict == delivery::CallVerdict::Forbidden) {
    finding.code = ExitCode::refused;
    finding.text = "Stibee refuses the API key (" + name(result.reason) +
                   "); make a new one in the workspace's settings";
  } else if (result.verdict == delivery::CallVerdict::Answered) {
    finding.text = "Stibee accepts the API key";
  } else if (api == settings::ApiVersion::V1 && !is_away(asked.reply.answer().status)) {
    // "in preparation" by Stibee's own documentation: an odd answer proves nothing.
    finding.warns = true;
    finding.text = "Stibee answers oddly (" + name(result.reason) +
                   "), which API v1 may do on this call; the key was not refused";
  } else {
    finding.code = ExitCode::unavailable;
    finding.text = "Stibee does not answer as it should (" + name(result.reason) + ")";
  }
  return finding;
}

bool takes_key(const Asked& asked) {
  return delivery::v2::read_auth_check(asked.reply.answer()).verdict == delivery::CallVerdict::Answered;
}

/// What v2 says to a key that writes through v1: only that Stibee is away is trouble.
Finding judge_v2(const Asked& asked) {
  if (!asked.trouble.empty()) return unanswered("stibee v2", asked);
  Finding finding;
  finding.what = "stibee v2";
  if (is_away(asked.reply.answer().status)) {
    finding.code = ExitCode::unavailable;
    finding.text = "Stibee is not available (HTTP " + std::to_string(asked.reply.answer().status) + ")";
  } else if (takes_key(asked)) {
    finding.text = "API v2 accepts the key, too: the lists can be asked for and read";
  } else {
    finding.warns = true;
    finding.text =
        "API v2 does not accept this key, so that nobody can tell whether the lists, their fields and groups "
        "are "
        "there, and `reconcile` cannot read them; make a new key in the workspace's settings";
  }
  return finding;
}

Finding judge_count(const Asked& asked, const settings::Settings& settings, std::size_t index) {
  const auto& mirror = settings.mirrors[index];
  const auto list = "list " + std::to_string(mirror.list_id);
  if (!asked.trouble.empty()) return unanswered("mirror " + mirror.name, asked);
  Finding finding;
  finding.what = "mirror " + mirror.name;
  const auto count = delivery::v2::read_count(asked.reply.answer());
  if (const auto* total = std::get_if<std::size_t>(&count)) {
    finding.text = list + " has " + text::with_thousands(*total) + " people at Stibee";
    return finding;
  }
  const auto& failure = std::get<delivery::CallResult>(count);
  switch (failure.verdict) {
    // The key was accepted a moment ago: it is the list that it may not use, or that is not there.
    case delivery::CallVerdict::Unauthorised:
    case delivery::CallVerdict::Forbidden:
    case delivery::CallVerdict::BatchRefused: {
      finding.code = ExitCode::bad_config;
      const auto problem = settings::problem_at(
          settings, "mirrors[" + std::to_string(index) + "].list_id",
          "Stibee knows no " + list + " that this key may use (" + name(failure.reason) + ")",
          "use the number in the list's address");
      finding.text = settings::to_string(problem);
      break;
    }
    case delivery::CallVerdict::Answered:
    case delivery::CallVerdict::Throttled:
    case delivery::CallVerdict::ServerTrouble:
      finding.text = "Stibee does not count " + list + " (" + name(failure.reason) + ")";
      // Nothing else is asked of v2 then, but reading the list.
      if (settings.stibee.api == settings::ApiVersion::V2 || is_away(asked.reply.answer().status)) {
        finding.code = ExitCode::unavailable;
      } else {
        finding.warns = true;
      }
      break;
  }
  return finding;
}

void add(Mapped mapped, const settings::Mirror& mirror, std::vector<Finding>& findings) {
  Finding finding;
  finding.what = "mirror " + mirror.name;
  finding.warns = mapped.missing;
  finding.text = std::move(mapped.text);
  findings.push_back(std::move(finding));
}

/// a, b, c
std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names)
    text += (text.empty() ? "" : ", ") + name;
  return text;
}

/// Of any of them, each once.
std::vector<std::string> tags_of(const std::vector<delivery::v2::ListedPerson>& people) {
  std::set<std::string> tags;
  for (const auto& person : people) {
    for (const auto& field : person.fields)
      tags.insert(field.tag);
  }
  return {tags.begin(), tags.end()};
}

constexpr std::size_t people_looked_at = 100;

/// No call tells which fields a list has, but people show them.
asio::awaitable<void> look_for_fields(LoneAsker* asker, const settings::Settings* settings, std::size_t index,
                                      std::vector<Finding>* findings) {
  const auto& mirror = settings->mirrors[index];
  auto request = delivery::v2::list_request(mirror.list_id, 0, people_looked_at);
  const auto asked = co_await ask(asker, std::move(request));
  std::vector<std::string> present;
  if (asked.trouble.empty()) {
    const auto page = delivery::v2::read_list(asked.reply.answer());
    if (const auto* list = std::get_if<delivery::v2::ListPage>(&page)) present = tags_of(list->people);
  }
  add(judge_fields(mirror, present), mirror, *findings);
}

asio::awaitable<void> look_for_groups(LoneAsker* asker, const settings::Settings* settings, std::size_t index,
                                      std::vector<Finding>* findings) {
  const auto& mirror = settings->mirrors[index];
  auto request = delivery::v2::groups_request(mirror.list_id);
  const auto asked = co_await ask(asker, std::move(request));
  std::optional<std::vector<delivery::v2::Group>> present;
  if (asked.trouble.empty()) {
    auto groups = delivery::v2::read_groups(asked.reply.answer());
    if (auto* read = std::get_if<std::vector<delivery::v2::Group>>(&groups)) present = std::move(*read);
  }
  add(judge_groups(mirror, present), mirror, *findings);
}

asio::awaitable<void> look_into_list(LoneAsker* asker, const settings::Settings* settings, std::size_t index,
                                     std::vector<Finding>* findings) {
  const auto& mirror = settings->mirrors[index];
  if (!mirror.source.fields.empty()) co_await look_for_fields(asker, settings, index, findings);
  if (!mirror.groups.empty()) co_await look_for_groups(asker, settings, index, findings);
}

asio::awaitable<void> ask_stibee(LoneAsker* asker, CallSlots* slots, const delivery::Dialect* dialect,
                                 const settings::Settings* settings, std::vector<Finding>* findings) {
  const auto api = settings->stibee.api;
  auto probe = dialect->probe();
  const auto asked = co_await ask(asker, std::move(probe));
  findings->push_back(judge_key(asked, *dialect, api));
  bool counts = asked.trouble.empty() && findings->back().code == ExitCode::ok;
  if (counts && api == settings::ApiVersion::V1) {
    // v1 cannot be asked for a list; v2 can, where it takes the key.
    auto request = delivery::v2::auth_check_request();
    const auto accepted = co_await ask(asker, std::move(request));
    findings->push_back(judge_v2(accepted));
    counts = accepted.trouble.empty() && takes_key(accepted);
  }
  for (std::size_t i = 0; counts && i < settings->mirrors.size(); ++i) {
    auto request = delivery::v2::count_request(settings->mirrors[i].list_id);
    const auto counted = co_await ask(asker, std::move(request));
    findings->push_back(judge_count(counted, *settings, i));
    if (findings->back().code == ExitCode::ok && !findings->back().warns)
      co_await look_into_list(asker, settings, i, findings);
  }
  co_await slots->leave();
}

}  // namespace

Mapped judge_fields(const settings::Mirror& mirror, const std::vector<std::string>& present) {
  const auto list = "list " + std::to_string(mirror.list_id);
  if (present.empty()) {
    return {false, "whether " + list +
                       " has the fields of `source.fields` cannot be seen: nobody is in it yet, or "
                       "Stibee does not tell"};
  }
  std::vector<std::string> missing;
  for (const auto& [tag, column] : mirror.source.fields) {
    if (std::find(present.begin(), present.end(), tag) == present.end()) missing.push_back(tag);
  }
  if (missing.empty()) return {false, list + " has the fields of `source.fields`"};
  return {true, list + " has no field " + listed(missing) + ", so what is sent there is lost; it has " +
                    listed(present) + ": make the field at Stibee, or correct `source.fields`"};
}

Mapped judge_groups(const settings::Mirror& mirror,
                    const std::optional<std::vector<delivery::v2::Group>>& present) {
  const auto list = "list " + std::to_string(mirror.list_id);
  if (!present)
    return {false, "whether " + list + " has the groups of `groups` cannot be seen: Stibee does not tell"};
  std::vector<std::string> missing;
  for (const auto& [value, id] : mirror.groups) {
    const auto is_it = [&](const delivery::v2::Group& group) {
      return static_cast<std::int64_t>(group.id) == id;
    };
    if (std::none_of(present->begin(), present->end(), is_it))
      missing.push_back(value + " (" + std::to_string(id) + ")");
  }
  if (missing.empty()) return {false, list + " has the groups of `groups`"};
  std::vector<std::string> names;
  for (const auto& group : *present)
    names.push_back(group.name + " (" + std::to_string(group.id) + ")");
  return {true, list + " has no group " + listed(missing) + "; it has " +
                    (names.empty() ? "none" : listed(names)) + ": make it at Stibee, or correct `groups`"};
}

std::vector<Finding> check_stibee(const settings::Settings& settings, const delivery::Dialect& dialect) {
  asio::io_context context(1);
  std::vector<Finding> found;
  {
    const auto clock = runtime::make_system_clock(context.get_executor());
    CallSlots slots(settings, *clock);
    http::Client client(context.get_executor(), client_options(settings));
    LoneAsker asker(client, slots, settings.stibee.api_key, longest_wait_for_slot);
    asio::co_spawn(context, ask_stibee(&asker, &slots, &dialect, &settings, &found),
                   [&](std::exception_ptr error) {
                     client.cancel();
                     if (error) std::rethrow_exception(error);
                   });
    context.run();
  }
  return found;
}

}  // namespace stibee_sync::app

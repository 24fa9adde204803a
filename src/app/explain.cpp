#include "app/ask.hpp"
#include "app/exit_code.hpp"
#include "app/explainer.hpp"
#include "app/lone.hpp"
#include "app/mirror_choice.hpp"
#include "app/render.hpp"
#include "app/reveals.hpp"

#include <iostream>
#include <utility>

// `explain`: beside a daemon, which looks, or else by itself.

namespace stibee_sync::app {
namespace {

namespace asio = boost::asio;

/// A long table, and a list page by page.
constexpr std::chrono::seconds patience{150};

using Mirrors = std::vector<std::shared_ptr<PersonFacts>>;

struct LoneLook : Lone {
  LoneLook(const settings::Settings& settings, std::unique_ptr<store::Store> store)
      : Lone(settings, std::move(store), "people", longest_wait_for_slot),
        reader(source::make_postgres_reader(patient_connection(settings))),
        explainer(foreground.ground().clock, foreground.ground().store, foreground.ground().key, *worker) {}

  std::shared_ptr<source::Reader> reader;
  Explainer explainer;
};

asio::awaitable<void> look(LoneLook* lone, std::vector<pipeline::MirrorPlan> plans,
                           pipeline::PersonAsked asked, std::shared_ptr<Mirrors> mirrors) {
  for (auto& plan : plans) {
    auto person = asked;
    auto facts = co_await lone->explainer.look(std::move(plan), std::move(person), lone->reader);
    if (is_known(*facts))
      facts->waits.insert(facts->waits.begin(), "no daemon runs here: nothing is read or sent");
    if (is_known(*facts) && facts->email) {
      auto there = co_await lone->explainer.ask_there(&lone->asker, facts->plan.list_id, *facts->email);
      facts->there = std::move(there);
      if (!facts->there.why_not.empty() && !lone->asker.trouble().empty())
        facts->there.why_not = lone->asker.trouble();
    }
    mirrors->push_back(std::move(facts));
  }
  co_await lone->slots.leave();
}

std::vector<pipeline::MirrorPlan> meant_of(std::vector<pipeline::MirrorPlan> plans,
                                           const std::string& mirror) {
  const auto names = names_of(plans);
  const auto meant = mirrors_meant(names, mirror);
  if (meant.empty()) {
    std::cerr << no_such_mirror(names, mirror) << "\n";
    throw Exit{ExitCode::no_such_thing};
  }
  std::vector<pipeline::MirrorPlan> chosen;
  for (const auto i : meant)
    chosen.push_back(std::move(plans[i]));
  return chosen;
}

Answer explain_alone(const settings::Settings& settings, const ExplainAsked& asked) {
  const ReadState state(settings);
  const auto dialect = make_dialect(settings);
  auto plans = meant_of(mirrors_in(*state, settings, *dialect), asked.mirror);
  LoneLook lone(settings, state.opened_again());
  const auto mirrors = std::make_shared<Mirrors>();
  bool interrupted = false;
  lone.foreground.run(look(&lone, std::move(plans), asked.person, mirrors), [&] {
    interrupted = true;
    lone.reader->cancel();
    lone.client.cancel();
  });
  if (interrupted) throw Exit{ExitCode::try_later};
  Answer answer;
  if (auto unknown = why_unknown(*mirrors); !unknown.empty()) {
    answer.status = table_missing(*mirrors) ? 503 : 404;
    answer.body.set("error", std::move(unknown));
    return answer;
  }
  if (asked.reveal) tell_of(Reveal{"explain", 1});
  const Showing showing{asked.reveal, lone.foreground.ground().clock.utc()};
  answer.status = 200;
  answer.body = explanation_of(*mirrors, *dialect, showing);
  return answer;
}

}  // namespace

int explain(const Options& options) {
  ExplainAsked asked;
  asked.person.key = options.key;
  asked.reveal = options.reveal;
  asked.mirror = options.mirror;
  if (options.argument.empty() && options.key.empty()) {
    std::cerr << "name an address, or a key with --key\n";
    return ExitCode::usage;
  }
  if (!options.argument.empty()) {
    if (const auto problem = read_address(options.argument, asked.person)) {
      std::cerr << *problem << "\n";
      return ExitCode::usage;
    }
  }
  auto where = whereabouts(options, Intent::Read);
  auto answer = ask_daemon(where, "POST", "/explain", body_of(asked), patience);
  if (!answer) {
    const auto settings = load_settings(options, settings::SecretFiles::Read);
    answer = explain_alone(settings, asked);
  }
  if (const int code = exit_code_of(*answer); code != ExitCode::ok) return code;
  std::cout << (options.json ? json::to_pretty_string(answer->body) + "\n"
                             : render_explanation(answer->body));
  return ExitCode::ok;
}

}  // namespace stibee_sync::app

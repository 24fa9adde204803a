#include "app/page/mirror_section.hpp"

#include "app/cures.hpp"
#include "app/page/chart.hpp"
#include "app/page/texts.hpp"
#include "app/problem.hpp"
#include "app/report_members.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <utility>

namespace stibee_sync::app {
namespace {

using json::Value;

struct Word {
  std::string_view name;
  const Text* text;
};

constexpr Word states[] = {
    {"ok", &texts::ok},           {"importing", &texts::importing}, {"standby", &texts::standby},
    {"paused", &texts::paused},   {"held", &texts::held},           {"untrusted", &texts::untrusted},
    {"failing", &texts::failing},
};
constexpr Word classes[] = {
    {"removals", &texts::removals}, {"optouts", &texts::optouts}, {"resubscribes", &texts::resubscribes},
    {"updates", &texts::updates},   {"adds", &texts::adds},
};
constexpr Word lanes[] = {
    {"optout", &texts::lane_optout}, {"delete", &texts::lane_delete}, {"upsert", &texts::lane_upsert}};
constexpr Word statuses[] = {
    {"subscribed", &texts::subscribed}, {"unsubscribed", &texts::unsubscribed},
    {"opted_out", &texts::opted_out},   {"auto_deleted", &texts::auto_deleted},
    {"ready", &texts::ready},
};
constexpr Word feeds[] = {
    {"starting", &texts::feed_starting}, {"live", &texts::feed_on}, {"polled", &texts::feed_polled},
    {"lost", &texts::feed_lost},         {"off", &texts::feed_off}, {"standby", &texts::feed_standby},
};

template <std::size_t Count>
Markup word_for(const Word (&words)[Count], std::string_view name, const Reader& reader) {
  const auto found =
      std::find_if(std::begin(words), std::end(words), [&](const Word& word) { return word.name == name; });
  return found == std::end(words) ? escaped(name) : reader.text(*found->text);
}

const Value& member(const Value& object, std::string_view key) {
  static const Value nothing;
  const auto* found = object.find(key);
  return found == nullptr ? nothing : *found;
}

Markup heading(const Text& text, const Reader& reader) {
  return element("h3", reader.text(text));
}

Markup row(const Markup& name, const Markup& value) {
  return element("div", element("dt", name) + element("dd", value));
}

Markup row(const Text& name, const Markup& value, const Reader& reader) {
  return row(reader.text(name), value);
}

Markup column(const Text& name, const Reader& reader, bool number = false) {
  return number ? element("th", reader.text(name), {{"scope", "col"}, {"class", "number"}})
                : element("th", reader.text(name), {{"scope", "col"}});
}

Markup number_cell(std::int64_t number) {
  return element("td", figure(number), {{"class", "number"}});
}

/// What is wrong in the reader's language, and what PostgreSQL, Stibee or the network said of it.
Markup words_of(const Problem& problem, const Reader& reader) {
  if (problem.kind == ProblemKind::Importing) return reader.text(texts::is_importing);
  const auto words = in_code_where_quoted(sentence(problem, reader.language()));
  const auto cause = cause_of(problem);
  if (cause.empty()) return words;
  return words + ". "_html +
         element("span", reader.say(texts::why, {reader.why(cause)}), {{"class", "detail"}});
}

/// The command that helps; "": what is held has its own, and an import needs none.
std::string_view command_for(ProblemKind kind) {
  switch (kind) {
    case ProblemKind::OptoutsWait:
    case ProblemKind::PeopleWait:
    case ProblemKind::KeyRefused:
    case ProblemKind::CallsFail:
    case ProblemKind::Source:
    case ProblemKind::FeedLost:
    case ProblemKind::NoLeader:
      return "check";
    case ProblemKind::Rows:
      return "failures";
    case ProblemKind::Held:
      return "guard";
    case ProblemKind::Paused:
      return "resume";
    case ProblemKind::NotRunning:
    case ProblemKind::Standby:
    case ProblemKind::Importing:
      return {};
  }
  std::abort();
}

bool takes_mirror(std::string_view command) {
  return command == "failures" || command == "resume";
}

Markup help_for(std::string_view command, std::string_view mirror, const Reader& reader) {
  if (command.empty()) return {};
  return reader.say(texts::command, {command_line(command, takes_mirror(command) ? mirror : "")});
}

Markup problems_of(const Value& mirror, const Reader& reader) {
  Markup list;
  std::string_view helped;
  for (const auto& report : list_of(mirror, "problems")) {
    const auto problem = problem_from(report);
    if (!problem) continue;
    // Beside something worse, that more people are under way is no news.
    if (problem->kind == ProblemKind::Importing && text_of(mirror, "state") != "importing") continue;
    // What is held is shown by itself, with all that is known of it.
    if (problem->kind == ProblemKind::Held && problem->detail.empty() && !list_of(mirror, "held").empty())
      continue;
    auto item = words_of(*problem, reader);
    const auto command = command_for(problem->kind);
    if (command != helped && !command.empty())
      item += element("p", help_for(command, text_of(mirror, "name"), reader), {{"class", "help"}});
    helped = command;
    const bool calm = problem->state <= telemetry::HealthState::Paused;
    list += element("li", item, {{"class", calm ? "calm" : "bad"}});
  }
  return list.empty() ? list : element("ul", list, {{"class", "problems"}});
}

Markup holds_of(const Value& mirror, const Reader& reader) {
  Markup holds;
  for (const auto& hold : list_of(mirror, "held")) {
    const auto digest = text_of(hold, "digest");
    const auto count = element("b", figure(integer_of(hold, "count")));
    auto words = element(
        "p", reader.say(texts::held_changes, {count, class_of_changes(text_of(hold, "class"), reader)}) +
                 ", "_html + reader.say(texts::held_since, {reader.ago(text_of(hold, "since"))}));
    words += element("p", reader.say(texts::why, {reader.why(text_of(hold, "why"))}));
    words += element("p", reader.say(texts::who_is_held, {command_line("guard show " + digest)}));
    words += element("p", reader.say(texts::if_meant, {command_line("guard approve " + digest)}));
    holds += element("div", words, {{"class", "hold"}});
  }
  return holds;
}

Markup progress_of(const Value& mirror, const Reader& reader) {
  const auto& progress = member(mirror, "progress");
  const auto total = integer_of(progress, "total");
  if (total <= 0) return {};
  const auto done = std::clamp<std::int64_t>(integer_of(progress, "done"), 0, total);
  const auto left = double_of(progress, "seconds_left");
  const auto bar = element("progress", {},
                           {{"max", std::to_string(total)},
                            {"value", std::to_string(done)},
                            {"aria-label", texts::progress.in(reader.language())}});
  const auto rest =
      left < 1 ? reader.text(texts::any_moment) : reader.say(texts::time_left, {reader.duration(left)});
  return element(
      "div",
      bar + element("span", reader.say(texts::done_of, {figure(done), figure(total)}) + " · "_html + rest),
      {{"class", "progress"}});
}

Markup times_of(const Value& mirror, const Reader& reader) {
  auto rows = row(texts::last_update, reader.ago(text_of(mirror, "last_success")), reader) +
              row(texts::last_delivery, reader.ago(text_of(mirror, "last_delivery")), reader);
  const auto compared = text_of(mirror, "last_compared");
  auto comparison = reader.ago(compared);
  if (!compared.empty()) {
    const auto drift = integer_of(mirror, "drift");
    comparison +=
        " · "_html + (drift == 0 ? reader.text(texts::no_drift)
                                 : reader.say(texts::drift, {figure(drift), command_line("reconcile")}));
  }
  rows += row(texts::last_compared, comparison, reader);
  if (const auto since = text_of(mirror, "paused_since"); !since.empty())
    rows += row(texts::paused_since, reader.ago(since), reader);
  const auto& feed = member(mirror, "feed");
  rows += row(texts::change_feed, word_for(feeds, feed.is_object() ? text_of(feed, "state") : "off", reader),
              reader);
  return element("dl", rows, {{"class", "times"}});
}

std::int64_t sum_of(const Value& counts) {
  std::int64_t sum = 0;
  const auto* each = counts.if_object();
  if (each == nullptr) return sum;
  for (const auto& [name, value] : *each) {
    if (const auto* count = value.if_integer()) sum += *count;
  }
  return sum;
}

/// The table and the list, side by side.
Markup both_sides(const Value& mirror, const Reader& reader) {
  // Of a first read that goes on nobody knows how many there will be.
  const auto size = text_of(mirror, "last_success").empty() ? reader.text(texts::never)
                                                            : figure(integer_of(mirror, "source_members"));
  auto table = row(texts::rows, size, reader) +
               row(texts::waiting, figure(sum_of(member(mirror, "pending"))), reader) +
               row(texts::parked, figure(sum_of(member(mirror, "parked"))), reader);
  if (const auto back = integer_of(mirror, "writebacks"); back > 0)
    table += row(texts::to_write_back, figure(back), reader);
  Markup list;
  const auto& people = member(mirror, "people");
  for (const auto& status : statuses) {
    const auto count = integer_of(people, status.name);
    if (count > 0 || status.name != "ready") list += row(*status.text, figure(count), reader);
  }
  list += row(texts::on_record, figure(integer_of(mirror, "suppressed")), reader);
  const auto side = [&](const Text& name, const Markup& rows) {
    return element("div", element("h4", reader.text(name)) + element("dl", rows));
  };
  return heading(texts::table_and_list, reader) +
         element("div", side(texts::in_table, table) + side(texts::at_stibee, list), {{"class", "sides"}});
}

Markup waiting_of(const Value& mirror, const Reader& reader) {
  const auto& pending = member(mirror, "pending");
  const auto& oldest = member(pending, "oldest_by_lane");
  auto rows = element("tr", column(texts::lane, reader) + column(texts::people, reader, true) +
                                column(texts::oldest, reader, true));
  std::int64_t all = 0;
  for (const auto& lane : lanes) {
    const auto count = integer_of(pending, lane.name);
    all += count;
    const auto since = text_of(oldest, lane.name);
    const auto wait = count == 0 || since.empty() ? escaped("–") : escaped(reader.age(since));
    rows += element("tr", element("th", reader.text(*lane.text), {{"scope", "row"}}) + number_cell(count) +
                              element("td", wait, {{"class", "number"}}));
  }
  return heading(texts::waiting, reader) +
         (all == 0 ? element("p", reader.text(texts::nobody_waits)) : element("table", rows));
}

Markup parked_of(const Value& mirror, const Reader& reader) {
  auto rows = element("tr", column(texts::reason, reader) + column(texts::people, reader, true) +
                                column(texts::cure, reader));
  bool any = false;
  const auto* parked = member(mirror, "parked").if_object();
  if (parked != nullptr) {
    for (const auto& [reason, value] : *parked) {
      const auto* count = value.if_integer();
      if (count == nullptr || *count == 0) continue;
      any = true;
      rows += element("tr", element("th", element("code", escaped(reason)), {{"scope", "row"}}) +
                                number_cell(*count) +
                                element("td", in_code_where_quoted(cure_of(reason, reader.language()))));
    }
  }
  if (!any) return heading(texts::parked, reader) + element("p", reader.text(texts::nobody_parked));
  return heading(texts::parked, reader) + element("table", rows, {{"class", "parked"}}) +
         element("p", reader.say(texts::who_is_parked, {command_line("failures", text_of(mirror, "name"))}),
                 {{"class", "help"}});
}

Markup day_of(const Value& mirror, std::string_view started, const Reader& reader) {
  const auto& history = member(mirror, "history");
  if (!history.is_object()) return {};
  return heading(texts::last_day, reader) + day_charts(history, reader) +
         element("p", reader.say(texts::counted_since, {reader.time(started)}), {{"class", "note"}});
}

}  // namespace

Markup state_mark(std::string_view state, const Reader& reader) {
  return element("span", word_for(states, state, reader), {{"class", "state " + std::string(state)}});
}

Markup class_of_changes(std::string_view name, const Reader& reader) {
  return word_for(classes, name, reader);
}

Markup mirror_section(const Value& mirror, std::size_t n, std::string_view started, const Reader& reader) {
  const auto id = "mirror-" + std::to_string(n);
  const auto list = reader.say(texts::list, {escaped(std::to_string(integer_of(mirror, "list_id")))});
  auto content =
      element("h2",
              escaped(text_of(mirror, "name")) + " "_html + state_mark(text_of(mirror, "state"), reader) +
                  " "_html + element("span", list, {{"class", "list"}}),
              {{"id", id}});
  content += problems_of(mirror, reader) + holds_of(mirror, reader) + progress_of(mirror, reader) +
             times_of(mirror, reader) + both_sides(mirror, reader) + waiting_of(mirror, reader) +
             parked_of(mirror, reader) + day_of(mirror, started, reader);
  return element("section", content, {{"aria-labelledby", id}, {"class", "mirror"}});
}

}  // namespace stibee_sync::app

#include "app/explainer.hpp"

#include "app/engine.hpp"
#include "app/local_time.hpp"
#include "app/problem.hpp"
#include "app/render.hpp"
#include "stibee_sync/text/number_format.hpp"

#include <algorithm>
#include <utility>

namespace stibee_sync::app {

namespace asio = boost::asio;

namespace {

struct Begun {
  store::Scan scan;
  store::SourceFacts facts;
  store::PersonRecord record;
  std::optional<store::KnownRow> row_of_key;
  std::vector<std::string> waits;
};

std::string hold_in_words(const store::HeldChanges& hold) {
  return "the guard holds " + text::with_thousands(hold.count) + " " + hold.change_class + " since " +
         local_time(hold.since) + ", this person among them (" + hold.why + "): `stibee-syncd guard show " +
         hold.digest + "`";
}

/// Of the state; a daemon knows more.
std::vector<std::string> waits_in(const store::Store& store, const pipeline::MirrorPlan& plan,
                                  const store::PersonRecord& record) {
  std::vector<std::string> waits;
  if (store.paused(plan.id)) {
    const auto milestones = store.milestones(plan.id);
    Problem pause{ProblemKind::Paused};
    if (milestones.paused_until) pause.detail = local_time(*milestones.paused_until);
    waits.push_back("the mirror is " + sentence(pause, Language::English) +
                    (milestones.paused_since ? ", since " + local_time(*milestones.paused_since) : ""));
  }
  if (plan.reconcile.mode != settings::ReconcileMode::Off && !store.adopted(plan.id))
    waits.emplace_back("the list is read before anything is sent to it");
  for (const auto& hold : record.holds)
    waits.push_back(hold_in_words(hold));
  if (record.writebacks > 0)
    waits.push_back(text::with_thousands(record.writebacks) +
                    " events of theirs wait to be written to the database");
  return waits;
}

std::vector<domain::MemberKey> known_keys(const Begun& begun) {
  std::vector<domain::MemberKey> keys;
  for (const auto& row : begun.record.rows)
    keys.push_back(row.key);
  if (begun.row_of_key) keys.push_back(begun.row_of_key->key);
  const auto& row = begun.record.person.row;
  if (row && row->key) keys.push_back(*row->key);
  return keys;
}

/// The address that the last read left with the key counts until the table says otherwise.
void take_address(pipeline::PersonAsked& asked, const std::optional<store::KnownRow>& row) {
  if (!asked.email && row && !row->email.empty())
    asked.email = domain::EmailAddress::from_normalised(row->email);
}

std::string why_failed(const delivery::CallResult& failed) {
  const auto reason = name(failed.reason);
  switch (failed.verdict) {
    case delivery::CallVerdict::Unauthorised:
    case delivery::CallVerdict::Forbidden:
      return "the key may not read this list over API v2 (" + reason + ")";
    case delivery::CallVerdict::Throttled:
      return "Stibee says it is too much; try again in a minute";
    case delivery::CallVerdict::BatchRefused:
      return "Stibee refuses to show the list over API v2 (" + reason + ")";
    case delivery::CallVerdict::Answered:
    case delivery::CallVerdict::ServerTrouble:
      break;
  }
  return "Stibee cannot be read now (" + reason + ")";
}

std::string why_silent(const pipeline::Reply& reply) {
  return "Stibee cannot be reached (" + name(reply.no_answer()->cause) + ")";
}

std::string too_long(std::size_t people) {
  const auto pages = (people + delivery::v2::largest_page - 1) / delivery::v2::largest_page;
  return "the list has " + text::with_thousands(people) +
         " people, and Stibee shows nobody alone: to look through it takes " + text::with_thousands(pages) +
         " calls; `stibee-syncd reconcile` compares all of it";
}

}  // namespace

asio::awaitable<std::shared_ptr<PersonFacts>> Explainer::look(pipeline::MirrorPlan plan,
                                                              pipeline::PersonAsked asked,
                                                              std::shared_ptr<source::Reader> reader) {
  auto begin = [plan, asked](store::Store& store) {
    auto person = asked;
    std::optional<store::KnownRow> row;
    if (!asked.key.empty()) row = store.row_of_key(plan.id, asked.key);
    take_address(person, row);
    store::PersonRecord record;
    if (person.email) record = store.record_of(plan.id, *person.email);
    auto waits = waits_in(store, plan, record);
    return Begun{store.begin_scan(plan.id), store.source_facts(plan.id), std::move(record), std::move(row),
                 std::move(waits)};
  };
  auto answer = co_await store_.run(std::move(begin));
  const auto begun = std::make_shared<Begun>(std::move(answer).value());
  take_address(asked, begun->row_of_key);
  const auto facts = std::make_shared<PersonFacts>();
  facts->plan = std::move(plan);
  auto read = [facts, begun, asked, reader = std::move(reader), key = key_, now = clock_.utc()] {
    return pipeline::look_at_person(*reader, facts->plan, begun->scan, begun->facts, key, now, asked,
                                    known_keys(*begun));
  };
  auto seen = co_await runtime::offload(worker_, std::move(read));
  facts->seen = std::move(seen);
  facts->record = std::move(begun->record);
  facts->row_of_key = std::move(begun->row_of_key);
  facts->waits = std::move(begun->waits);
  facts->email = facts->seen.email;
  if (!facts->email) facts->there.why_not = "there is no address to look for";
  if (facts->email == asked.email) co_return facts;
  co_return co_await recorded_again(facts);
}

asio::awaitable<std::shared_ptr<PersonFacts>> Explainer::recorded_again(std::shared_ptr<PersonFacts> facts) {
  auto find = [plan = facts->plan, email = *facts->email](store::Store& store) {
    auto record = store.record_of(plan.id, email);
    auto waits = waits_in(store, plan, record);
    return std::pair(std::move(record), std::move(waits));
  };
  auto answer = co_await store_.run(std::move(find));
  auto found = std::move(answer).value();
  facts->record = std::move(found.first);
  facts->waits = std::move(found.second);
  co_return facts;
}

asio::awaitable<ThereNow> Explainer::ask_there(pipeline::Asker* asker, std::int64_t list_id,
                                               domain::EmailAddress email) {
  ThereNow there;
  auto counting = delivery::v2::count_request(list_id);
  const auto counted = co_await asker->ask(std::move(counting));
  if (counted.no_answer()) {
    there.why_not = why_silent(counted);
    co_return there;
  }
  const auto count = delivery::v2::read_count(counted.answer());
  if (const auto* failed = std::get_if<delivery::CallResult>(&count)) {
    there.why_not = why_failed(*failed);
    co_return there;
  }
  const auto people = std::get<std::size_t>(count);
  if (people > most_looked_through) {
    there.why_not = too_long(people);
    co_return there;
  }
  for (std::size_t offset = 0; offset < people;) {
    auto asking = delivery::v2::list_request(list_id, offset, delivery::v2::largest_page);
    const auto reply = co_await asker->ask(std::move(asking));
    if (reply.no_answer()) {
      there.why_not = why_silent(reply);
      co_return there;
    }
    const auto read = delivery::v2::read_list(reply.answer());
    if (const auto* failed = std::get_if<delivery::CallResult>(&read)) {
      there.why_not = why_failed(*failed);
      co_return there;
    }
    const auto& page = std::get<delivery::v2::ListPage>(read);
    const auto found = std::find_if(page.people.begin(), page.people.end(),
                                    [&](const auto& person) { return person.email == email; });
    if (found != page.people.end()) {
      there.listed = *found;
      co_return there;
    }
    if (page.entries == 0) break;
    offset += page.entries;
  }
  co_return there;
}

source::Connection patient_connection(const settings::Settings& settings) {
  auto connection = database_connection(settings);
  connection.statement_timeout = std::chrono::seconds(60);
  return connection;
}

json::Value explanation_of(const std::vector<std::shared_ptr<PersonFacts>>& mirrors,
                           const delivery::Dialect& dialect, const Showing& showing) {
  auto reports = json::Value::array();
  for (const auto& facts : mirrors)
    reports.push_back(explain_report(*facts, dialect, showing));
  json::Value report;
  report.set("version", 1);
  report.set("mirrors", std::move(reports));
  return report;
}

std::string why_unknown(const std::vector<std::shared_ptr<PersonFacts>>& mirrors) {
  std::string text;
  for (const auto& facts : mirrors) {
    if (is_known(*facts)) return "";
    text += (text.empty() ? "" : "\n") + facts->plan.name + ": " + how_to_be_known(*facts);
  }
  return "nobody knows this person\n" + text;
}

bool table_missing(const std::vector<std::shared_ptr<PersonFacts>>& mirrors) {
  return std::any_of(mirrors.begin(), mirrors.end(),
                     [](const auto& facts) { return !facts->seen.problem.empty(); });
}

}  // namespace stibee_sync::app

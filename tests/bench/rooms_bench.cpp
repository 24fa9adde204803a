// What the pure rooms cost alone: a row, a person or a slot each. No timing decides a test.

#include "stibee_sync/delivery/dialect.hpp"
#include "stibee_sync/delivery/rate_limiter.hpp"
#include "stibee_sync/diff/differ.hpp"
#include "stibee_sync/diff/guard.hpp"
#include "stibee_sync/diff/mapping.hpp"

#include <benchmark/benchmark.h>
#include <chrono>
#include <string>
#include <vector>

namespace {

using namespace stibee_sync;

constexpr std::size_t batch = 2000;

std::string address_of(std::size_t i) {
  return "member" + std::to_string(i) + "@example.com";
}

/// A row as COPY gives it: key, address, opt-in, grade, name, phone.
std::string line_of(std::size_t i) {
  return std::to_string(i) + "\t" + address_of(i) + "\tt\t" + (i % 4 == 0 ? "gold" : "\\N") + "\t회원 " +
         std::to_string(i) + "\t010-1234-" + std::to_string(1000 + i % 9000);
}

std::vector<std::string> lines() {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < batch; ++i)
    all.push_back(line_of(i));
  return all;
}

diff::Mapping mapping() {
  using domain::ColumnType;
  diff::Mapping mapping;
  mapping.subscribed = 2;
  mapping.groups = {3};
  mapping.fields = {{"name", 4, ColumnType::Text}, {"phone", 5, ColumnType::Text}};
  mapping.group_ids = {{"gold", 11}, {"silver", 12}};
  mapping.types = {ColumnType::Integer, ColumnType::Text, ColumnType::Boolean,
                   ColumnType::Text,    ColumnType::Text, ColumnType::Text};
  mapping.column_names = {"id", "email", "email_opt_in", "grade", "name", "phone"};
  return mapping;
}

domain::StateKey state_key() {
  return domain::StateKey(domain::StateKey::Bytes{1, 2, 3});
}

void per_item(benchmark::State& state, std::size_t items) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(items));
}

void fingerprint_of_a_row(benchmark::State& state) {
  const auto key = state_key();
  const auto rows = lines();
  for (auto _ : state) {
    for (const auto& row : rows)
      benchmark::DoNotOptimize(key.fingerprint(row));
  }
  per_item(state, rows.size());
}
BENCHMARK(fingerprint_of_a_row);

void merge_of_an_unchanged_row(benchmark::State& state) {
  for (auto _ : state) {
    std::int64_t next = 0;
    auto stored = [&next](diff::StoredRow& row) {
      row.key = domain::MemberKey(next++);
      return next <= static_cast<std::int64_t>(batch);
    };
    diff::Differ differ(stored, [](const domain::MemberKey&) {}, false);
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(batch); ++i)
      benchmark::DoNotOptimize(differ.see(domain::MemberKey(i), domain::Fingerprint{}));
    differ.finish();
  }
  per_item(state, batch);
}
BENCHMARK(merge_of_an_unchanged_row);

void key_of_an_unchanged_row(benchmark::State& state) {
  const auto rows = lines();
  for (auto _ : state) {
    for (const auto& row : rows)
      benchmark::DoNotOptimize(diff::key_of(row, true));
  }
  per_item(state, rows.size());
}
BENCHMARK(key_of_an_unchanged_row);

void mapping_of_a_changed_row(benchmark::State& state) {
  const auto rows = lines();
  const auto map = mapping();
  diff::RowFields fields;
  for (auto _ : state) {
    for (const auto& row : rows) {
      if (!fields.split(row, map.types.size())) state.SkipWithError("a row of another width");
      benchmark::DoNotOptimize(diff::map_row(fields.values(), map, nullptr));
    }
  }
  per_item(state, rows.size());
}
BENCHMARK(mapping_of_a_changed_row);

void guard_of_a_read(benchmark::State& state) {
  diff::ReadFacts facts;
  facts.source_rows = facts.mirrored = 1'000'000;
  facts.last_good_rows = 1'000'000;
  facts.updates = 400'000;
  facts.removals = 501;
  const diff::GuardLimits limits;
  for (auto _ : state)
    benchmark::DoNotOptimize(diff::guarded(facts, limits));
  per_item(state, 1);
}
BENCHMARK(guard_of_a_read);

std::vector<delivery::Recipient> recipients() {
  std::vector<delivery::Recipient> people;
  for (std::size_t i = 0; i < batch; ++i) {
    delivery::Recipient person;
    person.email = domain::EmailAddress::from_normalised(address_of(i));
    person.operation.groups = {11};
    person.fields = {{"name", "회원 " + std::to_string(i)}, {"phone", "010-1234-5678"}};
    people.push_back(std::move(person));
  }
  return people;
}

void request_for_a_person(benchmark::State& state) {
  const auto people = recipients();
  const auto dialect = delivery::make_v1();
  std::size_t taken = 0;
  for (auto _ : state)
    taken = dialect->pack(1234, people).taken;
  per_item(state, taken);
}
BENCHMARK(request_for_a_person);

/// Stibee's answer to a subscribe: everybody, echoed, in the list of those who were added.
std::string answer_for(const std::vector<delivery::Recipient>& people) {
  std::string body =
      R"({"Ok":true,"Error":null,"Value":{"failDeny":[],"failDuplicatedEmail":[],"failExistEmail":[],)"
      R"("failNoEmail":[],"failUnknown":[],"failValidation":[],"failWrongEmail":[],"success":[)";
  for (const auto& person : people) {
    if (body.back() == '}') body += ',';
    body += R"({"email":")" + person.email.text() + R"(","name":"회원","phone":"010-1234-5678"})";
  }
  return body + R"(],"update":[]}})";
}

void answer_about_a_person(benchmark::State& state) {
  const auto people = recipients();
  const auto dialect = delivery::make_v1();
  const auto body = answer_for(people);
  delivery::ApiAnswer answer;
  answer.status = 200;
  answer.body = body;
  for (auto _ : state) {
    const auto result = dialect->read(people, answer);
    if (result.outcomes.back().kind != domain::OutcomeKind::Delivered) {
      state.SkipWithError("the answer was not understood");
    }
  }
  per_item(state, people.size());
}
BENCHMARK(answer_about_a_person);

void slot_of_the_limiter(benchmark::State& state) {
  delivery::RateLimiter limiter({10, std::chrono::seconds(1)});
  delivery::MonotonicTime now{std::chrono::hours(1)};
  for (auto _ : state) {
    now = std::max(now, limiter.next_slot(now));
    const auto attempt = limiter.take(now);
    limiter.answered(attempt, now + std::chrono::milliseconds(100));
  }
  per_item(state, 1);
}
BENCHMARK(slot_of_the_limiter);

}  // namespace

BENCHMARK_MAIN();

#include "app/page/chart.hpp"

#include "app/local_time.hpp"
#include "app/page/texts.hpp"
#include "app/report_members.hpp"
#include "stibee_sync/text/number_format.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace stibee_sync::app {
namespace {

using Numbers = std::vector<std::int64_t>;

constexpr std::int64_t most_bars = 96;
constexpr std::int64_t bar_step = 10;
constexpr std::int64_t bar_width = 8;
constexpr std::int64_t height = 120;
constexpr std::int64_t least_height = 4;  // of a bar that is not nothing

Numbers numbers_of(const json::Value& history, std::string_view key) {
  Numbers numbers;
  for (const auto& value : list_of(history, key)) {
    const auto* number = value.if_integer();
    numbers.push_back(number == nullptr ? 0 : std::max<std::int64_t>(*number, 0));
  }
  if (numbers.size() > most_bars) numbers.erase(numbers.begin(), numbers.end() - most_bars);
  return numbers;
}

std::int64_t sum_of(const Numbers& numbers) {
  std::int64_t sum = 0;
  for (const auto number : numbers)
    sum += number;
  return sum;
}

std::int64_t most_of(const Numbers& numbers) {
  return numbers.empty() ? 0 : *std::max_element(numbers.begin(), numbers.end());
}

Markup bar(std::int64_t place, std::int64_t value, std::int64_t most) {
  if (value == 0) return {};
  // In floating point: products of large counts would overflow.
  const auto tall = std::max(
      least_height, static_cast<std::int64_t>(static_cast<double>(height) * static_cast<double>(value) /
                                              static_cast<double>(most)));
  return element("rect", {},
                 {{"x", std::to_string(place * bar_step)},
                  {"y", std::to_string(height - tall)},
                  {"width", std::to_string(bar_width)},
                  {"height", std::to_string(tall)}});
}

/// The present quarter is at the right end.
Markup bars(const Numbers& numbers, const std::string& label) {
  const auto most = most_of(numbers);
  auto place = most_bars - static_cast<std::int64_t>(numbers.size());
  Markup inner = element("path", {}, {{"d", "M0 " + std::to_string(height) + "H960"}, {"class", "axis"}});
  for (const auto number : numbers)
    inner += bar(place++, number, most);
  return element("svg", inner,
                 {{"viewBox", "0 0 960 " + std::to_string(height + 2)},
                  {"preserveAspectRatio", "none"},
                  {"role", "img"},
                  {"aria-label", label}});
}

enum class Told { Sum, Most };

Markup chart(const Numbers& numbers, const Text& name, Told told, std::string_view kind,
             const Reader& reader) {
  const auto value = told == Told::Sum ? sum_of(numbers) : most_of(numbers);
  const auto& words = told == Told::Sum ? texts::chart_sum : texts::chart_most;
  const auto language = reader.language();
  const auto said = say(words, language, {text::with_thousands(value)});
  const auto label = std::string(name.in(language)) + ": " + said;
  return element(
      "figure", element("figcaption", reader.text(name) + element("b", escaped(said))) + bars(numbers, label),
      {{"class", kind}});
}

struct Hour {
  std::string begin;  // local
  std::int64_t changes = 0;
  std::int64_t calls = 0;
  std::int64_t waiting = 0;
};

std::int64_t at(const Numbers& numbers, std::size_t i) {
  return i < numbers.size() ? numbers[i] : 0;
}

std::vector<Hour> hours_of(const json::Value& history, const Numbers& changes, const Numbers& calls,
                           const Numbers& waiting) {
  const auto begin = time_of(text_of(history, "begin"));
  const std::chrono::seconds step{std::max<std::int64_t>(integer_of(history, "step_seconds"), 1)};
  std::vector<Hour> hours;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    // "2026-11-28 19:45:00 KST": the day without its year, and the hour.
    const auto hour = local_time(begin + static_cast<int>(i) * step).substr(5, 8) + ":00";
    if (hours.empty() || hours.back().begin != hour) hours.push_back({hour});
    auto& row = hours.back();
    row.changes += changes[i];
    row.calls += at(calls, i);
    row.waiting = std::max(row.waiting, at(waiting, i));
  }
  return hours;
}

Markup table_of(const std::vector<Hour>& hours, const Reader& reader) {
  const auto head = [&](const Text& name) { return element("th", reader.text(name), {{"scope", "col"}}); };
  const auto cell = [](std::int64_t number) { return element("td", figure(number), {{"class", "number"}}); };
  auto rows = element("tr", head(texts::hour) + head(texts::chart_changes) + head(texts::chart_calls) +
                                head(texts::chart_waiting));
  for (auto hour = hours.rbegin(); hour != hours.rend(); ++hour) {
    rows += element("tr", element("th", escaped(hour->begin), {{"scope", "row"}}) + cell(hour->changes) +
                              cell(hour->calls) + cell(hour->waiting));
  }
  return element("details", element("summary", reader.text(texts::as_table)) +
                                element("table", rows, {{"class", "hours"}}));
}

}  // namespace

Markup day_charts(const json::Value& history, const Reader& reader) {
  const auto changes = numbers_of(history, "changes");
  const auto calls = numbers_of(history, "calls");
  const auto waiting = numbers_of(history, "waiting");
  const auto ends =
      element("p", element("span", reader.text(texts::day_ago)) + element("span", reader.text(texts::now)),
              {{"class", "ends"}, {"aria-hidden", "true"}});
  return chart(changes, texts::chart_changes, Told::Sum, "changes", reader) +
         chart(calls, texts::chart_calls, Told::Sum, "calls", reader) +
         chart(waiting, texts::chart_waiting, Told::Most, "waits", reader) + ends +
         table_of(hours_of(history, changes, calls, waiting), reader);
}

}  // namespace stibee_sync::app

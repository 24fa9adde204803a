#include "app/page/limits_section.hpp"

#include "app/page/texts.hpp"
#include "app/report_members.hpp"

#include <string>

namespace stibee_sync::app {
namespace {

using json::Value;

Markup row(const Markup& name, const Markup& value) {
  return element("div", element("dt", name) + element("dd", value));
}

Markup class_name(std::string_view name, const Reader& reader) {
  if (name == "v1") return reader.text(texts::class_v1);
  if (name == "bulk") return reader.text(texts::class_bulk);
  if (name == "list") return reader.text(texts::class_list);
  if (name == "other") return reader.text(texts::class_other);
  return escaped(name);
}

Markup words_of(const Value& limiter, const Reader& reader) {
  const auto limit = integer_of(limiter, "limit");
  const auto current = integer_of(limiter, "current");
  const auto window = double_of(limiter, "window_seconds");
  const auto used = figure(integer_of(limiter, "used"));
  auto words = window == 1    ? reader.say(texts::a_second, {figure(limit), used})
               : window == 60 ? reader.say(texts::a_minute, {figure(limit), used})
                              : reader.say(texts::a_window, {figure(limit), used, reader.duration(window)});
  if (current < limit) words += " · "_html + reader.say(texts::throttled, {figure(current)});
  if (const auto held = text_of(limiter, "held_until"); !held.empty())
    words += " · "_html + element("strong", reader.say(texts::none_before, {reader.time(held)}));
  return words;
}

const Text& circuit_words(std::string_view circuit) {
  if (circuit == "closed") return texts::circuit_closed;
  return circuit == "probing" ? texts::circuit_probing : texts::circuit_open;
}

}  // namespace

Markup limits_section(const Value& status, const Reader& reader) {
  const auto circuit =
      flag_of(status, "key_refused") ? texts::api_unauthorised : circuit_words(text_of(status, "circuit"));
  auto rows = row(reader.text(texts::circuit), reader.text(circuit));
  for (const auto& limiter : list_of(status, "limiter"))
    rows += row(class_name(text_of(limiter, "class"), reader), words_of(limiter, reader));
  rows += row(reader.text(texts::under_way), figure(integer_of(status, "in_flight")));
  return element(
      "section",
      element("h2", reader.text(texts::calls), {{"id", "calls"}}) + element("dl", rows, {{"class", "times"}}),
      {{"aria-labelledby", "calls"}});
}

}  // namespace stibee_sync::app

#include "app/page/happened_section.hpp"

#include "app/page/mirror_section.hpp"
#include "app/page/texts.hpp"
#include "app/report_members.hpp"

#include <string>
#include <utility>

namespace stibee_sync::app {
namespace {

using json::Value;

struct EventWord {
  std::string_view event;
  const Text* text;  // with {0} how many, and {1} of what
};

constexpr EventWord events[] = {
    {"daemon.ready", &texts::daemon_ready},
    {"daemon.reload", &texts::daemon_reload},
    {"daemon.reload_failed", &texts::daemon_reload_failed},
    {"sync.failed", &texts::sync_failed},
    {"guard.held", &texts::guard_held},
    {"guard.approved", &texts::guard_approved},
    {"guard.cleared", &texts::guard_cleared},
    {"source.untrusted", &texts::source_untrusted},
    {"source.connected", &texts::source_connected},
    {"source.lost", &texts::source_lost},
    {"feed.lost", &texts::feed_was_lost},
    {"feed.restored", &texts::feed_restored},
    {"api.unauthorised", &texts::api_unauthorised},
    {"api.recovered", &texts::api_recovered},
    {"api.circuit_open", &texts::api_circuit_open},
    {"api.circuit_closed", &texts::api_circuit_closed},
    {"mirror.paused", &texts::mirror_paused},
    {"mirror.resumed", &texts::mirror_resumed},
    {"writeback.failed", &texts::writeback_failed},
    {"reconcile.drift", &texts::reconcile_drift},
    {"store.failed", &texts::store_failed},
    {"delivery.finished", &texts::imported},
};

constexpr std::pair<std::string_view, const Text*> drifts[] = {
    {"missing_there", &texts::missing_there},     {"stray_there", &texts::stray_there},
    {"opted_out_there", &texts::opted_out_there}, {"subscribed_there", &texts::subscribed_there},
    {"auto_deleted", &texts::deleted_there},      {"purged", &texts::purged_there},
    {"fields_differ", &texts::fields_differ},     {"groups_differ", &texts::groups_differ},
};

/// Of what so many were: a class of changes, a kind of drift, or something else, as it is.
Markup kind_of(std::string_view what, const Reader& reader) {
  for (const auto& [kind, text] : drifts) {
    if (kind == what) return reader.text(*text);
  }
  return class_of_changes(what, reader);
}

Markup words_of(const Value& happening, const Reader& reader) {
  const auto name = text_of(happening, "event");
  const auto count = figure(integer_of(happening, "count"));
  const auto kind = text_of(happening, "what");
  const auto what = kind_of(kind, reader);
  // A repair that was too large tells how many, and not of what.
  if (name == "reconcile.drift" && kind.empty()) return reader.say(texts::drift_held_back, {count});
  for (const auto& [event, text] : events) {
    if (event == name) return reader.say(*text, {count, what});
  }
  return element("code", escaped(name));
}

Markup item_of(const Value& happening, const Reader& reader) {
  auto item = element("span", reader.time(text_of(happening, "time")), {{"class", "when"}}) + " "_html;
  if (const auto mirror = text_of(happening, "mirror"); !mirror.empty())
    item += element("b", escaped(mirror)) + " "_html;
  item += words_of(happening, reader);
  if (const auto by = text_of(happening, "by"); !by.empty())
    item += " "_html + reader.say(texts::by, {escaped(by)});
  if (const auto times = integer_of(happening, "times"); times > 1)
    item += " ("_html + reader.say(texts::times, {figure(times)}) + ")"_html;
  return element("li", item);
}

}  // namespace

Markup happened_section(const Value& status, const Reader& reader) {
  Markup list;
  for (const auto& happening : list_of(status, "happened"))
    list += item_of(happening, reader);
  return element("section",
                 element("h2", reader.text(texts::happened), {{"id", "happened"}}) +
                     (list.empty() ? element("p", reader.text(texts::nothing_happened))
                                   : element("ul", list, {{"class", "happened"}})),
                 {{"aria-labelledby", "happened"}});
}

}  // namespace stibee_sync::app

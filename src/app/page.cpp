#include "app/page.hpp"

#include "app/render.hpp"

#include <string_view>

namespace stibee_sync::app {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

void row(std::string& page, std::string_view name, std::string_view value) {
  page += "<tr><th scope=\"row\">" + escaped(name) + "</th><td>" + escaped(value) + "</td></tr>\n";
}

std::string counts(const json::Value* object) {
  std::string text;
  if (object == nullptr || object->if_object() == nullptr) return "none";
  for (const auto& [name, value] : *object->if_object()) {
    const auto* number = value.if_integer();
    if (number == nullptr || *number == 0) continue;
    if (!text.empty()) text += " · ";
    text += with_thousands(*number) + " " + name;
  }
  return text.empty() ? "none" : text;
}

void mirror_section(std::string& page, const json::Value& mirror) {
  const auto state = text_of(mirror, "state");
  page += "<section>\n<h2>" + escaped(text_of(mirror, "name")) + " <span class=\"state " + escaped(state) +
          "\">" + escaped(state) + "</span></h2>\n";
  const auto problem = text_of(mirror, "problem");
  if (!problem.empty()) page += "<p class=\"problem\">" + escaped(problem) + "</p>\n";
  if (const auto* held = mirror.find("held"); held != nullptr && held->if_array() != nullptr) {
    for (const auto& hold : *held->if_array()) {
      page += "<p class=\"problem\">Held: " + with_thousands(integer_of(hold, "count")) + " " +
              escaped(text_of(hold, "class")) + " since " + escaped(text_of(hold, "since")) + ". " +
              escaped(text_of(hold, "why")) + ". If it is meant: <code>stibee-syncd guard approve " +
              escaped(text_of(hold, "digest")) + "</code></p>\n";
    }
  }
  page += "<table>\n";
  row(page, "Stibee list", std::to_string(integer_of(mirror, "list_id")));
  row(page, "Last good read",
      text_of(mirror, "last_success").empty() ? "never" : text_of(mirror, "last_success"));
  row(page, "Last delivery",
      text_of(mirror, "last_delivery").empty() ? "never" : text_of(mirror, "last_delivery"));
  if (const auto compared = text_of(mirror, "last_compared"); !compared.empty())
    row(page, "Last compared",
        compared + ", " + with_thousands(integer_of(mirror, "drift")) + " differences left");
  if (const auto since = text_of(mirror, "paused_since"); !since.empty()) row(page, "Paused since", since);
  if (const auto* feed = mirror.find("feed"); feed != nullptr && !feed->is_null())
    row(page, "Change feed", text_of(*feed, "state"));
  row(page, "Rows in the table", with_thousands(integer_of(mirror, "source_members")));
  row(page, "People at Stibee", counts(mirror.find("people")));
  row(page, "Waiting", counts(mirror.find("pending")));
  row(page, "Parked", counts(mirror.find("parked")));
  row(page, "To be written back", with_thousands(integer_of(mirror, "writebacks")));
  page += "</table>\n";
  if (const auto* progress = mirror.find("progress");
      progress != nullptr && integer_of(*progress, "total") > 0) {
    const auto done = std::to_string(integer_of(*progress, "done"));
    const auto total = std::to_string(integer_of(*progress, "total"));
    page += "<p><progress max=\"" + total + "\" value=\"" + done + "\">" + done + " of " + total +
            "</progress> " + with_thousands(integer_of(*progress, "done")) + " of " +
            with_thousands(integer_of(*progress, "total")) + "</p>\n";
  }
  page += "</section>\n";
}

}  // namespace

std::string status_page(const json::Value& status) {
  const auto* healthy = status.find("healthy");
  const bool well = healthy != nullptr && healthy->if_bool() != nullptr && *healthy->if_bool();
  std::string page =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"refresh\" content=\"10\">\n<title>stibee-syncd</title>\n"
      "<link rel=\"stylesheet\" href=\"/status.css\">\n</head>\n<body>\n<main>\n<h1>stibee-syncd ";
  page += well ? "<span class=\"state ok\">healthy</span>"
               : "<span class=\"state failing\">needs attention</span>";
  page += "</h1>\n";
  const auto problem = text_of(status, "problem");
  if (!problem.empty()) page += "<p class=\"problem\">" + escaped(problem) + "</p>\n";
  if (const auto* mirrors = status.find("mirrors"); mirrors != nullptr && mirrors->if_array() != nullptr) {
    for (const auto& mirror : *mirrors->if_array())
      mirror_section(page, mirror);
  }
  page += "<section>\n<h2>Calls to Stibee</h2>\n<table>\n";
  if (const auto* limiter = status.find("limiter"); limiter != nullptr && limiter->if_array() != nullptr) {
    for (const auto& one : *limiter->if_array()) {
      const auto held = text_of(one, "held_until");
      row(page, "Limit (" + text_of(one, "class") + ")",
          std::to_string(integer_of(one, "current")) + " of " + std::to_string(integer_of(one, "limit")) +
              " a window" + (held.empty() ? "" : ", none wanted before " + held));
    }
  }
  row(page, "Circuit", text_of(status, "circuit"));
  row(page, "In flight", std::to_string(integer_of(status, "in_flight")));
  page += "</table>\n</section>\n</main>\n</body>\n</html>\n";
  return page;
}

std::string status_style() {
  return R"(:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;margin:0;background:Canvas;color:CanvasText}
main{max-width:46rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin:0 0 .5rem}
section{border:1px solid color-mix(in srgb,CanvasText 20%,Canvas);border-radius:8px;padding:1rem 1.25rem;margin:1rem 0}
table{border-collapse:collapse;width:100%}
th{text-align:left;font-weight:500;width:12rem;padding:.2rem .5rem .2rem 0;vertical-align:top}
td{padding:.2rem 0;font-variant-numeric:tabular-nums}
.state{font-size:.8rem;padding:.15rem .6rem;border-radius:1rem;background:#1a7f37;color:#fff;vertical-align:middle}
.state.importing{background:#0969da}.state.paused,.state.standby{background:#6e7781}
.state.held,.state.untrusted,.state.failing{background:#b42318}
.problem{border-left:4px solid #b42318;padding-left:.75rem}
progress{width:60%}code{user-select:all}
)";
}

}  // namespace stibee_sync::app

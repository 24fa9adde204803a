#include "app/page/page.hpp"

#include "app/page/happened_section.hpp"
#include "app/page/limits_section.hpp"
#include "app/page/mirror_section.hpp"
#include "app/page/texts.hpp"
#include "app/report_members.hpp"

namespace stibee_sync::app {
namespace {

using json::Value;

std::string started(const Value& status) {
  const auto* daemon = status.find("daemon");
  return daemon == nullptr ? std::string() : text_of(*daemon, "started");
}

Markup language_link(Language other, const Text& name, const Reader& reader) {
  const auto href = "?lang=" + std::string(code(other));
  if (other == reader.language())
    return element(
        "a", escaped(name.in(other)),
        {{"href", href}, {"lang", code(other)}, {"hreflang", code(other)}, {"aria-current", "true"}});
  return element("a", escaped(name.in(other)),
                 {{"href", href}, {"lang", code(other)}, {"hreflang", code(other)}});
}

Markup head() {
  return element("head",
                 "<meta charset=\"utf-8\">"
                 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                 "<meta name=\"color-scheme\" content=\"light dark\">"
                 "<meta name=\"robots\" content=\"noindex\">"
                 "<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>"_html +
                     element("title", "stibee-syncd"_html) +
                     "<link rel=\"icon\" type=\"image/svg+xml\" href=\"/status.svg\">"
                     "<link rel=\"stylesheet\" href=\"/status.css\">"
                     "<script src=\"/status.js\" defer></script>"_html);
}

/// The one word of the whole; whoever listens to the page hears it when it changes.
Markup verdict(const Value& status, const Reader& reader) {
  const bool well = flag_of(status, "healthy");
  const auto& words = well                         ? texts::all_well
                      : flag_of(status, "running") ? texts::needs_attention
                                                   : texts::not_running;
  return element("p", element("span", reader.text(words), {{"class", well ? "state ok" : "state failing"}}),
                 {{"class", "verdict"}, {"role", "status"}});
}

Markup top(const Value& status, const Reader& reader) {
  static constexpr Text english{"English", "English"};
  static constexpr Text korean{"한국어", "한국어"};
  const auto links =
      language_link(Language::Korean, korean, reader) + language_link(Language::English, english, reader);
  return element("header",
                 element("h1", "stibee-syncd"_html) + verdict(status, reader) +
                     element("nav", links, {{"aria-label", texts::language.in(reader.language())}}));
}

Markup foot(const Value& status, const Reader& reader) {
  const auto* daemon = status.find("daemon");
  if (daemon == nullptr || !daemon->is_object()) return element("footer", {});
  const auto row = [&](const Text& name, const Markup& value) {
    return element("div", element("dt", reader.text(name)) + element("dd", value));
  };
  const auto since = reader.time(text_of(*daemon, "started"));
  const auto up = reader.duration(static_cast<double>(integer_of(*daemon, "uptime_seconds")));
  return element("footer",
                 element("dl", row(texts::version, escaped(text_of(*daemon, "version"))) +
                                   row(texts::host, escaped(text_of(*daemon, "host"))) +
                                   row(texts::running_for, reader.say(texts::since_start, {up, since}))) +
                     element("p", reader.say(texts::as_of, {reader.time(text_of(status, "now"))})));
}

}  // namespace

std::string status_page(const Value& status, Language language) {
  const Reader reader(language, text_of(status, "now"));
  auto main = element("p", reader.say(texts::silent, {reader.time(text_of(status, "now"))}),
                      {{"id", "silent"}, {"role", "alert"}, {"hidden", "hidden"}});
  std::size_t n = 0;
  for (const auto& mirror : list_of(status, "mirrors"))
    main += mirror_section(mirror, ++n, started(status), reader);
  main += limits_section(status, reader) + happened_section(status, reader);
  const auto skip = element("a", reader.text(texts::to_content), {{"class", "skip"}, {"href", "#content"}});
  const auto body = skip + top(status, reader) +
                    element("main", main, {{"id", "content"}, {"tabindex", "-1"}}) + foot(status, reader);
  return ("<!doctype html>\n"_html +
          element("html", head() + element("body", body), {{"lang", code(language)}}) + "\n"_html)
      .html();
}

}  // namespace stibee_sync::app

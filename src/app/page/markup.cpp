#include "app/page/markup.hpp"

#include <vector>

namespace stibee_sync::app {
namespace {

std::string without_markup(std::string_view text) {
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
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace

Markup operator""_html(const char* literal, std::size_t length) {
  return Markup(std::string(literal, length));
}

Markup escaped(std::string_view text) {
  return Markup(without_markup(text));
}

Markup in_code_where_quoted(std::string_view text) {
  std::string out;
  bool in_code = false;
  while (!text.empty()) {
    const auto tick = text.find('`');
    // One that is never closed is a character like another.
    const bool opens = tick != std::string_view::npos && (in_code || text.find('`', tick + 1) != text.npos);
    out += without_markup(text.substr(0, opens ? tick : text.npos));
    if (!opens) break;
    in_code = !in_code;
    out += in_code ? "<code>" : "</code>";
    text.remove_prefix(tick + 1);
  }
  return Markup(std::move(out));
}

Markup say(const Text& text, Language language, std::initializer_list<Markup> values) {
  std::string out;
  auto form = text.in(language);
  while (!form.empty()) {
    const auto brace = form.find('{');
    out += without_markup(form.substr(0, brace));
    if (brace == form.npos || brace + 2 >= form.size()) break;
    const auto which = static_cast<std::size_t>(form[brace + 1] - '0');
    if (which < values.size()) out += values.begin()[which].html();
    form.remove_prefix(brace + 3);
  }
  return Markup(std::move(out));
}

Markup element(std::string_view name, const Markup& content, Attributes attributes) {
  auto tag = "<"_html + escaped(name);
  for (const auto& [key, value] : attributes)
    tag += " "_html + escaped(key) + "=\""_html + escaped(value) + "\""_html;
  return tag + ">"_html + content + "</"_html + escaped(name) + ">"_html;
}

}  // namespace stibee_sync::app

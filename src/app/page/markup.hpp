#pragma once

#include "app/language.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace stibee_sync::app {

/// HTML or SVG. Text of any kind becomes markup by `escaped` alone; literals of the program are written
/// "…"_html.
class Markup {
 public:
  Markup() = default;
  Markup& operator+=(const Markup& other) {
    html_ += other.html_;
    return *this;
  }
  friend Markup operator+(Markup left, const Markup& right) { return left += right; }
  bool empty() const { return html_.empty(); }
  const std::string& html() const { return html_; }

 private:
  explicit Markup(std::string html) : html_(std::move(html)) {}
  friend Markup operator""_html(const char* literal, std::size_t length);
  friend Markup escaped(std::string_view text);
  friend Markup in_code_where_quoted(std::string_view text);
  friend Markup say(const Text& text, Language language, std::initializer_list<Markup> values);

  std::string html_;
};

Markup operator""_html(const char* literal, std::size_t length);
/// Fit for content and for values of attributes in double or single quotes.
Markup escaped(std::string_view text);
/// The same, with what stands between backticks as <code>.
Markup in_code_where_quoted(std::string_view text);
/// The text, escaped, with its values.
Markup say(const Text& text, Language language, std::initializer_list<Markup> values);

using Attributes = std::initializer_list<std::pair<std::string_view, std::string_view>>;
/// <name attributes>content</name>; the values of the attributes are escaped, the names are literals.
Markup element(std::string_view name, const Markup& content, Attributes attributes = {});

}  // namespace stibee_sync::app

#include "stibee_sync/json/value.hpp"
#include "stibee_sync/text/ascii.hpp"
#include "stibee_sync/text/hex.hpp"
#include "stibee_sync/text/utf8.hpp"

#include <charconv>
#include <cmath>
#include <cstddef>

namespace stibee_sync::json {

namespace {

void append_escape(std::string& out, char c) {
  out += '\\';
  switch (c) {
    case '"':
    case '\\':
      out += c;
      return;
    case '\b':
      out += 'b';
      return;
    case '\f':
      out += 'f';
      return;
    case '\n':
      out += 'n';
      return;
    case '\r':
      out += 'r';
      return;
    case '\t':
      out += 't';
      return;
    default:
      out += "u00";
      text::append_hex(out, c);
  }
}

void append_double(std::string& out, double value) {
  // JSON has no word for them; a writer that threw here would lose a whole report.
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char digits[40];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  const std::string_view text(digits, static_cast<std::size_t>(end - digits));
  out += text;
  // Keeps its type when read back.
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

class Writer {
 public:
  Writer(std::string& out, bool pretty) : out_(out), pretty_(pretty) {}

  void write(const Value& value) {
    if (const auto* flag = value.if_bool()) {
      out_ += *flag ? "true" : "false";
    } else if (const auto* integer = value.if_integer()) {
      out_ += std::to_string(*integer);
    } else if (const auto* real = value.if_double()) {
      append_double(out_, *real);
    } else if (const auto* text = value.if_string()) {
      append_quoted(out_, *text);
    } else if (const auto* elements = value.if_array()) {
      list(*elements, '[', ']', [this](const Value& element) { write(element); });
    } else if (const auto* members = value.if_object()) {
      list(*members, '{', '}', [this](const Value::Member& member) {
        append_quoted(out_, member.first);
        out_ += pretty_ ? ": " : ":";
        write(member.second);
      });
    } else {
      out_ += "null";
    }
  }

 private:
  template <typename Items, typename WriteItem>
  void list(const Items& items, char open, char close, WriteItem write_item) {
    out_ += open;
    if (items.empty()) {
      out_ += close;
      return;
    }
    ++depth_;
    bool first = true;
    for (const auto& item : items) {
      if (!first) out_ += ',';
      first = false;
      new_line();
      write_item(item);
    }
    --depth_;
    new_line();
    out_ += close;
  }

  void new_line() {
    if (!pretty_) return;
    out_ += '\n';
    out_.append(2 * depth_, ' ');
  }

  std::string& out_;
  bool pretty_;
  std::size_t depth_ = 0;
};

}  // namespace

std::string to_string(const Value& value) {
  std::string out;
  Writer(out, false).write(value);
  return out;
}

std::string to_pretty_string(const Value& value) {
  std::string out;
  Writer(out, true).write(value);
  return out;
}

void append_escaped(std::string& out, std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (text::is_ascii(c)) {
      if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\') {
        append_escape(out, c);
      } else {
        out += c;
      }
      ++at;
    } else if (const auto character = text::first_character(text.substr(at))) {
      out.append(text, at, character->length);
      at += character->length;
    } else {
      out += text::replacement_character;
      ++at;
    }
  }
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text);
  out += '"';
}

}  // namespace stibee_sync::json

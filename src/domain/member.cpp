#include "stibee_sync/domain/member.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>

namespace stibee_sync::domain {
namespace {

// Text form: `tag=value` pairs joined by tabs. Back-slash escapes keep it one line and unambiguous for any
// bytes; `=` needs an escape in a tag only, since the first bare one separates.
void append_escaped(std::string& out, std::string_view text, bool is_tag) {
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\\\";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\0':
        out += "\\0";
        break;
      case '=':
        out += is_tag ? "\\e" : "=";
        break;
      default:
        out += c;
    }
  }
}

char unescaped(char c) {
  switch (c) {
    case '\\':
      return '\\';
    case 't':
      return '\t';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case '0':
      return '\0';
    case 'e':
      return '=';
    default:
      throw std::invalid_argument("stored field values are damaged: unknown escape");
  }
}

void append_length(std::string& out, std::size_t length) {
  for (int shift = 0; shift < 64; shift += 8)
    out += static_cast<char>((std::uint64_t{length} >> shift) & 0xff);
}

void append_field(std::string& out, const FieldValue& field) {
  append_length(out, field.tag.size());
  out += field.tag;
  append_length(out, field.value.size());
  out += field.value;
}

}  // namespace

GroupSet minus(const GroupSet& a, const GroupSet& b) {
  GroupSet result;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(result));
  return result;
}

GroupSet joined(const GroupSet& a, const GroupSet& b) {
  GroupSet result;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(result));
  return result;
}

std::string to_text(const FieldValues& fields) {
  std::string text;
  for (const FieldValue& field : fields) {
    if (&field != &fields.front()) text += '\t';
    append_escaped(text, field.tag, true);
    text += '=';
    append_escaped(text, field.value, false);
  }
  return text;
}

FieldValues fields_from_text(std::string_view text) {
  FieldValues fields;
  if (text.empty()) return fields;
  fields.reserve(1 + static_cast<std::size_t>(std::count(text.begin(), text.end(), '\t')));
  FieldValue field;
  bool in_tag = true;
  const auto finish = [&] {
    if (in_tag) throw std::invalid_argument("stored field values are damaged: a tag without a value");
    fields.push_back(std::move(field));
    field = {};
    in_tag = true;
  };
  const auto is_plain = [&](char c) { return c != '\t' && c != '\\' && !(in_tag && c == '='); };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto begin = i;
    while (i < text.size() && is_plain(text[i]))
      ++i;
    auto& part = in_tag ? field.tag : field.value;
    part += text.substr(begin, i - begin);
    if (i == text.size()) break;
    if (text[i] == '\t') {
      finish();
    } else if (text[i] == '=') {
      in_tag = false;
    } else {
      if (++i == text.size()) throw std::invalid_argument("stored field values are damaged: cut escape");
      part += unescaped(text[i]);
    }
  }
  finish();
  return fields;
}

Fingerprint fingerprint_of(const FieldValues& fields, const StateKey& key) {
  // By tag, so that a mapping whose lines were merely re-ordered does not look like a mass update. Lengths
  // are hashed too: ("ab","c") and ("a","bc") differ.
  const auto by_tag = [](const FieldValue& a, const FieldValue& b) { return a.tag < b.tag; };
  std::string bytes;
  if (std::is_sorted(fields.begin(), fields.end(), by_tag)) {
    for (const FieldValue& field : fields)
      append_field(bytes, field);
  } else {
    std::vector<const FieldValue*> sorted;
    sorted.reserve(fields.size());
    for (const FieldValue& field : fields)
      sorted.push_back(&field);
    std::stable_sort(sorted.begin(), sorted.end(),
                     [&](const FieldValue* a, const FieldValue* b) { return by_tag(*a, *b); });
    for (const FieldValue* field : sorted)
      append_field(bytes, *field);
  }
  return key.fingerprint(bytes);
}

}  // namespace stibee_sync::domain

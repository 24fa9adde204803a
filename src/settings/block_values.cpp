#include "block.hpp"

#include <algorithm>
#include <charconv>

namespace stibee_sync::settings {

std::optional<milliseconds> Block::duration_between(std::string_view key, const std::string& text,
                                                    milliseconds shortest, milliseconds longest) const {
  const auto parsed = parse_duration(text);
  if (const auto* wrong = std::get_if<Unreadable>(&parsed)) {
    problem(key, wrong->what, wrong->cure);
    return std::nullopt;
  }
  const auto value = std::get<milliseconds>(parsed);
  if (value < shortest || value > longest) {
    problem(key, "is " + shown(text) + ", which is out of range",
            "write a duration from " + format_duration(shortest) + " to " + format_duration(longest));
    return std::nullopt;
  }
  return value;
}

void Block::duration(std::string_view key, milliseconds shortest, milliseconds longest,
                     milliseconds& out) const {
  const auto value = text(key, Need::Default, format_duration(out));
  if (!value) return;
  if (const auto duration = duration_between(key, *value, shortest, longest)) out = *duration;
}

void Block::duration(std::string_view key, milliseconds shortest, milliseconds longest,
                     std::string_view example, std::optional<milliseconds>& out) const {
  const auto value = text(key, Need::Optional, example);
  if (value) out = duration_between(key, *value, shortest, longest);
}

void Block::rate(std::string_view key, Rate& out) const {
  const auto value = text(key, Need::Default, format_rate(out));
  if (!value) return;
  const auto parsed = parse_rate(*value);
  if (const auto* wrong = std::get_if<Unreadable>(&parsed)) {
    problem(key, wrong->what, wrong->cure);
  } else {
    out = std::get<Rate>(parsed);
  }
}

void Block::flag(std::string_view key, bool& out) const {
  const auto value = text(key, Need::Default, out ? "true" : "false");
  if (!value) return;
  if (*value == "true" || *value == "false") {
    out = *value == "true";
  } else {
    problem(key, "is " + shown(*value) + ", which is neither true nor false", "write true or false");
  }
}

void Block::percent(std::string_view key, int lowest, double& out) const {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), out).ptr;
  const auto value = text(key, Need::Default, {digits.data(), static_cast<std::size_t>(end - digits.data())});
  if (!value) return;
  double number = 0;
  const auto parsed =
      std::from_chars(value->data(), value->data() + value->size(), number, std::chars_format::fixed);
  const bool whole_text = parsed.ec == std::errc() && parsed.ptr == value->data() + value->size();
  // The comparison is false for "nan" as well.
  if (whole_text && number >= lowest && number <= 100) {
    out = number;
  } else {
    problem(key, "is " + shown(*value) + ", which is no percentage in range",
            "write a number from " + std::to_string(lowest) + " to 100, without a % sign");
  }
}

void Block::integer(std::string_view key, Need need, std::int64_t lowest, std::int64_t highest,
                    std::int64_t& out) const {
  const auto value = text(key, need, std::to_string(std::max(out, lowest)));
  if (!value) return;
  std::int64_t number = 0;
  const auto parsed = std::from_chars(value->data(), value->data() + value->size(), number);
  const bool whole_text = parsed.ptr == value->data() + value->size();
  const std::string cure =
      "write a whole number from " + std::to_string(lowest) + " to " + std::to_string(highest);
  if (parsed.ec == std::errc::invalid_argument || !whole_text) {
    problem(key, "is " + shown(*value) + ", which is no whole number", cure);
  } else if (parsed.ec != std::errc() || number < lowest || number > highest) {
    problem(key, "is " + shown(*value) + ", which is out of range", cure);
  } else {
    out = number;
  }
}

std::optional<std::size_t> Block::chosen(std::string_view key, Need need,
                                         std::span<const std::string_view> names) const {
  const auto value = text(key, need, names.front());
  if (!value) return std::nullopt;
  const auto found = std::find(names.begin(), names.end(), *value);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  const auto near = schema::nearest(*value, names);
  problem(key, "is " + shown(*value) + ", which is not one of its values",
          near.size() < 4 ? "write " + joined(names) : "did you mean " + std::string(near) + "?");
  return std::nullopt;
}

}  // namespace stibee_sync::settings

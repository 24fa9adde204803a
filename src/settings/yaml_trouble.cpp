#include "yaml_trouble.hpp"

#include "stibee_sync/text/ascii.hpp"
#include "stibee_sync/text/utf8.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace stibee_sync::settings {
namespace {

struct Lookalike {
  char32_t value;
  std::string_view what;
  std::string_view cure;
};

constexpr std::string_view straight = "write a straight one, \" or '";
constexpr std::string_view blank = "write an ordinary blank";
constexpr std::array<Lookalike, 22> lookalikes{{
    {U'\uFF1A', "a full-width colon (：)", "write an ordinary colon and a blank, `key: value`"},
    {U'\uFE55', "a small colon (﹕)", "write an ordinary colon and a blank, `key: value`"},
    {U'\uFF0C', "a full-width comma (，)", "write an ordinary comma"},
    {U'\uFF0D', "a full-width hyphen (－)", "write an ordinary hyphen and a blank, `- name: members`"},
    {U'\u2013', "a dash (–)", "write an ordinary hyphen"},
    {U'\u2014', "a dash (—)", "write an ordinary hyphen"},
    {U'\uFF03', "a full-width number sign (＃)", "write an ordinary #"},
    {U'\uFF3B', "a full-width bracket (［)", "write an ordinary ["},
    {U'\uFF3D', "a full-width bracket (］)", "write an ordinary ]"},
    {U'\uFF5B', "a full-width brace (｛)", "write an ordinary {"},
    {U'\uFF5D', "a full-width brace (｝)", "write an ordinary }"},
    {U'\u201C', "a curly quote (“)", straight},
    {U'\u201D', "a curly quote (”)", straight},
    {U'\u201E', "a curly quote („)", straight},
    {U'\u2018', "a curly quote (‘)", straight},
    {U'\u2019', "a curly quote (’)", straight},
    {U'\uFF02', "a full-width quote (＂)", straight},
    {U'\uFF07', "a full-width quote (＇)", straight},
    {U'\u00A0', "a no-break space (U+00A0)", blank},
    {U'\u202F', "a no-break space (U+202F)", blank},
    {U'\u3000', "a full-width blank (U+3000)", blank},
    {U'\u00AD', "an invisible hyphen (U+00AD)", "remove it"},
}};

std::optional<OddCharacter> odd(char32_t value, std::size_t at) {
  const auto found = std::find_if(lookalikes.begin(), lookalikes.end(),
                                  [value](const Lookalike& each) { return each.value == value; });
  if (found != lookalikes.end()) return OddCharacter{at, std::string(found->what), std::string(found->cure)};
  const bool wide_or_thin = value >= 0x2000 && value <= 0x200A;
  const bool invisible = (value >= 0x200B && value <= 0x200F) || value == 0x2060 || value == 0xFEFF;
  if (!wide_or_thin && !invisible) return std::nullopt;
  char code[16];
  std::snprintf(code, sizeof code, "U+%04X", static_cast<unsigned>(value));
  return OddCharacter{at,
                      (invisible ? "an invisible character (" : "an odd blank (") + std::string(code) + ")",
                      invisible ? "remove it" : std::string(blank)};
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// The same length, with blanks in the place of comments and of what stands in straight quotes.
std::string bare(std::string_view line) {
  std::string out(line);
  char quote = '\0';
  for (std::size_t i = 0; i < out.size(); ++i) {
    const char c = out[i];
    const bool begins_word = i == 0 || text::is_space(out[i - 1]);
    if (quote == '\0' && c == '#' && begins_word) {
      std::fill(out.begin() + static_cast<std::ptrdiff_t>(i), out.end(), ' ');
      break;
    }
    if (quote == '\0' && (c == '"' || c == '\'') && (begins_word || out[i - 1] == '[' || out[i - 1] == '{')) {
      quote = c;
    } else if (quote != '\0') {
      if (c == quote) quote = '\0';
      out[i] = 'x';
    }
  }
  return out;
}

std::optional<SyntaxError> odd_character_in(const std::vector<std::string_view>& lines, int first, int last) {
  for (int line = last; line >= first && line >= 1; --line) {
    if (const auto found = first_odd_character(bare(lines[static_cast<std::size_t>(line) - 1]))) {
      return SyntaxError{
          {line, static_cast<int>(found->at) + 1}, "there is " + found->what + " here", found->cure};
    }
  }
  return std::nullopt;
}

/// Follows the indentation of block style, as far as it is needed to find the line that fits nowhere.
class Indentation {
 public:
  std::optional<SyntaxError> first_wrong(const std::vector<std::string_view>& lines, int last) {
    for (int line = 1; line <= last; ++line) {
      const auto text = bare(lines[static_cast<std::size_t>(line) - 1]);
      const auto indent = text.find_first_not_of(' ');
      const auto end = text.find_last_not_of(" \r");
      if (indent == std::string::npos || end < indent) continue;
      const auto content = std::string_view(text).substr(indent, end - indent + 1);
      if (!passed_over(content, static_cast<int>(indent))) {
        if (auto wrong = step(content, static_cast<int>(indent), line)) return wrong;
      }
    }
    return std::nullopt;
  }

 private:
  struct Level {
    int indent;
    int line;
  };

  /// Whether it belongs to a block scalar or to brackets, whose indentation is free.
  bool passed_over(std::string_view content, int indent) {
    if (scalar_of_ && indent > *scalar_of_) return true;
    scalar_of_.reset();
    const bool inside = brackets_ > 0;
    for (const char c : content) {
      if (c == '[' || c == '{') ++brackets_;
      if (c == ']' || c == '}') --brackets_;
    }
    return inside;
  }

  std::optional<SyntaxError> step(std::string_view content, int indent, int line) {
    const bool is_entry = content.starts_with("- ") || content == "-";
    const bool looks_like_key = is_entry || content.ends_with(':') || content.find(": ") != content.npos;
    if (levels_.empty() || (indent > levels_.back().indent && opened_)) {
      levels_.push_back({indent, line});
    } else if (indent > levels_.back().indent) {
      if (!looks_like_key) return std::nullopt;  // a value goes on
      return wrong(indent, line, levels_.back());
    } else {
      Level popped = levels_.back();
      while (!levels_.empty() && levels_.back().indent > indent) {
        popped = levels_.back();
        levels_.pop_back();
      }
      if (levels_.empty()) return wrong(indent, line, popped);
      if (levels_.back().indent != indent) {
        const bool deeper = popped.indent - indent <= indent - levels_.back().indent;
        return wrong(indent, line, deeper ? popped : levels_.back());
      }
    }
    if (is_entry) {
      const auto inner = content.find_first_not_of(' ', 1);
      levels_.push_back({indent + static_cast<int>(inner == content.npos ? 2 : inner), line});
    }
    opened_ = content.ends_with(':') || content == "-";
    const auto mark = content.find_last_of("|>");
    const bool block_scalar = mark != content.npos && mark > 0 && content[mark - 1] == ' ' &&
                              content.find_first_not_of("+-0123456789", mark + 1) == content.npos;
    if (block_scalar) scalar_of_ = indent;
    return std::nullopt;
  }

  static SyntaxError wrong(int indent, int line, const Level& meant) {
    return {
        {line, indent + 1},
        "this line is indented by " + std::to_string(indent) + ", which fits no line above it",
        "indent it by " + std::to_string(meant.indent) + ", as line " + std::to_string(meant.line) + " is"};
  }

  std::vector<Level> levels_;
  bool opened_ = true;
  int brackets_ = 0;
  std::optional<int> scalar_of_;
};

}  // namespace

std::optional<OddCharacter> first_odd_character(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto character = text::first_character(text.substr(at));
    if (!character) return std::nullopt;
    if (auto found = odd(character->value, at)) return found;
    at += character->length;
  }
  return std::nullopt;
}

std::optional<OddCharacter> odd_character_around(std::string_view text) {
  if (const auto character = text::first_character(text)) {
    if (auto found = odd(character->value, 0)) return found;
  }
  std::size_t last = text.size();
  while (last > 0 && text::is_continuation(text[last - 1]))
    --last;
  if (last == 0) return std::nullopt;
  const auto character = text::first_character(text.substr(last - 1));
  return character ? odd(character->value, last - 1) : std::nullopt;
}

std::optional<SyntaxError> likely_cause(std::string_view text, int line) {
  constexpr int near = 3;
  const auto lines = lines_of(text);
  const int last = std::min(line, static_cast<int>(lines.size()));
  if (auto found = odd_character_in(lines, last - near, last)) return found;
  if (auto found = Indentation().first_wrong(lines, last)) return found;
  return odd_character_in(lines, 1, last - near - 1);
}

}  // namespace stibee_sync::settings

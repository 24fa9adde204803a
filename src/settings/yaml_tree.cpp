#include "yaml_tree.hpp"

#include "stibee_sync/text/ascii.hpp"
#include "stibee_sync/text/utf8.hpp"
#include "yaml_trouble.hpp"

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace stibee_sync::settings {
namespace {

constexpr std::size_t deepest = 16;

Place place_of(const YAML::Mark& mark) {
  return mark.is_null() ? Place{1, 1} : Place{mark.line + 1, mark.column + 1};
}

/// Builds the tree from the parser's events rather than from YAML::Node, which forgets keys given twice and
/// unfolds aliases.
class TreeBuilder final : public YAML::EventHandler {
 public:
  Node take() && { return std::move(root_); }
  /// Where the last text in quotes begins.
  [[nodiscard]] std::optional<Place> last_quoted() const { return last_quoted_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    if (wants_key()) refuse_key(mark);
    add({.kind = Node::Kind::Null, .place = place_of(mark)});
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse_anchor(mark, 1); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    if (tag == "!") last_quoted_ = place_of(mark);
    if (wants_key()) {
      open_.back().node.keys.push_back({value, place_of(mark)});
      open_.back().has_key = true;
      return;
    }
    add({.kind = Node::Kind::Scalar, .place = place_of(mark), .text = value});
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::List, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::Map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    bool has_key = false;  // a key was read, its value is next
  };

  [[nodiscard]] bool wants_key() const {
    return !open_.empty() && open_.back().node.kind == Node::Kind::Map && !open_.back().has_key;
  }

  static void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) {
      throw SyntaxError{place_of(mark), "anchors (&) and aliases (*) are not accepted",
                        "write the value out, or put it in quotes if it only begins with & or *"};
    }
  }
  static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") {
      throw SyntaxError{place_of(mark), "tags (!) are not accepted",
                        "leave the tag out, or put the value in quotes if it only begins with !"};
    }
  }
  [[noreturn]] static void refuse_key(const YAML::Mark& mark) {
    throw SyntaxError{place_of(mark), "a key must be plain text", "write `key: value`"};
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    if (wants_key()) refuse_key(mark);
    if (open_.size() >= deepest) {
      throw SyntaxError{place_of(mark), "blocks and lists are nested too deeply", "remove some brackets"};
    }
    open_.push_back({.node = {.kind = kind, .place = place_of(mark)}});
  }
  void close() {
    Node node = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(node));
  }
  void add(Node&& node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    open_.back().node.items.push_back(std::move(node));
    open_.back().has_key = false;
  }

  Node root_;
  std::optional<Place> last_quoted_;
  std::vector<Open> open_;
};

/// Control characters are refused as well: yaml-cpp takes some of them for the end of the file.
void refuse_bytes(std::string_view text) {
  Place place{1, 1};
  for (std::size_t i = 0; i < text.size();) {
    const auto character = text::first_character(text.substr(i));
    if (!character) throw SyntaxError{place, "the file is not valid UTF-8 here", "save it as UTF-8"};
    const char byte = text[i];
    if (text::is_control(byte) && byte != '\t' && byte != '\n' && byte != '\r') {
      throw SyntaxError{place, "there is a control character here", "remove it"};
    }
    place = byte == '\n' ? Place{place.line + 1, 1}
                         : Place{place.line, place.column + static_cast<int>(character->length)};
    i += character->length;
  }
}

/// yaml-cpp takes the end of the file for a closing quote.
void refuse_open_quote(std::string_view text, Place begin) {
  for (int line = 1; line < begin.line; ++line)
    text.remove_prefix(std::min(text.find('\n') + 1, text.size()));
  text.remove_prefix(std::min(static_cast<std::size_t>(begin.column) - 1, text.size()));
  if (text.empty() || (text.front() != '"' && text.front() != '\'')) return;
  const char quote = text.front();
  for (std::size_t i = 1; i < text.size(); ++i) {
    const bool doubled = quote == '\'' && text.substr(i).starts_with("''");
    if (doubled || (quote == '"' && text[i] == '\\')) {
      ++i;
    } else if (text[i] == quote) {
      return;
    }
  }
  throw SyntaxError{begin, "this quote is never closed", "close it at the end of the value"};
}

Node parse(std::string_view text) {
  refuse_bytes(text);
  std::istringstream stream{std::string(text)};
  YAML::Parser parser(stream);
  TreeBuilder builder;
  if (!parser.HandleNextDocument(builder)) return {.place = {1, 1}};
  if (const auto quoted = builder.last_quoted()) refuse_open_quote(text, *quoted);
  TreeBuilder second;
  if (parser.HandleNextDocument(second)) {
    const Node extra = std::move(second).take();
    throw SyntaxError{extra.place, "the file holds more than one document", "remove the `---` lines"};
  }
  return std::move(builder).take();
}

/// The first line up to `last_line` that a tab indents. yaml-cpp blames whatever comes after it.
std::optional<Place> tab_indentation(std::string_view text, int last_line) {
  for (int line = 1; line <= last_line && !text.empty(); ++line) {
    const std::string_view content = text.substr(0, text.find('\n'));
    const auto first = content.find_first_not_of(' ');
    if (first != std::string_view::npos && content[first] == '\t')
      return Place{line, static_cast<int>(first) + 1};
    text.remove_prefix(std::min(content.size() + 1, text.size()));
  }
  return std::nullopt;
}

}  // namespace

std::variant<Node, SyntaxError> parse_yaml(std::string_view text) {
  try {
    return parse(text);
  } catch (const SyntaxError& error) {
    return error;
  } catch (const YAML::Exception& error) {
    if (const auto tab = tab_indentation(text, place_of(error.mark).line)) {
      return SyntaxError{*tab, "this line is indented with a tab", "indent with spaces"};
    }
    if (auto cause = likely_cause(text, place_of(error.mark).line)) return std::move(*cause);
    // It may quote the file.
    const auto words = text::single_spaced(error.msg);
    return SyntaxError{place_of(error.mark),
                       "this is no YAML: " + text::lower_case(words.substr(0, 1)) + words.substr(1),
                       "check the indentation, colons, quotes and brackets here and in the line above"};
  }
}

}  // namespace stibee_sync::settings

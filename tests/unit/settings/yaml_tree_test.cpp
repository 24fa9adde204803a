#include "workspace.hpp"

#include <ostream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stibee_sync::settings {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

struct Bad {
  const char* name;
  std::string yaml;
  std::string problem;
  friend void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.name; }
};

class BadYaml : public testing::TestWithParam<Bad> {};

TEST_P(BadYaml, IsRefusedAtItsPlace) {
  const Workspace workspace;
  EXPECT_THAT(workspace.problems(GetParam().yaml), ElementsAre(StartsWith(GetParam().problem)));
}

/// Each level has ten references to the one before: a hundred thousand million entries when written out.
std::string alias_bomb() {
  std::string out = "a0: &a0 [x]\n";
  for (int level = 1; level < 12; ++level) {
    const std::string before = std::to_string(level - 1);
    const std::string name = std::to_string(level);
    out.append("a").append(name).append(": &a").append(name).append(" [");
    for (int i = 0; i < 10; ++i)
      out.append("*a").append(before).append(i < 9 ? ", " : "]\n");
  }
  return out;
}

const Bad files[] = {
    {"UnclosedBracket", "stibee: [1, 2\n",
     "2:1: this is no YAML: end of sequence flow not found; check the indentation"},
    {"UnclosedQuote", "stibee:\n  api: \"v1\\\"\n  base_url: x\n",
     "2:8: this quote is never closed; close it"},
    {"UnclosedSingleQuote", "a: 'b'\nc: 'it''s\n", "2:4: this quote is never closed; close it"},
    {"WrongIndentation", "stibee:\n    api: v1\n  base_url: x\n",
     "3:3: this line is indented by 2, which fits no line above it; indent it by 4, as line 2 is"},
    {"TabAsIndentation", "stibee:\n\tapi: v1\n", "2:1: this line is indented with a tab; indent with spaces"},
    {"ColonInPlainText", "stibee: a: b\n", "1:10: this is no YAML: illegal map value"},
    {"AliasBomb", alias_bomb(), "1:5: anchors (&) and aliases (*) are not accepted"},
    {"AliasToNothing", "a: *b\n", "1:4: "},
    {"RecursiveAlias", "a: &a [*a]\n", "1:4: anchors (&) and aliases (*) are not accepted"},
    {"Tag", "a: !!python/object:os.system x\n", "1:4: tags (!) are not accepted"},
    {"TagOnABlock", "a: !!map {b: c}\n", "1:4: tags (!) are not accepted"},
    {"KeyThatIsAList", "[a, b]: c\n", "1:1: a key must be plain text"},
    {"KeyThatIsNull", "~: c\n", "1:1: a key must be plain text"},
    {"DeepNesting", "- " + std::string(100, '[') + std::string(100, ']'),
     "1:18: blocks and lists are nested too deeply"},
    {"DeepNestingOfMaps",
     [] {
       std::string out = "a: ";
       for (int i = 0; i < 10'000; ++i)
         out += "{a: ";
       return out;
     }(),
     "1:64: blocks and lists are nested too deeply"},
    {"SecondDocument", "a: b\n---\nc: d\n",
     "3:1: the file holds more than one document; remove the `---` lines"},
    {"InvalidUtf8", "a: b\n# caf\xe9\n", "2:6: the file is not valid UTF-8 here; save it as UTF-8"},
    {"OverlongUtf8", "a: \xc0\xaf\n", "1:4: the file is not valid UTF-8 here"},
    {"SurrogateInUtf8", "a: \xed\xa0\x80\n", "1:4: the file is not valid UTF-8 here"},
    {"CutUtf8", "a: \xed\x95", "1:4: the file is not valid UTF-8 here"},
    {"Utf16",
     std::string("\xff\xfe"
                 "a\0:\0",
                 6),
     "1:1: the file is not valid UTF-8 here"},
    {"VersionOverTwoLines", "%YAML 1.x\r-\n---\na: b\n", "1:1: this is no YAML: bad YAML version: 1.x -"},
    {"NulByte", std::string("a: b\0c\n", 7), "1:5: there is a control character here; remove it"},
    {"EndOfTransmission", "a: b\n\x04", "2:1: there is a control character here; remove it"},
};

INSTANTIATE_TEST_SUITE_P(Files, BadYaml, testing::ValuesIn(files),
                         [](const testing::TestParamInfo<Bad>& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace stibee_sync::settings

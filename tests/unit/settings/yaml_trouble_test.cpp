#include "workspace.hpp"

#include <ostream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// Slips of the keyboard that YAML reports elsewhere and in other words, or takes for something else.

namespace stibee_sync::settings {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::StartsWith;

struct Bad {
  const char* name;
  std::string yaml;
  std::string problem;
  friend void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.name; }
};

class Slip : public testing::TestWithParam<Bad> {};

TEST_P(Slip, IsNamedAtItsLineWithTheCure) {
  const Workspace workspace;
  EXPECT_THAT(workspace.problems(GetParam().yaml), Contains(StartsWith(GetParam().problem)));
}

/// The smallest good file with one text in the place of another. Lines: 1 stibee, 3 database, 5 mirrors, 6
/// name, 7 list_id, 8 source, 9 table, 10 key, 11 email.
std::string with(const std::string& fresh, const std::string& old) {
  auto text = minimal();
  text.replace(text.find(old), old.size(), fresh);
  return text;
}

const std::string colon = ": there is a full-width colon (：) here; write an ordinary colon";

const Bad slips[] = {
    {"FullWidthColon", with("list_id： 1234", "list_id: 1234"), "7:12" + colon},
    {"FullWidthColonInTheLastLine", with("email： email", "email: email"),
     "11:7: unknown key `mirrors[0].source.email： email`, with a full-width colon (：) in it; write an "
     "ordinary colon"},
    {"FullWidthColonOfABlock", with("source：", "source:"), "8:11" + colon},
    {"FullWidthColonOfTheFirstBlock", with("stibee：", "stibee:"), "1:7" + colon},
    {"NoBreakSpaceBehindAColon", with("list_id:\u00a01234", "list_id: 1234"),
     "7:13: there is a no-break space (U+00A0) here; write an ordinary blank"},
    {"NoBreakSpacesAsIndentation", with("\u00a0\u00a0\u00a0\u00a0list_id: 1234", "    list_id: 1234"),
     "7:1: there is a no-break"},
    {"NoBreakSpacesAsIndentationOfABlock", with("\u00a0\u00a0url: postgresql", "  url: postgresql"), "4:1: "},
    {"FullWidthBlankBehindAColon", with("key:\u3000id", "key: id"),
     "10:11: there is a full-width blank (U+3000) here"},
    {"CurlyQuotes", with("table: “public.members”", "table: public.members"),
     "9:14: `mirrors[0].source.table` begins with a curly quote (“); write a straight one"},
    {"CurlyQuoteAtTheEnd", with("table: public.members”", "table: public.members"),
     "9:14: `mirrors[0].source.table` ends with a curly quote (”)"},
    {"NoBreakSpaceAtTheEnd", with("table: public.members\u00a0", "table: public.members"),
     "9:14: `mirrors[0].source.table` ends with a no-break space"},
    {"InvisibleAtTheBeginning", with("table: \u200bpublic.members", "table: public.members"),
     "9:14: `mirrors[0].source.table` begins with an invisible character (U+200B); remove it"},
    {"CurlyQuotesAroundAKey", with("“key”: id", "key: id"),
     "10:7: unknown key `mirrors[0].source.“key”`, with a curly quote (“) in it; write a straight one"},
    {"OneBlankTooMany", with("     list_id: 1234", "    list_id: 1234"),
     "7:6: this line is indented by 5, which fits no line above it; indent it by 4, as line 6 is"},
    {"OneBlankTooFew", with("   list_id: 1234", "    list_id: 1234"),
     "7:4: this line is indented by 3, which fits no line above it; indent it by 4, as line 6 is"},
    {"OneBlankTooFewInABlock", with("     key: id", "      key: id"),
     "10:6: this line is indented by 5, which fits no line above it; indent it by 6, as line 9 is"},
    {"AnAddressAsTheListsNumber", with("list_id: https://stibee.com/lists/1234/people", "list_id: 1234"),
     "7:14: `mirrors[0].list_id` is \"https://stibee.com/lists/1234/people\", the address of a page; "
     "write the "
     "number in it alone: 1234"},
    {"AnAddressWithoutANumber", with("list_id: https://stibee.com/lists", "list_id: 1234"),
     "7:14: `mirrors[0].list_id` is \"https://stibee.com/lists\", the address of a page; write the number of "
     "the "
     "list alone"},
};

INSTANTIATE_TEST_SUITE_P(Slips, Slip, testing::ValuesIn(slips),
                         [](const testing::TestParamInfo<Bad>& one) { return std::string(one.param.name); });

TEST(Slip, SuchCharactersAreFineInCommentsAndInsideValues) {
  const Workspace workspace;
  EXPECT_THAT(
      workspace.problems(
          with("table: public.members   # 표： “회원”\n      where: name <> '“a：b”' AND note <> 'x\u00a0y'",
               "table: public.members")),
      ElementsAre());
}

TEST(LoadLoosely, FindsTheSocketInAFileThatIsBadElsewhere) {
  const Workspace workspace;
  const auto socket_of = [&](const std::string& yaml) {
    workspace.write("config.yaml", yaml, 0644);
    return load_loosely(workspace.config_file(), workspace.environment()).control.socket.string();
  };
  const std::string placed = minimal() + "state:\n  directory: /srv/stibee\n";
  EXPECT_EQ(socket_of(placed), "/srv/stibee/control.sock");
  EXPECT_EQ(socket_of("nonsense: 1\n" + placed), "/srv/stibee/control.sock");
  EXPECT_EQ(socket_of("stibee: [1, 2\n" + placed), "/srv/stibee/control.sock");
  EXPECT_EQ(socket_of(placed + "log: {level\n"), "/srv/stibee/control.sock");
  EXPECT_EQ(socket_of(placed + "  level: x: y\n   z: 1\n"), "/srv/stibee/control.sock");
  EXPECT_EQ(socket_of(placed + "control:\n  socket: /run/own.sock\nmirrors: 7\n"), "/run/own.sock");
  EXPECT_EQ(socket_of("\xff\xfe\n"), "/var/lib/stibee-syncd/control.sock");
  EXPECT_EQ(socket_of("'"), "/var/lib/stibee-syncd/control.sock");
  EXPECT_EQ(load_loosely("/nowhere/config.yaml", workspace.environment()).control.socket,
            "/var/lib/stibee-syncd/control.sock");
}

}  // namespace
}  // namespace stibee_sync::settings

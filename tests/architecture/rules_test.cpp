// The rules of rules.hpp, applied to invented projects: a rule that finds nothing proves nothing.
#include "rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stibee_sync::architecture {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Findings includes(const std::string& path, const std::string& line) {
  return check_includes({{path, "#pragma once\n" + line + "\n"}});
}

TEST(IncludeRule, LetsARoomUseTheRoomsBelowIt) {
  EXPECT_THAT(includes("src/delivery/a.cpp", "#include \"stibee_sync/json/value.hpp\""), IsEmpty());
  EXPECT_THAT(includes("src/store/a.cpp", "#include \"stibee_sync/store/store.hpp\""), IsEmpty());
  EXPECT_THAT(includes("src/app/a.cpp", "#include \"stibee_sync/pipeline/ingest.hpp\""), IsEmpty());
}

TEST(IncludeRule, FindsARoomThatLooksUpOrSideways) {
  EXPECT_THAT(
      includes("include/stibee_sync/domain/a.hpp", "#include \"stibee_sync/diff/guard.hpp\""),
      ElementsAre(
          "include/stibee_sync/domain/a.hpp:2: domain may not know diff (stibee_sync/diff/guard.hpp); turn "
          "the dependency round, or move what both need to a room below"));
  EXPECT_THAT(includes("src/source/a.cpp", "#include \"stibee_sync/store/store.hpp\""),
              ElementsAre(HasSubstr("store")));
  EXPECT_THAT(includes("src/http/a.cpp", "  #  include <stibee_sync/source/source.hpp>"),
              ElementsAre(HasSubstr("source")));
  EXPECT_THAT(includes("src/telemetry/a.cpp", "#include \"stibee_sync/pipeline/ingest.hpp\""),
              ElementsAre(HasSubstr("may not know pipeline")));
  EXPECT_THAT(includes("src/pipeline/a.cpp", "#include \"stibee_sync/app/cli.hpp\""),
              ElementsAre(HasSubstr("may not know app")));
}

TEST(IncludeRule, FindsALibraryInTheWrongRoom) {
  EXPECT_THAT(includes("src/diff/a.cpp", "#include <pqxx/pqxx>"),
              ElementsAre(HasSubstr("belongs to source")));
  EXPECT_THAT(includes("src/delivery/a.cpp", "#include <boost/json.hpp>"),
              ElementsAre(HasSubstr("belongs to json")));
  EXPECT_THAT(includes("src/runtime/a.cpp", "#include <boost/asio/ssl.hpp>"),
              ElementsAre(HasSubstr("belongs to http")));
  EXPECT_THAT(includes("src/store/a.cpp", "#include <boost/asio/post.hpp>"),
              ElementsAre(HasSubstr("belongs to")));
  EXPECT_THAT(includes("src/store/a.cpp", "#include <boost/uuid.hpp>"),
              ElementsAre(HasSubstr("no room owns")));
  EXPECT_THAT(includes("src/store/a.cpp", "#include <sqlite3.h>\n#include <sys/stat.h>\n#include <vector>"),
              IsEmpty());
}

TEST(IncludeRule, FindsALibraryInAPublicHeader) {
  EXPECT_THAT(includes("include/stibee_sync/store/a.hpp", "#include <sqlite3.h>"),
              ElementsAre(HasSubstr("a third-party type in a public header")));
  EXPECT_THAT(includes("include/stibee_sync/runtime/a.hpp", "#include <boost/asio/awaitable.hpp>"),
              IsEmpty());
}

TEST(IncludeRule, FindsPrivateHeadersOfOthers) {
  const Tree tree{
      {"src/store/a.cpp",
       "#include \"ledger.hpp\"\n#include \"store/ledger.hpp\"\n#include \"diff/x.hpp\"\n"},
      {"src/store/ledger.hpp", ""},
      {"src/diff/x.hpp", ""},
      {"tests/unit/store/a_test.cpp", "#include \"store/ledger.hpp\"\n#include \"diff/x.hpp\"\n"}};
  EXPECT_THAT(check_includes(tree),
              ElementsAre(HasSubstr("src/store/a.cpp:3: a private header of another room"),
                          HasSubstr("tests/unit/store/a_test.cpp:2: a unit test of store uses")));
}

TEST(IncludeRule, FindsARoomThatIsInNoTable) {
  EXPECT_THAT(includes("src/attic/a.cpp", ""),
              ElementsAre(HasSubstr("src/attic/a.cpp: this file is in no room")));
}

TEST(IncludeRule, KeepsTheSimulatorIndependent) {
  EXPECT_THAT(includes("tests/stibee_sim/main.cpp", "#include \"stibee_sync/delivery/dialect.hpp\""),
              ElementsAre(HasSubstr("stibee-sim includes the product")));
}

TEST(LinkRule, FindsARoomThatLinksAnother) {
  const std::string list =
      "stibee_room(diff\n  SOURCES a.cpp\n  USES domain store # json\n  THIRD_PARTY x)\n";
  EXPECT_THAT(check_linking({{"src/diff/CMakeLists.txt", list}}),
              ElementsAre(HasSubstr("src/diff/CMakeLists.txt: diff may not use store")));
  EXPECT_THAT(check_linking(
                  {{"src/http/CMakeLists.txt", "stibee_room(http SOURCES a.cpp USES asio)\nadd_library(x)"}}),
              IsEmpty());
}

TEST(BuildRule, FindsWhatIsNotBuilt) {
  const Tree tree{{"src/CMakeLists.txt", "foreach(room diff)\n"},
                  {"src/diff/CMakeLists.txt", "stibee_room(diff SOURCES a.cpp) # b.cpp\n"},
                  {"src/diff/a.cpp", ""},
                  {"src/diff/b.cpp", ""},
                  {"tests/CMakeLists.txt", "add_subdirectory(unit/diff)\nadd_subdirectory(fuzz)\n"},
                  {"tests/unit/diff/CMakeLists.txt", "stibee_test(diff_test SOURCES deep/a_test.cpp)\n"},
                  {"tests/unit/diff/deep/a_test.cpp", ""},
                  {"tests/unit/diff/b_test.cpp", ""},
                  {"tests/fuzz/CMakeLists.txt", "stibee_fuzz(yaml USES settings)\n"},
                  {"tests/fuzz/yaml_fuzz.cpp", ""},
                  {"tests/fuzz/answer_fuzz.cpp", ""},
                  {"tests/lost/CMakeLists.txt", "stibee_test(lost_test SOURCES lost_test.cpp)\n"},
                  {"tests/lost/lost_test.cpp", ""}};
  EXPECT_THAT(
      check_everything_is_built(tree),
      ElementsAre(
          "src/diff/b.cpp: not built; name `b.cpp` in src/diff/CMakeLists.txt",
          "tests/fuzz/answer_fuzz.cpp: not built; name `answer` in tests/fuzz/CMakeLists.txt",
          "tests/lost/CMakeLists.txt: not reached; name `tests/lost` in a CMakeLists.txt above it",
          "tests/unit/diff/b_test.cpp: not built; name `b_test.cpp` in tests/unit/diff/CMakeLists.txt"));
}

TEST(SizeRule, FindsFilesThatAreTooLong) {
  const std::string line = "\n";
  std::string text;
  for (int i = 0; i < 60; ++i)
    text += line;
  EXPECT_THAT(check_sizes({{"src/app/main.cpp", text}}),
              ElementsAre(HasSubstr("src/app/main.cpp: 60 lines")));
  for (int i = 60; i < 601; ++i)
    text += line;
  EXPECT_THAT(check_sizes({{"src/diff/a.cpp", text}}), ElementsAre(HasSubstr("src/diff/a.cpp: 601 lines")));
  EXPECT_THAT(check_sizes({{"src/diff/a.cpp", text.substr(1)}}), IsEmpty());
}

TEST(NameRule, FindsNamesThatSayNothing) {
  EXPECT_THAT(check_names({{"src/util/a.cpp", ""}, {"src/diff/helpers.cpp", ""}}),
              ElementsAre(HasSubstr("src/diff/helpers.cpp: `helpers`"), HasSubstr("src/util/a.cpp: `util`")));
  EXPECT_THAT(check_names({{"src/diff/a.hpp", "int x;\n"}}), ElementsAre(HasSubstr("#pragma once")));
}

TEST(NameRule, FindsOneNameOnTwoFiles) {
  EXPECT_THAT(check_one_name_one_file({{"src/diff/event.cpp", ""}, {"src/store/event.cpp", ""}}),
              ElementsAre(HasSubstr("src/store/event.cpp: has the name of src/diff/event.cpp")));
  EXPECT_THAT(check_one_name_one_file({{"include/stibee_sync/diff/a.hpp", ""},
                                       {"src/diff/a.cpp", ""},
                                       {"src/diff/CMakeLists.txt", ""},
                                       {"src/store/CMakeLists.txt", ""},
                                       {"tests/unit/diff/a.cpp", ""}}),
              IsEmpty());
}

TEST(NameRule, FindsOneNameOnTwoTypes) {
  const std::string diff = "include/stibee_sync/diff/a.hpp";
  const std::string store = "include/stibee_sync/store/b.hpp";
  EXPECT_THAT(check_one_name_one_type(
                  {{diff, "struct Hold {\n};\nenum class Lane { A };\nstruct Due {};\n"},
                   {store, "class Hold final : public X {\n  struct Lane {\n};\nusing Due = int;\n"}}),
              ElementsAre(HasSubstr(store + ": `Hold` is a type of " + diff), HasSubstr("`Due`"),
                          HasSubstr("`Lane`")));
  EXPECT_THAT(check_one_name_one_type(
                  {{diff, "struct Hold {};\nclass Scan;\nclass A {\n  enum class Kind { B };\n"},
                   {store, "using diff::Hold;\nclass Scan {};\nclass C {\n  enum class Kind { D };\n"},
                   {"src/store/b.cpp", "struct Hold {};\n"}}),
              IsEmpty());
}

TEST(StoreRule, FindsCallbacksAndASecondImplementation) {
  const std::string header = "include/stibee_sync/store/a.hpp";
  EXPECT_THAT(check_store_calls_nobody({{header, "using Rule = std::function<void()>;"}}),
              ElementsAre(HasSubstr("calls nobody back")));
  EXPECT_THAT(check_store_calls_nobody({{header, "virtual ~Store() = default;"}}),
              ElementsAre(HasSubstr("calls nobody back")));
  EXPECT_THAT(check_store_calls_nobody({{header, "class Store {};"}, {"src/store/a.cpp", "std::function"}}),
              IsEmpty());
}

}  // namespace
}  // namespace stibee_sync::architecture

#include "telemetry/log_line.hpp"

#include "stibee_sync/text/utf8.hpp"

#include <limits>
#include <vector>

#include <gmock/gmock.h>

namespace stibee_sync::telemetry {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

const std::chrono::system_clock::time_point noon{1740832200250ms};  // 2025-03-01 12:30:00.250 UTC

LogLine line_of(std::span<const Field> fields, std::string_view msg = "done") {
  return {.time = noon, .level = Level::Info, .event = Event::SyncFinished, .msg = msg, .fields = fields};
}

TEST(JsonLine, StartsWithTimeLevelEventAndMessageThenTheFields) {
  const std::vector<Field> fields{{"mirror", "members"}, {"people", 12},   {"free", std::uint64_t{1} << 63},
                                  {"took", 1500ms},      {"change", -2.5}, {"full", true}};
  EXPECT_EQ(
      json_line(line_of(fields), {}),
      R"({"ts":"2025-03-01T12:30:00.250Z","level":"info","event":"sync.finished","msg":"done",)"
      R"("mirror":"members","people":12,"free":9223372036854775808,"took":1.5,"change":-2.5,"full":true})");
}

TEST(JsonLine, WithoutEventHasNoEventKey) {
  LogLine line = line_of({});
  line.event.reset();
  EXPECT_EQ(json_line(line, {}), R"({"ts":"2025-03-01T12:30:00.250Z","level":"info","msg":"done"})");
}

TEST(JsonLine, EscapesWhatJsonDoesNotAllow) {
  const std::vector<Field> fields{{"text", std::string_view("a\"b\\c\n\r\t\x01\x7f\0é", 13)}};
  EXPECT_THAT(json_line(line_of(fields), {}), HasSubstr(R"("text":"a\"b\\c\n\r\t\u0001\u007f\u0000é")"));
}

TEST(JsonLine, ReplacesInvalidUtf8) {
  EXPECT_THAT(json_line(line_of({}, "bad \xC3"), {}), HasSubstr("\"bad \xEF\xBF\xBD\""));
}

TEST(JsonLine, HasNoInfinity) {
  const std::vector<Field> fields{{"a", std::numeric_limits<double>::infinity()},
                                  {"b", std::numeric_limits<double>::quiet_NaN()}};
  EXPECT_THAT(json_line(line_of(fields), {}), HasSubstr(R"("a":null,"b":null)"));
}

TEST(JsonLine, RenamesAFieldThatTakesAReservedKey) {
  const std::vector<Field> fields{{"level", 3}};
  EXPECT_THAT(json_line(line_of(fields), {}), HasSubstr(R"("field_level":3)"));
}

TEST(JsonLine, TellsHowManyLinesWereLost) {
  LogLine line = line_of({});
  line.lines_lost = 17;
  EXPECT_THAT(json_line(line, {}), EndsWith(R"(,"lines_lost":17})"));
}

TEST(JsonLine, CutsLongTextAtACharacter) {
  std::string korean;
  for (int i = 0; i < 1000; ++i)
    korean += "가";
  const std::string line = json_line(line_of({}, korean), {});
  EXPECT_LT(line.size(), 1200U);
  EXPECT_EQ(line, text::valid_utf8(line));
  EXPECT_THAT(line, HasSubstr("가…\""));
}

TEST(JsonLine, IsBoundedHoweverManyFieldsItHas) {
  const std::vector<Field> fields(1000, Field{"text", std::string(1000, 'x')});
  const std::string line = json_line(line_of(fields), {});
  EXPECT_LT(line.size(), 20'000U);
  EXPECT_THAT(line, EndsWith("}"));
}

TEST(Lines, ShowNoAddressAndNoSecretInMessageOrField) {
  Scrubber scrubber;
  scrubber.never_print("s3cret-key");
  const std::vector<Field> fields{{"who", "kim@example.com"}, {"token", std::string("s3cret-key")}};
  for (const std::string& line :
       {json_line(line_of(fields, "lee@example.com s3cret-key"), scrubber),
        text_line(line_of(fields, "lee@example.com s3cret-key"), scrubber, false)}) {
    EXPECT_THAT(line, HasSubstr("<address> <secret>"));
    EXPECT_THAT(line, Not(HasSubstr("example.com")));
    EXPECT_THAT(line, Not(HasSubstr("s3cret")));
  }
}

TEST(TextLine, IsReadable) {
  const std::vector<Field> fields{
      {"mirror", "members"}, {"reason", "two words"}, {"people", 12}, {"empty", ""}};
  EXPECT_EQ(
      text_line(line_of(fields), {}, false),
      "2025-03-01T12:30:00.250Z INFO  sync.finished: done  mirror=members  reason=\"two words\"  people=12  "
      "empty=\"\"");
}

TEST(TextLine, CannotBeForgedByALineBreakOrAnEscapeSequence) {
  const std::vector<Field> fields{{"text", "x\n2025 ERROR \x1b[31m"}};
  const std::string line = text_line(line_of(fields, "a\nb"), {}, false);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
}

TEST(TextLine, HasColourOnlyWhenAskedFor) {
  const std::vector<Field> fields{{"people", 12}};
  EXPECT_THAT(text_line(line_of(fields), {}, true), HasSubstr("\033["));
  EXPECT_THAT(text_line(line_of(fields), {}, false), Not(HasSubstr("\033")));
}

}  // namespace
}  // namespace stibee_sync::telemetry

#include "stibee_sync/domain/member.hpp"

#include <algorithm>
#include <random>
#include <stdexcept>

#include <gtest/gtest.h>

namespace stibee_sync::domain {
namespace {

using namespace std::string_literals;

StateKey key_of_zeros() {
  return StateKey(StateKey::Bytes{});
}

TEST(GroupSet, IsJoinedAndSubtractedInOrderAndWithoutDuplicates) {
  EXPECT_EQ(joined({1, 3}, {2, 3, 4}), (GroupSet{1, 2, 3, 4}));
  EXPECT_EQ(minus({1, 2, 3}, {2, 4}), (GroupSet{1, 3}));
  EXPECT_EQ(minus({}, {1}), GroupSet{});
}

TEST(FieldValues, ReadAsPlainPairsInTheStateFile) {
  EXPECT_EQ(to_text({{"name", "김민수"}, {"phone", "010-1=2"}}), "name=김민수\tphone=010-1=2");
}

TEST(FieldValues, SurviveTheirTextForm) {
  const FieldValues cases[] = {
      {},
      {{"", ""}},
      {{"", ""}, {"", ""}},
      {{"name", ""}, {"phone", ""}},
      {{"a=b", "c=d"}},
      {{"a\tb", "c\td"}},
      {{"tag", "line\nline\r\n"}},
      {{"tag", "back\\slash\\t"}},
      {{"tag", "nul\0nul"s}},
      {{"tag", "\xff\xfe"}},
  };
  for (const FieldValues& fields : cases)
    EXPECT_EQ(fields_from_text(to_text(fields)), fields) << to_text(fields);
}

TEST(FieldValues, AnyBytesSurviveTheirTextFormOnOneLine) {
  std::mt19937_64 random(11);
  const std::string alphabet = "ab=\\\t\n\r\0te0\xff"s;
  const auto text = [&] {
    std::string out(random() % 8, '\0');
    for (char& c : out)
      c = alphabet[random() % alphabet.size()];
    return out;
  };
  for (int round = 0; round < 20000; ++round) {
    FieldValues fields(random() % 4);
    for (FieldValue& field : fields)
      field = {text(), text()};
    const std::string stored = to_text(fields);
    ASSERT_EQ(stored.find_first_of("\n\r\0"s), std::string::npos);
    ASSERT_EQ(fields_from_text(stored), fields) << stored;
  }
}

TEST(FieldValues, DamagedTextIsRefusedWithoutQuotingIt) {
  for (const std::string& damaged : {"secret"s, "a=b\t"s, "a=b\\"s, "a=\\x"s, "\t"s}) {
    try {
      fields_from_text(damaged);
      ADD_FAILURE() << damaged;
    } catch (const std::invalid_argument& error) {
      EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos);
    }
  }
}

TEST(FingerprintOfFields, IsTheSameForTheSameValuesInAnyOrder) {
  const StateKey key = key_of_zeros();
  FieldValues fields = {{"name", "Kim"}, {"phone", "010"}, {"grade", ""}};
  const Fingerprint expected = fingerprint_of(fields, key);
  std::sort(fields.begin(), fields.end(), [](const auto& a, const auto& b) { return a.tag < b.tag; });
  EXPECT_EQ(fingerprint_of(fields, key), expected);
  std::reverse(fields.begin(), fields.end());
  EXPECT_EQ(fingerprint_of(fields, key), expected);
}

TEST(FingerprintOfFields, DiffersWhenAnythingThatIsSentDiffers) {
  const StateKey key = key_of_zeros();
  const Fingerprint base = fingerprint_of({{"ab", "c"}, {"d", ""}}, key);
  EXPECT_NE(fingerprint_of({{"a", "bc"}, {"d", ""}}, key), base);
  EXPECT_NE(fingerprint_of({{"ab", "c"}}, key), base);
  EXPECT_NE(fingerprint_of({{"ab", ""}, {"d", "c"}}, key), base);
  EXPECT_NE(fingerprint_of({}, key), base);
  EXPECT_NE(fingerprint_of({{"ab", "c"}, {"d", ""}}, StateKey([] {
                             StateKey::Bytes bytes{};
                             bytes[0] = 1;
                             return bytes;
                           }())),
            base);
}

}  // namespace
}  // namespace stibee_sync::domain
